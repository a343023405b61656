"""The script that repeats a fit: it runs, and no name can get out of its quotes."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets.export import Exported, Source, script
from mixedwidgets.export_code import call, checked, imports_of, literal, rows_where
from mixedwidgets.export_data import bundled_name, read, source_of, write_csv
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


# Before pandas 3, reading a CSV file ends a text at a NUL; writing such data is refused then.
IN_FILES = [name for name in HOSTILE if name != "\x00" or int(pd.__version__.split(".")[0]) > 2]


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


def run(path: Path) -> str:
    """What a script prints, run on its own in its folder, with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", path.name],
        cwd=path.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def hostile_data(names: list[str]) -> tuple[pd.DataFrame, ModelSpec]:
    """Data and a model in which every column has a hostile name: response, slope, group first."""
    random = np.random.default_rng(len(names))
    response, slope, group, *others = names
    g = np.repeat(np.arange(8), 10)
    columns = {name: random.normal(size=80) for name in names}
    columns[response] = columns[slope] * random.normal(1, 0.5, 8)[g] + random.normal(size=80)
    columns[group] = np.array([f"{name}{i}" for i, name in enumerate(names * 8)])[g]
    data = pd.DataFrame(columns)
    return data, ModelSpec.of(response, [slope, *others], [slope], group)


def in_fives(names: list[str]) -> list[list[str]]:
    return [names[i : i + 5] for i in range(0, len(names), 5)]


class TestHostileScripts:
    @pytest.mark.parametrize("names", in_fives(IN_FILES))
    def test_a_script_run_on_its_own_gives_the_same_likelihood(self, names, tmp_path):
        data, spec = hostile_data(names)
        fit = mw.lmer(spec, data, REML=False)
        source = write_csv(data, tmp_path / "data.csv")
        source = script(replace(Exported.of(fit, data), source=source))
        path = tmp_path / "analysis.py"
        path.write_text(
            f"{source}print(repr(fit.loglik))\nprint(ascii(fit.formula))\n", encoding="utf-8"
        )
        *_, loglik, formula = run(path).splitlines()
        assert float(loglik) == pytest.approx(fit.loglik, rel=1e-12)
        assert formula == ascii(fit.formula)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["analysis.py", "data.csv"]


SLEEP = mw.load("sleepstudy")


class TestOptions:
    def test_only_what_is_not_default(self):
        fit = mw.lmer("Reaction ~ Days + (1 | Subject)", SLEEP, control=mw.Control(starts=1))
        assert "fit = mw.lmer('Reaction ~ Days + (1 | Subject)', data)\n" in script(
            Exported.of(fit)
        )

    def test_everything_runs_to_the_same_fit(self, tmp_path):
        data = mw.load("cake").assign(
            w=lambda d: 1.0 + d["temp"] % 3, o=lambda d: d["temp"] / 100.0, ok=True
        )
        fit = mw.lmer(
            "angle ~ recipe + temp + (1 | replicate)",
            data[(data["temp"] != 185) & data["recipe"].isin(["A", "B"])],
            REML=False,
            control={"starts": 3},
            weights="w",
            offset="o",
            subset="ok",
            na_action="exclude",
            contrasts={"recipe": "sum"},
        )
        rows = [("temp", "!=", 185), ("recipe", "is one of", ["A", "B"])]
        what = Exported.of(fit, data, rows=rows)
        (tmp_path / "a.py").write_text(
            script(replace(what, source=write_csv(data, tmp_path / "cake.csv")))
            + "print(repr(fit.loglik))\n"
        )
        assert float(run(tmp_path / "a.py").splitlines()[-1]) == pytest.approx(
            fit.loglik, rel=1e-12
        )
        assert what.fitting() == (
            "fit = mw.lmer(\n"
            "    'angle ~ recipe + temp + (1 | replicate)',\n"
            "    data,\n"
            "    REML=False,\n"
            "    control=mw.Control(starts=3),\n"
            "    subset='ok',\n"
            "    weights='w',\n"
            "    offset='o',\n"
            "    na_action='exclude',\n"
            "    contrasts={'recipe': 'sum'},\n"
            ")"
        )

    @pytest.mark.parametrize(
        "matrix",
        [
            np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]),
            pd.DataFrame([[1, 0], [0, 1], [-1, -1]], index=["A", "B", "C"], columns=["p", "q"]),
        ],
    )
    def test_contrasts_as_a_matrix(self, matrix, tmp_path):
        fit = mw.lmer(
            "angle ~ recipe + (1 | replicate)", mw.load("cake"), contrasts={"recipe": matrix}
        )
        path = tmp_path / "a.py"
        path.write_text(script(Exported.of(fit)) + "print(list(fit.fixef.index))\n")
        assert run(path).splitlines()[-1] == str(list(fit.fixef.index))

    def test_weights_given_by_their_values(self):
        data = SLEEP.assign(w=2.0)
        model = "Reaction ~ Days + (1 | Subject)"
        assert Exported.of(mw.lmer(model, data, weights=data["w"])).weights == "w"
        with pytest.raises(
            mw.DataError, match=r"^The weights of this fit are in no column .* give its name\.$"
        ):
            Exported.of(mw.lmer(model, data, weights=np.full(180, 2.0)))

    def test_a_fit_without_a_data_frame(self):
        fit = mw.lmer("Reaction ~ Days + (1 | Subject)", {c: SLEEP[c] for c in SLEEP})
        with pytest.raises(mw.DataError, match=r"^This fit has no DataFrame .* a DataFrame\.$"):
            Exported.of(fit)


