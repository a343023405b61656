"""The explorer wherever notebooks are seen: three apps, two themes, three widths, no kernel."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from explorer_page import ALL_PANELS, ExplorerPage, wait_for

SLEEP = """
import mixedwidgets as mw

explorer = mw.explore(mw.load("sleepstudy"), formula="Reaction ~ Days + (1 | Subject)")
explorer
"""
SLOPES = "Reaction ~ Days + (Days | Subject)"
KEPT, SEEN = ".mixedwidgets-keepsake", ".mixedwidgets-keepsake:visible"

# What the apps themselves complain about; nothing else is allowed.
FOREIGN = {
    "lab": (),
    # Settings and commands of plugins that are JupyterLab's alone.
    "notebook": ("reading 'schema'", "Command 'filebrowser:open-path' not registered"),
    # Fonts and mathematics from the network, and extensions of the other apps.
    "voila": ("net::ERR_", "RUNTIME-012"),
}
PLACES = [("lab", "light"), ("lab", "dark"), ("notebook", "light"), ("notebook", "dark")]
PLACES += [("voila", "light"), ("voila", "dark")]


def complaints(lab: Any, app: str) -> list[str]:
    return [e for e in lab.errors if not any(known in e for known in FOREIGN[app])]


@pytest.mark.parametrize(("app", "theme"), PLACES)
def test_it_lives_in_every_app_and_theme(open_lab, artifacts, app, theme):
    query = "&theme=dark" if (app, theme) == ("voila", "dark") else ""
    lab = open_lab([SLEEP], width=1500, height=1250, app=app, query=query)
    if theme == "dark" and app != "voila":
        lab.use_theme("JupyterLab Dark")
    page = ExplorerPage(lab)
    surface = page.likelihood
    wait_for(lambda: surface.seq() >= 2, "the picture")
    dark = theme == "dark"
    wait_for(lambda: (np.median(surface.pixels()) < 60) == dark, f"a {theme} picture")
    seq = surface.seq()
    page.slope("Days").check()
    wait_for(lambda: page.formula() == SLOPES, SLOPES)
    wait_for(lambda: surface.seq() > seq, "its picture")
    wait_for(lambda: page.table("Fixed effects")[1][1] == "10.467", "its numbers")
    for name in ("Shrinkage", "Intervals"):
        page.open_picture(name)
    assert page.left.bounding_box()["y"] == page.right.bounding_box()["y"]
    assert page.clipped() == []
    assert faint(page) == []
    assert lab.page.locator(SEEN).count() == 0
    lab.page.screenshot(path=artifacts / f"places-{app}-{theme}.png")
    if theme == "dark" and app != "voila":
        lab.use_theme("JupyterLab Light")  # the server remembers it
    assert complaints(lab, app) == []


def faint(page: ExplorerPage) -> list[str]:
    """Texts that stand out too little from what is behind them: WCAG asks for 4.5 to 1."""
    return list(page.root.evaluate(FAINT))


# ---- widths


@pytest.fixture(scope="module")
def lab(open_one_lab) -> Any:
    lab = open_one_lab([SLEEP], width=1700, height=1250)
    lab.hide_sidebar()
    return lab


@pytest.fixture
def page(lab) -> Iterator[ExplorerPage]:
    lab.errors.clear()
    lab.page.set_viewport_size({"width": 1700, "height": 1250})
    lab.rerun(SLEEP.replace("(1 |", "(Days |"))
    page = ExplorerPage(lab)
    wait_for(page.likelihood.is_whole, "the surface")
    yield page
    assert lab.errors == []
    assert lab.ask("explorer.error") is None


@pytest.mark.parametrize(("width", "columns"), [(900, 1), (1200, 2), (1700, 2)])
def test_nothing_is_clipped_at_any_width(page, lab, artifacts, width, columns):
    lab.page.set_viewport_size({"width": width, "height": 1250})
    page.button("More choices").click()
    page.labelled("Second grouping").wait_for()
    wait_for(lambda: room_is_taken(page), "the picture as wide as its place")
    left, right = page.left.bounding_box(), page.right.bounding_box()
    beside = abs(left["y"] - right["y"]) < 1 and left["x"] + left["width"] <= right["x"] + 1
    beneath = right["y"] >= left["y"] + left["height"]
    assert beside if columns == 2 else beneath
    wrong = {}
    for name in ALL_PANELS:
        page.turn_to(name)
        if name not in ("Compare", "Code", "Fit", "Boundary"):
            page.open_picture(name).settled()
        if found := page.clipped():
            wrong[name] = found
        scrolls = lab.page.locator(".jp-WindowedPanel-outer, .jp-OutputArea-output").evaluate_all(
            "boxes => boxes.some((box) => box.scrollWidth > box.clientWidth + 1)"
        )
        if scrolls:
            wrong.setdefault(name, []).append("a horizontal scroll bar")
        page.stack(name).screenshot(path=artifacts / f"width-{width}-{name}.png")
    assert wrong == {}


def room_is_taken(page: ExplorerPage) -> bool:
    box = page.likelihood.element.bounding_box()["width"]
    room = page.likelihood.element.evaluate("root => root.parentElement.clientWidth")
    return abs(min(room, 900) - box) < 2


# ---- for those who do not see it


CONTROLS = {
    *("button", "checkbox", "combobox", "textbox", "radio", "listbox", "tab", "slider"),
    *("spinbutton", "searchbox", "link", "DisclosureTriangle", "progressbar", "group"),
}


def accessible(page: ExplorerPage) -> list[dict[str, Any]]:
    """What Chromium tells a screen reader of the explorer, by role and name."""
    session = page.lab.page.context.new_cdp_session(page.lab.page)
    document = session.send("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
    query = {"nodeId": document, "selector": ".mixedwidgets-explorer"}
    node = session.send("DOM.querySelector", query)["nodeId"]
    nodes = session.send("Accessibility.queryAXTree", {"nodeId": node})["nodes"]
    session.detach()
    return [
        {
            "role": node["role"]["value"],
            "name": node.get("name", {}).get("value", "").strip(),
            "focusable": any(
                p["name"] == "focusable" and p["value"]["value"] for p in node["properties"]
            ),
        }
        for node in nodes
        if not node.get("ignored") and "role" in node
    ]


def test_every_control_has_a_name_and_every_picture_its_numbers(page, lab):
    page.button("More choices").click()
    page.button("Add a condition").click()
    page.labelled("Rows where").wait_for()
    nameless, seen = {}, set()
    for name in ALL_PANELS:
        page.turn_to(name)
        if name == "Intervals":
            menu = page.left.get_by_label("Parameter", exact=True)
            menu.select_option("SD of intercept by Subject")
        if name not in ("Compare", "Code", "Fit", "Boundary"):
            page.open_picture(name).settled()
        nodes = accessible(page)
        seen |= {node["role"] for node in nodes}
        bad = [
            n["role"]
            for n in nodes
            if not n["name"] and (n["role"] in CONTROLS or n["focusable"]) and n["role"] != "group"
        ]
        pictures = [n["name"] for n in nodes if n["role"] in ("image", "img")]
        bad += [f"a picture called {p!r}" for p in pictures if sum(map(str.isdigit, p)) < 2]
        if name not in ("Compare", "Code", "Fit", "Boundary") and not pictures:
            bad.append("no picture")
        if bad:
            nameless[name] = bad
    assert nameless == {}
    assert {"button", "checkbox", "combobox", "textbox", "tab", "image"} <= seen


def test_tab_goes_through_all_controls_and_reaches_the_pictures(page, lab):
    page.open_picture("Shrinkage", 1)
    page.labelled("Response").focus()
    reached = []
    for _ in range(60):
        reached.append(
            lab.page.evaluate(
                """() => {
                  const { activeElement: at } = document;
                  if (!at.closest(".mixedwidgets-explorer")) return null;
                  const name = at.getAttribute("aria-label") || at.labels?.[0]?.textContent ||
                    at.textContent;
                  return [at.tagName, at.className, name.trim().slice(0, 40)];
                }"""
            )
        )
        if reached[-1] is None:
            break
        lab.page.keyboard.press("Tab")
    assert reached[-1] is None, "the way out of the explorer"
    names = [name for _, _, name in reached[:-1]]
    pictures = [name for _, classes, name in reached[:-1] if "mixedwidgets-picture" in classes]
    assert [name[:12] for name in pictures] == ["SD of interc", "Pooling dial"]
    expected = ["Response", "Grouping", "Formula", "Across", "Up", "Find"]
    places = [names.index(name) for name in expected]
    assert places == sorted(places)
    assert {"ML", "REML", "Days", "correlated", "More choices", "Profile", "Slice"} <= set(names)


# ---- without a kernel


@pytest.fixture(scope="module")
def saved(open_one_lab, lab_server) -> dict[bool, Path]:
    """A notebook after some clicks, saved with the state of its widgets and without."""
    lab = open_one_lab([SLEEP], width=1500, height=1250)
    page = ExplorerPage(lab)
    page.slope("Days").check()
    wait_for(lambda: page.formula() == SLOPES, SLOPES)
    page.open_picture("Shrinkage")
    for_the_copy = lab.page.locator(f"{KEPT} img")
    wait_for(lambda: for_the_copy.count() == 2, "the copy of both pictures")
    wait_for(lambda: lab.page.locator(f"{KEPT} code").first.text_content() == SLOPES, "the copy")
    paths = {}
    for widgets in (False, True):  # a state that was saved once stays in the file
        written = lab_server.notebooks / lab.save(widgets=widgets)
        paths[widgets] = lab_server.folder / f"saved-{widgets}.ipynb"
        paths[widgets].write_bytes(written.read_bytes())
    return paths


def untrusted(path: Path) -> Path:
    """A copy that the server has not seen before: it is not signed."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["from"] = "elsewhere"
    copy = path.with_name(f"untrusted-{path.name}")
    nbformat.write(notebook, copy)
    return copy


