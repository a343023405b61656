"""Fixtures that any test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reference_data import MISSING, reference_folder

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
