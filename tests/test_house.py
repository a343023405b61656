"""The repository as a stranger finds it: files, pins, commands, licence, import, wheel."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mixedwidgets

EXECUTABLE = [
    ".ci/run",
    "binder/postBuild",
    "binder/start",
    "scripts/environment.sh",
    "scripts/explore.sh",
    "scripts/system_package.sh",
]
EXPECTED = [
    *EXECUTABLE,
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "binder/requirements.txt",
    "binder/runtime.txt",
    "notebooks/explore.ipynb",
]
# Written in halves, so that this file does not find itself.
FOREIGN = [
    "/wo" + "rk/",
    "/ro" + "ot/",
    "/tmp/" + "bash",
    "/opt/" + "pypi",
    "pypi" + "-more",
    "files.python" + "hosted.org",
    "registry.npm" + "js.org",
]
UNLOADED = ["matplotlib", "ipywidgets", "anywidget", "IPython", "traitlets", "pandas", "scipy"]


def tracked(repository: Path) -> list[str]:
    """Names of the files that git knows, or skip outside a checkout."""
    if not (repository / ".git").exists():
        pytest.skip("this is not a git checkout, so tracked files cannot be listed")
    listing = subprocess.run(
        ["git", "-C", str(repository), "ls-files", "-z"], capture_output=True, check=True, text=True
    )
    return [name for name in listing.stdout.split("\0") if name]


def declared(repository: Path) -> list[Requirement]:
    """Runtime dependencies and those of the lab extra, as pyproject.toml states them."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["lab"]
    return [Requirement(line) for line in lines]


def pins(repository: Path) -> dict[str, str]:
    """Name -> version of each line of binder/requirements.txt."""
    found = {}
    for line in (repository / "binder/requirements.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)", line)
        assert match, f"not an exact pin: {line!r}"
        found[canonicalize_name(match[1])] = match[2]
    return found


@pytest.mark.parametrize("name", EXPECTED)
def test_file_is_there(repository: Path, name: str) -> None:
    assert (repository / name).is_file()


@pytest.mark.parametrize("name", EXECUTABLE)
def test_script_can_be_run_and_stops_at_the_first_failure(repository: Path, name: str) -> None:
    path = repository / name
    assert os.access(path, os.X_OK)
    first, *rest = path.read_text().splitlines()
    options = {"#!/usr/bin/env bash": "set -euo pipefail", "#!/bin/sh": "set -eu"}
    assert options[first] in rest


def test_binder_start_hands_over(repository: Path) -> None:
    assert (repository / "binder/start").read_text().rstrip().endswith('exec "$@"')


def test_binder_python_is_supported(repository: Path) -> None:
    runtime = (repository / "binder/runtime.txt").read_text().strip()
    assert re.fullmatch(r"python-3\.1[1-4]", runtime)


def test_binder_pins_satisfy_the_declared_ranges(repository: Path) -> None:
    pinned = pins(repository)
    for requirement in declared(repository):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"binder/requirements.txt has no {requirement.name}"
        assert requirement.specifier.contains(version), f"{requirement} against {version}"


def test_readme_shows_both_commands_on_its_first_screen(repository: Path) -> None:
    first_screen = (repository / "README.md").read_text().splitlines()[:40]
    assert any(re.match(r"\s*(\$ )?make explore\b", line) for line in first_screen)
    assert any(re.match(r"\s*(\$ )?make test\b", line) for line in first_screen)


def test_licence_is_bsd_3(repository: Path) -> None:
    text = (repository / "LICENSE").read_text()
    assert "BSD 3-Clause" in text
    assert "Neither the name" in text
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    assert project["license"] == "BSD-3-Clause"


def test_version_is_the_changelogs_first(repository: Path) -> None:
    match = re.search(r"^## (\d+\.\d+\.\d+)", (repository / "CHANGELOG.md").read_text(), re.M)
    assert match is not None
    assert match[1] == mixedwidgets.__version__


def test_no_tracked_file_names_a_machine(repository: Path) -> None:
    guilty = []
    for name in tracked(repository):
        path = repository / name
        content = path.read_bytes() if path.is_file() else b""
        guilty += [f"{name}: {word}" for word in FOREIGN if word.encode() in content]
    assert guilty == []


def test_import_is_light() -> None:
    code = (
        "import sys, mixedwidgets; "
        f"print([name for name in {UNLOADED!r} if name in sys.modules], end='')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert run.stdout == "[]"


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=repository,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_is_pure_python(wheel: Path) -> None:
    assert wheel.name == f"mixedwidgets-{mixedwidgets.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        compiled = [n for n in archive.namelist() if n.endswith((".so", ".pyd", ".dylib", ".dll"))]
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/WHEEL")]
        assert "Root-Is-Purelib: true" in archive.read(name).decode().splitlines()
    assert compiled == []


def test_wheel_holds_every_file_of_the_package(repository: Path, wheel: Path) -> None:
    package = repository / "mixedwidgets"
    sources = {
        path.relative_to(repository).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        assert sources <= set(archive.namelist())
    assert any(name.startswith("mixedwidgets/data/") for name in sources)
    for name in ("picture.js", "canvas.js", "upload.js", "upload.css"):
        assert f"mixedwidgets/widgets/{name}" in sources
    assert "mixedwidgets/py.typed" in sources
