"""Make the static site: ``python -m scripts.make_site`` writes ``site/``.

The notebooks as they are stored, with the pictures and tables in them, and the documentation, as
HTML that needs no script and no network. A notebook in which a cell failed stops it.
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import HTMLExporter
from traitlets.config import Config

from scripts import make_docs
from scripts.formulas import MARK, FormulaProblem, Formulas, copy_style
from scripts.pages import THEME, Menu, Page, boxed, framed, markdown, relinked, title_of, write

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
GUIDE = NOTEBOOKS / "homework" / "teachers-guide.ipynb"
SITE = ROOT / "site"
SHOWN = ["image/svg+xml", "image/png", "text/html", "text/markdown", "text/plain"]
PICTURE = re.compile(r'(<img\b[^>]*\bsrc=")(?![a-z]+:)([^"]+)"')
EXPLORER = (
    '<figure class="picture"><img src="explorer.png" alt="The explorer on school data: controls on '
    "top; the likelihood surface of two standard deviations, with a point dragged off its maximum, "
    "and the curve along each; beside it the shrinkage of 684 schools at that point and the "
    'pooling dial"></figure>'
)
UNRUN = '<p class="lead">As it is before it runs; with a kernel the explorer opens:</p>' + EXPLORER
PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.DOTALL)
EARLY = 12  # sentences, among which a notebook asks its question
SENTENCE = re.compile(r"[^.?!]+(?:[?!]|\.(?=\s|$))")


def notebook_page(path: Path, formulas: Formulas) -> Page:
    """Return a stored notebook as a page.

    Parameters
    ----------
    path : Path
        Of the notebook. It is not run.
    formulas : Formulas
        Collects its formulas.

    Returns
    -------
    Page
        Where the notebook is among the others, with its name.

    Raises
    ------
    ValueError
        An output of the notebook is an error, or a picture in it has no words.
    """
    notebook = nbformat.read(path, as_version=4)
    for number, cell in enumerate(notebook.cells):
        _check(path.name, number, cell)
    body, _ = _exporter(formulas).from_notebook_node(notebook)
    body = relinked(boxed(body))
    if not any(cell.get("outputs") for cell in notebook.cells):
        body = body.replace("</h1>", f"</h1>{UNRUN}", 1)
    place = path.relative_to(NOTEBOOKS).with_suffix(".html").as_posix()
    return Page(place, title_of(body), body, "notebook")


def front_page(pages: Sequence[Page], documentation: Sequence[Page]) -> Page:
    """Return the first page of the site: what there is, as cards."""
    chapters = "".join(_card(page.path, page.title, _about(page)) for page in pages)
    written = [page for page in documentation if "reference/" not in page.path]
    looked_up = "".join(_card(page.path, page.title, _about(page)) for page in written)
    body = (
        "<h1>mixedwidgets</h1>"
        '<p class="lead">Mixed-effects models that can be seen: a lecture in notebooks with live '
        "pictures, and the package under it. Here the pictures stand still; with a kernel they "
        f"follow the hand.</p>{EXPLORER}"
        f'<h2>The lecture</h2><ul class="cards">{chapters}</ul>'
        f'<h2>The package</h2><ul class="cards">{looked_up}</ul>'
    )
    return Page("index.html", "mixedwidgets", body, "wide front")


def build(folder: Path, notebooks: Sequence[Path]) -> list[Page]:
    """Make the site anew.

    Parameters
    ----------
    folder : Path
        Where it goes; what is there is removed.
    notebooks : sequence of Path
        In the order of the navigation.

    Returns
    -------
    list of Page
        All of its pages.

    Raises
    ------
    ValueError
        A notebook failed when it was run, or one of its pictures has no words.
    FormulaProblem
        A formula cannot be set.
    """
    formulas = Formulas()
    lecture = [notebook_page(path, formulas) for path in notebooks]
    documentation = make_docs.pages(formulas, "docs/")
    pages = [front_page(lecture, documentation), *lecture, *documentation]
    menus = (
        Menu("Lecture", tuple((page.path, page.title) for page in lecture)),
        *make_docs.menus(documentation),
    )
    made = formulas.fill({page.path: framed(page, menus, "index.html") for page in pages})
    shutil.rmtree(folder, ignore_errors=True)
    write(folder, made)
    if formulas.asked:
        copy_style(folder)
    for page in pages[: 1 + len(lecture)]:
        _copy_pictures(page, folder)
    return pages


def _check(name: str, number: int, cell: Any) -> None:
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            raise ValueError(f"{name}: cell {number} failed when it was run; run it again.")
        if "image/png" in output.get("data", {}) and not _words(output):
            raise ValueError(f"{name}: the picture of cell {number} has no alt text.")


def _exporter(formulas: Formulas) -> HTMLExporter:
    config = Config()
    config.NbConvertBase.display_data_priority = SHOWN  # no widgets: their stills are beneath
    exporter = HTMLExporter(
        config=config, template_name="notebook", extra_template_basedirs=[str(THEME)]
    )
    exporter.register_filter("markdown", lambda text: markdown(text, formulas))
    exporter.register_filter("words", _words)
    exporter.register_filter("still", _is_still)
    return exporter


def _words(output: Any) -> str:
    """The text alternative of a picture."""
    words: str = output.get("metadata", {}).get("image/png", {}).get("alt", "")
    return words


def _is_still(cell: Any) -> bool:
    """Whether a cell does no more than show the still picture of the widget above it."""
    return "static_png(" in cell.source and len(cell.source.strip().splitlines()) <= 3


def _card(path: str, title: str, words: str) -> str:
    text = f"<span>{html.escape(words)}</span>" if words else ""
    return f'<li><a href="{path}"><strong>{html.escape(title)}</strong>{text}</a></li>'


def _about(page: Page) -> str:
    """The question that a page asks first, or else its first sentence; formulas in none."""
    plain = [html.unescape(re.sub(r"<[^>]+>", "", words)) for words in PARAGRAPH.findall(page.body)]
    sentences = [s.strip() for p in plain for s in SENTENCE.findall(p) if not MARK.search(s)]
    asked = [s for s in sentences[:EARLY] if s.endswith("?")] if page.kind == "notebook" else []
    return (asked or sentences or [""])[0]


def _copy_pictures(page: Page, folder: Path) -> None:
    for _, name in PICTURE.findall(page.body):
        if (NOTEBOOKS / name).is_file():
            shutil.copy(NOTEBOOKS / name, folder / name)


def main(arguments: Sequence[str]) -> int:
    """Make the site and return the exit status."""
    parser = argparse.ArgumentParser(description="Make the static site.")
    parser.add_argument("notebooks", nargs="*", help="how their names begin; all by default")
    parser.add_argument("--folder", type=Path, default=SITE, help="where it goes (site/)")
    asked = parser.parse_args(arguments)
    names = tuple(asked.notebooks) or ("",)
    there = [*sorted(NOTEBOOKS.glob("*.ipynb")), GUIDE]
    notebooks = [path for path in there if path.name.startswith(names)]
    try:
        pages = build(asked.folder, notebooks)
    except (ValueError, FormulaProblem) as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{len(pages)} pages; open {asked.folder / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
