#!/bin/sh
# `make lab`: JupyterLab on the first page of the course; arguments go on to JupyterLab.
set -eu
cd "$(dirname "$0")/.."

page=notebooks/00_start_here.ipynb

# Root is usual in a container, and JupyterLab wants to be told.
[ "$(id -u)" = 0 ] && set -- --allow-root "$@"

# With no display there is no browser to open; a text browser would take the terminal.
if [ "$(uname)" = Linux ] && [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}${WSL_DISTRO_NAME:-}" ]; then
    set -- --no-browser "$@"
    echo "No display here: open the address with the token, below, in a browser."
    echo "From another computer: ssh -L 8888:localhost:8888 THIS_COMPUTER first. In a container: publish port 8888, make lab LAB_ARGS=--ip=0.0.0.0"
fi
echo "Ctrl-C ends JupyterLab."

# Little but warnings and the address is printed, and the address is that of the first page. The root is the
# repository, so that links from a page to other files work.
exec .venv/bin/jupyter lab --log-level=WARN --ServerApp.root_dir="$(pwd)" --LabApp.default_url="/lab/tree/$page" "$@"
