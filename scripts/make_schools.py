"""Simulate the schools table: 12,974 students whose two mixed models are the lecture's.

The lecture (Peter Hoff, "Review of maximum likelihood estimation", 560 Hierarchical modeling)
prints two maximum likelihood fits to mathematics scores of students in 684 schools. The table made
here is not those data: no value of it was taken from them. School sizes, covariates, school
effects and scores are drawn at random, and then moved, as little as needed, until both fits come
out as printed. Each stage only has to meet the numbers it alone decides:

1. school sizes: information on mu and log-likelihood of the one-way model;
2. flp, enroll and ses: standard errors and correlations of the fixed effects, and the
   log-likelihood, of the slope model;
3. scores: estimates of both models and the scaled residuals' five-number summaries.

Continuous moves come first (Gauss-Newton steps of least norm), then steps of 0.01, the unit in
which ses and scores are recorded. The equations are in ``school_equations.py``, the moves of the
scores in ``school_rounding.py``.

Run ``python scripts/make_schools.py [directory]``; it writes ``schools.csv.gz`` there, by default
into the package's own data folder.
"""

from __future__ import annotations

import gzip
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import school_equations as eq
from school_equations import N_SCHOOLS, N_STUDENTS, Schools, Scores
from school_rounding import FIVE, HIGHEST, LOWEST, descend, newton, settle

SEED = 567
SCALE = np.sqrt([eq.SIGMA2, eq.S2])
PROBABILITIES = [0, 0.25, 0.5, 0.75, 1]


