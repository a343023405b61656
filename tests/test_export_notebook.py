"""The saved notebook: valid, the same each time, runs, checks its data, keeps names in quotes."""

from __future__ import annotations

import ast
import hashlib
import json
import os
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import mixedwidgets as mw
from mixedwidgets.export_code import CALLS, called
from mixedwidgets.export_notebook import notebook, save_notebook, surface_pair
from mixedwidgets.plots import figures
from tests.test_export import IN_FILES, hostile_data

SLEEP = mw.load("sleepstudy")
MODEL = "Reaction ~ Days + (Days | Subject)"
STATE = {"response": "Reaction", "group": "Subject", "fixed": ["Days"], "slopes": ["Days"]}


@pytest.fixture(scope="module")
def fit() -> mw.Fit:
    return mw.lmer(MODEL, SLEEP, REML=False)


def code_of(nb) -> str:
    return "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")


def executed(path: Path, more: str = ""):
    """The notebook run in its folder, warnings as errors, and what the code added to it prints."""
    nb = nbformat.read(path, as_version=4)
    nb.cells.append(nbformat.v4.new_code_cell(more))
    client = NotebookClient(
        nb, timeout=60, startup_timeout=60, resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute(env=os.environ | {"PYTHONWARNINGS": "error::FutureWarning"})
    outputs = [o for c in nb.cells if c.cell_type == "code" for o in c.outputs]
    assert [o for o in outputs if o.get("name") == "stderr"] == []
    return nb, "".join(o.text for o in nb.cells[-1].outputs if o.output_type == "stream")


class TestNotebook:
    def test_it_is_valid_clean_and_the_same_each_time(self, fit):
        nb = notebook(fit, state=STATE)
        nbformat.validate(nb)
        assert (nb.nbformat, nb.nbformat_minor) == (4, 5)
        assert nbformat.writes(nb) == nbformat.writes(notebook(fit, state=STATE))
        assert len({cell.id for cell in nb.cells}) == len(nb.cells)
        for cell in nb.cells:
            if cell.cell_type == "code":
                assert cell.outputs == []
                assert cell.execution_count is None
        assert nb.metadata == {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }

    def test_an_identifier_is_of_place_and_content(self, fit):
        nb = notebook(fit)
        for place, cell in enumerate(nb.cells):
            text = f"{place} {cell.cell_type} {cell.source}".encode()
            assert cell.id == f"c{hashlib.sha256(text).hexdigest()[:15]}"
        other = notebook(fit, question="Do they tire?")
        same = [a.id == b.id for a, b in zip(nb.cells, other.cells, strict=True)]
        assert same == [False, *[True] * (len(same) - 1)]

    def test_it_says_what_it_is_about(self, fit):
        first = notebook(fit, question="Do they *tire*?").cells[0].source
        assert first == f"# A linear mixed model\n\nDo they *tire*?\n\n```\n{MODEL}\n```"
        text = "\n".join(c.source for c in notebook(fit).cells if c.cell_type == "markdown")
        assert "How does `Reaction` depend" in text
        assert "Fitted by maximum likelihood (ML)." in text
        assert "boundary" not in text

    def test_what_a_boundary_fit_is(self):
        fit = mw.lmer("Yield ~ 1 + (1 | Batch)", mw.load("dyestuff2"))
        text = "\n".join(c.source for c in notebook(fit).cells if c.cell_type == "markdown")
        assert "It is a boundary fit" in text
        assert "restricted maximum likelihood" in text

    def test_only_calls_that_are_expected(self, fit):
        tree = ast.parse(code_of(notebook(fit, state=STATE)))
        found = {called(node) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert found <= CALLS
        assert found == {
            *("mw.load", "mw.fingerprint", "mw.lmer", "mw.explore", "abs", "max"),
            *("fit.summary", "fit.profile", "profiles.confint", "fit.surface"),
            *("fit.shrinkage_table", "fit.caterpillar_table"),
            *("figures.zeta", "figures.surface", "figures.shrinkage", "figures.caterpillar"),
        }

    def test_the_surface_is_of_two_parameters_that_have_one(self):
        one = mw.lmer("Reaction ~ Days + (1 | Subject)", SLEEP)
        assert [p.name for p in surface_pair(one)] == ["sd_(Intercept)|Subject", "sigma"]
        crossed = mw.lmer("diameter ~ 1 + (1 | plate) + (1 | sample)", mw.load("penicillin"))
        nb = notebook(crossed)
        assert "figures.shrinkage(fit.shrinkage_table('plate'))" in code_of(nb)
        assert "figures.caterpillar(fit.caterpillar_table('sample'))" in code_of(nb)

    def test_data_without_a_source_leave_nothing_in_it(self):
        random = np.random.default_rng(1)
        g = np.repeat([f"patient {i}" for i in range(8)], 5)
        data = pd.DataFrame({"y": random.normal(size=40), "g": pd.Categorical(g), "secret": g})
        nb = notebook(mw.lmer("y ~ 1 + (1 | g)", data))
        text = nbformat.writes(nb)
        assert "patient" not in text
        assert "secret" not in text
        assert 'pd.read_csv(\\"your_data.csv\\")' in text
        assert mw.fingerprint(data) in text


class TestRuns:
    def test_a_bundled_data_set_in_the_same_state(self, fit, tmp_path):
        rows = [("Days", ">", 1)]
        chosen = SLEEP[SLEEP["Days"] > 1]
        part = mw.lmer(MODEL, chosen, REML=False)
        path = save_notebook(tmp_path / "a.ipynb", part, SLEEP, rows=rows, state=STATE)
        nb, printed = executed(path, "print(fit.loglik, explorer.fit.loglik, explorer.formula)")
        one, other, formula = printed.strip().split(maxsplit=2)
        assert [float(one), float(other)] == pytest.approx([part.loglik] * 2, rel=1e-12)
        assert formula == MODEL
        kinds = [set(o.data) for c in nb.cells for o in c.get("outputs", []) if "data" in o]
        assert sum("image/png" in kind for kind in kinds) == 4
        assert sum("text/html" in kind for kind in kinds) == 3
        told = [
            o.metadata["image/png"]["alt"]
            for c in nb.cells
            for o in c.get("outputs", [])
            if "image/png" in o.get("data", {})
        ]
        assert figures.shrinkage(part.shrinkage_table()).description in told

    @pytest.mark.parametrize("names", [IN_FILES[i : i + 9] for i in range(0, len(IN_FILES), 9)])
    def test_hostile_names_with_the_data_beside(self, names, tmp_path):
        data, spec = hostile_data(names)
        hostile = mw.lmer(spec, data)
        path = save_notebook(tmp_path / "it's {0}.ipynb", hostile, with_data=True)
        nb, printed = executed(path, "print(fit.loglik, ascii(fit.formula))")
        loglik, formula = printed.strip().split(maxsplit=1)
        assert float(loglik) == pytest.approx(hostile.loglik, rel=1e-12)
        assert formula == ascii(str(spec))
        assert sorted(p.name for p in tmp_path.iterdir()) == ["it's {0}.csv", "it's {0}.ipynb"]
        for cell in nb.cells:
            assert all(c.isprintable() or c == "\n" for c in cell.source)

    def test_data_that_differ_are_told_in_one_sentence(self, tmp_path):
        data = SLEEP.assign(Reaction=SLEEP["Reaction"].round(1))
        path = save_notebook(tmp_path / "a.ipynb", mw.lmer(MODEL, data), with_data=True)
        table = tmp_path / "a.csv"
        table.write_text(table.read_text().replace("249.6", "249.7", 1))
        with pytest.raises(CellExecutionError) as caught:
            executed(path)
        start = mw.fingerprint(data)[:8]
        assert (caught.value.ename, caught.value.evalue) == (
            "AssertionError",
            "These are not the data of the saved analysis, which had 180 rows and 3 columns and "
            f"the fingerprint {start}...; read the same file, or remove this cell to go on with "
            "other data.",
        )

    def test_another_likelihood_is_told(self, fit, tmp_path):
        path = save_notebook(tmp_path / "a.ipynb", fit)
        path.write_text(path.read_text().replace("REML=False", "REML=True"))
        with pytest.raises(CellExecutionError, match="is not that of the saved analysis, so"):
            executed(path)

    def test_a_file_is_found_from_the_folder_of_the_notebook(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("data").mkdir()
        Path("notebooks").mkdir()
        SLEEP.to_csv("data/s.csv", index=False)
        data = pd.read_csv("data/s.csv", dtype={"Subject": SLEEP["Subject"].dtype})
        read = mw.lmer(MODEL, data.assign(Days=data["Days"]))
        path = save_notebook("notebooks/a", read, data, source="data/s.csv")
        assert path == Path("notebooks/a.ipynb")
        assert "'../data/s.csv'" in code_of(nbformat.read(path, as_version=4))
        _, printed = executed(path, "print(fit.loglik)")
        assert float(printed) == pytest.approx(read.loglik, rel=1e-12)


class TestSaving:
    def test_it_does_not_overwrite_unless_told(self, fit, tmp_path):
        path = tmp_path / "a.ipynb"
        path.write_text("precious")
        with pytest.raises(mw.DataError, match=r"exists already; give another name, or overwrite="):
            save_notebook(path, fit)
        assert path.read_text() == "precious"
        save_notebook(path, fit, overwrite=True)
        assert json.loads(path.read_text())["nbformat"] == 4

    def test_nor_the_data(self, fit, tmp_path):
        (tmp_path / "a.csv").write_text("precious")
        with pytest.raises(mw.DataError, match=r"a\.csv' exists already"):
            save_notebook(tmp_path / "a.ipynb", fit, with_data=True)
        assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
        assert (tmp_path / "a.csv").read_text() == "precious"

    def test_what_cannot_be_kept_leaves_no_file(self, tmp_path):
        data = SLEEP.assign(many=[[1]] * 180)
        with pytest.raises(mw.DataError, match="that a CSV file cannot give back"):
            save_notebook(tmp_path / "a.ipynb", mw.lmer(MODEL, data), with_data=True)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("path", "sentence"),
        [
            ("nowhere/a.ipynb", r"^There is no folder '.*nowhere' to save a notebook in; make it"),
            ("folder.ipynb", r"folder\.ipynb' is a folder; give another name\.$"),
            ("", r"^'' is no name of a file; give one such as 'analysis\.ipynb'\.$"),
            (None, r"^None is no name of a file"),
            ("n" * 300, r"cannot be written \(File name too long\); choose another place\.$"),
        ],
    )
    def test_places_where_nothing_can_be_saved(self, fit, path, sentence, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("folder.ipynb").mkdir()
        with pytest.raises(mw.DataError, match=sentence):
            save_notebook(path, fit, overwrite=True)
        assert [p.name for p in tmp_path.iterdir()] == ["folder.ipynb"]

    def test_the_same_file_each_time(self, fit, tmp_path):
        one = save_notebook(tmp_path / "a.ipynb", fit, with_data=True)
        first = one.read_bytes(), one.with_suffix(".csv").read_bytes()
        save_notebook(one, fit, with_data=True, overwrite=True)
        assert (one.read_bytes(), one.with_suffix(".csv").read_bytes()) == first


class TestFigures:
    @pytest.mark.parametrize("name", ["shrinkage", "caterpillar"])
    def test_of_groups(self, fit, name):
        table = getattr(fit, f"{name}_table")()
        figure = getattr(figures, name)(table)
        assert figure.get_size_inches().tolist() == [8.2, 4.3]
        assert "18" in figure.description
        assert figure._repr_png_().startswith(b"\x89PNG")
        with pytest.raises(mw.DataError, match=f"give fit.{name}_table"):
            getattr(figures, name)(fit)
        with pytest.raises(mw.ModelError, match="no grouping factor 'school'"):
            getattr(fit, f"{name}_table")("school")
