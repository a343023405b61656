#!/bin/sh
# Start JupyterLab on the explorer's notebook.
#   usage: scripts/explore.sh PYTHON [options of JupyterLab]
set -eu

python=$1
shift

if [ "$(id -u)" = 0 ]; then
    set -- --allow-root "$@"
fi

# Without a display, Python would open a text browser over this terminal.
if [ "$(uname)" = Linux ] && [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}${WSL_DISTRO_NAME:-}${BROWSER:-}" ]; then
    set -- --no-browser "$@"
fi

echo "JupyterLab is starting; its address is printed below. Ctrl-C twice stops it."
exec "$python" -m jupyterlab --log-level=WARN \
    --LabApp.default_url=/lab/tree/notebooks/explore.ipynb --LabApp.news_url=None "$@"
