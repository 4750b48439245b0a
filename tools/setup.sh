#!/usr/bin/env bash
# Makes .venv from constraints.txt, through uv where it is present, else pip; installs graphviz's dot where that is possible, and nbdev's hooks.
set -euo pipefail
cd "$(dirname "$0")/.."

newest_python() {
    for python in "${PYTHON:-}" python3.13 python3.12 python3.11 python3.10 python3 python; do
        if [ -n "$python" ] && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then echo "$python"; return; fi
    done
    echo 'Python 3.10 or newer is needed and none was found. Name one: make PYTHON=/path/to/python3.10' >&2
    return 1
}

install_dot() {
    command -v dot >/dev/null && return
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq graphviz >/dev/null
    elif command -v brew >/dev/null; then brew install --quiet graphviz
    else false; fi || echo "graphviz's program dot is not installed: a lesson that is run prints the source of its diagrams instead."
}

# What nbdev_install_hooks installs, but in this folder alone: that writes to ~/.jupyter, and its hooks fail unless nbdev is on the PATH.
install_hooks() {
    mkdir -p .venv/etc/jupyter  # Jupyter cleans a notebook when it saves it
    .venv/bin/python -c 'from nbdev.clean import _pre_save_hook_src as hook; print(hook)' > .venv/etc/jupyter/jupyter_server_config.py
    [ -e .git ] || return 0
    git config merge.nbdev-merge.name 'notebooks, cell by cell'  # .gitattributes names it
    git config merge.nbdev-merge.driver 'if [ -x .venv/bin/nbdev_merge ]; then .venv/bin/nbdev_merge %O %A %B %P; else git merge-file %A %O %B; fi'
    local hook; hook=$(git rev-parse --git-path hooks/post-merge)
    [ -e "$hook" ] && return
    mkdir -p "$(dirname "$hook")"
    printf '#!/bin/sh\n[ ! -x .venv/bin/nbdev_trust ] || .venv/bin/nbdev_trust\n' > "$hook"
    chmod +x "$hook"
}

echo 'Setting up .venv, once (half a minute with uv, some minutes with pip)…'
python=$(newest_python)
rm -rf .venv
if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" .venv
    uv pip install --quiet --python .venv/bin/python -c constraints.txt -e '.[dev]'
else
    "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
fi
install_dot
install_hooks
touch .venv/ready
