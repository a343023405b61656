"""A Jupyter server of our own and a Chromium to look at it, for tests and measurements.

The server is JupyterLab's; where they are installed it serves Notebook 7 and Voila as well.
Nothing here needs pytest. Everything lives in a folder that is given, on the loopback interface,
and is stopped by whoever started it.
"""

from __future__ import annotations

import ast
import contextlib
import http.client
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
from playwright.sync_api import Browser, Locator, Page, sync_playwright

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SECONDS = 60
PICTURE = ".mixedwidgets-picture"

_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
_CONFIGURATION = {
    "LabApp": {
        "news_url": None,
        "check_for_updates_class": "jupyterlab.handlers.announcements.NeverCheckForUpdate",
        "expose_app_in_browser": True,
    },
    "JupyterNotebookApp": {"expose_app_in_browser": True},
    "VoilaConfiguration": {"show_tracebacks": True},
    "ServerApp": {"open_browser": False, "ip": "127.0.0.1", "allow_root": True},
}


def find_chromium() -> str | None:
    """Return the path of a Chromium or Chrome that the system has, or None."""
    return next((found for name in CHROMIUMS if (found := shutil.which(name))), None)


def write_notebook(path: Path, cells: Sequence[str]) -> Path:
    """Write a notebook with these code cells and return its path."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, path)
    return path


class LabServer:
    """JupyterLab with a home, settings and kernel of its own.

    Parameters
    ----------
    folder : Path
        Where everything is kept; notebooks are served from ``folder / "notebooks"``.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.notebooks = folder / "notebooks"
        self.token = secrets.token_hex(16)
        self.port = _free_port()
        self._log = folder / "jupyterlab.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.notebooks.mkdir(parents=True)
        environment = self._environment()
        command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={self.notebooks}"]
        command += [f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"]
        environment["JUPYTER_TOKEN"] = self.token
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment, cwd=self.folder, stdout=log, stderr=log
            )
        deadline = time.monotonic() + SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"JupyterLab did not start:\n{self._log.read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the kernels and the server."""
        if self._process is None:
            return
        if self._process.poll() is None:
            with contextlib.suppress(OSError):
                self.stop_kernels()
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def stop_kernels(self, names: Sequence[str] | None = None) -> None:
        """End the sessions of some notebooks, or all, and with them their kernels."""
        for session in json.loads(self._request("GET", "/api/sessions")[1]):
            if names is None or session["path"] in names:
                self._request("DELETE", f"/api/sessions/{session['id']}")

    def url(self, notebook: Path, app: str = "lab") -> str:
        """Return the address of a notebook in an app: ``"lab"``, ``"notebook"`` or ``"voila"``.

        In JupyterLab it is in a workspace that nobody has used.
        """
        name = quote(notebook.relative_to(self.notebooks).as_posix())
        if app != "lab":
            folder = {"notebook": "notebooks", "voila": "voila/render"}[app]
            return f"http://127.0.0.1:{self.port}/{folder}/{name}?token={self.token}"
        workspace = f"test-{secrets.token_hex(4)}"
        base = f"http://127.0.0.1:{self.port}/lab/workspaces/{workspace}"
        return f"{base}/tree/{name}?reset&token={self.token}"

    def _environment(self) -> dict[str, str]:
        """Write settings, configuration and kernel, and return the environment that uses them."""
        home = {
            "HOME": self.folder / "home",
            "JUPYTER_CONFIG_DIR": self.folder / "config",
            "JUPYTER_DATA_DIR": self.folder / "data",
            "JUPYTER_RUNTIME_DIR": self.folder / "runtime",
            "IPYTHONDIR": self.folder / "ipython",
        }
        for path in home.values():
            path.mkdir(parents=True)
        kernel = {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "Python 3",
            "language": "python",
        }
        config = self.folder / "config"
        _write_json(self.folder / "data" / "kernels" / "python3" / "kernel.json", kernel)
        _write_json(config / "jupyter_server_config.json", _CONFIGURATION)
        _write_json(config / "labconfig" / "default_setting_overrides.json", _SETTINGS)
        ours = {name: str(path) for name, path in home.items()}
        # The kernel written above comes before one that the environment may have.
        return {**os.environ, **ours, "JUPYTER_PREFER_ENV_PATH": "0"}

    def _answers(self) -> bool:
        try:
            return self._request("GET", "/api/status")[0] == 200
        except OSError:
            return False

    def _request(self, method: str, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers={"Authorization": f"token {self.token}"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


class LabPage:
    """A notebook open in the browser, in JupyterLab or Notebook 7.

    In Voila only the page and its errors are there: it has no kernel that one could ask.

    Attributes
    ----------
    page : playwright.sync_api.Page
    errors : list of str
        Errors on the browser's console and exceptions nobody caught, so far.
    """

    def __init__(self, page: Page):
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._on_console)

    def open(self, url: str, app: str = "lab") -> None:
        """Open a notebook and wait until its kernel is ready, or in Voila until it has run."""
        self.page.goto(url, timeout=SECONDS * 1000)
        if app == "voila":
            self.page.wait_for_selector("#rendered_cells", timeout=SECONDS * 1000)
            return
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=SECONDS * 1000)
        self.page.wait_for_function(_KERNEL_IS_IDLE, timeout=SECONDS * 1000)

    def run_all(self) -> None:
        """Run all cells, wait for them, and raise where one of them failed."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
        mime = "application/vnd.jupyter.error"
        failures = self.page.locator(f'.jp-OutputArea-output[data-mime-type="{mime}"]')
        if failures.count():
            raise RuntimeError(f"a cell failed:\n{failures.first.inner_text()}")

    def run_code(self, source: str) -> None:
        """Run some source in the kernel of the notebook, without a cell, and wait for it."""
        self.page.evaluate(_RUN, source)

    def ask(self, expression: str) -> Any:
        """Evaluate an expression in the kernel and return its value, which JSON can hold."""
        shown = self.page.evaluate(_ASK, f"__import__('json').dumps({expression})")
        return json.loads(ast.literal_eval(shown))

    def rerun(self, source: str) -> None:
        """Run another source in the first cell, without widgets of before."""
        self.page.evaluate(_REPLACE, source)
        self.run_code("import ipywidgets\nipywidgets.Widget.close_all()")
        self.run_all()

    def use_theme(self, name: str) -> None:
        """Use a theme such as ``"JupyterLab Dark"``."""
        arguments = ["apputils:change-theme", {"theme": name}]
        self.page.evaluate("args => window.jupyterapp.commands.execute(...args)", arguments)

    def save(self, widgets: bool) -> str:
        """Save the notebook, with or without its widgets' state; return its path on the server."""
        return str(self.page.evaluate(_SAVE, widgets))

    def picture(self, number: int = 0, seq: int = 1) -> Locator:
        """Wait until a picture shows `seq` or later; bring it into view, return its element."""
        self.page.wait_for_function(
            "([css, number, seq]) => +document.querySelectorAll(css)[number]?.dataset.seq >= seq",
            arg=[PICTURE, number, seq],
            timeout=SECONDS * 1000,
        )
        element = self.page.locator(PICTURE).nth(number)
        element.scroll_into_view_if_needed()
        return element

    def hide_sidebar(self) -> None:
        """Close the file browser, which is open by default."""
        if self.page.locator("#jp-left-stack:visible").count():
            command = "application:toggle-left-area"
            self.page.evaluate("name => window.jupyterapp.commands.execute(name)", command)

    def _on_console(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")


@contextlib.contextmanager
def chromium(executable: str) -> Iterator[Browser]:
    """Start a headless browser with a profile of its own, and end it afterwards."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, headless=True, args=list(CHROMIUM_ARGUMENTS)
        )
        try:
            yield browser
        finally:
            browser.close()


# The command turns a setting over, which stays for notebooks opened later.
_SAVE = """async (widgets) => {
  const { commands, shell } = window.jupyterapp;
  const setting = "@jupyter-widgets/jupyterlab-manager:saveWidgetState";
  if (commands.isToggled(setting) !== widgets) await commands.execute(setting);
  await commands.execute("docmanager:save");
  return shell.currentWidget.context.path;
}"""

_KERNEL_IS_IDLE = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  return panel?.sessionContext?.session?.kernel?.status === "idle";
}"""


_RUN = """async (code) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const reply = await kernel.requestExecute({ code }).done;
  if (reply.content.status !== "ok") throw new Error(reply.content.evalue);
}"""


_ASK = """async (expression) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const user_expressions = { value: expression };
  const { content } = await kernel.requestExecute({ code: "", user_expressions }).done;
  const { value } = content.user_expressions;
  if (value.status !== "ok") throw new Error(value.evalue);
  return value.data["text/plain"];
}"""

_REPLACE = """(source) => {
  const [cell] = window.jupyterapp.shell.currentWidget.content.widgets;
  cell.model.sharedModel.setSource(source);
}"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
