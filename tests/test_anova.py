"""F tests of terms and comparisons of models, against R's lmerTest and lme4."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import mixedwidgets as mw
from mixedwidgets.lmm.design import build
from mixedwidgets.lmm.formula import parse
from mixedwidgets.lmm.hypotheses import coded_terms, hypotheses
from mixedwidgets.lmm.lmer import fit_design
from mixedwidgets.lmm.nesting import nesting
from mixedwidgets.lmm.stattext import p_values
from tests.reference_data import reference_data, reference_folder

F_COLUMNS = ["NumDF", "DenDF", "F value"]


def inference() -> dict:
    folder = reference_folder()
    return json.loads((folder / "inference.json").read_text()) if folder else {}


def cases(kind: str, holding: str = "formula") -> list[str]:
    return [k for k, v in inference().get(kind, {}).items() if holding in v] or ["none"]


def unbalanced_oats(empty: bool = False) -> pd.DataFrame:
    """The oats with every fifth plot left out, and a whole cell; also as used for R's figures."""
    oats = mw.load("oats").reset_index(drop=True)
    plot = np.arange(len(oats))
    oats["w"] = 1 + (plot % 3) / 2
    oats["N"] = pd.Categorical(oats["nitro"])
    oats = oats[plot % 5 != 2]
    return oats[~((oats["Variety"] == "Victory") & (oats["nitro"] == 0.6))] if empty else oats


@pytest.mark.reference
@pytest.mark.parametrize("name", cases("t_tests", "type3_F_satterthwaite"))
def test_reference_type_3(reference: Path, name: str) -> None:
    case = inference()["t_tests"][name]
    table = mw.lmer(case["formula"], reference_data(case["dataset"])).anova()
    expected = case["type3_F_satterthwaite"]
    assert list(table.index) == list(expected)
    for ours, theirs in (
        ("NumDF", "NumDF"),
        ("DenDF", "DenDF"),
        ("F value", "F"),
        ("Pr(>F)", "p"),
    ):
        np.testing.assert_allclose(table[ours], [row[theirs] for row in expected.values()], 1e-5)


@pytest.mark.reference
@pytest.mark.parametrize("name", cases("likelihood_ratio", "chisq"))
def test_reference_likelihood_ratios(reference: Path, name: str) -> None:
    case = inference()["likelihood_ratio"][name]
    data = reference_data(case["dataset"])
    null, alternative = (mw.lmer(case[which], data) for which in ("null", "alternative"))
    table = mw.anova(alternative, null)
    assert table["Chisq"].iloc[1] == pytest.approx(case["chisq"], rel=1e-6)
    assert table["Df"].iloc[1] == case["df"]
    assert table["Pr(>Chisq)"].iloc[1] == pytest.approx(case["p"], rel=1e-5)
    np.testing.assert_allclose(table["AIC"], case["AIC"], rtol=1e-8)
    np.testing.assert_allclose(table["BIC"], case["BIC"], rtol=1e-8)


