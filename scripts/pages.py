"""Pages of the documentation and of the site: Markdown to HTML, and the frame around it.

A page is one HTML file with its style sheet in it. Its Content-Security-Policy forbids scripts,
and everything that does not come from the folder of the site, so no page can ask for anything
from elsewhere.
"""

from __future__ import annotations

import html
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter

from scripts.formulas import MARK, STYLE, Formulas

THEME = Path(__file__).resolve().parent.parent / "docs/theme"
HEADING = re.compile(r'<h1\b[^>]*>(.*?)(?:<a class="anchor-link".*?</a>)?</h1>', re.DOTALL)
NEW = re.compile(r'(href=")(?![a-z]+:)([^"#]+)\.(?:ipynb|md)(#[^"]*)?"')
TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes
    ----------
    path : str
        In the folder of all pages, with forward slashes.
    title : str
        Plain text.
    body : str
        HTML.
    kind : str
        A class of its ``<main>``, for the style sheet.
    """

    path: str
    title: str
    body: str
    kind: str = "prose"


@dataclass(frozen=True)
class Menu:
    """Links of one heading in the navigation.

    Attributes
    ----------
    title : str
        The heading.
    links : tuple of (str, str)
        Path of a page and the words of its link.
    """

    title: str
    links: tuple[tuple[str, str], ...]


class _Renderer(IPythonRenderer):
    """Markdown as notebooks have it, with marks for its formulas."""

    def __init__(self, formulas: Formulas, **options: Any) -> None:
        super().__init__(escape=False, **options)
        self.formulas = formulas

    def block_math(self, body: str) -> str:
        return self.formulas.mark(body, display=True)

    def inline_math(self, body: str) -> str:
        return self.formulas.mark(body, display=False)

    def latex_environment(self, name: str, body: str) -> str:
        return self.formulas.mark(f"\\begin{{{name}}}{body}\\end{{{name}}}", display=True)


def markdown(text: str, formulas: Formulas, **options: Any) -> str:
    """Return Markdown as HTML.

    Parameters
    ----------
    text : str
        As a cell of a notebook has it: with tables, formulas between dollars and HTML.
    formulas : Formulas
        Collects the formulas; the HTML has marks where they go.
    **options
        Of nbconvert's ``IPythonRenderer``.

    Returns
    -------
    str
        With links to notebooks and to Markdown files led to the pages made of them, and tables in
        boxes that scroll.
    """
    made = MarkdownWithMath(renderer=_Renderer(formulas, **options)).render(text)
    return boxed(relinked(made))


def relinked(body: str) -> str:
    """Lead links that end in ``.ipynb`` or ``.md`` to the HTML beside them."""
    return NEW.sub(lambda m: f'{m[1]}{m[2]}.html{m[3] or ""}"', body)


def boxed(body: str) -> str:
    """Put each table into a box that scrolls where the page is too narrow for it."""

    def box(table: re.Match[str]) -> str:
        plain = table[0].replace("\\|", "|")  # the parser leaves it so inside of code
        return f'<div class="scroll">{plain}</div>'

    return TABLE.sub(box, body)


def title_of(body: str) -> str:
    """Return the plain text of the first heading of a page, formulas left out."""
    found = HEADING.search(body)
    if found is None:
        return "mixedwidgets"
    plain = MARK.sub("", re.sub(r"<[^>]+>", "", found[1]))
    return html.unescape(plain).strip()


def framed(page: Page, menus: tuple[Menu, ...], home: str) -> str:
    """Return the whole HTML of a page.

    Parameters
    ----------
    page : Page
    menus : tuple of Menu
        What the navigation offers.
    home : str
        Path of the page that the name of the project leads to.
    """
    here = posixpath.dirname(page.path)

    def to(path: str) -> str:
        return posixpath.relpath(path, here or ".")

    return _template().render(
        page=page,
        home=to(home),
        style=stylesheet(),
        formula_style=to(STYLE) if MARK.search(page.body) else None,
        menus=[
            {
                "title": menu.title,
                "links": [(to(path), words, path == page.path) for path, words in menu.links],
            }
            for menu in menus
        ],
    )


def stylesheet() -> str:
    """Return the style sheet of every page, with the colours of code for light and dark."""
    light = HtmlFormatter(style="xcode").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    plain = r"^(?:pre|td|span)\b.*\n|^\.highlight \{.*\n|background(?:-color)?:[^;}]+;?"
    light, dark = (re.sub(plain, "", style, flags=re.MULTILINE) for style in (light, dark))
    own = (THEME / "style.css").read_text()
    return f"{own}\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def write(folder: Path, pages: dict[str, str]) -> None:
    """Write pages, path -> HTML, into a folder."""
    for path, text in pages.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(THEME)
    environment = jinja2.Environment(
        loader=loader, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("page.html.j2")
