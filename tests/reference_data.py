"""Reading the reference folder, which lives outside the repository."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd

MISSING = (
    "the reference fits are not here: set MIXEDWIDGETS_REFERENCE or put them in ../shared/reference"
)


def reference_folder() -> Path | None:
    """Return the reference folder, or None where it is absent."""
    given = os.environ.get("MIXEDWIDGETS_REFERENCE")
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "reference"
    folder = Path(given) if given else beside
    return folder if (folder / "models.json").is_file() else None


def reference_models() -> list[dict]:
    """Return the entries of models.json; empty where the folder is absent."""
    folder = reference_folder()
    return json.loads((folder / "models.json").read_text()) if folder else []


def reference_data(name: str) -> pd.DataFrame:
    """Read a data set with the factor levels its schema gives."""
    folder = reference_folder()
    assert folder is not None, MISSING
    schema = json.loads((folder / "data" / f"{name}.schema.json").read_text())
    types = {c["name"]: c for c in schema["columns"]}
    text = [n for n, c in types.items() if c["type"] in ("factor", "ordered", "string")]
    frame = pd.read_csv(
        folder / "data" / f"{name}.csv",
        dtype=dict.fromkeys(text, str),
        keep_default_na=False,
        na_values={n: [""] for n in types},
    )
    for column in text:
        kind = types[column]["type"]
        if kind != "string":
            frame[column] = pd.Categorical(
                frame[column], types[column]["levels"], ordered=kind == "ordered"
            )
    frame.attrs["name"] = name
    return frame
