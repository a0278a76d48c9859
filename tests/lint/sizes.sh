#!/bin/sh
# Files under 500 lines, functions under 60: what does not fit in a head is two things.
set -eu
cd "${SRCDIR:-.}"
# shellcheck source=tests/lint/tap.sh
. tests/lint/tap.sh

sources() {
	find daemon client proto conf -name '*.[ch]' | sort
}

long_files() {
	sources | while read -r file; do
		lines=$(wc -l <"$file")
		[ "$lines" -lt 500 ] || echo "$file has $lines lines"
	done
}

# A function's body stands between braces in the first column.
long_functions() {
	sources | while read -r file; do
		awk -v file="$file" '
			/^\{/ { start = NR; head = before }
			/^\}/ && start { if (NR - start - 1 >= 60) print file ": " NR - start - 1 " lines: " head; start = 0 }
			/[^[:space:]]/ { before = $0 }
		' "$file"
	done
}

none_of 'every file is under 500 lines' "$(long_files)"
none_of 'every function is under 60 lines' "$(long_functions)"
plan
