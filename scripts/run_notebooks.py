"""Run the notebooks of the lecture from top to bottom and store what they show.

``python scripts/run_notebooks.py [name ...]`` runs ``notebooks/NN-*.ipynb`` and the teacher's guide
to homework, or those whose names begin as given, each in a kernel of its own, and writes the
outputs into them: the pictures and tables that readers without a kernel see. Widgets leave nothing
behind; a still picture beneath each of them does. It prints the seconds and the peak memory of each
kernel, and fails where a cell fails or a notebook takes too long, too much memory or too much room.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
GUIDE = NOTEBOOKS / "homework" / "teachers-guide.ipynb"
SECONDS, MEGABYTES, BYTES = 60, 1000, 1_500_000
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
WIDGET = "application/vnd.jupyter.widget-view+json"
KEEPSAKE = "mixedwidgets-keepsake"
PEAK = (
    "next((line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line), 'nan') "
    "if __import__('os').path.exists('/proc/self/status') else 'nan'"
)


@dataclass(frozen=True)
class Run:
    """One run of a notebook.

    Attributes
    ----------
    notebook : NotebookNode
        With its outputs.
    seconds : float
        From the start of the kernel to the end of the last cell.
    megabytes : float
        Peak resident memory of the kernel; NaN where the system does not tell.
    """

    notebook: Any
    seconds: float
    megabytes: float


def lecture_notebooks(names: Sequence[str] = ()) -> list[Path]:
    """Return the notebooks of the lecture in their order, or those whose names begin as given."""
    paths = sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
    return [path for path in paths if not names or path.name.startswith(tuple(names))]


def cell_id(stem: str, position: int) -> str:
    """Return the id of the cell at a position of a notebook: always the same, and unlike others."""
    return "c" + hashlib.sha256(f"{stem}/{position}".encode()).hexdigest()[:11]


def run(path: Path) -> Run:
    """Run a notebook in its folder, as one core without anything else would.

    Parameters
    ----------
    path : Path
        Of the notebook, which is not changed.

    Returns
    -------
    Run

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        A cell raised.
    nbclient.exceptions.CellTimeoutError
        A cell took longer than `SECONDS`.
    """
    return asyncio.run(_run(path))


def settle(notebook: Any, stem: str) -> Any:
    """Leave in a notebook what is the same after every run.

    Parameters
    ----------
    notebook : NotebookNode
        Just run; it is changed.
    stem : str
        Name of its file without the ending, from which the ids of the cells follow.

    Returns
    -------
    NotebookNode
        The notebook.
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    for position, cell in enumerate(notebook.cells):
        cell.id = cell_id(stem, position)
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k == "tags"})
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_alive(output)]
    return notebook


def _is_alive(output: Any) -> bool:
    """Whether an output is a widget, or the copy of one that stands beside it."""
    data = output.get("data", {})
    return WIDGET in data or KEEPSAKE in "".join(data.get("text/html", ""))


async def _run(path: Path) -> Run:
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        startup_timeout=SECONDS,
        iopub_timeout=SECONDS,  # a busy machine shows outputs late; without this they would be lost
        raise_on_iopub_timeout=True,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONWARNINGS": "error::FutureWarning",
    }
    started = time.monotonic()
    async with client.async_setup_kernel(env=environment):
        for position, cell in enumerate(notebook.cells):
            await client.async_execute_cell(cell, position)
        seconds = time.monotonic() - started
        return Run(notebook, seconds, await _peak(client))


async def _peak(client: Any) -> float:
    message = client.kc.execute("", user_expressions={"peak": PEAK})
    answer = (await client.async_wait_for_reply(message))["content"]["user_expressions"]["peak"]
    return float(answer["data"]["text/plain"].strip("'")) / 1024


def _renew(path: Path) -> bool:
    """Run a notebook, store it, print what it took; whether it did and is within bounds."""
    try:
        result = run(path)
    except (CellExecutionError, CellTimeoutError) as error:
        print(f"{path.name}: {error}", flush=True)
        return False
    nbformat.write(settle(result.notebook, path.stem), path)
    nbformat.validate(nbformat.read(path, as_version=4))
    size = path.stat().st_size
    print(
        f"{path.name:<45} {result.seconds:5.1f} s {result.megabytes:6.0f} MB {size / 1e3:7.0f} kB",
        flush=True,
    )
    memory = 0.0 if math.isnan(result.megabytes) else result.megabytes
    return result.seconds < SECONDS and memory < MEGABYTES and size < BYTES


def main(names: Sequence[str]) -> int:
    """Renew the notebooks named and return the exit status."""
    guide = [GUIDE] if not names or GUIDE.name.startswith(tuple(names)) else []
    paths = [*lecture_notebooks(names), *guide]
    if not paths:
        print(f"No notebook begins with {' or '.join(names)}.", file=sys.stderr)
        return 2
    within = [_renew(path) for path in paths]
    if not all(within):
        bounds = f"{SECONDS} s, {MEGABYTES} MB or {BYTES / 1e6:g} MB of file"
        print(f"A notebook failed, or goes beyond {bounds}.", file=sys.stderr)
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
