#!/usr/bin/env bash
# The pages of a shop with a million orders in a real browser: first load, and repainting after a filter changed, cold and from kept answers.
#
#   bench/dashboard/page.sh [TIDEMILL] [ROWS] [DIRECTORY]      a release binary; 1000000; a temporary directory
#
# DIRECTORY may hold a shop that was run before (DIRECTORY/shop). Needs Chromium, Node and web/node_modules. KEEP=1 leaves the directory.
set -euo pipefail
cd "$(dirname "$0")/../.."

tidemill="$(realpath "$(command -v "${1:-tidemill}")")"
rows="${2:-1000000}"
work="${3:-$(mktemp -d)}"
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ "${KEEP:-}" = 1 ] || rm -rf "$work"
}
trap cleanup EXIT

"$tidemill" --version
if [ ! -d "$work/shop/lake" ]; then
    mkdir -p "$work/shop"
    tar -C projects/shop --exclude=./data --exclude=./lake --exclude=./out --exclude=./truth -cf - . | tar -C "$work/shop" -xf -
    "$tidemill" generate shop --rows "$rows" --start 2023-01-01 --days 731 --force --out "$work/shop/data"
    "$tidemill" -C "$work/shop" run
fi

serve() {
    : >"$work/url"
    "$tidemill" -C "$work/shop" serve --port 0 >"$work/url" 2>"$work/serve.log" &
    server=$!
    until [ -s "$work/url" ]; do kill -0 "$server" || { cat "$work/serve.log"; exit 1; }; read -r -t 0.2 <> <(:) || true; done
}

# A server of its own for each page, so that nothing is kept from the one before.
for page in "overview country" "sales country" "customers country"; do
    serve
    # shellcheck disable=SC2086
    node bench/dashboard/page.mjs "$(cat "$work/url")" $page
    awk '/VmRSS/ { printf "  resident afterwards: %.0f MB\n", $2 / 1024 }' "/proc/$server/status"
    kill "$server" && wait "$server" || true
    server=
    : >"$work/url"
done
