"""Make the documentation: ``python -m scripts.make_docs`` writes HTML beside ``docs/*.md``.

The pages written by hand and the reference made of docstrings, as HTML that needs no script and
no network.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from scripts import reference
from scripts.formulas import FormulaProblem, Formulas, copy_style
from scripts.pages import Menu, Page, framed, markdown, title_of, write

DOCS = Path(__file__).resolve().parent.parent / "docs"
HAND = ("index", "side-by-side", "accuracy-speed-coverage")
TOOL = re.compile(r"<p><strong>(lme4|statsmodels|mixedwidgets)</strong>(.*?)</p>", re.DOTALL)
TASK_ENDS = re.compile(r"(?=<h[23][ >])")


def pages(formulas: Formulas, folder: str = "") -> list[Page]:
    """Return the pages of the documentation.

    Parameters
    ----------
    formulas : Formulas
        Collects their formulas.
    folder : str
        Where they go in the folder of all pages: "", or a name with a slash behind it.

    Returns
    -------
    list of Page
    """
    found = reference.pages(f"{folder}reference")
    listing = "".join(
        f'<li><a href="reference/{page.path.rpartition("/")[2]}">{page.title}</a></li>'
        for page in found
    )
    by_hand = []
    for name in HAND:
        body = markdown((DOCS / f"{name}.md").read_text(encoding="utf-8"), formulas)
        body = in_columns(body.replace("<p>[reference]</p>", f"<ul>{listing}</ul>"))
        kind = "wide" if 'class="side-by-side"' in body or name.startswith("acc") else "prose"
        by_hand.append(Page(f"{folder}{name}.html", title_of(body), body, kind))
    return by_hand + found


def menus(found: list[Page]) -> tuple[Menu, ...]:
    """Return the navigation through the pages of the documentation."""
    parts: dict[bool, list[tuple[str, str]]] = {False: [], True: []}
    for page in found:
        parts["reference/" in page.path].append((page.path, page.title))
    return Menu("Documentation", tuple(parts[False])), Menu("Reference", tuple(parts[True]))


def in_columns(body: str) -> str:
    """Put what stands under the names of tools side by side, one column for each."""
    return "".join(_columns(task) for task in TASK_ENDS.split(body))


def _columns(task: str) -> str:
    before, *cells = TOOL.split(task)
    if not cells:
        return task
    columns = "".join(
        f"<section><h4>{tool}</h4>{f'<p>{words.strip().capitalize()}</p>' if words else ''}"
        f"{code}</section>"
        for tool, words, code in zip(cells[::3], cells[1::3], cells[2::3], strict=True)
    )
    return f'{before}<div class="side-by-side">{columns}</div>'


def main() -> int:
    """Write the documentation and return the exit status."""
    formulas = Formulas()
    found = pages(formulas)
    framed_pages = {page.path: framed(page, menus(found), "index.html") for page in found}
    try:
        made = formulas.fill(framed_pages)
    except FormulaProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    if formulas.asked:
        copy_style(DOCS)
    write(DOCS, made)
    print(f"{len(made)} pages; open {DOCS / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