def school_sizes(rng: np.random.Generator) -> np.ndarray:
    """Sizes of the 684 schools: right in number, information on mu and log-likelihood.

    Sizes are drawn until both are near; then two students, found by search, change schools.
    """
    target = np.array([eq.H_MU, eq.NULL_DEVIANCE])
    size = np.arange(3, 45)
    gain, loss = size_sums(size + 1) - size_sums(size), size_sums(size - 1) - size_sums(size)
    # A school of one size gains a student from a school of another.
    exchange = gain[:, None] + loss[None, :]
    first, second = np.triu_indices(size.size**2, 1)
    for _ in range(5000):
        n = np.clip(np.rint(rng.normal(19, 6.5, N_SCHOOLS)), 2, 43).astype(int)
        surplus = n.sum() - N_STUDENTS
        larger = np.flatnonzero(n > 3)
        if abs(surplus) > len(larger):
            continue
        n[rng.choice(larger, abs(surplus), replace=False)] -= np.sign(surplus)
        gap = np.array([(n / (eq.S2 + n * eq.T2)).sum(), eq.null_deviance(n)]) - target
        if np.any(np.abs(gap) > [3e-3, 0.2]):
            continue
        changes = exchange.reshape(-1, 2)
        left = (gap + changes[first] + changes[second]) / [1e-6, 2e-3]
        for best in np.argsort((left**2).sum(axis=1), kind="stable")[:100]:
            new = n.copy()
            for which in (first[best], second[best]):
                up = np.flatnonzero(new == size[which // size.size])
                down = np.flatnonzero(new == size[which % size.size])
                if len(up) and len(down) and up[0] != down[-1]:
                    new[up[0]] += 1
                    new[down[-1]] -= 1
            off = np.array([(new / (eq.S2 + new * eq.T2)).sum(), eq.null_deviance(new)]) - target
            if np.all(np.abs(off) < [1e-6, 2e-3]):
                return new
    raise RuntimeError("no draw of school sizes is near enough")


def size_sums(n: np.ndarray) -> np.ndarray:
    """What a school of size n adds to the information on mu and to the one-way deviance."""
    return np.column_stack([n / (eq.S2 + n * eq.T2), np.log1p(n * eq.T2 / eq.S2)])


def school_covariates(
    rng: np.random.Generator, n: np.ndarray
) -> tuple[Schools, np.ndarray, np.ndarray]:
    """Draw public, flp and enroll of the schools and ses of the students.

    Returns
    -------
    schools : Schools
    public : ndarray of 0 and 1, shape (684,)
    ses : ndarray, shape (12974,)
    """
    public = (rng.random(N_SCHOOLS) < 0.755).astype(int)
    flp = np.where(
        public == 1,
        rng.choice([1, 2, 3], N_SCHOOLS, p=[0.16, 0.47, 0.37]),
        rng.choice([1, 2, 3], N_SCHOOLS, p=[0.85, 0.10, 0.05]),
    )
    enroll = np.where(
        public == 1,
        rng.choice(6, N_SCHOOLS, p=[0.12, 0.14, 0.18, 0.16, 0.21, 0.19]),
        rng.choice(6, N_SCHOOLS, p=[0.53, 0.24, 0.15, 0.08, 0, 0]),
    )
    mean = 0.83 - 0.40 * flp + rng.normal(0, 0.26, N_SCHOOLS)
    sd = np.clip(rng.normal(0.62, 0.09, N_SCHOOLS), 0.3, 1)
    ses = np.repeat(mean, n) + np.repeat(sd, n) * rng.normal(size=N_STUDENTS)
    return with_ses(Schools(n, flp, enroll, n, n), ses.clip(-2.3, 2.3)), public, ses.clip(-2.3, 2.3)


def with_ses(schools: Schools, ses: np.ndarray) -> Schools:
    """Replace the sums of ses."""
    school = np.repeat(np.arange(N_SCHOOLS), schools.n)
    return replace(schools, sum_ses=np.bincount(school, ses), sum_ses2=np.bincount(school, ses**2))


PRECISION = np.concatenate([eq.BETA_SE, eq.BETA_CORR, [eq.SLOPE_DEVIANCE]])


def tune_categories(schools: Schools) -> Schools:
    """Change flp or enroll of single schools by one until standard errors are near."""
    tolerance = np.array([4e-4, 2e-4, 1e-4, 2e-4, *[1e-3] * 6])

    def score(information: np.ndarray) -> np.ndarray:
        return (((eq.spread(information) - PRECISION[:10]) / tolerance) ** 2).sum(axis=-1)

    while True:
        own = schools.information()
        total = own.sum(axis=0)
        best, best_score = None, score(total)
        for name, low, high in (("flp", 1, 3), ("enroll", 0, 5)):
            for step in (1, -1):
                values = getattr(schools, name)
                allowed = (values + step >= low) & (values + step <= high)
                changed = replace(schools, **{name: np.where(allowed, values + step, values)})
                scores = score(total - own + changed.information())
                scores[~allowed] = np.inf
                i = int(np.argmin(scores))
                if scores[i] < best_score:
                    moved = values.copy()
                    moved[i] += step
                    best, best_score = replace(schools, **{name: moved}), scores[i]
        if best is None:
            return schools
        schools = best


def tune_ses(schools: Schools, ses: np.ndarray) -> np.ndarray:
    """Move ses until standard errors, correlations and deviance of the slope model are right."""
    school = np.repeat(np.arange(N_SCHOOLS), schools.n)

    def off(x: np.ndarray) -> np.ndarray:
        return with_ses(schools, x).precision() - PRECISION

    def slopes(x: np.ndarray) -> np.ndarray:
        at = with_ses(schools, x)
        own = at.information()
        total, h = own.sum(axis=0), 1e-3
        columns = []
        for name in ("sum_ses", "sum_ses2"):
            up, down = (replace(at, **{name: getattr(at, name) + s * h}) for s in (1, -1))
            spread = eq.spread(total - own + up.information())
            spread -= eq.spread(total - own + down.information())
            logdet = up.logdets() - down.logdets()
            columns.append(np.column_stack([spread, logdet])[school] / (2 * h))
        return columns[0] + 2 * x[:, None] * columns[1]

    for _ in range(10):
        ses = ses - np.linalg.lstsq(slopes(ses).T, off(ses), rcond=None)[0]
    ses = np.round(ses, 2)
    tolerance = np.array([*[2e-7] * 4, *[1e-4] * 6, 0.01])
    free = np.ones(N_STUDENTS, dtype=bool)
    for scale in (10, 1):
        ses = descend(ses, off, slopes, tolerance * scale, free, 2)
    return ses


def first_scores(rng: np.random.Generator, schools: Schools, ses: np.ndarray) -> np.ndarray:
    """Scores from the slope model, with the mean ses of a school working beside a student's own."""
    school = np.repeat(np.arange(N_SCHOOLS), schools.n)
    effect = (rng.normal(size=(N_SCHOOLS, 2)) @ np.linalg.cholesky(eq.SIGMA).T)[school]
    mean_ses = (schools.sum_ses / schools.n)[school]
    fixed = 54.8 - 1.9 * schools.flp[school] - 0.10 * schools.enroll[school] + 1.6 * mean_ses
    noise = np.sqrt(eq.SIGMA2) * rng.normal(size=N_STUDENTS)
    y = fixed + effect[:, 0] + (4.0 + effect[:, 1]) * ses + noise
    # The ends are pressed together smoothly, so that no score leaves the plausible range.
    low, high, width = LOWEST + 8, HIGHEST - 8, 7.0
    beyond = y - y.clip(low, high)
    return y.clip(low, high) + np.sign(beyond) * width * -np.expm1(-np.abs(beyond) / width)


def bend(y: np.ndarray, scores: Scores) -> np.ndarray:
    """Bend the residuals smoothly towards the quartiles; keep their ends and the scores in range.

    Only the pinned students will stand at the ends, so the others stay 3 % inside.
    """
    for model in (0, 1):
        r = scores.residuals(y)[:, model]
        middle = np.quantile(r, PROBABILITIES[1:4])
        knots = np.array([-2.5, *middle, 2.5])
        shift = np.array([0, *(FIVE[1:4, model] - middle), 0])
        y = y + SCALE[model] * np.interp(r, knots, shift)
    for model in (0, 1):
        r = scores.residuals(y)[:, model]
        low, high = 0.97 * FIVE[0, model], 0.97 * FIVE[4, model]
        y = y + SCALE[model] * (r.clip(low, high) - r)
    return y.clip(LOWEST + 1, HIGHEST - 1)


def school_numbers(rng: np.random.Generator) -> np.ndarray:
    """Numbers such as 1011: a stratum from 101 on, and one to three schools in each."""
    per_stratum = rng.choice([1, 2, 3], N_SCHOOLS, p=[0.25, 0.60, 0.15])
    numbers = [
        10 * (101 + s) + k for s, count in enumerate(per_stratum) for k in range(1, count + 1)
    ]
    return np.array(numbers[:N_SCHOOLS])


def urbanicity(rng: np.random.Generator, enroll: np.ndarray) -> np.ndarray:
    """Draw rural, suburban or urban; small schools are more often rural."""
    rural = np.array([0.35, 0.22, 0.16, 0.15, 0.10, 0.06])[enroll]
    at = rng.random(N_SCHOOLS)
    return np.where(at < rural, "rural", np.where(at < rural + 0.47, "suburban", "urban"))


def homework_hours(rng: np.random.Generator, y: np.ndarray) -> np.ndarray:
    """Draw weekly hours of homework, 0 to 8, hardly related to the score."""
    shares = [0.16, 0.30, 0.16, 0.11, 0.07, 0.09, 0.04, 0.03, 0.04]
    propensity = rng.normal(size=N_STUDENTS) + 0.08 * (y - y.mean()) / y.std()
    rank = np.argsort(np.argsort(propensity, kind="stable"), kind="stable") / N_STUDENTS
    return np.searchsorted(np.cumsum(shares)[:-1], rank, side="right")


def make_schools() -> pd.DataFrame:
    """Return the table, sorted by school."""
    rng = np.random.default_rng(SEED)
    n = school_sizes(rng)
    schools, public, ses = school_covariates(rng, n)
    schools = tune_categories(schools)
    ses = tune_ses(schools, ses)
    scores = Scores(with_ses(schools, ses), ses)
    y = first_scores(rng, with_ses(schools, ses), ses)
    for _ in range(12):
        y = bend(newton(y, scores), scores)
    y = settle(newton(y, scores), scores, rng)
    school = scores.school
    return pd.DataFrame(
        {
            "school": school_numbers(rng)[school],
            "enroll": schools.enroll[school],
            "flp": schools.flp[school],
            "public": public[school],
            "urbanicity": urbanicity(rng, schools.enroll)[school],
            "hwh": homework_hours(rng, y),
            "ses": ses,
            "mscore": y,
        }
    )


def main(directory: Path) -> None:
    """Write ``schools.csv.gz`` into ``directory``."""
    text = make_schools().to_csv(index=False, float_format="%.2f", lineterminator="\n")
    text = text.replace(",-0.00,", ",0.00,")
    packed = gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0)
    (directory / "schools.csv.gz").write_bytes(packed)


if __name__ == "__main__":
    default = Path(__file__).resolve().parent.parent / "mixedwidgets" / "data"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