# lmerTest 3.1-3 and pbkrtest 0.5.2 on R 4.2: NumDF, DenDF, F of each term.
NESTED = "yield ~ N * Variety + (1 | Block / Variety)"
SLOPES = "yield ~ nitro * Variety + (nitro | Block)"
SIMPLE = "yield ~ N * Variety + (1 | Block)"
R_TABLES = [
    (NESTED, False, 1, "satterthwaite", [33.223672965, 10.009206111, 32.674783274],
     [31.206064395, 2.177766743, 0.722564235]),
    (NESTED, False, 2, "satterthwaite", [33.037168371, 10.009206111, 32.672103068],
     [31.031759545, 2.177766743, 0.722564235]),
    (NESTED, False, 3, "satterthwaite", [33.095613199, 10.052494716, 32.672103068],
     [31.172929634, 2.175479967, 0.722564235]),
    (NESTED, False, 3, "kenward-roger", [33.017340958, 9.612875345, 32.566857433],
     [30.707002015, 2.173596342, 0.713771838]),
    (NESTED, False, 2, "kenward-roger", [32.952588064, 9.571932271, 32.566857433],
     [30.580832440, 2.175860257, 0.713771838]),
    (SLOPES, False, 1, "satterthwaite", [36.265693926, 47.077037600, 47.243332607],
     [74.505077355, 3.874292175, 0.555387008]),
    (SLOPES, False, 2, "satterthwaite", [36.275229699, 47.117987185, 47.241350180],
     [73.913044336, 2.856016376, 0.555387008]),
    (SLOPES, False, 3, "satterthwaite", [36.326920588, 47.117987185, 47.241350180],
     [74.249427846, 2.856016376, 0.555387008]),
    (SIMPLE, True, 1, "satterthwaite", [37.155244434, 37.137614135, 37.316629456],
     [21.569674010, 4.066731293, 0.591888067]),
    (SIMPLE, True, 2, "satterthwaite", [37.182440604, 37.137614135, 37.316710754],
     [17.577691188, 4.066731293, 0.591888067]),
    (SIMPLE, True, 3, "satterthwaite", [37.191229407, 37.147012095, 37.316710754],
     [17.812743467, 3.933837400, 0.591888067]),
    (SIMPLE, True, 3, "kenward-roger", [37.164647762, 37.121045835, 37.289820070],
     [17.732807771, 3.923112752, 0.589894092]),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "empty", "kind", "method", "df", "F"), R_TABLES)
def test_r_tables(
    formula: str, empty: bool, kind: int, method: str, df: list[float], F: list[float]
) -> None:
    table = mw.lmer(formula, unbalanced_oats(empty)).anova(method, type=kind)
    # R's optimum of the model with a perfect correlation is good to about 1e-6.
    np.testing.assert_allclose(table["DenDF"], df, rtol=2e-6)
    np.testing.assert_allclose(table["F value"], F, rtol=2e-6)
    assert list(table["NumDF"]) == ([1, 2, 2] if "nitro" in formula else [3, 2, 6 - empty])


def test_weights_against_r() -> None:
    fit = mw.lmer("yield ~ nitro + Variety + (1 | Block)", unbalanced_oats(), weights="w")
    table = fit.anova()
    np.testing.assert_allclose(table["DenDF"], [49.25676734, 49.10626382], rtol=1e-7)
    np.testing.assert_allclose(table["F value"], [78.46210184, 3.50005791], rtol=1e-7)


CODINGS = [
    {"N": "sum", "Variety": "sum"},
    {"N": "helmert", "Variety": "treatment"},
    {"N": "poly", "Variety": "sas"},
    {"Variety": np.array([[1.0, 0.0], [3.0, 1.0], [-2.0, 5.0]])},
]


@pytest.mark.parametrize("contrasts", CODINGS)
@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("kind", [1, 2, 3])
@pytest.mark.parametrize("method", ["satterthwaite", "kenward-roger"])
def test_coding_does_not_matter(method: str, kind: int, empty: bool, contrasts: dict) -> None:
    data = unbalanced_oats(empty)
    plain = mw.lmer(SIMPLE, data).anova(method, type=kind)
    coded = mw.lmer(SIMPLE, data, contrasts=contrasts).anova(method, type=kind)
    np.testing.assert_allclose(coded["F value"], plain["F value"], rtol=1e-6)
    # Fai and Cornelius's denominators depend a little on which contrasts span a hypothesis.
    loose = method == "satterthwaite" and (kind < 3)
    np.testing.assert_allclose(coded["DenDF"], plain["DenDF"], rtol=5e-3 if loose else 1e-6)


def test_type_3_is_that_of_sum_contrasts() -> None:
    data = unbalanced_oats()
    fit = mw.lmer(SIMPLE, data, contrasts={"N": "sum", "Variety": "sum"})
    terms = coded_terms(fit.design)
    for term, (label, L) in zip(terms, hypotheses(fit.design, 3), strict=True):
        assert label == term.label
        outside = np.setdiff1d(np.arange(L.shape[1]), term.kept)
        assert np.abs(L[:, outside]).max() < 1e-12
        assert np.linalg.matrix_rank(L[:, term.kept]) == len(term.kept)


