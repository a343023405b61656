"""Fixtures for tests that look at notebooks in a real Chromium through JupyterLab."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

# Test modules are imported by path here, so a helper beside them has to be made findable.
sys.path.insert(0, str(Path(__file__).parent))

from lab import LabPage, LabServer, chromium, find_chromium, write_notebook

ARTIFACTS = Path(__file__).resolve().parents[1] / "_artifacts"
HERE = Path(__file__).parent

OpenLab = Callable[..., LabPage]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder, and run it last: Playwright keeps an event loop running."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")
    items.sort(key=lambda item: HERE in item.path.parents)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Keep a screenshot of what is open where a test fails."""
    report = yield
    if report.failed:
        for number, lab in enumerate(_opened):
            keep_look(lab, f"{item.name}-{number}")
    return report


_opened: list[LabPage] = []


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    executable = find_chromium()
    if executable is None:
        reason = "no Chromium or Chrome is installed, so nothing can be looked at in a browser"
        if os.environ.get("MIXEDWIDGETS_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with chromium(executable) as started:
        yield started


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory, browser: object) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("lab"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def open_lab(
    request: pytest.FixtureRequest, browser: object, lab_server: LabServer
) -> Iterator[OpenLab]:
    """Open a notebook (a path, or the sources of its code cells), run it and return its page."""
    yield from _opener(request, browser, lab_server)


@pytest.fixture(scope="module")
def open_one_lab(
    request: pytest.FixtureRequest, browser: object, lab_server: LabServer
) -> Iterator[OpenLab]:
    """As `open_lab`, for a page that all tests of a module share."""
    yield from _opener(request, browser, lab_server)


def _opener(
    request: pytest.FixtureRequest, browser: Any, lab_server: LabServer
) -> Iterator[OpenLab]:
    first, names = len(_opened), list[str]()

    def open_one(
        notebook: Path | Sequence[str],
        width: int = 1280,
        height: int = 800,
        ratio: float = 1.0,
        run: bool = True,
        app: str = "lab",
        query: str = "",
    ) -> LabPage:
        name = f"{_plain(request.node.name)}-{len(_opened)}.ipynb"
        path = lab_server.notebooks / name
        names.append(name)
        if isinstance(notebook, Path):
            path.write_bytes(notebook.read_bytes())
        else:
            write_notebook(path, notebook)
        context = browser.new_context(
            viewport={"width": width, "height": height}, device_scale_factor=ratio
        )
        lab = LabPage(context.new_page())
        _opened.append(lab)
        lab.open(lab_server.url(path, app) + query, app)
        if run and app != "voila":  # which runs it itself
            lab.run_all()
        return lab

    yield open_one
    for lab in _opened[first:]:
        lab.page.context.close()
    del _opened[first:]
    lab_server.stop_kernels(names)


def keep_look(lab: LabPage, name: str) -> None:
    """Keep a screenshot of a page, to be looked at."""
    ARTIFACTS.mkdir(exist_ok=True)
    lab.page.screenshot(path=ARTIFACTS / f"{_plain(name)}.png")


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """A folder, ignored by git, for screenshots to be looked at."""
    ARTIFACTS.mkdir(exist_ok=True)
    return ARTIFACTS


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)