class TestRows:
    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            ([], "data"),
            ([("x", ">", 3)], "data[data['x'] > 3]"),
            ([("x", "<=", -np.float64(0.5))], "data[data['x'] <= -0.5]"),
            ([("x", "==", float("inf"))], "data[data['x'] == float('inf')]"),
            ([("g", "is one of", ("a", "b"))], "data[data['g'].isin(['a', 'b'])]"),
            ([("g", "!=", "a")], "data[(data['g'] != 'a') & data['g'].notna()]"),
            (
                [("x", ">", 3), ("b", "==", np.True_)],
                "data[(data['x'] > 3) & (data['b'] == True)]",
            ),
            (
                [("w", ">=", pd.Timestamp("2020-01-01"))],
                "data[data['w'] >= pd.Timestamp('2020-01-01T00:00:00')]",
            ),
            ([("it's", "==", 'a"]\n')], """data[data["it's"] == 'a"]\\n']"""),
        ],
    )
    def test_as_pandas_would_have_it(self, rows, expected):
        assert rows_where(rows) == expected

    def test_the_rows_are_those_of_the_conditions(self, tmp_path):
        rows = [("Days", ">", 1), ("Subject", "is one of", ["308", "309", "310"])]
        chosen = SLEEP[(SLEEP["Days"] > 1) & SLEEP["Subject"].isin(["308", "309", "310"])]
        fit = mw.lmer("Reaction ~ Days + (1 | Subject)", chosen)
        path = tmp_path / "a.py"
        path.write_text(
            script(Exported.of(fit, SLEEP, rows=rows)) + "print(fit.nobs, fit.loglik)\n"
        )
        nobs, loglik = run(path).splitlines()[-1].split()
        assert nobs == "24"
        assert float(loglik) == pytest.approx(fit.loglik, rel=1e-12)

    def test_an_operator_that_does_not_exist(self):
        with pytest.raises(mw.DataError, match=r"^'=' is no condition on a row .* is one of\.$"):
            rows_where([("x", "=", 3)])

    @pytest.mark.parametrize("value", [float("nan"), pd.NaT, object(), 1j, b"x", lambda: 0])
    def test_a_value_that_cannot_be_written(self, value):
        with pytest.raises(mw.DataError, match=r"cannot be written as"):
            rows_where([("x", "==", value)])


class TestLiteral:
    @pytest.mark.parametrize(
        "value",
        [
            *HOSTILE,
            *(None, True, 0, -3, 2**70, 1.5, -0.0, 1e-300, float("-inf"), np.int64(4)),
            *(np.str_("a'b"), [1, ["x"]], (), ("a'",), ("a", 2), {"a": [1.5], "b'": None}),
            *(pd.Timestamp("2020-05-01 10:00", tz="Europe/Berlin"), pd.Timedelta("1 days 2 s")),
            *(pd.Interval(0.5, 2.0, closed="left"), pd.CategoricalDtype(["b", "a"], ordered=True)),
            *(mw.Control(), mw.Control(starts=4, check_rank_x="stop")),
        ],
    )
    def test_it_gives_the_value_back(self, value):
        text = literal(value)
        assert all(c.isprintable() for c in text)
        given = eval(text, {"pd": pd, "mw": mw, "float": float, "__builtins__": {}})
        assert given == value
        assert str(given) == str(value)

    def test_text_that_lies_about_how_it_is_written(self):
        class Sly(str):
            def __repr__(self):
                return "print('gotcha')"

        assert literal(Sly("a")) == "'a'"


