"""Build what Binder builds, in a clean home and a fresh environment, and use it as a visitor does.

The pins are installed, then ``binder/postBuild`` is run in a copy of what is committed, then
``binder/start`` starts JupyterLab. The first notebook is opened and run in Chromium, and the memory
of server and kernel is measured. It needs the Python that ``binder/runtime.txt`` names, git and
Chromium, and a Python that has Playwright to run it: ``make binder``.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))

from lab import LabPage, chromium, find_chromium

ROOT = Path(__file__).resolve().parents[1]
MOST = 600.0  # MB
SECONDS = 120


def build(home: Path) -> tuple[Path, dict[str, str]]:
    """Install what Binder installs; return the copy of the repository and the environment."""
    version = (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    python = shutil.which(f"python{version}")
    if python is None:
        raise SystemExit(f"python{version} is not on the PATH; binder/runtime.txt asks for it.")
    repository, venv = home / "repository", home / "environment"
    run(["git", "clone", "--quiet", str(ROOT), str(repository)])
    run([python, "-m", "venv", str(venv)])
    environment = {
        "HOME": str(home),
        "PATH": f"{venv / 'bin'}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
    }
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE", "PIP_FIND_LINKS"):
        if name in os.environ:
            environment[name] = os.environ[name]
    install = ["python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*install, "-r", "binder/requirements.txt"], cwd=repository, env=environment)
    run(["./binder/postBuild"], cwd=repository, env=environment)
    return repository, environment


def run(command: list[str], **options: object) -> None:
    """Run a command, and stop with its output where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def visit(repository: Path, environment: dict[str, str], notebook: str) -> float:
    """Start JupyterLab, run a notebook in it, and return the megabytes of server and kernel."""
    port, token = free_port(), secrets.token_hex(8)
    command = ["./binder/start", "jupyter", "lab", "--no-browser", "--ip=127.0.0.1"]
    command += [f"--port={port}", f"--IdentityProvider.token={token}", "--allow-root"]
    command += ["--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None"]
    server = subprocess.Popen(
        command,
        cwd=repository,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/api/status?token={token}")
        executable = find_chromium()
        if executable is None:
            raise SystemExit("No Chromium or Chrome is installed.")
        with chromium(executable) as browser:
            lab = LabPage(browser.new_page(viewport={"width": 1400, "height": 900}))
            lab.open(f"http://127.0.0.1:{port}/lab/tree/{notebook}?token={token}")
            lab.run_all()
            lab.picture()
            if lab.errors:
                raise SystemExit("errors on the page:\n" + "\n".join(lab.errors))
            return memory(server.pid)
    finally:
        server.terminate()
        server.wait(20)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit("JupyterLab did not start.") from None
            time.sleep(0.2)


def memory(pid: int) -> float:
    """Megabytes that a process and all that it has started hold, shared pages counted once."""
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
        total += next(int(li.split()[1]) for li in rollup.splitlines() if li.startswith("Pss:"))
        for task in Path(f"/proc/{one}/task").iterdir():
            waiting += map(int, (task / "children").read_text().split())
    return total / 1024


def main() -> int:
    """Build, visit, and say whether the goal is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notebook", default="notebooks/00-index.ipynb")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        repository, environment = build(Path(folder))
        print(f"built in {time.monotonic() - begun:.0f} s")
        used = visit(repository, environment, options.notebook)
        met = used <= MOST
        print(
            f"{options.notebook}: run without an error; server and kernel hold {used:.0f} MB, "
            f"goal at most {MOST:.0f}: {'met' if met else 'NOT MET'}"
        )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
