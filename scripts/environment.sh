#!/bin/sh
# Make the Python environment, or refresh it, and install this package with an extra into it, and
# with JupyterLab where the extra needs it.
#   usage: scripts/environment.sh FOLDER EXTRA-OF-PYPROJECT        (PYTHON=... picks the interpreter)
set -eu

folder=$1
case $2 in
lab | nbgrader | otter) extras=$2 ;;
*) extras=lab,$2 ;;
esac

supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if supported "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "No Python 3.11 to 3.14 was found (looked for: ${PYTHON:-python3, python3.11 to python3.14}); install one, or name it: make PYTHON=/path/to/python3.12" >&2
    exit 1
}

require_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    here=$(dirname "$0")
    "$here/system_package.sh" "$package" 2>/dev/null && "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    echo "$1 cannot make environments because its venv or ensurepip module is missing; on Debian or Ubuntu install it with: apt-get install $package" >&2
    exit 1
}

if ! { supported "$folder/bin/python" && "$folder/bin/python" -m pip --version >/dev/null 2>&1; }; then
    python=$(find_python)
    require_venv "$python"
    echo "Making the environment $folder with $("$python" --version)."
    "$python" -m venv --clear "$folder"
fi

echo "Installing mixedwidgets[$extras] into $folder (a minute or two the first time)."
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --editable ".[$extras]"
