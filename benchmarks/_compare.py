"""Fit one model by several programs in turns, compare what they found, and tabulate the ratios."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from _common import row, verdict
from _lme4 import Lme4
from _peers import Case, Outcome, fitters

PEERS = ("lme4", "mixedlm", "statsmodels")
TURN = 5  # calls in a row, so that each is as warm as in use
SAME = 1e-8  # log-likelihoods further apart than this, relatively, are not of one optimum


@dataclass(frozen=True)
class Line:
    """One line of the table to paste.

    Attributes
    ----------
    what : str
        What was timed.
    seconds : mapping of str to list of float
        By program; ours is ``mixedwidgets``.
    met : tuple of bool
        The goals.
    remarks : mapping of str to str
        What to say beside a program's time.
    """

    what: str
    seconds: Mapping[str, Sequence[float]]
    met: tuple[bool, ...]
    remarks: Mapping[str, str] = field(default_factory=dict)

    def median(self, program: str) -> float:
        """Median seconds."""
        return statistics.median(self.seconds[program])

    def ratio(self, program: str) -> float:
        """How many times as long as ours; NaN where not measured."""
        if not self.seconds.get(program) or not self.seconds.get("mixedwidgets"):
            return float("nan")
        return self.median(program) / self.median("mixedwidgets")

    def cells(self) -> list[str]:
        """The cells of a row of Markdown."""
        out = [self.what]
        for program in ("mixedwidgets", *PEERS):
            if not self.seconds.get(program):
                out.append("")
                continue
            ratio = "" if program == "mixedwidgets" else f" ({times(self.ratio(program))})"
            remark = self.remarks.get(program, "")
            out.append(f"{duration(self.median(program))}{ratio}{remark}")
        return out


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them, to two or three digits."""
    if seconds >= 1.0:
        return f"{seconds:.3g} s"
    return f"{1e3 * seconds:.0f} ms" if seconds >= 0.01 else f"{1e3 * seconds:.2g} ms"


def times(ratio: float) -> str:
    """How many times as fast, to the digits that hold."""
    if not np.isfinite(ratio):
        return ""
    return f"{ratio:.0f} times" if ratio >= 10 else f"{ratio:.1f} times"


def markdown(lines: Sequence[Line]) -> str:
    """Return the table, ready to paste."""
    head = ["", "mixedwidgets", *PEERS]
    rows = [head, ["---"] * len(head), *(line.cells() for line in lines)]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |" for cells in rows
    )


def take_turns(case: Case, runs: Mapping[str, int], lme4: Lme4) -> dict[str, list[Outcome]]:
    """Fit in turns of a few calls, so that a drifting machine slows all alike.

    Parameters
    ----------
    case : Case
    runs : mapping of str to int
        How often each program fits; one more fit before them warms up and is not counted, where
        there are several.
    lme4 : Lme4

    Returns
    -------
    dict of str to list of Outcome
    """
    work = {name: fit for name, fit in fitters(case, lme4).items() if runs.get(name)}
    out: dict[str, list[Outcome]] = {name: [] for name in work}
    for name, fit in work.items():
        if runs[name] > 1:
            fit()
    while any(len(out[name]) < runs[name] for name in work):
        for name, fit in work.items():
            for _ in range(min(TURN, runs[name] - len(out[name]))):
                out[name].append(fit())
    return out


def compare(case: Case, runs: Mapping[str, int], lme4: Lme4) -> Line:
    """Time one model in turns, print what was found, and judge it by the case's goals."""
    found = take_turns(case, runs, lme4)
    seconds = {name: [o.seconds for o in outcomes] for name, outcomes in found.items()}
    ours = found["mixedwidgets"][0]
    print(f"{case.name}: {case.formula}, {case.criterion}, {len(case.data)} rows")
    print(row("mixedwidgets", seconds["mixedwidgets"]))
    for name in PEERS:
        if name in found:
            print(row(name, seconds[name], seconds["mixedwidgets"]))
    print(f"  log-likelihood {ours.loglik:.6f}")
    remarks = {}
    for name in PEERS:
        if name in found:
            print("  " + _difference(name, ours, found[name][0]))
            if _lags(found[name][0], ours):
                short = ours.loglik - found[name][0].loglik
                remarks[name] = f", likelihood lower by {short:.2g}"
    peaks = {name: outcomes[0].loglik for name, outcomes in found.items()}
    if max(peaks.values()) > ours.loglik + SAME * abs(ours.loglik):
        raise SystemExit("A peer found a higher likelihood: the programs differ in the model.")
    line = Line(f"{case.name}, `{case.formula}`", seconds, (), remarks)
    met = [
        verdict(f"times as fast as {name}", line.ratio(name), goal, at_least=True)
        for name, goal in case.goals.items()
    ]
    if case.milliseconds is not None:
        middle = 1e3 * line.median("mixedwidgets")
        met.append(verdict("milliseconds", middle, case.milliseconds, at_least=False))
    print(flush=True)
    return Line(line.what, seconds, tuple(met), remarks)


def _difference(name: str, ours: Outcome, other: Outcome) -> str:
    se = float(np.max(np.abs(other.se / ours.se - 1.0)))
    lags = "; IT STOPPED SHORT OF THE OPTIMUM" if _lags(other, ours) else ""
    return (
        f"{name}: log-likelihood minus ours {other.loglik - ours.loglik:.1e}, "
        f"standard errors differ by at most {se:.1e}{lags}"
    )


def _lags(other: Outcome, best: Outcome) -> bool:
    return other.loglik < best.loglik - SAME * abs(best.loglik)
