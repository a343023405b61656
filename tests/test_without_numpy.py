"""What works where numpy, pandas and scipy are missing, as in a browser before they are fetched."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from mixedwidgets.export import script
from mixedwidgets.lmm.coding import MATRICES
from mixedwidgets.lmm.control import Control
from mixedwidgets.lmm.settings import CODINGS
from tests.homework_text import HOMEWORK

MISSING = [
    *("numpy", "scipy", "pandas", "matplotlib", "PIL"),
    *("ipywidgets", "anywidget", "traitlets", "IPython", "nbformat"),
]
PARTS = [
    *("mixedwidgets", "mixedwidgets.errors", "mixedwidgets.lmm.control"),
    *("mixedwidgets.lmm.formula", "mixedwidgets.lmm.spec", "mixedwidgets.lmm.update"),
    *("mixedwidgets.export_code", "mixedwidgets.export_source", "mixedwidgets.export"),
    *("mixedwidgets.homework.cells", "mixedwidgets.homework.identity"),
    *("mixedwidgets.homework.page", "mixedwidgets.homework.reading"),
]
FORMULA = "score ~ ses + C(kind, sum) + bs(age, df = 5) + (ses | school) + (1 | district)"

ROWS = [("size", ">", 3), ("kind", "is one of", ["a", "b"])]


def run(code: str) -> str:
    """Run code where none of the missing packages can be imported; return what it prints."""
    block = f"import sys\nsys.modules.update(dict.fromkeys({MISSING!r}))\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block + code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_parts_without_numbers_can_be_imported() -> None:
    run("\n".join(f"import {part}" for part in PARTS))


def test_a_formula_is_read_and_printed_and_read_again() -> None:
    code = (
        "from mixedwidgets.lmm.formula import parse\n"
        f"spec = parse({FORMULA!r})\n"
        "assert parse(str(spec)) == spec\n"
        "print(spec, [str(term) for term in spec.random], sep='\\n')"
    )
    printed, random = run(code).splitlines()
    assert printed == FORMULA
    assert ast.literal_eval(random) == ["ses | school", "1 | district"]


def test_a_bad_formula_gets_its_sentence_and_caret() -> None:
    code = (
        "import mixedwidgets as mw\n"
        "from mixedwidgets.lmm.formula import parse\n"
        "try:\n    parse('y ~ C(g, sam) + (1 | h)')\n"
        "except mw.FormulaError as error:\n    print(error)"
    )
    printed = run(code)
    assert "The contrasts in C() are one of treatment, sum, helmert, poly, sas, not sam" in printed
    assert "^" in printed


def test_a_formula_is_changed() -> None:
    code = (
        "from mixedwidgets.lmm.formula import parse\n"
        "from mixedwidgets.lmm.update import update_formula\n"
        f"print(update_formula(parse({FORMULA!r}), '. ~ . - ses'))"
    )
    assert run(code).startswith("score ~ C(kind, sum)")


def test_a_script_is_written() -> None:
    code = (
        "from mixedwidgets.export import script\n"
        "from mixedwidgets.lmm.control import Control\n"
        f"print(script({FORMULA!r}, False, path='schools.csv', weights='w', rows={ROWS!r},"
        " control=Control(starts=3)), end='')"
    )
    written = run(code)
    assert "mw.Control(starts=3)" in written
    assert "data[(data['size'] > 3) & data['kind'].isin(['a', 'b'])]" in written
    assert written == script(
        FORMULA, False, path="schools.csv", weights="w", rows=ROWS, control=Control(starts=3)
    )


def test_a_homework_is_read_checked_and_recorded() -> None:
    assert run(HOMEWORK) == "## Schools\n"


def test_every_coding_that_a_formula_may_name_has_a_matrix() -> None:
    assert tuple(MATRICES) == CODINGS


def test_no_thread_is_started(repository: Path) -> None:
    """Pyodide has none: a lock is all that may be taken from ``threading``."""
    allowed = {"RLock", "Lock"}
    for path in (repository / "mixedwidgets").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
                assert not names & {"concurrent.futures", "multiprocessing", "_thread"}, path
            elif isinstance(node, ast.ImportFrom):
                top = (node.module or "").split(".")[0]
                assert top not in {"threading", "concurrent", "multiprocessing"}, path
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert node.value.id != "threading" or node.attr in allowed, path
