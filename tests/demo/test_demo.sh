#!/bin/sh
# The demo, made small, tells its tale to the end; with no terminal, and with nothing left running.
set -eu
# shellcheck source=tests/lint/tap.sh
. "${SRCDIR:-.}/tests/lint/tap.sh"

home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
waits=40 counts=4 each=2000
if env SLOWWEB="$BUILDDIR/slowweb" PRIMES="$BUILDDIR/primes" DEMO_HOME="$home/demo" WAITS=$waits COUNTS=$counts EACH=$each \
	"${SRCDIR:-.}/tests/demo/demo.sh" >"$home/out" 2>&1; then
	ok 'the demo ends well'
else
	sed 's/^/# /' "$home/out"
	not_ok 'the demo ends well'
fi

# expect NAME PATTERN
expect() {
	if grep -q "$2" "$home/out"; then ok "$1"; else not_ok "$1"; fi
}

total=$((1 + 2 * waits + 2 * counts))
expect 'it says that nothing was lost' "$total submitted, $total succeeded, each run once: nothing lost"
expect 'it says how long the waits took' "^  $waits one-second waits took [0-9.]* s on one thread"
# Of the 8,000 numbers from 1,000,000,000 on.
expect 'the counting was real' 'They found 388 primes'
expect 'it says where the state lies' "state.directory=$home/demo/state"
if grep -q "$(printf '\033')" "$home/out"; then not_ok 'it writes no colours into a file'; else ok 'it writes no colours into a file'; fi
plan
