# shellcheck shell=bash
# What script/setup, script/test, script/demo and script/bench have in common.

# shellcheck disable=SC2034 # The scripts that read this file use it.
cache=${CARGO_WASMPLUGIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cargo-wasmplugin}
program=${0##*/}

say() {
  printf '%s: %s\n' "$program" "$*" >&2
}

# die WHAT-FAILED [WHAT-TO-DO]
die() {
  say "error: $1"
  [ $# -lt 2 ] || say "  $2"
  exit 1
}
