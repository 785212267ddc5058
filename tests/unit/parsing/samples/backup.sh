#!/usr/bin/env bash
# Keeps copies of a folder, the newest seven.
set -euo pipefail

KEEP=7
readonly TARGET="${1:-/var/backups}"

log() { printf '%s\n' "$*" >&2; }

# Makes one copy; the name is the day, so that a second copy on the same day replaces the first one.
copy() {
  local source="$1" name
  name="$(date +%F).tar.gz"
  tar -czf "$TARGET/$name" "$source"
  log "copied $source to $TARGET/$name"
}

function prune {
  # Oldest first: everything but the last ones goes.
  local old
  for old in $(ls "$TARGET" | head -n "-$KEEP"); do
    rm -- "$TARGET/$old"
    log "removed $old, which is older than the $KEEP that are kept"
  done
}

case "${2:-all}" in
  copy) copy "$PWD" ;;
  prune) prune ;;
  all)
    copy "$PWD"
    prune
    ;;
esac
