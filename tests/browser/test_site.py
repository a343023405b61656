"""The static site in a browser that has no network: complete, quiet, readable."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("pdoc", reason="pdoc is not installed")

from scripts.make_site import NOTEBOOKS, build

CHAPTERS = ("03-likelihood", "07-wheat")
LOOKS = [(900, "light"), (900, "dark"), (1400, "light"), (1400, "dark")]
NAMES = [
    "index",
    *CHAPTERS,
    "docs/index",
    "docs/side-by-side",
    "docs/accuracy-speed-coverage",
    "docs/reference/fit",
    "docs/reference/widgets",
]


@dataclass
class Opened:
    """A page and what it did beyond showing itself.

    Attributes
    ----------
    page : Page
        Playwright's.
    requests : list of str
        Addresses asked for.
    complaints : list of str
        What the console says, blocked requests included.
    """

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: object) -> Path:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node.js and npm are not installed, so formulas cannot be set")
    folder = tmp_path_factory.mktemp("site")
    build(folder, [NOTEBOOKS / f"{name}.ipynb" for name in CHAPTERS])
    return folder


@pytest.fixture
def opened(browser: Any) -> Iterator[Any]:
    contexts = []

    def open_one(path: Path, width: int = 1400, theme: str = "light") -> Opened:
        context = browser.new_context(
            offline=True, viewport={"width": width, "height": 1000}, color_scheme=theme
        )
        contexts.append(context)
        found = Opened(context.new_page())
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.on("console", lambda message: found.complaints.append(message.text))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.goto(path.as_uri())
        found.page.evaluate("() => document.fonts.ready.then(() => true)")
        return found

    yield open_one
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_asks_for_nothing_from_elsewhere(site, opened, artifacts, name):
    path = site / f"{name}.html"
    for width, theme in LOOKS:
        seen = opened(path, width, theme)
        assert seen.complaints == []
        elsewhere = [url for url in seen.requests if not is_inside(url, site)]
        assert elsewhere == []
        fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert seen.page.evaluate(fits), f"{name} is wider than {width} pixels"
        assert is_dark(seen.page) == (theme == "dark")
        seen.page.screenshot(path=artifacts / f"site-{name.replace('/', '-')}-{width}-{theme}.png")
        assert seen.page.locator("script").count() == 0


def is_inside(url: str, folder: Path) -> bool:
    address = urlsplit(url)
    if address.scheme == "data":
        return True
    return address.scheme == "file" and Path(unquote(address.path)).is_relative_to(folder)


def is_dark(page: Any) -> bool:
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in colour[4:-1].split(",")) < 300


@pytest.mark.parametrize("name", ["index", *CHAPTERS])
def test_pictures_are_visible_and_have_words_with_numbers(site, opened, name):
    pictures = opened(site / f"{name}.html").page.locator("main img")
    assert pictures.count() >= (1 if name == "index" else 2)
    for number in range(pictures.count()):
        picture = pictures.nth(number)
        assert picture.evaluate("i => i.complete && i.naturalWidth") > 400
        assert picture.bounding_box()["width"] > 400
        words = picture.get_attribute("alt")
        assert len(words) > 60
        assert name == "index" or sum(map(str.isdigit, words)) >= 3


@pytest.mark.parametrize("name", CHAPTERS)
def test_formulas_are_set_with_their_fonts_and_said_to_screen_readers(site, opened, name):
    page = opened(site / f"{name}.html").page
    formulas = page.locator(".katex")
    assert formulas.count() > 20
    assert page.locator(".katex math").count() == formulas.count()
    assert page.locator(".katex-error").count() == 0
    loaded = page.evaluate(
        "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)"
    )
    assert {"KaTeX_Main", "KaTeX_Math"} <= set(loaded)
    prose = page.locator("main > p").all_inner_texts()
    assert not [text for text in prose if "$" in text]
    display = page.locator(".katex-display .katex-html").first.bounding_box()
    assert display["width"] > 50
    assert display["height"] > 15


@pytest.mark.parametrize("name", CHAPTERS)
def test_outputs_of_the_notebook_are_there_and_widgets_are_not(site, opened, name):
    page = opened(site / f"{name}.html").page
    assert page.locator(".output table").count() >= 3
    text = page.locator("main").inner_text()
    assert "Error displaying widget" not in text
    assert "jupyter.widget-view" not in page.content()
    still = page.locator("details.still").first
    still.locator("summary").click()
    assert "static_png(" in still.inner_text()


def test_every_link_leads_to_a_page_and_a_place_in_it(site, opened):
    others = {path.stem for path in NOTEBOOKS.glob("*.ipynb")} - set(CHAPTERS)
    ids = {}
    broken = set()
    for path in site.rglob("*.html"):
        page = opened(path).page
        ids[path] = set(page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)"))
        page.context.close()
    for path in ids:
        page = opened(path).page
        for link in page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)"):
            address = urlsplit(link)
            target = Path(unquote(address.path))
            if address.scheme != "file" or target.stem in others:
                continue  # the web, or a chapter that this small site leaves out
            found = target in ids and (
                not address.fragment or unquote(address.fragment) in ids[target]
            )
            if not found:
                broken.add((path.name, link))
        page.context.close()
    assert broken == set()


def test_one_reads_from_the_front_page_into_a_chapter(site, opened):
    page = opened(site / "index.html", 900).page
    page.locator(".cards a", has_text="Likelihood").first.click()
    assert page.locator("h1").inner_text().startswith("3. Likelihood")
    page.get_by_text("Pages", exact=True).click()
    page.get_by_role("link", name="7. Wheat").first.click()
    assert page.locator("h1").inner_text().startswith("7. Wheat")
    page.get_by_text("Pages", exact=True).click()
    current = page.locator(".narrow a[aria-current=page]")
    assert current.inner_text() == "7. Wheat"