@pytest.mark.parametrize(
    ("right", "kind"),
    [
        ("0 + N * Variety", 3),
        ("N + N:Variety", 2),
        ("N + N:Variety", 3),
        ("N:Variety", 2),
        ("N:Variety", 3),
        ("0 + N:Variety", 3),
    ],
)
def test_margins_left_out(right: str, kind: int) -> None:
    """Where a factor is coded in full, how it would have been coded does not matter."""
    data = unbalanced_oats()
    control = {"check_rank_x": "ignore"}
    first, then = (
        mw.lmer(f"yield ~ {right} + (1 | Block)", data, contrasts=contrasts, control=control)
        for contrasts in (None, {"N": "sum", "Variety": "helmert"})
    )
    np.testing.assert_allclose(
        then.anova(type=kind)["F value"], first.anova(type=kind)["F value"], rtol=1e-7
    )


def test_without_an_intercept_means_are_tested() -> None:
    """Marginal means of N, averaged over varieties, are all zero."""
    data = unbalanced_oats()
    fit = mw.lmer("yield ~ 0 + N * Variety + (1 | Block)", data)
    (_, L), *_ = hypotheses(fit.design, 3)
    grid = pd.DataFrame(
        [(n, v) for n in data["N"].cat.categories for v in data["Variety"].cat.categories],
        columns=["N", "Variety"],
    )
    means = fit.predict(grid, re_form="none").to_numpy().reshape(4, 3).mean(axis=1)
    np.testing.assert_allclose(L @ fit.fixef.to_numpy(), means, rtol=1e-10)


def test_three_way_with_a_covariate() -> None:
    """Terms of one set of numbers are averaged over; numbers themselves count at zero."""
    rng = np.random.default_rng(3)
    n = 300
    data = pd.DataFrame(
        {
            "a": rng.choice(list("pqr"), n, p=[0.5, 0.3, 0.2]),
            "b": rng.choice(list("uv"), n, p=[0.7, 0.3]),
            "x": rng.normal(2.0, 1.0, n),
            "g": rng.integers(0, 20, n),
            "y": rng.normal(size=n),
        }
    )
    fit = mw.lmer("y ~ a * b * x + (1 | g)", data, control={"check_conv_singular": "ignore"})
    tests = dict(hypotheses(fit.design, 3))
    cells = pd.DataFrame([(a, b) for a in "pqr" for b in "uv"], columns=["a", "b"])
    at_zero, at_one = (
        fit.predict(cells.assign(x=x), re_form="none").to_numpy().reshape(3, 2) for x in (0.0, 1.0)
    )
    slopes, beta = at_one - at_zero, fit.fixef.to_numpy()
    by_a = at_zero.mean(axis=1)
    np.testing.assert_allclose(tests["x"] @ beta, [slopes.mean()], atol=1e-10)
    np.testing.assert_allclose(tests["a"] @ beta, by_a[1:] - by_a[0], atol=1e-10)
    np.testing.assert_allclose(tests["b:x"] @ beta, np.diff(slopes.mean(axis=0)), atol=1e-10)
    by_b = np.diff(at_zero, axis=1)[:, 0]
    np.testing.assert_allclose(tests["a:b"] @ beta, by_b[1:] - by_b[0], atol=1e-10)


def test_a_single_contrast_is_a_t_test_squared() -> None:
    fit = mw.lmer("Reaction ~ Days + (Days | Subject)", mw.load("sleepstudy"))
    for method in ("satterthwaite", "kenward-roger"):
        F, t = fit.anova(method).loc["Days"], fit.df(method).loc["Days"]
        assert F["F value"] == pytest.approx(t["t value"] ** 2)
        assert F["DenDF"] == pytest.approx(t["df"])
        assert F["Pr(>F)"] == pytest.approx(t["Pr(>|t|)"])
        assert F["Mean Sq"] == pytest.approx(F["F value"] * fit.sigma**2)


