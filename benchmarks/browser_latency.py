"""Time the explorer in JupyterLab in a real Chromium: from a choice in a dropdown to new pixels.

The clock starts when the dropdown of the response tells that another column was chosen, and stops
when the browser has painted the picture of the new model. Every model is a new one, so nothing
comes from the explorer's memory of fits: between rounds the set of fixed effects is changed by a
tick, untimed.
"""

from __future__ import annotations

import argparse
import sys

from _browser import lab_in_chromium, read_options
from _common import quantile, row, verdict
from lab import SECONDS, LabPage, write_notebook

GOAL = 100.0  # milliseconds; on one core twice that
LEFT = ("Likelihood", "Intervals", "Profile", "Diagnostics")
RIGHT = ("Fit", "Shrinkage", "Caterpillar", "Group")
CELL = """\
import mixedwidgets as mw

explorer = mw.explore(
    mw.load("schools"), response="mscore", group="school", fixed=["ses"], slopes=["ses"]
)
explorer
"""
RESPONSES = ("mscore", "ses", "hwh")  # what varies within schools
TICKS = ("flp", "enroll", "public", "urbanicity")  # 16 sets of fixed effects

WATCH = """() => {
  const probe = (window.latency = { started: null, took: null });
  const visible = (element) => element.offsetParent !== null;
  document.addEventListener("change", () => {
    probe.started = performance.now();
    probe.took = null;
  }, true);
  new MutationObserver((changes) => {
    const seen = changes.some(({ target }) => visible(target));
    if (seen && probe.took === null) probe.took = performance.now() - probe.started;
  }).observe(document.body, { subtree: true, attributeFilter: ["data-seq"] });
}"""
PIXELS = """() => [...document.querySelectorAll(".mixedwidgets-picture canvas")]
  .filter((canvas) => canvas.offsetParent !== null).map((canvas) => canvas.toDataURL()).join()"""
SETTLE = 400  # milliseconds between two changes, in which the kernel has nothing to do


class ExplorerPage:
    """The explorer on a page, worked by keys and clicks.

    Parameters
    ----------
    lab : LabPage
        The page, with the notebook run.
    """

    def __init__(self, lab: LabPage):
        self.page = lab.page
        lab.picture()
        lab.hide_sidebar()
        self.page.wait_for_timeout(3 * SETTLE)
        self.response = self.page.get_by_label("Response", exact=True)
        self.page.evaluate(WATCH)

    def show(self, panel: str) -> None:
        """Bring a panel to the front."""
        self.page.locator(".mixedwidgets-explorer").get_by_role("tab", name=panel).click()
        self.page.wait_for_timeout(3 * SETTLE)

    def tick(self, column: str) -> None:
        """Tick or untick a fixed effect."""
        self.page.get_by_label(column, exact=True).first.click()
        self.page.wait_for_timeout(2 * SETTLE)

    def choose(self, response: str) -> float:
        """Choose a response; return the seconds until the new picture was on the screen."""
        pixels = self.page.evaluate(PIXELS)
        self.response.select_option(response)
        self.page.wait_for_function("latency.took !== null", timeout=SECONDS * 1000)
        took = self.page.evaluate("latency.took")
        self.page.wait_for_timeout(SETTLE)
        self._check(response, pixels)
        return float(took) / 1000

    def _check(self, chosen: str, pixels: str) -> None:
        """See that the formula is the new model's, and that the picture changed."""
        formula = self.page.get_by_label("Formula", exact=True).input_value()
        if not formula.startswith(f"{chosen} ~") or self.page.evaluate(PIXELS) == pixels:
            raise RuntimeError(f"{chosen} was chosen, but {formula} is what the explorer shows")


def measure(explorer: ExplorerPage, changes: int) -> list[float]:
    """Choose that many responses, each a model not seen before; return the seconds of each."""
    seconds: list[float] = []
    for number in range(1, 2 ** len(TICKS)):
        for response in RESPONSES[1:] if number % 2 else RESPONSES[1::-1]:
            if len(seconds) == changes:
                return seconds
            seconds.append(explorer.choose(response))
        # Counting in Gray's code visits every set of ticks by one tick at a time.
        explorer.tick(TICKS[(number & -number).bit_length() - 1])
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--changes", type=int, default=30, help="in each panel (default and most: 30)"
    )
    options, slower = read_options(parser)
    met = []
    with lab_in_chromium() as (server, browser):
        notebook = write_notebook(server.notebooks / "latency.ipynb", [CELL])
        print("a choice in the Response dropdown to new pixels; schools, 1600 x 1000")
        pairs = [(left, "Fit") for left in LEFT] + [("Code", right) for right in RIGHT[1:]]
        for left, right in pairs:
            page = browser.new_page(viewport={"width": 1600, "height": 1000})
            lab = LabPage(page)
            lab.open(server.url(notebook))
            lab.run_all()
            explorer = ExplorerPage(lab)
            explorer.show(left)
            explorer.show(right)
            seconds = measure(explorer, options.changes)
            name = left if right == "Fit" else right
            print(row(name, seconds))
            p95 = 1e3 * quantile(seconds, 0.95)
            met.append(verdict(f"{name}, p95 in ms", p95, GOAL * slower, at_least=False))
            page.close()
            server.stop_kernels()
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
