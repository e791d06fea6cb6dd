# shellcheck shell=bash
# Shared by the other scripts in this directory.

# shellcheck disable=SC2034 # The scripts that source this file use it.
cache=${CARGO_WASMPLUGIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cargo-wasmplugin}
program=${0##*/}

say() {
  printf '%s: %s\n' "$program" "$*" >&2
}

# die MESSAGE [HELP]: reports an error, and exits.
die() {
  say "error: $1"
  [ $# -lt 2 ] || say "  $2"
  exit 1
}

# share_target_dir: makes all checkouts on a machine share a target directory, because compiling Binaryen takes minutes.
share_target_dir() {
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
  local checkout=$CARGO_TARGET_DIR/checkout
  # Cargo detects changes by modification time, so it would use the artifacts of another checkout.
  if [ "$(cat "$checkout" 2>/dev/null)" != "$PWD" ]; then
    cargo clean --quiet --package cargo-wasmplugin
    mkdir -p "$CARGO_TARGET_DIR"
    pwd >"$checkout"
  fi
}

# start_registry DIRECTORY: starts a registry on a port that the system chooses. Sets registry to its address and
# registry_pid to its process id. All its files are in DIRECTORY, and its output is in DIRECTORY/log. The caller stops it.
start_registry() {
  mkdir -p "$1"
  cat >"$1/config.yml" <<YAML
version: 0.1
storage: { filesystem: { rootdirectory: "$1/storage" } }
http: { addr: "127.0.0.1:0" }
YAML
  docker-registry serve "$1/config.yml" >"$1/log" 2>&1 &
  registry_pid=$!
  local left=200
  until registry=$(sed -n 's/.*listening on \(127\.0\.0\.1:[0-9]*\).*/\1/p' "$1/log") && [ -n "$registry" ]; do
    left=$((left - 1))
    if [ "$left" = 0 ] || ! kill -0 "$registry_pid" 2>/dev/null; then
      cat "$1/log" >&2
      die "the registry did not start" "see its log above"
    fi
    sleep 0.05
  done
}

# stop PID...: stops processes that this script started. An empty PID is skipped.
stop() {
  local pid
  for pid in "$@"; do
    [ -n "$pid" ] || continue
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
}
