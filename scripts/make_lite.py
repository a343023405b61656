"""Make the JupyterLite site: ``python -m scripts.make_lite`` writes ``lite/``.

The notebooks, and a Python with mixedwidgets that runs in the browser.

It has the wheel of this checkout, Pyodide's core (the npm package) and every pure-Python wheel that
the kernel and mixedwidgets need. numpy, scipy, pandas, matplotlib and what else is compiled for
browsers is on no package index: the browser fetches it from Pyodide's own address when it is first
imported. ``make lite`` runs this in an environment of its own, since JupyterLite's extension is an
error in a JupyterLab with a server.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from jupyterlite_pyodide_kernel.constants import PYODIDE_CDN_URL, PYODIDE_VERSION

from scripts.lite_wheels import ROOT, Lock, Wheels, run

CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
INSTALL = (
    "# Puts mixedwidgets into this browser; numpy, scipy, pandas and matplotlib are fetched once.\n"
    "%pip install -q mixedwidgets"
)
COPIED = (".ipynb", ".png", ".py")
KERNEL = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}


def main() -> None:
    """Read the arguments, and make the site."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "lite", help="folder of the site")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / "build" / "lite", help="folder of what is fetched"
    )
    arguments = parser.parse_args()
    cache = arguments.cache.resolve()
    make(arguments.output.resolve(), cache / PYODIDE_VERSION)


def make(site: Path, cache: Path) -> None:
    """Make the site in a folder, which is replaced, keeping in another what was fetched."""
    core, lock = runtime(cache / "runtime")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        wheels = Wheels(cache / "wheels", Lock(lock))
        wheels.collect(build_wheel(source / "pypi"))
        place_runtime(source / "static" / "pyodide", core, lock, wheels.of_pyodide)
        for wheel in wheels.of_pypi:
            shutil.copy(wheel, source / "pypi")
        copy_notebooks(source / "notebooks")
        shutil.rmtree(site, ignore_errors=True)
        command = [sys.executable, "-m", "jupyterlite_core", "build", "--no-sourcemaps"]
        command += ["--lite-dir", str(source), "--output-dir", str(site)]
        run([*command, "--contents", str(source / "notebooks")], cwd=source)
    print(f"The site is in {site}; serve that folder, such as with python -m http.server.")


def runtime(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Fetch Pyodide's core with npm, and return its folder and its lock file."""
    core = folder / "package"
    if not (core / "package.json").exists():
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("npm is not here, which fetches Pyodide; install Node.js with npm.")
        folder.mkdir(parents=True, exist_ok=True)
        name = f"pyodide@{PYODIDE_VERSION}"
        run([npm, "pack", name, "--silent", "--pack-destination", str(folder)], fetches=name)
        with tarfile.open(folder / f"pyodide-{PYODIDE_VERSION}.tgz") as archive:
            archive.extractall(folder, filter="data")
    return core, json.loads((core / "pyodide-lock.json").read_text(encoding="utf-8"))


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    run([*command, "--directory", str(folder)], cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


def place_runtime(folder: Path, core: Path, lock: dict[str, Any], wheels: dict[str, Path]) -> None:
    """Put Pyodide's core into the site, with a lock file that says where every package is.

    Parameters
    ----------
    folder : Path
    core : Path
        The npm package.
    lock : dict
        As Pyodide publishes it.
    wheels : dict
        Wheels that the site has, by their names in the lock file. All others are at Pyodide's
        own address.
    """
    folder.mkdir(parents=True)
    for name in CORE:
        shutil.copy(core / name, folder)
    for name, package in lock["packages"].items():
        if name in wheels:
            shutil.copy(wheels[name], folder)
            package["file_name"] = wheels[name].name
            package["sha256"] = hashlib.sha256(wheels[name].read_bytes()).hexdigest()
        else:
            package["file_name"] = f"{PYODIDE_CDN_URL}/{package['file_name']}"
    (folder / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def copy_notebooks(folder: Path) -> None:
    """Copy the notebooks and what they need, with a first cell that installs mixedwidgets."""
    notebooks = ROOT / "notebooks"
    there = [*notebooks.iterdir(), *(notebooks / "homework").iterdir()]
    for path in sorted(path for path in there if path.suffix in COPIED):
        target = folder / path.relative_to(notebooks)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".ipynb":
            nbformat.write(with_install(nbformat.read(path, as_version=4)), target)
        else:
            shutil.copy(path, target)


def with_install(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Put the cell that installs mixedwidgets before the first cell of code."""
    cells = notebook.cells
    code = [number for number, cell in enumerate(cells) if cell.cell_type == "code"]
    if code:
        cells.insert(code[0], nbformat.v4.new_code_cell(INSTALL, id="install"))
    notebook.metadata["kernelspec"] = dict(KERNEL)
    return notebook


if __name__ == "__main__":
    main()
