"""The JupyterLite site: Python boots in the browser from the site alone and installs our wheel.

Every other host is out of reach, so numpy and what needs it are not here: Pyodide has those at an
address of its own.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest
from lab import CHROMIUM_ARGUMENTS, LabPage, find_chromium

import mixedwidgets
from tests.homework_text import HOMEWORK

UNREACHABLE = 75  # what scripts/make_lite.py ends with where a package cannot be fetched
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
PYODIDE = "https://cdn.jsdelivr.net/pyodide"
COMPILED = ["numpy", "scipy", "pandas", "matplotlib", "pillow"]


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built in the environment that ``make lite`` makes."""
    python = Path(f"{sys.prefix}-lite") / "bin" / "python"
    if shutil.which("npm") is None:
        pytest.skip("npm is not here, which fetches Pyodide")
    if not python.exists():
        pytest.skip("there is no environment with the lite extra; `make lite` makes it")
    output = tmp_path_factory.mktemp("lite") / "site"
    command = [python, "-m", "scripts.make_lite", "--output", output]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    if done.returncode == UNREACHABLE:
        pytest.skip(f"packages cannot be fetched: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return output


def plugin(site: Path) -> dict[str, Any]:
    """What the site tells its kernel."""
    config = json.loads((site / "jupyter-lite.json").read_text())["jupyter-config-data"]
    return config["litePluginSettings"]["@jupyterlite/pyodide-kernel-extension:kernel"]


def test_every_notebook_is_there_and_installs_the_package_first(
    repository: Path, site: Path
) -> None:
    notebooks = repository / "notebooks"
    for path in [*notebooks.glob("*.ipynb"), *notebooks.glob("homework/*.ipynb")]:
        original = nbformat.read(path, as_version=4)
        copy = nbformat.read(site / "files" / path.relative_to(notebooks), as_version=4)
        nbformat.validate(copy)
        ours = [cell.source for cell in copy.cells if "%pip install" not in cell.source]
        assert ours == [cell.source for cell in original.cells]
        code = [cell.source for cell in copy.cells if cell.cell_type == "code"]
        assert not code or code[0].endswith("%pip install -q mixedwidgets")


def test_the_index_names_our_wheel(site: Path) -> None:
    index = json.loads((site / "pypi" / "all.json").read_text())
    (release,) = index["mixedwidgets"]["releases"][mixedwidgets.__version__]
    wheel = site / "pypi" / release["filename"]
    assert wheel.name.endswith("py3-none-any.whl")
    assert release["digests"]["sha256"] == hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert plugin(site)["pipliteUrls"][0].startswith("./pypi/all.json")
    assert plugin(site)["pyodideUrl"] == "./static/pyodide/pyodide.mjs"


def test_only_what_is_compiled_is_elsewhere(site: Path) -> None:
    folder = site / "static" / "pyodide"
    packages = json.loads((folder / "pyodide-lock.json").read_text())["packages"]
    here = {n: p for n, p in packages.items() if "://" not in p["file_name"]}
    for package in here.values():
        content = (folder / package["file_name"]).read_bytes()
        assert package["sha256"] == hashlib.sha256(content).hexdigest()
    assert {"micropip", "ipython", "traitlets"} <= set(here)
    for name in COMPILED:
        assert packages[name]["file_name"].startswith("https://")
        assert "wasm32" in packages[name]["file_name"]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site on the loopback interface, with the app to be asked by the test."""
    path = site / "jupyter-lite.json"
    config = json.loads(path.read_text())
    config["jupyter-config-data"]["exposeAppInBrowser"] = True
    path.write_text(json.dumps(config))
    (site / "favicon.ico").touch()  # which the browser asks of any host
    handler = partial(_Quiet, directory=os.fspath(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def strangers() -> list[str]:
    """What the page has asked of other hosts so far."""
    return []


@pytest.fixture(scope="module")
def lite(browser: Any, address: str, strangers: list[str]) -> Iterator[LabPage]:
    """The first notebook of the site, in a browser that reaches nothing else."""
    alone = browser.browser_type.launch(
        executable_path=find_chromium(), args=[*CHROMIUM_ARGUMENTS, ALONE]
    )
    context = alone.new_context(viewport={"width": 1280, "height": 900})
    own = (address, "data:", "blob:")
    context.on("request", lambda r: None if r.url.startswith(own) else strangers.append(r.url))
    lab = LabPage(context.new_page())
    lab.open(f"{address}/lab/index.html?path=00-index.ipynb")
    yield lab
    alone.close()


def printed(lab: LabPage, code: str) -> str:
    """Run code in the kernel of the notebook and return what it prints."""
    return str(lab.page.evaluate(_PRINTED, code))


def test_our_wheel_is_installed_from_the_site_and_its_parts_work(
    lite: LabPage, strangers: list[str]
) -> None:
    printed(lite, "import piplite\nawait piplite.install('mixedwidgets', deps=False)")
    code = """
import sys
import mixedwidgets as mw
import mixedwidgets.errors, mixedwidgets.lmm.spec, mixedwidgets.export_code
from mixedwidgets.export import script
from mixedwidgets.lmm.formula import parse

spec = parse("score ~ ses + log(size) + (ses | school)")
assert parse(str(spec)) == spec
try:
    parse("score ~ ses + (ses | school")
except mw.FormulaError as error:
    refused = str(error)
print(sys.platform, mw.__version__, "numpy" in sys.modules)
print(spec)
print(refused)
print(script(str(spec), False, path="scores.csv"))
"""
    first, formula, *rest = printed(lite, code).splitlines()
    assert first == f"emscripten {mixedwidgets.__version__} False"
    assert formula == "score ~ ses + log(size) + (ses | school)"
    assert "this opening parenthesis is never closed" in "\n".join(rest).lower()
    assert "data = pd.read_csv('scores.csv')" in rest
    assert lite.errors == []
    assert strangers == []


def test_a_homework_is_read_checked_and_recorded_in_it(lite: LabPage, strangers: list[str]) -> None:
    assert printed(lite, HOMEWORK) == "## Schools\n"
    assert lite.errors == []
    assert strangers == []


def test_a_widget_of_ours_lives_in_it(lite: LabPage, strangers: list[str]) -> None:
    """A file that is chosen in it arrives in Python: both directions, and bytes."""
    code = """
import piplite
await piplite.install(["ipywidgets", "anywidget"])
from mixedwidgets.widgets.upload import Upload

came = []
field = Upload(lambda name, size: None, lambda *file: came.append(file), came.append)
"""
    printed(lite, code)
    lite.page.evaluate(_CELL, "field")
    chooser = lite.page.locator(".jp-OutputArea input[type=file]")
    chooser.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": b"y,g\n1,\xff\n"})
    lite.page.wait_for_function(  # "Reading a.csv" until Python has answered
        "() => !document.querySelector('.mixedwidgets-upload [role=status]').textContent"
    )
    assert printed(lite, "print(came)") == "[('a.csv', b'y,g\\n1,\\xff\\n')]\n"
    assert lite.errors == []
    assert strangers == []


def test_installing_everything_asks_pyodide_for_what_is_compiled_alone(
    lite: LabPage, strangers: list[str]
) -> None:
    """It cannot be had here, and then pip says so and the kernel goes on."""
    printed(lite, "import micropip\nmicropip.uninstall('mixedwidgets')")
    printed(lite, "%pip install -q mixedwidgets")
    assert printed(lite, "print(1 + 1)") == "2\n"
    wheels = {url.rsplit("/", 1)[1] for url in strangers}
    assert {name.split("-")[0] for name in wheels} >= set(COMPILED)
    assert {url for url in strangers if not url.startswith(f"{PYODIDE}/v")} == set()
    assert {name for name in wheels if not name.endswith("_wasm32.whl")} == set()


def test_long_work_goes_on_between_cells_without_a_thread(lite: LabPage) -> None:
    code = """
import asyncio, gc, time
from contextlib import nullcontext
from mixedwidgets.widgets.garbage import uncollected
from mixedwidgets.widgets.longwork import LongWork

def steps():
    for number in range(8):
        time.sleep(0.02)
        yield number

shown = []
with uncollected():
    LongWork(nullcontext, 0.0).start(steps(), lambda *result: shown.append(result))
print(len(shown), gc.isenabled())
"""
    assert printed(lite, code) == "1 False\n"
    code = """
for _ in range(200):
    if shown[-1][1] and gc.isenabled():
        break
    await asyncio.sleep(0.05)
print(len(shown) > 1, shown[-1], gc.isenabled())
"""
    assert printed(lite, code) == "True (7, True) True\n"


_CELL = """async (source) => {
  const { commands, shell } = window.jupyterapp;
  await commands.execute("notebook:insert-cell-above");
  shell.currentWidget.content.activeCell.model.sharedModel.setSource(source);
  await commands.execute("notebook:run-cell");
}"""

# What a cell prints comes while it runs.
_PRINTED = """async (code) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({ code });
  let text = "";
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === "stream") text += content.text;
  };
  const { content } = await future.done;
  if (content.status !== "ok") throw new Error(`${content.ename}: ${content.evalue}`);
  return text;
}"""