@pytest.mark.parametrize("widgets", [True, False])
@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_it_is_there_without_a_kernel(open_lab, artifacts, saved, app, trusted, widgets):
    path = saved[widgets] if trusted else untrusted(saved[widgets])
    lab = open_lab(path, run=False, width=1500, height=1250, app=app)
    if widgets and trusted:  # a front end runs no widget of a notebook it does not trust
        page = ExplorerPage(lab)
        assert page.formula() == SLOPES
        wait_for(lambda: page.picture_of("Shrinkage").seq() > 0, "the picture")
        assert page.picture_of("Shrinkage").pixels().std() > 10
        assert lab.page.locator(SEEN).count() == 0
    else:
        check_kept(lab.page)
    lab.page.screenshot(path=artifacts / f"kept-{app}-{trusted}-{widgets}.png")
    assert "Error" not in lab.page.locator(".jp-OutputArea").first.inner_text()


def check_kept(page: Any) -> None:
    """Look at the copy: formula, both pictures and the table of the fit."""
    kept = page.locator(SEEN)
    kept.wait_for()
    assert kept.locator("code").first.text_content() == SLOPES
    images = kept.locator("img")
    assert images.count() == 2
    for number in range(2):
        wait_for(lambda n=number: images.nth(n).evaluate("i => i.naturalWidth") > 400, "a picture")
        assert images.nth(number).bounding_box()["width"] > 300
        assert any(letter.isdigit() for letter in images.nth(number).get_attribute("alt"))
    assert "10.467" in kept.inner_text()