def test_one_fit_has_f_tests() -> None:
    fit = mw.lmer("angle ~ recipe * temperature + (1 | recipe:replicate)", mw.load("cake"))
    pd.testing.assert_frame_equal(mw.anova(fit).table, fit.anova().table)
    pd.testing.assert_frame_equal(
        mw.anova(fit, method="Kenward-Roger", type="II").table,
        fit.anova("kenward-roger", type=2).table,
    )
    # As lmerTest 3.1-3 prints it.
    assert repr(fit.anova()).splitlines() == [
        "Type III Analysis of Variance Table with Satterthwaite's method",
        "                    Sum Sq Mean Sq NumDF DenDF F value Pr(>F)    ",
        "recipe               10.19    5.09     2    42  0.2488 0.7809    ",
        "temperature        2100.30  420.06     5   210 20.5199 <2e-16 ***",
        "recipe:temperature  205.98   20.60    10   210  1.0062 0.4393    ",
        "---",
        "Signif. codes:  0 ‘***’ 0.001 ‘**’ 0.01 ‘*’ 0.05 ‘.’ 0.1 ‘ ’ 1",
    ]


def test_empty_cells_are_mentioned() -> None:
    fit = mw.lmer(SIMPLE, unbalanced_oats(empty=True))
    (note,) = fit.anova().notes
    assert "N0.6:VarietyVictory" in note
    assert fit.anova(type=2).notes == ()
    from_design = fit_design(fit.design, True)
    with pytest.raises(mw.ModelError, match="Type 3 hypotheses of N need the data again"):
        from_design.anova()
    np.testing.assert_allclose(from_design.anova(type=2), fit.anova(type=2))


def test_terms_without_coefficients_have_no_row() -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"x": rng.normal(size=60), "g": np.repeat(np.arange(10), 6)})
    data["z"] = 2.0 * data["x"]
    data["y"] = data["x"] + rng.normal(size=10)[data["g"]] + rng.normal(size=60)
    fit = mw.lmer("y ~ x + z + (1 | g)", data, control={"check_rank_x": "ignore"})
    for kind in (1, 2, 3):
        assert list(fit.anova(type=kind).index) == ["x"]


def test_refused_types() -> None:
    fit = mw.lmer("Reaction ~ Days + (1 | Subject)", mw.load("sleepstudy"))
    for kind in (4, 0, "IV", None, 3.5, True):
        with pytest.raises(mw.ModelError, match="choose 1, 2 or 3"):
            fit.anova(type=kind)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sleep() -> dict[str, mw.Fit]:
    data = mw.load("sleepstudy")
    data.attrs["name"] = "sleepstudy"
    formulas = {
        "null": "Reaction ~ 1 + (1 | Subject)",
        "a": "Reaction ~ Days + (1 | Subject)",
        "b": "Reaction ~ Days + (Days || Subject)",
        "d": "Reaction ~ Days + (Days | Subject)",
    }
    return {name: mw.lmer(formula, data) for name, formula in formulas.items()}


def test_p_values_are_written_as_by_r() -> None:
    """R 4.2, ``format.pval(x, digits, eps = .Machine$double.eps)``."""
    mixed = np.array([7.738e-4, 0.0830286, 1.69e-6])
    assert p_values(mixed, 4) == ["0.0007738", "0.0830286", "1.69e-06"]
    assert p_values(np.array([5e-4, 0.2]), 1) == ["5e-04", "0.2"]
    assert p_values(np.array([1e-4, 1e-17]), 4) == ["1e-04", "<2e-16"]


