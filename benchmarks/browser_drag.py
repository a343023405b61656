"""Drag on the explorer's likelihood surface in a real Chromium, and change it as fast as can be.

While the pointer is dragged, every picture that the browser has painted is counted, on the surface
and on the shrinkage of 684 groups beside it. After 300 changes of the model in quick succession the
explorer must show the last one, and neither kernel nor browser may have grown.
"""

from __future__ import annotations

import argparse
import math
import sys
import time

from _browser import lab_in_chromium, read_options
from _common import verdict
from browser_latency import CELL, SETTLE
from lab import LabPage, write_notebook
from playwright.sync_api import Page

PICTURES_A_SECOND = 20.0
WITHIN = 200.0  # milliseconds after the last change
CHANGES = 300
GROWTH = 20.0  # MB
DRAG = 3.0  # seconds

COUNT = """() => {
  window.painted = {};
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const n = [...document.querySelectorAll(".mixedwidgets-picture")].indexOf(target);
      window.painted[n] = (window.painted[n] ?? 0) + 1;
    }
  }).observe(document.body, { subtree: true, attributeFilter: ["data-seq"] });
}"""
# The clock starts with the last choice. Each picture painted after it is noted with its number, and
# when the formula is the last model's.
STORM = """([responses, pause]) => new Promise((done) => {
  const menu = [...document.querySelectorAll(".mixedwidgets-explorer select")][0];
  const formula = document.querySelector('input[placeholder^="y ~"]');
  const look = () => {
    if (formula.value.startsWith(responses.at(-1))) window.told = performance.now();
    else requestAnimationFrame(look);
  };
  window.seen = [];
  const watch = new MutationObserver((changes) => {
    const pictures = [...document.querySelectorAll(".mixedwidgets-picture")];
    for (const { target } of changes)
      window.seen.push([pictures.indexOf(target), Number(target.dataset.seq), performance.now()]);
  });
  let n = 0;
  const next = () => {
    menu.value = responses[n];
    menu.dispatchEvent(new Event("change", { bubbles: true }));
    n += 1;
    if (n < responses.length) return setTimeout(next, pause);
    window.last = performance.now();
    watch.observe(document.body, { subtree: true, attributeFilter: ["data-seq"] });
    look();
    done();
  };
  next();
})"""
# The numbers of both pictures when the last model came: what is painted after them shows it.
NUMBERS = """
pictures = [explorer.desk.panels[name].picture for name in ("Likelihood", "Shrinkage")]
numbers = []
explorer.observe(lambda change: numbers.append([p.seq for p in pictures]), "fit")
"""
RESIDENT = "int(open('/proc/self/statm').read().split()[1]) * 4096 / 1e6"


def drag(lab: LabPage) -> tuple[dict[str, float], float]:
    """Drag the point in a circle; return pictures a second, and how far off the last place is."""
    page = lab.page
    surface = page.locator(".mixedwidgets-picture:visible").first
    box = surface.bounding_box()
    assert box is not None
    centre = (box["x"] + 0.31 * box["width"], box["y"] + 0.47 * box["height"])
    page.mouse.move(*centre)
    page.mouse.down()
    page.evaluate(COUNT)
    begun, moves = time.perf_counter(), 0
    while time.perf_counter() - begun < DRAG:
        angle, moves = moves / 12, moves + 1
        page.mouse.move(centre[0] + 60 * math.cos(angle), centre[1] + 40 * math.sin(angle))
        time.sleep(1 / 60)
    seconds = time.perf_counter() - begun
    painted = {name: count / seconds for name, count in page.evaluate("painted").items()}
    page.mouse.move(centre[0] + 70, centre[1] - 30)
    page.mouse.up()
    page.wait_for_timeout(SETTLE)
    return painted, _off(lab, (centre[0] + 70 - box["x"], centre[1] - 30 - box["y"]), box)


def _off(lab: LabPage, place: tuple[float, float], box: dict[str, float]) -> float:
    """Distance in CSS pixels of the kernel's point from where the pointer was let go."""
    lab.run_code(
        "p = explorer.desk.panels['Likelihood'].picture\n"
        "ax = p.figure.axes[0]\n"
        "at = ax.transData.transform(explorer.point.values)\n"
        "size = p.figure.bbox.size"
    )
    x, y, width, height = lab.ask("[*map(float, at), *map(float, size)]")
    shown = (x / width * box["width"], (1 - y / height) * box["height"])
    return math.dist(shown, place)


def storm(lab: LabPage) -> dict[str, float]:
    """Change the response 300 times; return how long it took to settle, and what has grown."""
    page = lab.page
    responses = [*["ses", "mscore"] * (CHANGES // 2 - 1), "ses", "hwh"]
    lab.run_code(NUMBERS)
    page.evaluate(STORM, [responses, 10])
    page.wait_for_timeout(5 * SETTLE)
    before = _heap(page), lab.ask(RESIDENT)
    page.evaluate(STORM, [responses, 10])
    page.wait_for_timeout(5 * SETTLE)
    took = _settled(page, lab.ask("numbers[-1]"))
    formula = lab.ask("explorer.formula")
    if not formula.startswith("hwh ~"):
        raise RuntimeError(f"hwh was chosen last, but {formula} is what the explorer shows")
    return {
        "took": took,
        "browser": _heap(page) - before[0],
        "kernel": lab.ask(RESIDENT) - before[1],
    }


def _settled(page: Page, numbers: list[int]) -> float:
    """Milliseconds until formula and both pictures were the last model's."""
    seen, told, last = page.evaluate("[seen, told, last]")
    shown = [
        min(when for picture, seq, when in seen if picture == which and seq > number)
        for which, number in enumerate(numbers)
    ]
    return float(max(told, *shown) - last)


def _heap(page: Page) -> float:
    """Megabytes of the page's own objects, garbage collected before."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return float(used) / 1e6


def main() -> int:
    _, slower = read_options(argparse.ArgumentParser(description=__doc__))
    met = []
    with lab_in_chromium() as (server, browser):
        notebook = write_notebook(server.notebooks / "drag.ipynb", [CELL])
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        lab = LabPage(page)
        lab.open(server.url(notebook))
        lab.run_all()
        lab.picture()
        lab.hide_sidebar()
        explorer = page.locator(".mixedwidgets-explorer").first
        explorer.get_by_role("tab", name="Shrinkage").click()
        page.wait_for_timeout(5 * SETTLE)
        explorer.evaluate("element => element.scrollIntoView()")
        page.wait_for_timeout(SETTLE)
        painted, off = drag(lab)
        least = PICTURES_A_SECOND / slower
        for name, number in (("surface", "0"), ("shrinkage of 684 groups", "1")):
            rate = painted.get(number, 0.0)
            met.append(verdict(f"pictures a second, {name}", rate, least, at_least=True))
        met.append(verdict("last place off, CSS pixels", off, 1.0, at_least=False))
        found = storm(lab)
        took = found["took"]
        met.append(
            verdict(f"{CHANGES} changes, ms to settle", took, WITHIN * slower, at_least=False)
        )
        for part in ("browser", "kernel"):
            met.append(verdict(f"growth of the {part}, MB", found[part], GROWTH, at_least=False))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
