"""The pure-Python wheels that JupyterLite's kernel and mixedwidgets need, from PyPI."""

from __future__ import annotations

import email.parser
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).resolve().parents[1]
UNREACHABLE = 75  # exit status: nothing is wrong with the checkout, a package cannot be fetched
KERNEL = ("micropip", "packaging", "ipython", "jedi", "comm")
SHIMS = ("ipykernel", "pyodide-kernel", "piplite", "widgetsnbextension")  # JupyterLite's own
PURE = "none-any.whl"


class Lock:
    """Which packages Pyodide has, in which versions, and what they need."""

    def __init__(self, lock: dict[str, Any]):
        self.names = {canonicalize_name(name): name for name in lock["packages"]}
        self._packages = lock["packages"]
        python = lock["info"]["python"]
        self.environment = {
            "python_version": ".".join(python.split(".")[:2]),
            "python_full_version": python,
            "platform_machine": "wasm32",
            "platform_system": "Emscripten",
            "sys_platform": "emscripten",
            "os_name": "posix",
            "extra": "",
        }

    def package(self, name: str) -> dict[str, Any] | None:
        """Return what the lock file says of a package, None where it has none."""
        found = self.names.get(canonicalize_name(name))
        return None if found is None else self._packages[found]


class Wheels:
    """The wheels that a site has beside the one of mixedwidgets.

    Attributes
    ----------
    of_pyodide : dict
        Pure-Python packages that Pyodide has too: name in its lock file -> file.
    of_pypi : list of Path
        Those that it has not, in the versions that ``binder/requirements.txt`` pins.
    """

    def __init__(self, folder: Path, lock: Lock):
        self.of_pyodide: dict[str, Path] = {}
        self.of_pypi: list[Path] = []
        self._folder = folder
        self._lock = lock
        self._pins = pins()

    def collect(self, built: Path) -> None:
        """Fetch all that the kernel and a wheel need, and what that needs, and so on."""
        seen = set(SHIMS)
        wanted = [Requirement(name) for name in KERNEL] + self._needs(built)
        while wanted:
            for requirement in wanted:
                self._judge(requirement)
            new = {canonicalize_name(requirement.name) for requirement in wanted} - seen
            seen |= new
            wanted = self._take(sorted(new))

    def _take(self, names: list[str]) -> list[Requirement]:
        """Fetch those of some packages that are pure Python, and return what all need."""
        needs = []
        pure = []
        for name in names:
            package = self._lock.package(name)
            if package is not None:
                needs += [Requirement(depends) for depends in package["depends"]]
            if package is None or package["file_name"].endswith(PURE):
                pure.append(name)
        for name, wheel in self._fetch({name: self._version(name) for name in pure}).items():
            if name in self._lock.names:
                self.of_pyodide[self._lock.names[name]] = wheel
            else:
                self.of_pypi.append(wheel)
                needs += self._needs(wheel)
        return needs

    def _version(self, name: str) -> str:
        package = self._lock.package(name)
        if package is not None:
            return str(package["version"])
        if name not in self._pins:
            raise SystemExit(f"{name} is needed, and neither Pyodide nor binder/ has a version.")
        return self._pins[name]

    def _judge(self, requirement: Requirement) -> None:
        """Refuse a requirement that the version in the site does not meet."""
        name = canonicalize_name(requirement.name)
        if name in SHIMS:
            return
        version = self._version(name)
        if not requirement.specifier.contains(version, prereleases=True):
            raise SystemExit(f"{requirement} is needed, and in the browser there is {version}.")

    def _needs(self, wheel: Path) -> list[Requirement]:
        requirements = [Requirement(line) for line in metadata(wheel)]
        return [
            r for r in requirements if not r.marker or r.marker.evaluate(self._lock.environment)
        ]

    def _fetch(self, versions: dict[str, str]) -> dict[str, Path]:
        """Return the wheel of each package, fetching those that are not here yet."""
        self._folder.mkdir(parents=True, exist_ok=True)
        here = self._here(versions)
        asked = [f"{name}=={version}" for name, version in versions.items() if name not in here]
        if asked:
            python = self._lock.environment["python_version"]
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += ["--disable-pip-version-check", "--no-input", "--only-binary=:all:"]
            command += ["--platform=any", "--implementation=py", "--abi=none"]
            command += [f"--python-version={python}", "--dest", str(self._folder)]
            run([*command, *asked], fetches=" ".join(asked))
        return self._here(versions)

    def _here(self, versions: dict[str, str]) -> dict[str, Path]:
        found = {}
        for path in self._folder.glob(f"*{PURE}"):
            name, version, _, _ = parse_wheel_filename(path.name)
            if versions.get(name) == str(version):
                found[str(name)] = path
        return found


def pins() -> dict[str, str]:
    """Name -> version of each line of binder/requirements.txt."""
    lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    found = [re.fullmatch(r"([^=\s]+)==(\S+)", line) for line in lines]
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def metadata(wheel: Path) -> list[str]:
    """Return the lines in which a wheel says what it needs."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)]
        text = archive.read(name).decode("utf-8")
    return email.parser.HeaderParser().parsestr(text).get_all("Requires-Dist") or []


def run(command: list[str], cwd: Path | None = None, fetches: str = "") -> None:
    """Run a command and stop with its output where it fails; what it `fetches` may be far away."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode == 0:
        return
    print(done.stdout[-4000:] + done.stderr[-4000:], file=sys.stderr)
    if fetches:
        print(f"These packages could not be fetched: {fetches}", file=sys.stderr)
        raise SystemExit(UNREACHABLE)
    raise SystemExit(f"{' '.join(command)} failed.")