def test_prints_as_lme4(sleep: dict[str, mw.Fit]) -> None:
    """lme4 1.1-31, besides the sentences at the end."""
    table = mw.anova(sleep["d"], sleep["a"], sleep["b"], names=["d", "a", "b"])
    assert repr(table).splitlines()[:11] == [
        "Data: sleepstudy",
        "Models:",
        "a: Reaction ~ Days + (1 | Subject)",
        "b: Reaction ~ Days + ((1 | Subject) + (0 + Days | Subject))",
        "d: Reaction ~ Days + (Days | Subject)",
        "  npar    AIC    BIC  logLik deviance   Chisq Df Pr(>Chisq)    ",
        "a    4 1802.1 1814.8 -897.04   1794.1                          ",
        "b    5 1762.0 1778.0 -876.00   1752.0 42.0754  1  8.782e-11 ***",
        "d    6 1763.9 1783.1 -875.97   1751.9  0.0639  1     0.8004    ",
        "---",
        "Signif. codes:  0 ‘***’ 0.001 ‘**’ 0.01 ‘*’ 0.05 ‘.’ 0.1 ‘ ’ 1",
    ]
    assert table.notes[0] == "The fits by REML were refitted by maximum likelihood."
    assert max(map(len, repr(table).splitlines())) < 80
    assert list(table.index) == ["a", "b", "d"]
    html = table._repr_html_()
    assert html.count("<tr") == 4
    assert "refitted by maximum likelihood" in html


def test_rows_are_named_by_formulas(sleep: dict[str, mw.Fit]) -> None:
    table = mw.anova(sleep["d"], sleep["a"])
    assert list(table.index) == [sleep["a"].formula, sleep["d"].formula]
    assert "1: Reaction ~ Days + (1 | Subject)" in repr(table)
    assert list(table.columns) == [
        "npar", "AIC", "BIC", "logLik", "deviance", "Chisq", "Df", "Pr(>Chisq)",
    ]  # fmt: skip


def test_machines_against_lme4() -> None:
    """lme4 1.1-31; the third model holds the second: equal correlations are one of many."""
    data = mw.load("machines")
    formulas = ["1 + (1 | Worker)", "Machine + (1 | Worker)", "Machine + (1 | Worker / Machine)",
                "Machine + (Machine | Worker)"]  # fmt: skip
    table = mw.anova(*(mw.lmer(f"score ~ {right}", data) for right in formulas))
    np.testing.assert_allclose(
        table["deviance"], [369.1696209, 293.7032558, 225.2694469, 216.4178273], rtol=1e-8
    )
    np.testing.assert_allclose(table["Chisq"][1:], [75.46636511, 68.43380886, 8.851619630], 1e-7)
    np.testing.assert_allclose(
        table["Pr(>Chisq)"][1:], [4.099086006e-17, 1.312086278e-16, 6.491720098e-02], rtol=1e-5
    )
    conservative = [note for note in table.notes if "conservative" in note]
    assert len(conservative) == 1
    assert conservative[0].startswith("2 and 3: ")


def test_mixtures(sleep: dict[str, mw.Fit]) -> None:
    table = mw.anova(sleep["a"], sleep["d"])
    x = table["Chisq"].iloc[1]
    mixed = 0.5 * chi2.sf(x, 1) + 0.5 * chi2.sf(x, 2)
    assert any(f"mixture of chi-squares on 1 and 2 Df gives {mixed:.4g}" in n for n in table.notes)
    table = mw.anova(sleep["a"], sleep["b"])
    mixed = 0.5 * chi2.sf(table["Chisq"].iloc[1], 1)
    assert any(f"{mixed:.4g}" in note for note in table.notes)
    assert not any("conservative" in n for n in mw.anova(sleep["b"], sleep["d"]).notes)
    assert not any("conservative" in n for n in mw.anova(sleep["null"], sleep["a"]).notes)


def test_several_variances_at_once() -> None:
    data = mw.load("penicillin")
    one = mw.lmer("diameter ~ 1 + (1 | plate)", data)
    data["third"] = pd.Categorical(np.arange(len(data)) % 7)
    three = mw.lmer("diameter ~ 1 + (1 | plate) + (1 | sample) + (1 | third)", data)
    (note,) = [n for n in mw.anova(one, three).notes if "conservative" in n]
    assert "several variances" in note


