"""binder/ as repo2docker reads it: the Dockerfile that it would build, without Docker."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What repo2docker would build of a copy of binder/, which is all that it looks at."""
    pytest.importorskip("repo2docker")
    root = Path(__file__).resolve().parents[1]
    folder = tmp_path_factory.mktemp("repository")
    shutil.copytree(root / "binder", folder / "binder")
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def place(dockerfile: str, line: str) -> int:
    assert dockerfile.count(line) == 1, f"{line!r} is there {dockerfile.count(line)} times"
    return dockerfile.index(line)


def test_packages_are_installed_before_the_repository_is_copied(dockerfile):
    """So the layer with the packages is built again only when the pins change."""
    copied = place(dockerfile, "src/binder/requirements.txt ${REPO_DIR}/binder/requirements.txt")
    installed = place(dockerfile, 'pip install --no-cache-dir -r "binder/requirements.txt"')
    whole = place(dockerfile, "src/ ${REPO_DIR}/")
    assert copied < installed < whole


def test_the_package_itself_comes_last_and_alone(dockerfile):
    assert place(dockerfile, "src/ ${REPO_DIR}/") < place(dockerfile, "RUN ./binder/postBuild")


def test_start_is_the_entry(dockerfile):
    assert place(dockerfile, 'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"')


def test_the_python_is_the_one_asked_for(dockerfile):
    runtime = (Path(__file__).resolve().parents[1] / "binder" / "runtime.txt").read_text().strip()
    version = runtime.removeprefix("python-")
    assert f"Building conda environment for python={version}" in dockerfile
