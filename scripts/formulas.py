"""Formulas in TeX as HTML that needs no script and no network, set by KaTeX when pages are made.

KaTeX comes from npm, in the version and with the checksum that ``scripts/katex`` names, into
``build/katex``. A page with formulas links to its style sheet, which has the fonts beside it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "scripts/katex"
BUILT = ROOT / "build/katex"
KATEX = BUILT / "node_modules/katex"
MARK = re.compile("\ue000([0-9]+)\ue001")
STYLE = "katex/katex.min.css"


class FormulaProblem(Exception):
    """Formulas cannot be set; the message is for whoever makes the site."""


@dataclass
class Formulas:
    """Formulas of pages: marks while the pages are written, all set at once at the end.

    Attributes
    ----------
    asked : list of dict
        ``{"tex": ..., "display": ...}`` of each mark given out.
    """

    asked: list[dict[str, str | bool]] = field(default_factory=list)

    def mark(self, tex: str, display: bool) -> str:
        """Return a mark to stand in a page for a formula, in a line of its own or not."""
        self.asked.append({"tex": tex.strip(), "display": display})
        return f"\ue000{len(self.asked) - 1}\ue001"

    def fill(self, pages: dict[str, str]) -> dict[str, str]:
        """Put the formulas into pages.

        Parameters
        ----------
        pages : dict
            Path -> HTML with marks.

        Returns
        -------
        dict
            The same without marks.

        Raises
        ------
        FormulaProblem
            KaTeX could not be had, or a formula cannot be read.
        """
        if not self.asked:
            return pages
        made = typeset(self.asked)
        return {path: MARK.sub(lambda m: made[int(m[1])], page) for path, page in pages.items()}


def typeset(formulas: list[dict[str, str | bool]]) -> list[str]:
    """Return the HTML of each formula, with MathML in it for screen readers.

    Raises
    ------
    FormulaProblem
        KaTeX could not be had, or a formula cannot be read.
    """
    fetch()
    done = subprocess.run(
        ["node", str(SOURCE / "typeset.cjs"), str(BUILT)],
        input=json.dumps(formulas),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reason = re.search(r"^\w*Error: .*", done.stderr, re.MULTILINE)
        raise FormulaProblem(f"A formula cannot be set: {reason[0] if reason else done.stderr}")
    made: list[str] = json.loads(done.stdout)
    return made


def fetch() -> None:
    """See that KaTeX is in ``build/katex``.

    Raises
    ------
    FormulaProblem
        Node.js or npm is missing, or npm cannot install it.
    """
    if _wanted() == _present():
        return
    if not (shutil.which("node") and shutil.which("npm")):
        raise FormulaProblem(
            "Node.js and npm set the formulas of the site and one of them is missing; on Debian or "
            "Ubuntu install them with: apt-get install nodejs npm"
        )
    BUILT.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCE / name, BUILT)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(BUILT)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise FormulaProblem(f"npm could not install KaTeX: {done.stderr.strip()[-500:]}")


def copy_style(folder: Path) -> None:
    """Copy KaTeX's style sheet and the fonts that browsers of today read into a folder."""
    (folder / "katex/fonts").mkdir(parents=True, exist_ok=True)
    style = (KATEX / "dist/katex.min.css").read_text()
    style = re.sub(r',url\([^)]*\.(?:woff|ttf)\) format\("[a-z]+"\)', "", style)
    (folder / STYLE).write_text(style)
    for font in (KATEX / "dist/fonts").glob("*.woff2"):
        shutil.copy(font, folder / "katex/fonts")


def _wanted() -> str:
    dependencies: dict[str, str] = json.loads((SOURCE / "package.json").read_text())[
        "devDependencies"
    ]
    return dependencies["katex"]


def _present() -> str | None:
    about = KATEX / "package.json"
    return json.loads(about.read_text())["version"] if about.exists() else None
