"""Fixtures that any test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# One thread of linear algebra, as `make test` has it: with several, a matrix of 60 rows can take a
# thousand times as long where other programs keep the processors busy. Before numpy is imported.
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

from tests.reference_data import MISSING, reference_folder  # noqa: E402

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference fits and data sets, which live outside the repository."""
    folder = reference_folder()
    if folder is None:
        pytest.skip(MISSING)
    return folder
