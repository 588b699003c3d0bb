#!/bin/sh
# Makes a virtual environment with pip in it. Debian splits the standard library's venv into a
# package of its own (python3-venv); where it is missing we install it, or say what to do.
set -eu
python=$1
venv=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "stitcher needs Python 3.11 or newer; $python is $("$python" -V 2>&1). Try: make PYTHON=python3.12 ..." >&2
  exit 1
}
[ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1 && exit 0
rm -rf "$venv"
if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
  rm -rf "$venv"
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing python$version-venv ..."
    apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "python$version-venv" >/dev/null
    "$python" -m venv "$venv"
  else
    echo "$python cannot make virtual environments. On Debian or Ubuntu: sudo apt-get install python$version-venv" >&2
    exit 1
  fi
fi
