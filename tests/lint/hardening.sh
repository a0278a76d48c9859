#!/bin/sh
# What was built is hardened as configure found that it can be.
set -eu
# shellcheck source=tests/lint/tap.sh
. "${SRCDIR:-.}/tests/lint/tap.sh"

if ! command -v readelf >/dev/null; then
	skip 'jobd is hardened' 'readelf is not installed'
	plan
	exit
fi

program=${JOBD:?}

# expect NAME PATTERN READELF-OPTION...
expect() {
	name=$1 pattern=$2
	shift 2
	if readelf -W "$@" "$program" | grep -Eq "$pattern"; then
		ok "$name"
	else
		not_ok "$name"
	fi
}

if [ "$(head -c 4 "$program" | tail -c 3)" != ELF ]; then
	not_ok 'jobd in the build directory is the program itself, for its pool to be'
	plan
	exit
fi
ok 'jobd in the build directory is the program itself, for its pool to be'
expect 'it can be loaded anywhere' 'Type:[[:space:]]+DYN' -h
expect 'its relocations are read-only' 'GNU_RELRO' -l
expect 'its symbols are bound at the start' 'BIND_NOW|FLAGS_1.*NOW' -d
expect 'its stack cannot be executed' 'GNU_STACK.*RW ' -l
expect 'its stacks are guarded' '__stack_chk_fail' -s
expect 'its buffers are checked' '__[a-z]+_chk' -s
plan
