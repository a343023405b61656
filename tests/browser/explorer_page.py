"""The explorer on a page: what a person sees of it, and can click on, drag and type."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

ALL_PANELS = (
    *("Likelihood", "Intervals", "Profile", "Diagnostics", "Compare", "Code"),
    *("Fit", "Shrinkage", "Caterpillar", "Group", "Boundary"),
)
LEFT = 6  # of them


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 15.0) -> Any:
    """Wait until a condition holds, and return its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come")
        time.sleep(0.03)
    return value


class Picture:
    """One picture on the page; `inside` names it in the kernel."""

    def __init__(self, lab: Any, element: Any, inside: str):
        self.lab, self.element, self.inside = lab, element, inside

    def seq(self) -> int:
        """Number of the picture on the screen."""
        return int(self.element.get_attribute("data-seq") or 0)

    def alt(self) -> str:
        """Its text alternative."""
        return str(self.element.locator("img").get_attribute("alt"))

    def pixels(self) -> np.ndarray:
        """What is on the screen, as (height, width, 3) numbers from 0 to 255."""
        png = self.element.screenshot()
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)

    def painted(self) -> str:
        """Everything on the canvas, exactly."""
        return str(self.element.locator("canvas").evaluate("canvas => canvas.toDataURL()"))

    def settled(self) -> str:
        """Wait until nothing has been painted for half a second; return what is painted."""
        seen, since = self.painted(), time.monotonic()
        while time.monotonic() < since + 0.5:
            self.lab.page.wait_for_timeout(50)
            if (now := self.painted()) != seen:
                seen, since = now, time.monotonic()
        return seen

    def is_whole(self) -> bool:
        """Whether the surface on the screen is the last and fine one that the kernel has."""
        panel = self.inside.rpartition(".")[0]
        refined, seq = self.lab.ask(f"({panel}._refined, {self.inside}.seq)")
        return refined and seq == self.seq()

    def place(self, x: float, y: float, axes: int = 0, whole: bool = False) -> tuple[float, float]:
        """Where a point in data coordinates is on the page, at whole pixels where that is asked."""
        figure = f"{self.inside}.figure"
        left, top = self.lab.ask(
            f"(lambda f: [v / n for v, n in zip(f.axes[{axes}].transData.transform(({x}, {y})), "
            f"f.bbox.size)])({figure})"
        )
        box = self.element.bounding_box()
        place = box["x"] + box["width"] * left, box["y"] + box["height"] * (1 - top)
        return (round(place[0]), round(place[1])) if whole else place


class ExplorerPage:
    """The explorer.

    Parameters
    ----------
    lab : LabPage
        The page that it is on.
    """

    def __init__(self, lab: Any):
        lab.hide_sidebar()
        self.lab = lab
        self.mouse, self.keyboard = lab.page.mouse, lab.page.keyboard
        self.root = lab.page.locator(".mixedwidgets-explorer")
        self.root.locator(".mixedwidgets-picture:visible").first.wait_for()
        self.root.scroll_into_view_if_needed()
        self.left, self.right = self.root.locator(".widget-tab").all()
        self.likelihood = self.picture_of("Likelihood")

    def formula(self) -> str:
        """What the line says."""
        return str(self.line.input_value())

    @property
    def line(self) -> Any:
        """Where the formula is typed."""
        return self.root.get_by_label("Formula", exact=True)

    def labelled(self, label: str) -> Any:
        """A control by its label."""
        return self.root.get_by_label(label, exact=True)

    def fixed(self, name: str) -> Any:
        """The tick box of a fixed effect."""
        return self.root.get_by_role("checkbox", name=name, exact=True).first

    def slope(self, name: str) -> Any:
        """The tick box of a random slope."""
        return self.root.get_by_role("checkbox", name=name, exact=True).last

    def button(self, name: str) -> Any:
        """A button of the explorer that is in view."""
        found = self.root.get_by_role("button", name=name, exact=True)
        return found.filter(visible=True)

    def tab(self, name: str) -> Any:
        """The tab of a panel."""
        return self.root.get_by_role("tab", name=name, exact=True)

    def stack(self, panel: str) -> Any:
        """The stack of tabs in which a panel is."""
        return self.left if ALL_PANELS.index(panel) < LEFT else self.right

    def turn_to(self, panel: str) -> Any:
        """Click on the tab of a panel, and return its stack."""
        self.tab(panel).click()
        return self.stack(panel)

    def picture_of(self, panel: str, number: int = 0) -> Picture:
        """A picture of the panel that lies on top of its stack."""
        element = self.stack(panel).locator(".mixedwidgets-picture:visible").nth(number)
        which = "picture" if number == 0 else "dial_picture"
        return Picture(self.lab, element, f"explorer.desk.panel({panel!r}).{which}")

    def open_picture(self, panel: str, number: int = 0) -> Picture:
        """Turn to a panel and wait for its picture."""
        self.turn_to(panel)
        picture = self.picture_of(panel, number)
        wait_for(lambda: picture.element.count() and picture.seq() >= 2, f"{panel}'s picture")
        picture.element.scroll_into_view_if_needed()
        return picture

    def table(self, caption: str) -> list[list[str]]:
        """The texts of the cells of a table of the fit, row by row, its head left out."""
        return self.root.locator(
            "table", has=self.lab.page.get_by_text(caption, exact=True)
        ).evaluate(
            "table => [...table.tBodies].flatMap((body) => [...body.rows].map((row) =>"
            " [...row.cells].map((cell) => cell.textContent.trim())))"
        )

    def said(self, panel: str) -> str:
        """The sentence beneath a picture that screen readers read out."""
        return str(self.stack(panel).get_by_role("status").filter(visible=True).first.inner_text())

    def clipped(self) -> list[str]:
        """What sticks out of the explorer, or is cut off by the box that it is in."""
        return list(self.root.evaluate(CLIPPED))

    def drag(self, start: tuple[float, float], stop: tuple[float, float], steps: int = 12) -> None:
        """Press at one place of the page and move to another, the button still down."""
        self.mouse.move(*start)
        self.mouse.down()
        for step in range(1, steps + 1):
            part = step / steps
            self.mouse.move(*(a + part * (b - a) for a, b in zip(start, stop, strict=True)))


# Text that is cut off with an ellipsis, such as a tab's, counts as well.
CLIPPED = """(root) => {
  const box = root.getBoundingClientRect();
  const parts = "select, input, button, table, code, td, p, pre, summary, [role=tab], label, " +
    ".mixedwidgets-picture, .lm-TabBar-tabLabel";
  const bad = [];
  for (const part of root.querySelectorAll(parts)) {
    const { left, right, width } = part.getBoundingClientRect();
    if (!width || !part.checkVisibility({ visibilityProperty: true })) continue;
    if (part.closest(".mixedwidgets-keepsake")) continue;
    let scrolls = false;
    for (let outer = part.parentElement; outer !== root; outer = outer.parentElement)
      scrolls ||= /auto|scroll/.test(getComputedStyle(outer).overflowX);
    const out = left < box.left - 1 || right > box.right + 1;
    const hidden = getComputedStyle(part).overflowX !== "visible" && part.tagName !== "INPUT";
    const cut = hidden && part.scrollWidth > part.clientWidth + 1;
    if ((out && !scrolls) || cut)
      bad.push(`${part.tagName} ${part.textContent.trim().slice(0, 60)}: ${out ? "out" : "cut"}`);
  }
  if (root.scrollWidth > root.clientWidth + 1) bad.push("the explorer itself scrolls sideways");
  return bad;
}"""
