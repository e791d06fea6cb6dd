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

# share_target_dir: Binaryen alone is minutes of C++, so all checkouts of a machine share what was compiled.
share_target_dir() {
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
  local checkout=$CARGO_TARGET_DIR/checkout
  # Cargo tells the packages of two checkouts apart by neither path nor content, but by time alone.
  if [ "$(cat "$checkout" 2>/dev/null)" != "$PWD" ]; then
    cargo clean --quiet --package cargo-wasmplugin
    mkdir -p "$CARGO_TARGET_DIR"
    pwd >"$checkout"
  fi
}
