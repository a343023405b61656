"""A JupyterLab and a Chromium for the benchmarks that click."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))

from _common import limit_threads, print_machine
from lab import LabServer, chromium, find_chromium


def read_options(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, float]:
    """Read the command line; return it, and how many times slower one core may be.

    With ``--one-core`` everything started from here on runs on the first core.
    """
    parser.add_argument("--one-core", action="store_true", help="everything on the first core")
    options = parser.parse_args()
    limit_threads()
    if options.one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return options, 2.0 if options.one_core else 1.0


@contextmanager
def lab_in_chromium() -> Iterator[tuple[LabServer, Any]]:
    """Start both and say what they are; stop them at the end."""
    executable = find_chromium()
    if executable is None:
        raise SystemExit("No Chromium or Chrome is installed; on Debian: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, chromium(executable) as browser:
        print_machine(f"Chromium {browser.version}")
        server = LabServer(Path(folder))
        server.start()
        try:
            yield server, browser
        finally:
            server.stop()
