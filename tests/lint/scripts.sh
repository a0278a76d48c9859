#!/bin/sh
# Scripts pass shellcheck; manual pages are well-formed.
set -eu
cd "${SRCDIR:-.}"
# shellcheck source=tests/lint/tap.sh
. tests/lint/tap.sh

scripts() {
	find bootstrap .ci tests client -type f ! -name '*.py' ! -name '*.[ch]' | sort | while read -r file; do
		case $(head -n 1 "$file" | tr -d '\0') in
		'#!/bin/sh'* | '#!/bin/bash'* | '# shellcheck shell='*) echo "$file" ;;
		esac
	done
}

for file in $(scripts); do
	if ! command -v shellcheck >/dev/null; then
		skip "$file passes shellcheck" 'shellcheck is not installed'
	elif shellcheck -x "$file" >&2; then
		ok "$file passes shellcheck"
	else
		not_ok "$file passes shellcheck"
	fi
done

page_errors() {
	if command -v mandoc >/dev/null; then
		mandoc -T lint -W warning "$1" 2>&1 || true
	else
		groff -mdoc -ww -z -Tutf8 "$1" 2>&1 || true
	fi
}

for page in daemon/*.[1-8] client/*.[1-8] conf/*.[1-8]; do
	[ -e "$page" ] || continue
	if command -v mandoc >/dev/null || command -v groff >/dev/null; then
		none_of "$page is well-formed" "$(page_errors "$page")"
	else
		skip "$page is well-formed" 'neither mandoc nor groff is installed'
	fi
done
plan
