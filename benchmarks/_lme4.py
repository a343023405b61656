"""One long-lived R process that fits with lme4 and times itself."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd


class Lme4:
    """R, asked over a pipe.

    Attributes
    ----------
    description : str
        Versions of R and lme4, and the libraries of linear algebra that R uses.
    """

    def __init__(self) -> None:
        script = Path(__file__).with_name("lme4_server.R")
        self._process = subprocess.Popen(
            ["Rscript", "--vanilla", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.description = ", ".join(self._ask("describe")[1:])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)

    def _ask(self, *fields: str) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\t".join(fields) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().rstrip("\n").split("\t")
        if answer[0] in ("", "ERROR"):
            raise RuntimeError(f"R could not answer {fields[0]!r}: {' '.join(answer[1:])}")
        return answer

    def load(self, data: pd.DataFrame, factors: Sequence[str]) -> None:
        """Hand over the rows as a CSV file; the columns named become factors, untimed."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.csv"
            data.to_csv(path, index=False, na_rep="NA")
            self._ask("load", str(path), *factors)

    def fit(self, formula: str, reml: bool) -> tuple[float, float, np.ndarray]:
        """Fit once; return seconds, log-likelihood and standard errors of the fixed effects."""
        took, loglik, *se = map(float, self._ask("fit", formula, "REML" if reml else "ML"))
        return took, loglik, np.array(se)

    def confint(self) -> tuple[float, dict[str, tuple[float, float]]]:
        """Profile the last fit; return seconds and the 95 % limits by lme4's names."""
        took, *rows = self._ask("confint")
        limits = {}
        for row in rows:
            name, lower, upper = row.rsplit("=", 2)
            limits[name] = (float(lower), float(upper))
        return float(took), limits

    def bootstrap(self, nsim: int, seed: int) -> tuple[float, np.ndarray]:
        """Bootstrap the last fit; return seconds and means of all parameters in lme4's order."""
        took, *means = map(float, self._ask("bootstrap", str(nsim), str(seed)))
        return took, np.array(means)
