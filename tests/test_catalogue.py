"""The bundled data sets, checked against the lecture's printed numbers by formulas written here."""

from __future__ import annotations

import gzip
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from mixedwidgets import DataError
from mixedwidgets.catalogue import datasets, load

DATA = Path(__file__).resolve().parent.parent / "mixedwidgets" / "data"


def script(repository: Path, name: str) -> ModuleType:
    path = repository / "scripts" / f"{name}.py"
    if not path.is_file():
        pytest.skip(f"{path} is not in this distribution")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------- the catalogue itself


def test_every_data_set_loads_as_listed() -> None:
    table = datasets()
    assert list(table.columns) == ["name", "rows", "columns", "description", "source", "licence"]
    for row in table.itertuples():
        frame = load(row.name)
        assert len(frame) == row.rows
        assert ", ".join(frame.columns) == row.columns
        assert not frame.isna().any().any()
        assert frame.attrs == {}
        assert all([row.description, row.source, row.licence])


def test_each_load_is_fresh() -> None:
    first = load("dyestuff")
    first.loc[0, "Yield"] = -1.0
    assert load("dyestuff").loc[0, "Yield"] == 1545


@pytest.mark.parametrize(
    ("name", "advice"),
    [("weat", "did you mean 'wheat'?"), ("Sleepstudy", "did you mean 'sleepstudy'?"), (7, "'7'")],
)
def test_an_unknown_name_is_one_sentence(name: str, advice: str) -> None:
    with pytest.raises(DataError, match="There is no data set") as caught:
        load(name)
    assert advice in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_invented_sets_say_so() -> None:
    descriptions = datasets().set_index("name")["description"]
    assert "Reconstructed" in descriptions["wheat"]
    assert "Simulated" in descriptions["schools"]
    assert "Artificial" in descriptions["dyestuff2"]


# ---------------------------------------------------------------- the classic tables


@pytest.mark.parametrize(
    ("name", "factor", "levels", "per_level"),
    [
        ("sleepstudy", "Subject", "308 309 310 330 331 332 333 334 335 337 349 350 351 352", 10),
        ("dyestuff", "Batch", "A B C D E F", 5),
        ("dyestuff2", "Batch", "A B C D E F", 5),
        ("wheat", "region", "1 2 3 4 5 6 7 8 9 10", 5),
        ("penicillin", "plate", "a b c d e f g h i j k l m n o p q r s t u v w x", 6),
        ("penicillin", "sample", "A B C D E F", 24),
        ("pastes", "sample", "A:a A:b A:c B:a B:b B:c", 2),
        ("cake", "temperature", "175 185 195 205 215 225", 45),
        ("orthodont", "Subject", "M16 M05 M02 M11 M07 M08 M03 M12 M13 M14 M09 M15", 4),
        ("machines", "Worker", "6 2 4 1 3 5", 9),
        ("oats", "Block", "VI V III IV II I", 12),
        ("rail", "Rail", "2 5 1 6 3 4", 3),
    ],
)
def test_factors_have_the_levels_of_r(name: str, factor: str, levels: str, per_level: int) -> None:
    column = load(name)[factor]
    assert isinstance(column.dtype, pd.CategoricalDtype)
    assert list(column.cat.categories)[: len(levels.split())] == levels.split()
    assert (column.value_counts() == per_level).all()


def test_ordered_factors_are_those_of_r() -> None:
    ordered = {
        f"{name}.{column}"
        for name in datasets()["name"]
        for column, values in load(name).items()
        if isinstance(values.dtype, pd.CategoricalDtype) and values.dtype.ordered
    }
    assert ordered == {
        "cake.temperature",
        "machines.Worker",
        "oats.Block",
        "orthodont.Subject",
        "rail.Rail",
    }


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("sleepstudy", "sleepstudy"),
        ("dyestuff", "Dyestuff"),
        ("dyestuff2", "Dyestuff2"),
        ("penicillin", "Penicillin"),
        ("pastes", "Pastes"),
        ("cake", "cake"),
        ("orthodont", "Orthodont"),
        ("machines", "Machines"),
        ("oats", "Oats"),
        ("rail", "Rail"),
    ],
)
def test_classic_tables_agree_with_the_reference(reference: Path, name: str, file: str) -> None:
    ours = load(name)
    theirs = pd.read_csv(reference / "data" / f"{file}.csv")
    schema = json.loads((reference / "data" / f"{file}.schema.json").read_text())
    assert set(ours) == {column["name"] for column in schema["columns"]}
    for column in schema["columns"]:
        values, expected = ours[column["name"]], theirs[column["name"]]
        np.testing.assert_array_equal(values.astype(expected.dtype), expected)
        if column["type"] in ("factor", "ordered"):
            assert list(values.cat.categories) == column["levels"]
            assert values.cat.ordered == (column["type"] == "ordered")


