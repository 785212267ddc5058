#!/usr/bin/env bash
# Makes .venv hold what requirements/LEVEL.txt says, and loccit itself, and does nothing when it already does.
#
#   scripts/environment.sh full       what loccit needs to run, with all its extras
#   scripts/environment.sh dev        that, and what the tests and checks need
#   scripts/environment.sh lock       writes requirements/*.txt again from pyproject.toml
#
# PYTHON names the interpreter to use. uv is taken from PATH if it is recent enough, else it is installed into .tools.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."

oldest_uv=0.8.0
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
level=${1:?full, dev or lock}

say() { printf '%s\n' "$*" >&2; }
die() {
  say "error: $1"
  shift
  for line in "$@"; do say "  $line"; done
  exit 1
}

# install_package PACKAGE: with apt, which needs root. Fails where that is not possible.
install_package() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "installing the system package $1"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"; } </dev/null >&2
}

need_git() {
  command -v git >/dev/null || install_package git ||
    die "git is not installed" "try: sudo apt-get install git (macOS: xcode-select --install)"
}

supported() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

choose_python() {
  local candidate
  if [ -n "${PYTHON:-}" ]; then
    supported "$PYTHON" || die "PYTHON=$PYTHON is not a working Python 3.11 or newer"
    python=$PYTHON
    return
  fi
  for candidate in python3 python3.13 python3.12 python3.11; do
    if supported "$candidate"; then
      python=$candidate
      return
    fi
  done
  die "no Python 3.11 or newer was found (python3 is: $(python3 --version 2>&1 | head -n 1))" \
    "try: install one, and name it if it is not on PATH: make setup PYTHON=/path/to/python3.13"
}

uv_is_recent() {
  "$1" --version 2>/dev/null | "$python" -c '
import re, sys
version = lambda text: tuple(map(int, re.findall(r"\d+", text)[:3]))
found = re.match(r"uv (\d+\.\d+\.\d+)", sys.stdin.read())
sys.exit(not found or version(found[1]) < version(sys.argv[1]))' "$oldest_uv"
}

# Three ways to a first uv: a virtual environment, a pip that has none (Debian without python3-venv), apt's python3-venv.
install_uv() {
  local lock=requirements/uv.txt venv_package
  say "installing uv into .tools"
  rm -rf .tools
  if "$python" -m venv .tools >/dev/null 2>&1; then
    .tools/bin/python -m pip install --quiet --require-hashes -r "$lock" >&2
    return
  fi
  rm -rf .tools
  if "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m pip install --quiet --target .tools --require-hashes -r "$lock" >&2
    return
  fi
  venv_package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  install_package "$venv_package" ||
    die "$python can make no virtual environment with pip in it" \
      "try: sudo apt-get install $venv_package, or install uv and put it on PATH"
  "$python" -m venv .tools >&2
  .tools/bin/python -m pip install --quiet --require-hashes -r "$lock" >&2
}

find_uv() {
  if uv_is_recent uv; then
    uv=uv
    return
  fi
  uv=.tools/bin/uv
  uv_is_recent "$uv" || install_uv
}

# A copied or moved checkout has an environment whose commands still point to the old place.
venv_is_ours() {
  supported .venv/bin/python && grep -qsF "$PWD/.venv/bin/python" .venv/bin/loccit || return 1
  [ -z "${PYTHON:-}" ] || [ "$(identity "$PYTHON")" = "$(identity .venv/bin/python)" ]
}

identity() { "$1" -c 'import sys; print(sys.version, sys.base_prefix)'; }

fingerprint() {
  cat "requirements/$level.txt" requirements/build.txt pyproject.toml src/loccit/__init__.py scripts/environment.sh | cksum
}

# The environment for developing holds all that running needs: `make setup` after `make test` takes nothing away.
keep_dev() {
  if [ "$level" = full ] && grep -qs '^dev ' .venv/.locked && venv_is_ours; then level=dev; fi
}

install() {
  find_uv
  if ! venv_is_ours; then
    "$uv" venv --quiet --clear --no-python-downloads --python "$(command -v "$python")" .venv
  fi
  rm -f .venv/.locked
  # .pyc files are written here, once: start-up time counts, and PYTHONDONTWRITEBYTECODE may be set.
  "$uv" pip sync --quiet --python .venv/bin/python --require-hashes --compile-bytecode "requirements/$level.txt"
  # Constraints with hashes bind what the build itself fetches.
  "$uv" pip install --quiet --python .venv/bin/python --no-deps --build-constraints requirements/build.txt --editable .
  printf '%s %s\n' "$level" "$(fingerprint)" >.venv/.locked
  say "ready: .venv/bin/loccit"
}

lock_one() {
  "$uv" pip compile --quiet --no-config --universal --python-version 3.11 --fork-strategy fewest --upgrade \
    --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' \
    --output-file "requirements/$1.txt" "${@:2}"
}

lock() {
  find_uv
  # Whatever index or links the machine is set up with, the files name packages and hashes only.
  lock_one full pyproject.toml --all-extras
  lock_one runtime pyproject.toml --constraints requirements/full.txt
  lock_one build --group build --constraints requirements/full.txt
  lock_one dev pyproject.toml --all-extras --group dev --constraints requirements/full.txt --constraints requirements/build.txt
  lock_one uv --group uv
}

choose_python
case $level in
  lock) lock ;;
  full | dev)
    need_git
    keep_dev
    if ! venv_is_ours || [ "$(cat .venv/.locked 2>/dev/null)" != "$level $(fingerprint)" ]; then install; fi
    .venv/bin/python -m compileall -q src/loccit
    ;;
  *) die "unknown level '$level': expected full, dev or lock" ;;
esac
