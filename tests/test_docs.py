"""The pages of the documentation: what stands in them runs, and agrees."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mixedwidgets as mw
from mixedwidgets import likelihood

pytest.importorskip("pdoc", reason="pdoc is not installed")

from scripts import make_docs
from scripts.formulas import Formulas
from scripts.pages import Page, framed

smf = pytest.importorskip("statsmodels.formula.api", reason="statsmodels is not installed")

PAGE = Path(__file__).resolve().parents[1] / "docs/side-by-side.md"
CELL = re.compile(
    r"^\*\*(?P<tool>lme4|statsmodels|mixedwidgets)\*\*(?P<words>.*?)\n"
    r"(?:\n```(?P<language>\w+)\n(?P<code>.*?)\n```\n)?",
    re.MULTILINE | re.DOTALL,
)
LANGUAGES = {"lme4": "r", "statsmodels": "python", "mixedwidgets": "python"}
OURS, THEIRS = "mixedwidgets", "statsmodels"


@dataclass(frozen=True)
class Task:
    """A task of the page.

    Attributes
    ----------
    name : str
        Its heading.
    cells : dict
        Name of the tool -> (the words beside its name, its code or None).
    """

    name: str
    cells: dict[str, tuple[str, str | None]]


def tasks() -> list[Task]:
    found = []
    for section in re.split(r"^### ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        name, _, body = section.partition("\n")
        body = re.split(r"^## ", body, flags=re.MULTILINE)[0]
        cells = {c["tool"]: (c["words"].strip(), c["code"]) for c in CELL.finditer(body)}
        languages = {c["tool"]: c["language"] for c in CELL.finditer(body) if c["code"]}
        assert languages == {tool: LANGUAGES[tool] for tool in languages}, name
        found.append(Task(name, cells))
    return found


TASKS = tasks()


def value(code: str, session: dict[str, Any]) -> Any:
    """Run a block as a session does; what its last line gives, if it is an expression."""
    lines = ast.parse(code)
    last = lines.body.pop() if isinstance(lines.body[-1], ast.Expr) else None
    exec(compile(lines, PAGE.name, "exec"), session)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), PAGE.name, "eval"), session)


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, Any]]:
    """What every block gives: tool -> task -> value."""
    given: dict[str, dict[str, Any]] = {THEIRS: {}, OURS: {}}
    for tool, values in given.items():
        session: dict[str, Any] = {"__name__": tool}
        for task in TASKS:
            code = task.cells[tool][1]
            if code is not None:
                values[task.name] = value(code, session)
    return given


# What both say, as numbers that must agree ---------------------------------------------------

Numbers = Callable[[Any], Any]


def variances(table: pd.DataFrame) -> list[float]:
    """Variance of intercept and slope, and their covariance, from either table."""
    if "vcov" in table:
        return table["vcov"][[0, 1, 2]].tolist()
    return [table.iloc[0, 0], table.iloc[1, 1], table.iloc[0, 1]]


def last_test(table: Any) -> list[float]:
    """The statistic of likelihood ratio and its p-value."""
    if isinstance(table, list):
        return table
    statistic = "Chisq" if "Chisq" in table else "LRT"
    p = next(name for name in table if name.startswith("Pr("))
    return [table[statistic].iloc[-1], table[p].iloc[-1]]


def same(values: Any) -> Any:
    return values


AGREE: dict[str, tuple[Numbers, Numbers, float]] = {
    # task: (numbers of statsmodels, numbers of mixedwidgets, relative tolerance)
    "A random intercept, by REML": (same, same, 1e-8),
    "The same by maximum likelihood": (same, same, 1e-8),
    "Random slopes, correlated with the intercepts": (same, same, 1e-8),
    "Random slopes without the correlation": (same, same, 1e-8),
    "A random slope alone": (same, same, 1e-8),
    "Nested factors": (same, same, 1e-8),
    "Crossed factors": (same, same, 1e-8),
    "Transformations and contrasts in the formula": (same, same, 1e-6),
    "Change the model and fit again": (same, same, 1e-8),
    "Coefficients and their standard errors": (same, same, 1e-5),
    "Variances of the random effects": (variances, variances, 1e-4),
    "Residual variance": (same, same, 1e-5),
    "Conditional modes of the groups": (same, same, 1e-4),
    "Their conditional variances": (lambda of: list(of.values()), same, 1e-5),
    "Intercept and slope of every group": (same, same, 1e-5),
    "Log-likelihood, AIC and BIC": (same, same, 1e-8),
    "Intraclass correlation": (same, same, 1e-5),
    "Is the fit at the boundary?": (bool, bool, 0),
    "Design matrices": (same, same, 0),
    "Fitted values and residuals": (same, same, 1e-3),
    "Predict for the population": (same, same, 1e-8),
    "Predict for groups that were seen": (same, same, 1e-6),
    "Wald intervals of the coefficients": (same, same, 1e-5),
    "Compare two models by their likelihoods": (same, last_test, 1e-5),
    "t tests with degrees of freedom": (
        lambda table: table["z"],
        lambda table: table["t value"],
        1e-5,
    ),
    "A test of each term": (
        lambda table: table.loc["Days", "statistic"],
        lambda table: table["F value"].iloc[0],
        1e-5,
    ),
    "Leave out each term in turn": (same, last_test, 1e-5),
}
OTHERWISE = {"Load what the page uses", "Profile likelihood along the random intercept's spread"}


def test_every_task_has_three_cells_in_order() -> None:
    assert len(TASKS) >= 25
    for task in TASKS:
        assert list(task.cells) == list(LANGUAGES), task.name
        for tool, (words, code) in task.cells.items():
            assert (code is None) == words.startswith("has no"), f"{task.name}: {tool}"


def test_every_task_that_both_can_do_is_compared() -> None:
    both = {task.name for task in TASKS if all(task.cells[tool][1] for tool in (OURS, THEIRS))}
    assert both == set(AGREE) | OTHERWISE


@pytest.mark.parametrize("name", AGREE)
def test_both_say_the_same(name: str, answers: dict[str, dict[str, Any]]) -> None:
    theirs, ours, rtol = AGREE[name]
    a, b = theirs(answers[THEIRS][name]), ours(answers[OURS][name])
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=rtol, atol=0)


def test_the_profile_of_statsmodels_goes_along_the_ratio_of_variances(
    answers: dict[str, dict[str, Any]],
) -> None:
    name = "Profile likelihood along the random intercept's spread"
    grid = answers[THEIRS][name]
    sleep, formula = mw.load("sleepstudy"), "Reaction ~ Days + (1 | Subject)"
    fit = mw.lmer(formula, sleep, REML=False)
    deviance = mw.lmer(formula, sleep, REML=False, devfun_only=True)
    ratios = (fit.varcorr()["vcov"][0] + np.linspace(-100, 100, 5)) / fit.sigma**2
    ours = [-deviance([ratio**0.5]) / 2 for ratio in ratios]
    np.testing.assert_allclose(ours, grid[:, 1], rtol=0, atol=2e-4)  # of drops to 0.02
    assert len(answers[OURS][name].curves) == 1


def test_blocks_that_only_we_have_give_what_r_gives(answers: dict[str, dict[str, Any]]) -> None:
    """Numbers that lme4 1.1-31 printed for the blocks of the same page."""
    ours = answers[OURS]
    np.testing.assert_allclose(ours["Weights"], [249.95070, 10.67737], rtol=1e-6)
    limits = ours["Profile intervals of every parameter"].iloc[:3]
    r = [[14.3814732, 37.7159917], [-0.4815008, 0.6849863], [3.8011643, 8.7533851]]
    np.testing.assert_allclose(limits, r, rtol=1e-4)
    cook = ours["Leave out each group in turn"].cooks_distance[["308", "309"]] * 16 / 18
    np.testing.assert_allclose(cook, [0.082148405, 0.132020798], rtol=1e-5)
    assert ours["Simulate new data"].shape == (180, 5)
    assert ours["Parametric bootstrap"].loc["sigma"].between(25, 37).all()


# The pages made ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    formulas = Formulas()
    made = make_docs.pages(formulas)
    assert formulas.asked == []  # so that `make docs` needs no Node.js
    return {page.path: page for page in made}


def test_the_reference_describes_all_that_the_package_offers(pages: dict[str, Page]) -> None:
    text = "".join(page.body for page in pages.values())
    missing = [name for name in mw.__all__ if f'id="mw.{name}"' not in text]
    elsewhere = {"__version__", "Fit", "questions"} | set(likelihood.__all__)
    assert set(missing) <= elsewhere
    assert all(f'id="likelihood.{name}"' in text for name in likelihood.__all__)
    methods = [name for name in vars(mw.Fit) if not name.startswith("_") and name != "report"]
    assert [name for name in methods if f'id="Fit.{name}"' not in text] == []
    assert 'id="Fit.confint"' in text
    assert "<strong>level</strong>" in text  # numpydoc's parameters are lists


def test_pages_of_the_documentation_have_no_script_and_nothing_from_elsewhere(
    pages: dict[str, Page],
) -> None:
    for page in pages.values():
        text = framed(page, make_docs.menus(list(pages.values())), "index.html")
        assert "<script" not in text
        assert not re.search(r'(?:src|@import|url\()\s*=?\s*["\']?https?:', text)
        assert "default-src 'none'" in text
        assert "[reference]" not in text


def test_tasks_stand_in_three_columns(pages: dict[str, Page]) -> None:
    body = pages["side-by-side.html"].body
    assert body.count('<div class="side-by-side">') == len(TASKS)
    assert body.count("<section><h4>") == 3 * len(TASKS)
    assert "has no weights" in body.replace("Has", "has")


def test_signatures_and_examples_are_whole(pages: dict[str, Page]) -> None:
    widgets = pages["reference/widgets.html"].body
    explore = widgets.partition('id="mw.explore"')[2].partition("</section>")[0]
    assert "df: DataFrame" in explore
    assert "self" not in explore
    assert "&gt;&gt;&gt; " in explore  # not a quotation in a quotation
    assert "<blockquote>" not in explore
    panel = widgets.partition('id="Panel"')[2].partition("</section>")[0]
    assert "<strong>**options</strong>" in panel
    assert "<p>All of them can be observed" in panel