class TestChecked:
    @pytest.mark.parametrize(
        "source",
        [
            "__import__('os')",
            "import os",
            "from mixedwidgets import *",
            "mw.load('wheat').to_csv('x')",
            "data['x'].map(print)",
            "data.query('x > 3')",
            "pd.eval('1')",
            "open('x')",
            "fit = lambda: 0",
            "def f(): pass",
            "[x for x in data]",
            "print(f'{fit}')",
            "fit.__class__",
            "print(os)",
            "del data",
            "x = 3",
            "fit = (",
            "data['a\x00']",
        ],
    )
    def test_it_lets_nothing_else_pass(self, source):
        with pytest.raises(mw.MixedWidgetsError, match=r"^The code written for this model "):
            checked(source)

    def test_no_word_of_the_user_becomes_the_name_of_an_argument(self):
        with pytest.raises(mw.DataError, match=r"is no name of an argument"):
            call("mw.explore", **{"x=__import__('os')": 1})


class TestSource:
    def test_a_file_keeps_the_types_of_the_data(self, tmp_path):
        path = tmp_path / "my data.csv"
        path.write_text("y,g,id,when\n1.5,a,007,2020-01-01\n2.5,b,008,2020-01-02\n")
        data = pd.read_csv(path, dtype={"id": str}, parse_dates=["when"])
        data["g"] = pd.Categorical(data["g"], ["b", "a"])
        source = source_of(data, path)
        assert source.code() == [
            f"data = pd.read_csv(\n    {path.as_posix()!r},\n"
            "    dtype={'g': pd.CategoricalDtype(['b', 'a']), 'id': 'str'},\n)",
            "data['when'] = pd.to_datetime(data['when'])",
        ]
        assert mw.fingerprint(read(source)) == mw.fingerprint(data)

    @pytest.mark.parametrize(
        ("name", "reading"),
        [
            ("a.csv", "pd.read_csv('a.csv')"),
            ("b/a.csv.gz", "pd.read_csv('b/a.csv.gz')"),
            ("https://x.org/a.CSV", "pd.read_csv('https://x.org/a.CSV')"),
            ("a.tsv", "pd.read_csv('a.tsv', sep='\\t')"),
            ("a.parquet", "pd.read_parquet('a.parquet')"),
            ("it's.xlsx", 'pd.read_excel("it\'s.xlsx")'),
            ("a.dta", "pd.read_stata('a.dta')"),
        ],
    )
    def test_kinds_of_files(self, name, reading):
        assert source_of(pd.DataFrame({"x": [1.0]}), name).code() == [f"data = {reading}"]

    @pytest.mark.parametrize("name", ["a", "a.rds", "", "a.csv.rda", "a.gz"])
    def test_another_kind(self, name):
        with pytest.raises(mw.DataError, match=r"^source is .*; give the file .* \.sas7bdat\.$"):
            source_of(SLEEP, name)

    def test_a_bundled_data_set_is_known_without(self):
        assert source_of(SLEEP).code() == ["data = mw.load('sleepstudy')"]

    def test_seen_from_another_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        source = Source(path="data/a.csv")
        assert source.seen_from(Path("notebooks/old")).path == "../../data/a.csv"
        assert source.seen_from(Path("data")).path == "a.csv"
        for path in ("/data/a.csv", "https://x.org/a.csv", None):
            assert Source(path=path).seen_from(Path("b")).path == path


