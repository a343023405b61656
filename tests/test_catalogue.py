"""The bundled data sets, checked against the lecture's printed numbers by formulas written here."""

from __future__ import annotations

import importlib.util
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
    ],
)
def test_factors_have_the_levels_of_r(name: str, factor: str, levels: str, per_level: int) -> None:
    column = load(name)[factor]
    assert isinstance(column.dtype, pd.CategoricalDtype)
    assert list(column.cat.categories)[: len(levels.split())] == levels.split()
    assert (column.value_counts() == per_level).all()


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "file"),
    [("sleepstudy", "sleepstudy"), ("dyestuff", "Dyestuff"), ("dyestuff2", "Dyestuff2")],
)
def test_classic_tables_agree_with_the_reference(reference: Path, name: str, file: str) -> None:
    ours = load(name)
    theirs = pd.read_csv(reference / "data" / f"{file}.csv")
    for column in ours:
        np.testing.assert_array_equal(
            ours[column].astype(theirs[column].dtype).to_numpy(), theirs[column].to_numpy()
        )


def test_classic_tables_have_their_published_sums() -> None:
    sleep = load("sleepstudy")
    assert sleep["Reaction"].sum() == pytest.approx(53731.4205, abs=1e-9)
    assert load("dyestuff")["Yield"].mean() == 1527.5
    assert load("dyestuff2")["Yield"].mean() == pytest.approx(5.6656, abs=1e-12)


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