@pytest.mark.parametrize("widgets", [True, False])
def test_as_html_without_network_it_shows_pictures_and_table(browser, artifacts, saved, widgets):
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", str(saved[widgets])]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    context = browser.new_context(offline=True, viewport={"width": 1300, "height": 1100})
    page = context.new_page()
    page.goto(saved[widgets].with_suffix(".html").as_uri(), wait_until="domcontentloaded")
    check_kept(page)
    page.screenshot(path=artifacts / f"html-{widgets}.png", full_page=True)
    context.close()


FAINT = """(root) => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const behind = (element) => {
    for (let place = element; place; place = place.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(place).backgroundColor);
      if (r !== undefined && a > 0.5) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 :
      ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const bad = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: at, textContent } = walker.currentNode;
    if (!textContent.trim() || !at.checkVisibility({ visibilityProperty: true })) continue;
    if (at.closest("style, option, :disabled, [aria-hidden=true], .mixedwidgets-keepsake"))
      continue;
    const [front, back] = [parse(getComputedStyle(at).color), behind(at)];
    const alpha = front[3] ?? 1;
    const mixed = [0, 1, 2].map((i) => alpha * front[i] + (1 - alpha) * back[i]);
    const [high, low] = [light(mixed), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) bad.push(`${textContent.trim().slice(0, 30)}: ${ratio.toFixed(1)}`);
  }
  return bad;
}"""