MANY_TYPES = pd.DataFrame(
    {
        "n": [1, 2, 3],
        "I": pd.array([1, None, 2**60 + 1], dtype="Int64"),
        "u": np.array([2**64 - 1, 2, 3], dtype=np.uint64),
        "x": [0.1, np.nan, 1e300 / 3],
        "inf": [np.inf, -np.inf, -0.0],
        "f32": np.array([0.1, 0.2, 0.3], dtype=np.float32),
        "t": ["x", None, ""],
        "NA": ["NA", "", None],
        "id": ["007", "1e3", "True"],
        "b": [True, False, True],
        "B": pd.array([True, None, False], dtype="boolean"),
        "bo": np.array([True, None, False], dtype=object),
        "w": pd.to_datetime(["2020-01-01", None, "2200-05-01 10:00:00.123"], format="ISO8601"),
        "z": pd.to_datetime(["2020-01-01", None, "2020-07-01"]).tz_localize("Europe/Berlin"),
        "d": pd.to_timedelta([1, None, 90.5], unit="s"),
        "c": pd.Categorical(["u", None, "v"], ["v", "u", "none"]),
        "o": pd.Categorical(["u", None, "v"], ["v", "u"], ordered=True),
        "s": pd.Categorical(["u", None, "v"]),
        "sn": pd.Categorical(["10", None, "9"]),
        "sb": pd.Categorical(["False", None, "True"]),
        "ci": pd.Categorical([3, None, 1], [3, 1, 2]),
        "cb": pd.Categorical([True, None, False], [True, False]),
        "cd": pd.Categorical(pd.to_datetime(["2020-01-01", None, "2021-01-01"])),
        "cut": pd.cut([1.0, 2.0, 3.5], [0, 2, 4]),
        "none": [None, None, None],
    }
)


def test_a_fingerprint_is_the_same_in_every_version_of_pandas():
    # The number that pandas 2.1.4 with NumPy 1.26.4 and pandas 3.1.1 with NumPy 2.4.6 both give.
    assert mw.fingerprint(MANY_TYPES) == (
        "3e2d08be7ffffff8bec7471f93b5b14d27defcb3f873fac70bb68c6ab563aae9"
    )


class TestCsv:
    def test_every_type_comes_back(self, tmp_path, monkeypatch):
        source = write_csv(MANY_TYPES, tmp_path / "a.csv")
        monkeypatch.chdir(tmp_path)
        again = read(source)
        assert mw.fingerprint(again) == mw.fingerprint(MANY_TYPES)
        for name in ("c", "o", "s", "sn", "sb", "ci", "cb", "cd", "cut", "z"):
            assert again[name].dtype == MANY_TYPES[name].dtype
        assert again["x"].tolist()[2] == 1e300 / 3

    def test_the_code_does_the_same(self, tmp_path):
        source = write_csv(MANY_TYPES, tmp_path / "a.csv")
        code = "\n".join(source.code())
        body = f"{imports_of(code)}\nimport mixedwidgets as mw\n{code}\nprint(mw.fingerprint(data))"
        (tmp_path / "a.py").write_text(body)
        assert run(tmp_path / "a.py").strip() == mw.fingerprint(MANY_TYPES)
        checked(code)

    @pytest.mark.parametrize(
        "text", [*IN_FILES, "", "\r", "\ufeff", "#c", "NA", '"', "a,b", "\x1a"]
    )
    def test_hostile_names_texts_and_levels(self, text, tmp_path):
        levels = ["b", text, "c"]
        data = pd.DataFrame(
            {text: [1.5, np.nan, 3], "t": [text, None, "b"], f"{text}g": pd.Categorical(levels)}
        )
        data[f"{text}g"] = data[f"{text}g"].cat.set_categories(levels)
        write_csv(data, tmp_path / "a.csv")  # which refuses what does not come back

    @pytest.mark.parametrize(
        ("data", "what"),
        [
            ({"l": [[1], [2]]}, "holds values of a kind (mixed) that a CSV file cannot give back"),
            ({"z": [1 + 2j]}, "holds values of a kind (complex) that"),
            ({"m": np.array([1, "a"], dtype=object)}, "holds values of a kind (mixed-integer)"),
            ({"p": pd.period_range("2020", periods=2)}, "holds values of a kind (period) that"),
            ({"\ud800": [1]}, "These data cannot be kept in a CSV file"),
            ({("a", "b"): [1]}, "which ('a', 'b') is not; rename the columns"),
            ({"c": pd.Categorical([1, "1"])}, "The categories of 'c' are not all different"),
        ],
    )
    def test_what_it_cannot_keep(self, data, what, tmp_path):
        with pytest.raises(mw.DataError) as caught:
            write_csv(pd.DataFrame(data), tmp_path / "a.csv")
        assert what in str(caught.value)
        assert str(caught.value).endswith(".")
        assert list(tmp_path.iterdir()) == []

    def test_two_columns_of_one_name(self, tmp_path):
        data = pd.DataFrame([[1, 2]], columns=["x", "x"])
        with pytest.raises(mw.DataError, match=r"^Two columns are called 'x'; rename one of them"):
            write_csv(data, tmp_path / "a.csv")
