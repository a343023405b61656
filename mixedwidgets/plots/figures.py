"""Pictures as matplotlib figures, for a notebook, a file or a slide.

``figures.zeta(fit.profile())`` shows itself as the last line of a cell and has matplotlib's
``savefig``. The modules of the single pictures draw into a figure of one's own.
"""

from __future__ import annotations

import base64
import io
from typing import Any, Protocol

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mixedwidgets.errors import DataError, brief
from mixedwidgets.lmm.group_tables import CaterpillarTable
from mixedwidgets.lmm.tables import PairsTable, ProfileTable, ShrinkageTable, Surface
from mixedwidgets.plots import caterpillar as caterpillar_picture
from mixedwidgets.plots import profile_density as density_picture
from mixedwidgets.plots import profile_pairs as pairs_picture
from mixedwidgets.plots import shrinkage as shrinkage_picture
from mixedwidgets.plots import surface as surface_picture
from mixedwidgets.plots import zeta as zeta_picture
from mixedwidgets.plots.style import Theme

WIDTH, HEIGHT = 8.2, 4.3  # inches; the height of pictures that suit any
NARROWEST, LOWEST, LARGEST = 6.0, 2.0, 100.0


class Profiled(Protocol):
    """What ``fit.profile()`` gives."""

    @property
    def table(self) -> ProfileTable:
        """The profiles."""

    @property
    def pairs(self) -> PairsTable:
        """Each two of them."""


class Drawing(Figure):
    """A figure that shows itself in a notebook, with words that say what it shows.

    Attributes
    ----------
    description : str
        What the picture shows, in numbers: for an ``alt`` text.
    """

    description: str = ""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        """The picture, with its words as the ``alt`` text of the output."""
        picture = base64.b64encode(self._repr_png_()).decode()
        return {"image/png": picture}, {"image/png": {"alt": self.description}}


def zeta(
    profiles: Profiled,
    *,
    theme: str | Theme = "light",
    width: float = WIDTH,
    height: float | None = None,
) -> Drawing:
    """The signed root of the rise in deviance along every parameter.

    Parameters
    ----------
    profiles : Profiles
        From ``fit.profile()``.
    theme : str or Theme
        ``"light"`` or ``"dark"``.
    width, height : float
        In inches, the width at least 6; a comfortable height by default.

    Returns
    -------
    Drawing
        A matplotlib figure.

    Raises
    ------
    DataError
        Something else than profiles, a theme that does not exist, or a size that is too small,
        above 100 inches or no number.
    """
    return _drawing(zeta_picture, _table(profiles), theme, width, height)


def profile_density(
    profiles: Profiled,
    *,
    theme: str | Theme = "light",
    width: float = WIDTH,
    height: float | None = None,
) -> Drawing:
    """The density that the profile of every parameter stands for; see ``zeta``."""
    return _drawing(density_picture, _table(profiles), theme, width, height)


def profile_pairs(
    profiles: Profiled,
    *,
    theme: str | Theme = "light",
    width: float = WIDTH,
    height: float | None = None,
) -> Drawing:
    """Traces and joint regions of each two parameters; see ``zeta``."""
    _table(profiles)
    _size(width, height)  # before the surfaces are computed
    return _drawing(pairs_picture, profiles.pairs, theme, width, height)


def surface(
    table: Surface,
    *,
    theme: str | Theme = "light",
    width: float = WIDTH,
    height: float | None = None,
) -> Drawing:
    """The likelihood over two parameters, from ``fit.surface(a, b)``; see ``zeta``."""
    if not isinstance(table, Surface):
        raise DataError(
            f"A surface cannot be drawn of {_kind(table)}; give fit.surface(a, b), with the names "
            "of two parameters."
        )
    return _drawing(surface_picture, table, theme, width, height)


def shrinkage(
    table: ShrinkageTable,
    *,
    theme: str | Theme = "light",
    width: float = WIDTH,
    height: float | None = None,
) -> Drawing:
    """Every group pooled less and more, from ``fit.shrinkage_table()``; see ``zeta``."""
    if not isinstance(table, ShrinkageTable):
        raise DataError(
            f"Shrinkage cannot be drawn of {_kind(table)}; give fit.shrinkage_table(), or with "
            "several grouping factors fit.shrinkage_table(name)."
        )
    return _drawing(shrinkage_picture, table, theme, width, height)


def caterpillar(
    table: CaterpillarTable,
    *,
    theme: str | Theme = "light",
    width: float = WIDTH,
    height: float | None = None,
) -> Drawing:
    """The effects of all groups in order, from ``fit.caterpillar_table()``; see ``zeta``."""
    if not isinstance(table, CaterpillarTable):
        raise DataError(
            f"A caterpillar cannot be drawn of {_kind(table)}; give fit.caterpillar_table(), or "
            "with several grouping factors fit.caterpillar_table(name)."
        )
    return _drawing(caterpillar_picture, table, theme, width, height)


def _drawing(
    picture: Any, table: Any, theme: str | Theme, width: float, height: float | None
) -> Drawing:
    _size(width, height)
    if height is None:
        height = picture.height(table) if hasattr(picture, "height") else HEIGHT
    figure = Drawing(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    picture.draw(figure, table, theme=theme, animated=False)
    figure.description = picture.describe(table)
    return figure


def _table(profiles: Profiled) -> ProfileTable:
    table = getattr(profiles, "table", None)
    if not isinstance(table, ProfileTable):
        raise DataError(f"Profiles cannot be drawn of {_kind(profiles)}; give fit.profile().")
    return table


def _kind(given: object) -> str:
    return "None" if given is None else f"a {type(given).__name__}"


def _size(width: float, height: float | None) -> None:
    """Refuse sizes, in inches, in which a picture has no room, or which are none."""
    for name, given, least in (("width", width, NARROWEST), ("height", height, LOWEST)):
        if name == "height" and given is None:
            continue
        fits = isinstance(given, (int, float, np.number)) and least <= given <= LARGEST
        if not fits:
            raise DataError(f"{name} is {brief(given)}; give inches from {least:g} to {LARGEST:g}.")
