#!/bin/sh
# `make setup`: a virtual environment in .venv with the course, its tools and exactly the versions of constraints.txt.
# Called again it does nothing, unless pyproject.toml, constraints.txt, this file or the folder's place has changed.
set -eu
cd "$(dirname "$0")/.."

venv=.venv
stamp=$venv/installed

fail() {
    echo "$*" >&2
    exit 1
}

# The first Python that can be used; the reader's own choice (PYTHON=...) is the only candidate if there is one.
find_python() {
    found=
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || continue
        found=$candidate
        "$candidate" -c 'import ensurepip, venv' 2>/dev/null || continue
        echo "$candidate"
        return
    done
    if [ -n "$found" ]; then
        fail "$found has no venv module with pip: install it (Debian and Ubuntu: apt-get install python3-venv), then call make again."
    elif [ -n "${PYTHON:-}" ]; then
        fail "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13: name one that is, or leave PYTHON out."
    fi
    fail "The course needs Python 3.11, 3.12 or 3.13, found here: $(python3 --version 2>/dev/null || echo none); install one (python.org, or your system's packages), then call make again."
}

fingerprint() {
    pwd
    cat pyproject.toml constraints.txt tools/setup.sh | cksum
}

if [ -f $stamp ] && [ "$(cat $stamp)" = "$(fingerprint)" ] && $venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi

# An environment from another place or from a Python that is gone cannot be repaired, only made again.
if [ -d $venv ] && { [ "$(head -n 1 $stamp 2>/dev/null || pwd)" != "$(pwd)" ] || ! $venv/bin/python -m pip --version >/dev/null 2>&1; }; then
    rm -rf $venv
fi
if [ ! -d $venv ]; then
    python=$(find_python)
    echo "1/3  Making $venv with $("$python" --version)"
    "$python" -m venv $venv
fi
rm -f $stamp

echo "2/3  Installing the course and what it needs into $venv (some minutes, most of them for torch)"
$venv/bin/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable ".[dev]" ||
    fail "The installation did not finish; the last lines above say why. Calling make again goes on from there."

echo "3/3  Looking whether everything loads"
if ! problem=$($venv/bin/python -c 'import cv2' 2>&1); then
    fail "OpenCV does not load ($(echo "$problem" | tail -n 1)): install the system libraries that it draws with (Debian and Ubuntu: apt-get install libgl1 libglib2.0-0), then call make again."
fi
$venv/bin/python -c 'import torch, simswap_lib; print(f"     simswap_lib {simswap_lib.__version__}, torch {torch.__version__}")'
# The renderer is compiled on first use; better here than under the first picture of the first lesson.
$venv/bin/python -c 'from simswap_lib.world import Identity, Shot, render; render(Identity.sample(0), Shot.sample(0), 64)'
# JupyterLab would greet every reader with a question about its newsletter.
$venv/bin/jupyter labextension disable --level=sys_prefix "@jupyterlab/apputils-extension:announcements" >/dev/null 2>&1
fingerprint >$stamp
echo "     Ready."
