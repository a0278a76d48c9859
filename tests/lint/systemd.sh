#!/bin/sh
# systemd understands the units, and finds the service's exposure small.
set -eu
# shellcheck source=tests/lint/tap.sh
. "${SRCDIR:-.}/tests/lint/tap.sh"

exposure_max=2.0

if ! command -v systemd-analyze >/dev/null; then
	skip 'systemd understands the units' 'systemd-analyze is not installed'
	plan
	exit
fi

units=$(mktemp -d)
trap 'rm -rf "$units"' EXIT
cp "${SRCDIR:-.}/systemd/jobd.socket" "$units"
sed -e "s|@sbindir@/jobd|/bin/true|; s|@sysconfdir@|/etc|" "${SRCDIR:-.}/systemd/jobd.service.in" >"$units/jobd.service"

for unit in jobd.service jobd.socket; do
	if systemd-analyze verify --man=no "$units/$unit" >"$units/out" 2>&1 && ! grep -q "$unit" "$units/out"; then
		ok "systemd understands $unit"
	else
		cat "$units/out" >&2
		not_ok "systemd understands $unit"
	fi
done

if systemd-analyze security --offline=true "$units/jobd.service" >"$units/out" 2>&1; then
	score=$(sed -n 's/.*Overall exposure level for jobd.service: \([0-9.]*\).*/\1/p' "$units/out")
	if awk -v score="$score" -v max="$exposure_max" 'BEGIN { exit !(score != "" && score <= max) }'; then
		ok "the service's exposure is $score, at most $exposure_max"
	else
		not_ok "the service's exposure is $score, at most $exposure_max"
	fi
else
	skip "the service's exposure is small" 'this systemd-analyze cannot tell without a running systemd'
fi
plan
