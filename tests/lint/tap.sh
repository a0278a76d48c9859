# shellcheck shell=sh
# tap.sh: TAP out of sh. Sourced; $tap_count cases so far.
tap_count=0

ok() {
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s\n' "$tap_count" "$1"
}

not_ok() {
	tap_count=$((tap_count + 1))
	printf 'not ok %d - %s\n' "$tap_count" "$1"
}

# skip NAME WHY
skip() {
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tap_count" "$1" "$2"
}

# none_of NAME OFFENCES: a case that passes when there are none; else a failed case for each line of them.
none_of() {
	if [ -z "$2" ]; then
		ok "$1"
		return
	fi
	while read -r offence; do
		not_ok "$1: $offence"
	done <<-END
		$2
	END
}

plan() {
	printf '1..%d\n' "$tap_count"
}