def test_classic_tables_have_their_published_sums() -> None:
    sleep = load("sleepstudy")
    assert sleep["Reaction"].sum() == pytest.approx(53731.4205, abs=1e-9)
    assert load("dyestuff")["Yield"].mean() == 1527.5
    assert load("dyestuff2")["Yield"].mean() == pytest.approx(5.6656, abs=1e-12)
    assert load("penicillin")["diameter"].sum() == 3308
    assert load("pastes")["strength"].mean() == pytest.approx(60.0533333333, abs=1e-9)
    assert load("cake")["angle"].sum() == 8673
    assert load("orthodont")["distance"].sum() == 2594.5
    assert load("machines")["score"].sum() == pytest.approx(3221.1, abs=1e-9)
    assert load("oats")["yield"].sum() == 7486
    assert load("rail")["travel"].sum() == 1197


# ---------------------------------------------------------------- wheat


def one_way(y: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Group sizes, group means and the sum of squares within groups."""
    sizes = np.bincount(group)
    means = np.bincount(group, y) / sizes
    return sizes, means, float(((y - means[group]) ** 2).sum())


def minus_loglik(theta: np.ndarray, sizes: np.ndarray, means: np.ndarray, within: float) -> float:
    """Minus the log-likelihood of the one-way normal model at (mu, sigma^2, tau^2)."""
    mu, s2, t2 = theta
    v = s2 + sizes * t2
    total = sizes.sum()
    return 0.5 * float(
        total * np.log(2 * np.pi)
        + (total - len(sizes)) * np.log(s2)
        + np.log(v).sum()
        + within / s2
        + (sizes * (means - mu) ** 2 / v).sum()
    )


def optim_hessian(theta: np.ndarray, *statistics: object) -> np.ndarray:
    """Second derivatives of `minus_loglik` as R's optim takes them, by steps of 1e-3."""
    step = 1e-3 * np.eye(3)

    def gradient(at: np.ndarray) -> np.ndarray:
        ends = [[minus_loglik(at + sign * e, *statistics) for e in step] for sign in (1, -1)]
        return (np.array(ends[0]) - ends[1]) / 2e-3

    rows = np.array([(gradient(theta + e) - gradient(theta - e)) / 2e-3 for e in step])
    return (rows + rows.T) / 2


def scaled_residuals(theta: np.ndarray, y: np.ndarray, group: np.ndarray) -> np.ndarray:
    mu, s2, t2 = theta
    sizes, means, _ = one_way(y, group)
    fitted = mu + sizes * t2 / (s2 + sizes * t2) * (means - mu)
    return (y - fitted[group]) / np.sqrt(s2)


@pytest.fixture(scope="module")
def wheat() -> tuple[np.ndarray, np.ndarray]:
    frame = load("wheat")
    return frame["yield"].to_numpy(), frame["region"].cat.codes.to_numpy().astype(int)


@pytest.fixture(scope="module")
def wheat_ml(wheat: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The exact ML estimates of a balanced table."""
    _, means, within = one_way(*wheat)
    mse = within / 40
    between = 5 * ((means - means.mean()) ** 2).mean()
    return np.array([wheat[0].mean(), mse, (between - mse) / 5])


def test_wheat_moments(wheat: tuple[np.ndarray, np.ndarray]) -> None:
    y, group = wheat
    _, means, within = one_way(y, group)
    msg, mse = 5 * means.var(ddof=1), within / 40
    tau2 = (msg - mse) / 5
    assert f"{y.mean():.4f}" == "16.3064"
    assert f"{mse:.6f} {np.sqrt(mse):.6f}" == "1.787206 1.336864"
    assert f"{tau2:.7f} {np.sqrt(tau2):.7f}" == "0.3840768 0.6197393"
    # The REML criterion of a balanced table, in closed form.
    reml = 49 * np.log(2 * np.pi) + 40 * np.log(mse) + 9 * np.log(msg) + np.log(50) + 49
    assert f"{reml:.4f}" == "177.9876"


@pytest.mark.parametrize(
    ("theta", "printed"),
    [
        ((16.3, 1.787, 0.384), "88.6121"),
        ((15, 1.787, 0.384), "100.1217"),
        ((16.3, 2, 0.384), "88.76881"),
        ((16.3, 1.787, 0.3), "88.58599"),
        ((16.3, 1.787, 0.2), "88.67161"),
    ],
)
def test_wheat_log_likelihoods(
    wheat: tuple[np.ndarray, np.ndarray], theta: tuple[float, float, float], printed: str
) -> None:
    value = minus_loglik(np.array(theta), *one_way(*wheat))
    assert f"{value:.7g}".rstrip("0") == printed


def test_wheat_maximum_as_lme4_prints_it(
    wheat: tuple[np.ndarray, np.ndarray], wheat_ml: np.ndarray
) -> None:
    mu, s2, t2 = wheat_ml
    assert f"{mu:.4f} {s2:.4f} {s2**0.5:.4f} {t2:.4f} {t2**0.5:.4f}" == (
        "16.3064 1.7872 1.3369 0.3099 0.5567"
    )
    deviance = 2 * minus_loglik(wheat_ml, *one_way(*wheat))
    assert f"{deviance:.1f} {deviance + 6:.1f} {deviance + 3 * np.log(50):.1f}" == (
        "177.2 183.2 188.9"
    )
    se = np.sqrt((s2 + 5 * t2) / 50)
    assert f"{se:.4f} {mu / se:.2f}" == "0.2583 63.12"
    five = np.quantile(scaled_residuals(wheat_ml, *wheat), [0, 0.25, 0.5, 0.75, 1])
    assert [f"{q:.4f}" for q in five] == ["-2.7913", "-0.6035", "0.1311", "0.6520", "1.7262"]


def test_wheat_maximum_as_optim_finds_it(
    wheat: tuple[np.ndarray, np.ndarray], wheat_ml: np.ndarray
) -> None:
    # R's optim differentiates with steps of 1e-3 and stops 5e-7 from the exact maximum
    # (16.3064000, 1.7872060, 0.3099250); the lecture prints where it stopped.
    printed = np.array([16.3063995, 1.7872063, 0.3099255])
    np.testing.assert_allclose(wheat_ml, printed, rtol=0, atol=5.1e-7)
    statistics = one_way(*wheat)
    assert f"{minus_loglik(printed, *statistics):.4f}" == "88.5851"
    hessian = optim_hessian(printed, *statistics)
    expected = [[14.98426, 0, 0], [0, 6.710598, 2.245294], [0, 2.245294, 11.22654]]
    np.testing.assert_allclose(hessian, expected, rtol=4e-7, atol=2e-5)
    vcov = np.linalg.inv(hessian)
    np.testing.assert_allclose(np.sqrt(np.diag(vcov)), [0.2583344, 0.3996312, 0.3089705], rtol=2e-6)


def test_wheat_script_makes_the_shipped_file(repository: Path, tmp_path: Path) -> None:
    script(repository, "make_wheat").main(tmp_path)
    assert (tmp_path / "wheat.csv").read_bytes() == (DATA / "wheat.csv").read_bytes()


# ---------------------------------------------------------------- schools


def fisher_scoring(
    y: np.ndarray, x: np.ndarray, z: np.ndarray, group: np.ndarray, phi: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, np.ndarray]:
    """Maximum likelihood by textbook formulas, with a dense V_j for every group.

    ``phi`` starts (sigma^2, then the lower triangle of Sigma). Returns beta, its covariance, phi,
    the log-likelihood and the conditional residuals.
    """
    q = z.shape[1]
    cells = [(i, j) for j in range(q) for i in range(j, q)]
    units = [np.zeros((q, q)) for _ in cells]
    for unit, (i, j) in zip(units, cells, strict=True):
        unit[i, j] = unit[j, i] = 1
    rows = [np.flatnonzero(group == j) for j in np.unique(group)]
    for _ in range(50):
        sigma = sum(value * unit for value, unit in zip(phi[1:], units, strict=True))
        inverses = [np.linalg.inv(phi[0] * np.eye(len(k)) + z[k] @ sigma @ z[k].T) for k in rows]
        pieces = [x[k].T @ v for k, v in zip(rows, inverses, strict=True)]
        vcov = np.linalg.inv(sum(p @ x[k] for p, k in zip(pieces, rows, strict=True)))
        beta = vcov @ sum(p @ y[k] for p, k in zip(pieces, rows, strict=True))
        score, information, loglik = np.zeros(len(phi)), np.zeros((len(phi),) * 2), 0.0
        residuals = np.empty(len(y))
        for k, v in zip(rows, inverses, strict=True):
            r = y[k] - x[k] @ beta
            derivatives = [np.eye(len(k)), *(z[k] @ unit @ z[k].T for unit in units)]
            vd = np.array([v @ d for d in derivatives])
            score += 0.5 * (np.array([r @ p @ v @ r for p in vd]) - np.einsum("aii->a", vd))
            information += 0.5 * np.einsum("aij,bji->ab", vd, vd)
            loglik -= 0.5 * (
                len(k) * np.log(2 * np.pi) - np.linalg.slogdet(v)[1] + float(r @ v @ r)
            )
            residuals[k] = phi[0] * v @ r
        step = np.linalg.solve(information, score)
        if np.abs(step).max() < 1e-8:
            return beta, vcov, phi, loglik, residuals
        phi = phi + step
    raise AssertionError("Fisher scoring did not converge")


@pytest.fixture(scope="module")
def schools() -> pd.DataFrame:
    return load("schools")


def five_numbers(residuals: np.ndarray, sigma2: float) -> list[str]:
    five = np.quantile(residuals / np.sqrt(sigma2), [0, 0.25, 0.5, 0.75, 1])
    return [f"{q:.4f}" for q in five]


def information_criteria(loglik: float, parameters: int) -> str:
    aic, bic = 2 * parameters - 2 * loglik, parameters * np.log(12_974) - 2 * loglik
    return f"{aic:.1f} {bic:.1f} {loglik:.1f} {-2 * loglik:.1f}"


def test_schools_look_like_the_lecture(schools: pd.DataFrame) -> None:
    columns = ["school", "enroll", "flp", "public", "urbanicity", "hwh", "ses", "mscore"]
    assert list(schools.columns) == columns
    assert len(schools) == 12_974
    assert schools["school"].nunique() == 684
    assert schools["school"].is_monotonic_increasing
    assert schools["school"].between(1000, 9999).all()
    assert list(schools["urbanicity"].cat.categories) == ["rural", "suburban", "urban"]
    numbers = schools[["school", "enroll", "flp", "public", "hwh"]]
    assert (numbers.dtypes == np.int64).all()
    for column, low, high in [("enroll", 0, 5), ("flp", 1, 3), ("public", 0, 1), ("hwh", 0, 8)]:
        assert sorted(schools[column].unique()) == list(range(low, high + 1))
    of_school = schools.groupby("school")[["enroll", "flp", "public", "urbanicity"]]
    assert (of_school.nunique() == 1).all().all()
    for column in ["ses", "mscore"]:
        np.testing.assert_array_equal(schools[column], schools[column].round(2))
    assert schools["ses"].abs().max() < 3
    assert schools["mscore"].between(15, 90).all()


def test_schools_slope_model(schools: pd.DataFrame) -> None:
    y = schools["mscore"].to_numpy()
    ones = np.ones(len(y))
    x = np.column_stack([ones, schools[["flp", "enroll", "ses"]]])
    z = np.column_stack([ones, schools["ses"]])
    start = np.array([60.0, 10.0, 0.0, 2.0])
    beta, vcov, phi, loglik, residuals = fisher_scoring(
        y, x, z, schools["school"].to_numpy(), start
    )
    se = np.sqrt(np.diag(vcov))
    assert [f"{b:.6f} {s:.6f} {b / s:.2f}" for b, s in zip(beta, se, strict=True)] == [
        "55.429339 0.402907 137.57",
        "-2.411519 0.185311 -13.01",
        "0.007095 0.082023 0.09",
        "4.116886 0.125381 32.83",
    ]
    correlations = (vcov / se / se[:, None])[np.tril_indices(4, -1)]
    assert [f"{c:.3f}" for c in correlations] == [
        *("-0.815", "-0.300", "-0.193"),
        *("-0.202", "0.212", "0.007"),
    ]
    s2, intercept, both, slope = phi
    assert [f"{v:.3f} {v**0.5:.3f}" for v in (intercept, slope, s2)] == [
        *("9.004 3.001", "1.600 1.265", "67.260 8.201"),
    ]
    assert f"{both / np.sqrt(intercept * slope):.2f}" == "0.05"
    assert information_criteria(loglik, 8) == "92397.7 92457.5 -46190.9 92381.7"
    assert five_numbers(residuals, s2) == ["-3.9797", "-0.6399", "0.0180", "0.6681", "4.5053"]


def test_schools_one_way_model(schools: pd.DataFrame) -> None:
    y, group = schools["mscore"].to_numpy(), schools["school"].to_numpy()
    ones = np.ones((len(y), 1))
    beta, vcov, phi, loglik, residuals = fisher_scoring(y, ones, ones, group, np.array([70, 20.0]))
    assert f"{beta[0]:.7f} {phi[0]:.6f} {phi[1]:.7f}" == "50.9391407 73.708808 23.6338229"
    se = np.sqrt(vcov[0, 0])
    assert f"{-loglik:.2f} {se:.4f} {beta[0] / se:.1f}" == "46956.63 0.2026 251.4"
    assert f"{phi[0] ** 0.5:.3f} {phi[1] ** 0.5:.3f}" == "8.585 4.861"
    assert information_criteria(loglik, 3) == "93919.3 93941.7 -46956.6 93913.3"
    assert five_numbers(residuals, phi[0]) == ["-3.8112", "-0.6534", "0.0093", "0.6732", "4.6999"]


def test_schools_hessian(schools: pd.DataFrame) -> None:
    # The lecture's is taken by differences of steps 1e-3 of a function near 5e4, a few 1e-4 from
    # the exact maximum, so its own digits are good to about 1e-4.
    y, group = schools["mscore"].to_numpy(), pd.factorize(schools["school"])[0]
    sizes, means, within = one_way(y, group)
    v = 73.708808 + 23.6338229 * sizes
    d = means - 50.9391407
    curve = [(-0.5 * sizes**k / v**2 + sizes ** (k + 1) * d**2 / v**3).sum() for k in range(3)]
    curve[0] += within / 73.708808**3 - 0.5 * (len(y) - 684) / 73.708808**2
    cross = [(sizes ** (k + 1) * d / v**2).sum() for k in range(2)]
    hessian = np.array(
        [[(sizes / v).sum(), *cross], [cross[0], *curve[:2]], [cross[1], *curve[1:]]]
    )
    printed = np.array(
        [
            [24.35837087, -0.01576882, 0.04913818],
            [-0.01576882, 1.13128044, 0.03026526],
            [0.04913818, 0.03026526, 0.42089960],
        ]
    )
    np.testing.assert_allclose(hessian, printed, rtol=1e-5, atol=5e-5)
    se = np.sqrt(np.diag(np.linalg.inv(hessian)))
    np.testing.assert_allclose(se, [0.2026422, 0.9411003, 1.5430536], rtol=2e-5)


def test_schools_script_makes_the_shipped_file(repository: Path, tmp_path: Path) -> None:
    path = repository / "scripts" / "make_schools.py"
    if not path.is_file():
        pytest.skip(f"{path} is not in this distribution")
    subprocess.run([sys.executable, str(path), str(tmp_path)], check=True, timeout=600)
    made, shipped = (gzip.decompress((d / "schools.csv.gz").read_bytes()) for d in (tmp_path, DATA))
    assert made == shipped


@pytest.mark.reference
def test_schools_are_not_the_real_ones(reference: Path, schools: pd.DataFrame) -> None:
    real = pd.read_csv(reference / "data" / "nels.csv")
    columns = ["hwh", "ses", "mscore"]
    ours = set(schools[["school", *columns]].itertuples(index=False, name=None))
    theirs = set(real[["school", *columns]].itertuples(index=False, name=None))
    assert not ours & theirs
    # ... but alike: the same kind of schools and students.
    for column in ["ses", "mscore", "flp", "enroll", "public"]:
        assert schools[column].mean() == pytest.approx(real[column].mean(), abs=0.1)
        assert schools[column].std() == pytest.approx(real[column].std(), rel=0.05)
