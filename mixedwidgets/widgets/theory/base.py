"""What the widgets of theory share: one picture, one alert, and a copy for readers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import ipywidgets as ipw
import traitlets
from matplotlib.figure import Figure

from mixedwidgets.errors import ModelError, nearest
from mixedwidgets.lmm.html import protected
from mixedwidgets.widgets.guard import Guarded, alert_html
from mixedwidgets.widgets.keepsake import Keepsake
from mixedwidgets.widgets.picture import Picture

WIDTHS = (6.4, 10.0)  # inches of 100 CSS pixels


class TheoryWidget(Guarded, ipw.VBox):
    """A picture with controls above it and words below it, without a fit.

    Attributes
    ----------
    picture : Picture
        The picture.
    theme : str
        ``"auto"`` follows the page; ``"light"`` and ``"dark"`` stay.
    problem : str
        What is wrong, in one sentence; empty when nothing is.
    error : str or None
        Traceback of the last exception, None when all is well.
    """

    options: ClassVar[tuple[str, ...]] = ("theme",)
    events: ClassVar[tuple[str, ...]] = ("down", "move", "up", "click", "key")
    handles: ClassVar[dict[str, str]] = {}
    height: ClassVar[float] = 4.6

    theme = traitlets.Enum(("auto", "light", "dark"), "auto")

    def __init__(self, **options: Any):
        self._whole: Callable[[Figure], None] | None = None
        layout = options.pop("layout", None)
        super().__init__(**({} if layout is None else {"layout": layout}))
        self.add_class("mixedwidgets-theory")
        self._keepsake = Keepsake(self.static_html, self.guarded)
        self._alert = ipw.HTML(layout=ipw.Layout(display="none", margin="0"))
        self.picture = Picture((8.2, self.height), listen=self.events, handles=self.handles)
        for name, value in options.items():
            setattr(self, name, value)
        self.said = ipw.HTML(
            layout=ipw.Layout(display="block", margin="2px 4px", min_height="40px")
        )
        self.children = [self._alert, *self.above(), self.picture, self.said, *self.below()]
        self.picture.observe(self._on_room_told, "room")
        self.picture.observe(self._on_theme_told, "page_theme")
        self.picture.observe(self._on_pointer_changed, "pointer")
        self.observe(self._on_theme_told, "theme")
        self.observe(self._on_problem_changed, "problem")

    # What a widget does in its own way.

    def above(self) -> Iterable[ipw.Widget]:
        """The controls, made once."""
        return ()

    def below(self) -> Iterable[ipw.Widget]:
        """What stands under the words."""
        return ()

    def pointed(self, event: dict[str, Any]) -> None:
        """Answer a pointer or key event of the picture; see ``Picture.pointer``."""

    def summary(self) -> str:
        """The widget in a few words, for a front end without widgets."""
        raise NotImplementedError

    # The same for all.

    @property
    def look(self) -> str:
        """The theme to draw in."""
        return str(self.picture.page_theme if self.theme == "auto" else self.theme)

    def draw(self, whole: Callable[[Figure], None]) -> None:
        """Draw with a function of an empty figure, and keep it for another size or theme."""
        self.picture.draw(whole)
        self._whole = whole

    def tell(self, sentence: str, description: str) -> None:
        """Say where the hand is, on the screen and in the text alternative of the picture."""
        self.picture.alt = f"{sentence} {description}"
        self.said.value = (
            f'<div role="status" style="line-height: 1.45">{protected(sentence)}</div>'
        )
        self._keepsake.changed()

    def static_html(self) -> str:
        """The picture and the words as HTML without widgets, for a saved notebook."""
        return f"{self.picture.static_html()}{self.said.value}"

    def answer(self, work: Callable[[], None]) -> None:
        """Do something; what goes wrong is said, and what went wrong before is forgotten."""
        done = False
        with self.guarded():
            work()
            done = True
        if done:
            self.all_is_well()

    def _redraw(self) -> None:
        if self._whole is not None:
            self.picture.draw(self._whole)

    def _on_room_told(self, change: Any) -> None:
        if not change["new"]:
            return
        width = min(max(change["new"] / 100.0, WIDTHS[0]), WIDTHS[1])
        if abs(width - self.picture.figure_size[0]) >= 0.02:
            self.picture.figure_size = (width, self.height)
            with self.guarded():
                self._redraw()

    def _on_theme_told(self, change: Any) -> None:
        with self.guarded():
            self._redraw()

    def _on_pointer_changed(self, change: Any) -> None:
        self.answer(lambda: self.pointed(change["new"]))

    def _on_problem_changed(self, change: Any) -> None:
        self._alert.value = alert_html(self.problem)
        self._alert.layout.display = "block" if self.problem else "none"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and beside it what is on the screen, for readers without a kernel."""
        bundle = super()._repr_mimebundle_(**kwargs)
        bundle["text/plain"] = self.summary()
        if not self._keepsake.place():
            bundle["text/html"] = self.static_html()
        return bundle


def check_options(widget: type[TheoryWidget], options: Iterable[str], others: str) -> None:
    """Refuse a keyword that a widget does not know.

    Parameters
    ----------
    widget : type
        Whose ``options`` are allowed.
    options : iterable of str
        The keywords given.
    others : str
        The arguments that have names of their own, for the message.

    Raises
    ------
    ModelError
        A keyword that is none of them.
    """
    allowed = (*others.split(), *widget.options, "layout")
    for given in options:
        if given not in allowed:
            raise ModelError(
                f"{widget.__name__} has no option {given!r}{nearest(given, allowed)}; "
                f"its options are {', '.join(allowed)}."
            )
