"""Fixtures that any test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference fits and data sets, which live outside the repository."""
    given = os.environ.get("MIXEDWIDGETS_REFERENCE")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "reference"
    if not (folder / "models.json").is_file():
        pytest.skip(
            f"the reference fits are not at {folder}; set MIXEDWIDGETS_REFERENCE to their folder"
        )
    return folder
