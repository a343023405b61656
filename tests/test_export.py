"""The script that repeats a fit: it runs, and no name can get out of its quotes."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.export import bundled_name, script
from mixedwidgets.lmm.spec import ModelSpec

HOSTILE = [
    "it's",
    'say "hi"',
    "'''",
    '"""',
    "two\nlines",
    "a\r\nb",
    "tab\there",
    "`tick`",
    "back\\slash",
    "a{b}",
    "{0}",
    "%s",
    "<script>alert(1)</script>",
    "__import__('os').system('x')",
    "');__import__('os').system('x')#",
    "\U0001f600 smile",
    "right\u202eto left",
    "\x00",
    "n" * 200,
    "a|b",
    "a ~ b",
    "-1",
    " ",
    "TRUE",
    "(Intercept)",
]


def calls(source: str) -> list[str]:
    """Everything that a script calls."""
    tree = ast.parse(source)
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


class TestBundledName:
    @pytest.mark.parametrize("name", ["wheat", "schools", "sleepstudy", "dyestuff", "dyestuff2"])
    def test_a_bundled_data_set_is_known_again(self, name):
        assert bundled_name(mw.load(name)) == name

    @pytest.mark.parametrize(
        "change",
        [
            lambda d: d.iloc[::-1],
            lambda d: d.iloc[:-1],
            lambda d: d.assign(Days=d["Days"] + 1),
            lambda d: d.assign(more=1),
            lambda d: d[["Days", "Reaction", "Subject"]],
            lambda d: d.rename(columns={"Days": "days"}),
            lambda d: d.assign(Subject=d["Subject"].astype(str)),
            lambda d: d.assign(Reaction=d["Reaction"].where(d.index > 0)),
        ],
    )
    def test_a_changed_one_is_not(self, change):
        assert bundled_name(change(mw.load("sleepstudy"))) is None

    def test_any_other_data(self):
        assert bundled_name(pd.DataFrame({"y": [1.0]})) is None


class TestScript:
    def test_bundled_data(self):
        assert script("Yield ~ 1 + (1 | Batch)", False, "dyestuff") == (
            "import mixedwidgets as mw\n"
            "\n"
            "data = mw.load('dyestuff')\n"
            "fit = mw.lmer('Yield ~ 1 + (1 | Batch)', data, REML=False)\n"
            "print(fit.summary())\n"
            'print(fit.confint(method="profile"))\n'
        )

    def test_reml_is_the_default_of_lmer(self):
        assert "REML" not in script("y ~ 1 + (1 | g)", True, None)

    def test_own_data_are_read_from_a_file_to_be_named(self):
        source = script("y ~ 1 + (1 | g)", True, None)
        assert calls(source) == [
            *("pd.read_csv", "mw.lmer", "print", "print", "fit.summary", "fit.confint")
        ]
        assert "Read and prepare your data" in source

    @pytest.mark.parametrize("reml", [True, False])
    def test_it_runs_on_its_own_and_prints_the_same_fit(self, reml, tmp_path):
        formula = "Reaction ~ Days + (Days | Subject)"
        path = tmp_path / "analysis.py"
        path.write_text(script(formula, reml, "sleepstudy"), encoding="utf-8")
        run = subprocess.run(
            [sys.executable, "-W", "error", path], capture_output=True, text=True, check=False
        )
        assert (run.returncode, run.stderr) == (0, "")
        fit = mw.lmer(formula, mw.load("sleepstudy"), REML=reml)
        assert run.stdout == f"{fit.summary()}\n{fit.confint(method='profile')}\n"

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_hostile_name_stays_in_its_quotes(self, name, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        random = np.random.default_rng(0)
        g = np.repeat(np.arange(8), 10)
        y = random.normal(size=8)[g] + random.normal(size=80)
        data = pd.DataFrame({name: y, f"{name}x": random.normal(size=80), f"{name}g": g})
        spec = ModelSpec.of(name, [f"{name}x"], [f"{name}x"], f"{name}g")
        source = script(str(spec), False, None)
        assert calls(source) == calls(script("y ~ x", False, None))
        assert source.isprintable() or all(c.isprintable() for c in source.replace("\n", ""))
        (formula,) = (
            node.args[0].value
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "mw.lmer"
        )
        # Reading a CSV cannot give back every one of these names, so the table is handed over.
        monkeypatch.setattr(pd, "read_csv", lambda path: data)
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(source, "script", "exec"), {})
        fit = mw.lmer(formula, data, REML=False)
        assert printed.getvalue().startswith(str(fit.summary()))
        assert fit.formula == str(spec)
        assert list(Path(tmp_path).iterdir()) == []