def test_a_singular_null() -> None:
    data = mw.load("dyestuff2").assign(x=np.arange(30) % 5)
    null = mw.lmer("Yield ~ 1 + (1 | Batch)", data)
    table = mw.anova(null, mw.lmer("Yield ~ x + (1 | Batch)", data))
    assert any("rough guide" in note for note in table.notes)
    assert np.isfinite(table["Pr(>Chisq)"].iloc[1])


def test_refit_only_where_needed(sleep: dict[str, mw.Fit]) -> None:
    by_ml = [sleep[name].update(REML=False) for name in ("a", "d")]
    table = mw.anova(*by_ml)
    assert not any("refitted" in note for note in table.notes)
    np.testing.assert_allclose(table, mw.anova(sleep["a"], sleep["d"]), rtol=1e-9)
    # lme4 1.1-31: anova(a, d, refit = FALSE)
    restricted = mw.anova(sleep["a"], sleep["d"], refit=False)
    np.testing.assert_allclose(restricted["deviance"], [1786.4650, 1743.6283], rtol=1e-6)
    assert restricted["Chisq"].iloc[1] == pytest.approx(42.837, rel=1e-4)


def test_not_nested(sleep: dict[str, mw.Fit]) -> None:
    data = mw.load("sleepstudy")
    no_intercept = mw.lmer("Reaction ~ 0 + Days + (Days | Subject)", data)
    table = mw.anova(sleep["a"], no_intercept)
    assert np.isnan(table["Pr(>Chisq)"].iloc[1])
    assert any("not nested: the fixed effects" in note for note in table.notes)
    slope = mw.lmer("Reaction ~ Days + (0 + Days | Subject)", data)
    table = mw.anova(sleep["a"], slope)
    assert np.isnan(table["Pr(>Chisq)"].iloc[1])
    data["other"] = np.arange(len(data)) % 4
    table = mw.anova(mw.lmer("Reaction ~ Days + (1 | other)", data), sleep["d"])
    assert any("does not allow every covariance" in note for note in table.notes)


@pytest.mark.parametrize(
    ("small", "large", "obstacle", "edge"),
    [
        ("x + (1 | g)", "x + (x | g)", "", 1),
        ("x + (1 | g)", "x + (x || g)", "", 1),
        ("x + (x || g)", "x + (x | g)", "", 0),
        ("x + (x | g)", "x + (x || g)", "random", 0),
        ("x + (0 + x | g)", "x + (x | g)", "", 1),
        ("x + (1 | g)", "x + (f | g)", "", 2),
        ("x + (f | g)", "x + (0 + f | g)", "", 0),
        ("x + (1 | g) + (1 | g:f)", "x + (f | g)", "", 0),
        ("x + (1 | g:f)", "x + (f | g)", "", 0),
        ("x + (1 | f)", "x + (1 | f:g)", "random", 0),
        ("x + (1 | g)", "x + (1 | h)", "random", 0),
        ("x + (1 | g)", "x + (1 | g) + (1 | h)", "", 1),
        ("x + (I(x + 1) | g)", "x + (x | g)", "", 0),
        ("0 + f + (1 | g)", "f + (1 | g)", "", 0),
        ("f + (1 | g)", "0 + f + (1 | g)", "", 0),
        ("f + (1 | g)", "x + (1 | g)", "fixed", 0),
        ("I(2 * x - 1) + (1 | g)", "x + (1 | g)", "", 0),
        ("1 + offset(x) + (1 | g)", "x + (1 | g)", "", 0),
        ("1 + offset(x^2) + (1 | g)", "x + (1 | g)", "fixed", 0),
        ("x + (1 | k)", "x + (1 | g)", "", 0),
    ],
)
def test_nesting(small: str, large: str, obstacle: str, edge: int) -> None:
    rng = np.random.default_rng(8)
    n = 400
    data = pd.DataFrame(
        {
            "x": rng.normal(50.0, 1.0, n),
            "f": rng.choice(list("abc"), n),
            "g": rng.integers(0, 12, n),
            "h": rng.integers(0, 9, n),
            "y": rng.normal(size=n),
        }
    )
    data["k"] = "level" + data["g"].astype(str)
    one, two = (build(parse(f"y ~ {right}"), data) for right in (small, large))
    found = nesting(one, two)
    assert found.obstacle == obstacle
    assert found.edge == edge


def refused(match: str, *fits: object, **arguments: object) -> None:
    with pytest.raises(mw.ModelError, match=match):
        mw.anova(*fits, **arguments)  # type: ignore[arg-type]


def test_refused_comparisons(sleep: dict[str, mw.Fit]) -> None:
    data = mw.load("sleepstudy")
    a, d = sleep["a"], sleep["d"]
    refused("different rows: 180 by .* and 150 by", a, mw.lmer(d.formula, data.iloc[:150]))
    logarithms = mw.lmer("log(Reaction) ~ 1 + (1 | Subject)", data)
    refused(r"\(log\(Reaction\) is not Reaction\)", a, logarithms)
    refused("the same rows, in the same order", a, mw.lmer(d.formula, data.iloc[::-1]))
    weighted = mw.lmer(d.formula, data, weights=np.linspace(1.0, 2.0, 180))
    refused("different weights", a, weighted)
    refused("same model in other words", a, mw.lmer(a.formula, data, REML=False))
    moved = mw.lmer("Reaction ~ I(Days + 3) + (1 | Subject)", data)
    refused("same model in other words", a, moved)
    refused("REML criteria of different fixed effects", sleep["null"], a, refit=False)
    refused("some by maximum likelihood", a, d.update(REML=False), refit=False)
    shifted = mw.lmer("Reaction ~ I(2 * Days) + (Days | Subject)", data)
    refused("REML criteria of different fixed effects", a, shifted, refit=False)
    refused("anova needs a fit")
    refused(r"Argument 1 of anova is of type list.*anova\(\*fits\)", [a, d])
    refused("Argument 2 of anova is of type str", a, "d")
    refused("give 2 different names", a, d, names=["a"])
    refused("give 2 different names", a, d, names=["a", "a"])
    refused("method and type are for the F tests of a single fit", a, d, type=3)
    refused("choose 1, 2 or 3", a, type=5)


def test_weights_offsets_and_missing_rows() -> None:
    rng = np.random.default_rng(9)
    data = mw.load("sleepstudy")
    data["z"] = rng.normal(size=len(data))
    data.loc[3, "z"] = np.nan
    data["w"] = rng.uniform(1.0, 2.0, len(data))
    small = mw.lmer("Reaction ~ Days + (1 | Subject)", data, weights="w")
    large = mw.lmer("Reaction ~ Days + z + (1 | Subject)", data, weights="w")
    refused("different rows: 180 by .* and 179 by", small, large)
    kept = data.dropna()
    small = mw.lmer("Reaction ~ Days + (1 | Subject)", kept, weights="w")
    table = mw.anova(small, large)
    expected = small.update(REML=False).criterion - large.update(REML=False).criterion
    assert table["Chisq"].iloc[1] == pytest.approx(expected, abs=1e-8)


def test_inputs_are_left_alone(sleep: dict[str, mw.Fit]) -> None:
    before = sleep["a"].criterion
    mw.anova(sleep["a"], sleep["d"])
    assert sleep["a"].reml
    assert sleep["a"].criterion == before


def test_data_changed_since() -> None:
    """Type 3 with an empty cell reads the data again: as they were when the fit was made."""
    rng = np.random.default_rng(2)
    data = pd.DataFrame({name: rng.choice(list("pqr"), 120) for name in "ab"})
    data["g"], data["y"] = rng.integers(0, 12, 120), rng.normal(size=120)
    data = data[(data["a"] != "r") | (data["b"] != "r")].reset_index(drop=True)
    fit = mw.lmer("y ~ a * b + (1 | g)", data)
    before = fit.anova()
    data.loc[:50, "a"] = "p"
    pd.testing.assert_frame_equal(fit.anova().table, before.table)
