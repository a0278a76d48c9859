#!/bin/sh
# What jobd does, in some ten seconds: work that waits and work that counts, on one daemon, and nothing lost.
# ./bootstrap demo runs it. It uses jobctl as anybody would.
set -eu

: "${JOBD:?}" "${JOBCTL:?}" "${SLOWWEB:?}" "${PRIMES:?}"
WAITS=${WAITS-1000}
COUNTS=${COUNTS-16}
home=${DEMO_HOME-$PWD/build/demo}	# of the state and the log; begun anew each time
from=1000000000 each=${EACH-100000}	# the numbers that one counting job looks through

# ---- words ----

if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m') back=$(printf '\r\033[K')
else
	bold='' plain='' back=''
fi

title() {
	printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

say() {
	printf '  %s\n' "$*"
}

fail() {
	printf '\ndemo: %s\n' "$1" >&2
	tail -n 20 "$home/log" >&2 || true
	exit 1
}

# ---- figures ----

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# seconds MS: with two decimals.
seconds() {
	awk -v ms="$1" 'BEGIN { printf "%.2f", ms / 1000 }'
}

# in_state STATE [FLAG...]: how many jobs are.
in_state() {
	state=$1
	shift
	n=$("$JOBCTL" count --json "$@" | tr -d ' \n' | sed -n "s/.*\"$state\":\([0-9]*\).*/\1/p")
	echo "${n:-0}"
}

# ---- the daemon ----

jobd_pid='' web_pid=''

finish() {
	[ -z "$jobd_pid" ] || kill "$jobd_pid" 2>/dev/null || true
	[ -z "$web_pid" ] || kill "$web_pid" 2>/dev/null || true
	wait
}
trap finish EXIT
trap 'exit 130' INT TERM

# await_line PID FILE PATTERN: what it catches, once the process has written it there.
await_line() {
	while kill -0 "$1" 2>/dev/null; do
		caught=$(sed -n "s|.*$3.*|\1|p" "$2" | head -n 1)
		if [ -n "$caught" ]; then
			echo "$caught"
			return
		fi
		sleep 0.05
	done
	return 1
}

start() {
	rm -rf "$home"
	mkdir -p "$home"
	"$SLOWWEB" >"$home/web" &
	web_pid=$!
	"$JOBD" -o state.directory="$home/state" -o listen.tcp=127.0.0.1:0 -o listen.unix= \
		-o pool.nice=0 2>"$home/log" &
	jobd_pid=$!
	url=$(await_line "$web_pid" "$home/web" '\(http://[^ ]*\)') || fail 'the web server does not start'
	JOBD_ADDRESS=$(await_line "$jobd_pid" "$home/log" 'listening on tcp \([^ ]*\)') || fail 'jobd does not start'
	export JOBD_ADDRESS
}

# ---- work ----

web_jobs() {
	for _ in $(seq "$WAITS"); do
		printf '{"type": "http", "args": {"url": "%s"}, "tags": {"demo": "%s"}}\n' "$url" "$1"
	done
}

# Each looks through the next numbers, so that all together look through one long range.
counting_jobs() {
	for i in $(seq 0 $(($2 - 1))); do
		printf '{"type": "exec", "args": {"argv": ["%s", "%d", "%d"]}, "tags": {"demo": "%s"}}\n' \
			"$PRIMES" $((from + i * each)) "$each" "$1"
	done
}

submit() {
	"$JOBCTL" -q submit -f - >/dev/null || fail 'jobctl could not submit'
}

# follow TITLE TOTAL FLAG...: shows how far the jobs are, until all have succeeded.
follow() {
	what=$1 total=$2 shown=0
	shift 2
	while :; do
		finished=$(in_state succeeded "$@")
		[ "$finished" -lt "$total" ] || break
		[ "$(in_state failed "$@")" = 0 ] || fail "$what: some failed"
		ms=$(now_ms)
		if [ -n "$back" ] || [ $((ms - shown)) -ge 1000 ]; then
			shown=$ms
			printf '%s  %s: %d waiting, %d running, %d of %d done' "$back" "$what" \
				"$(in_state ready "$@")" "$(in_state running "$@")" "$finished" "$total"
			[ -n "$back" ] || printf '\n'
		fi
		kill -0 "$jobd_pid" 2>/dev/null || fail 'jobd has gone'
		sleep 0.1
	done
	printf '%s' "$back"
}

# measure TITLE COMMAND...: runs it, leaves its milliseconds in $took.
measure() {
	begun=$(now_ms)
	"$@"
	took=$(($(now_ms) - begun))
}

one_count() {
	counting_jobs one 1 | submit
	follow 'one counting job' 1 --tag demo=one
}

all_waits() {
	web_jobs web | submit
	submitted=$(($(now_ms) - begun))
	follow 'web requests' "$WAITS" --tag demo=web
}

all_counts() {
	counting_jobs count "$COUNTS" | submit
	follow 'counting jobs' "$COUNTS" --tag demo=count
}

both() {
	counting_jobs both "$COUNTS" | submit
	web_jobs both | submit
	follow 'both kinds' $((COUNTS + WAITS)) --tag demo=both
}

# figure NAME: one of jobctl status.
figure() {
	"$JOBCTL" status | awk -v name="$1" '$1 == name { print $2 }'
}

# sum_of BEFORE TAG FORMAT: of the numbers after these characters in the records of the jobs with this tag.
sum_of() {
	"$JOBCTL" list --json --full --all --tag "demo=$2" |
		awk -v before="$1" -v format="$3" '{
			at = index($0, before)
			sum += at > 0 ? substr($0, at + length(before)) + 0 : 0
		} END { printf format, sum }'
}

# ---- the tale ----

cores=$(nproc)
start
printf '%s\n' "${bold}jobd$plain is one daemon for work that waits and work that counts. Here it runs both, with its state in
$home/state and a web server beside it that takes one second for every answer."

title '1. One counting job'
measure one_count
one=$(sum_of '"user_seconds":' one %.2f)
say "Looking for primes among $each numbers takes $one s of processor time."

title "2. $WAITS web requests that take one second each"
measure all_waits
waits=$(seconds "$took")
say "All were submitted, and on disk, after $(seconds "$submitted") s; answered and recorded after $waits s."
say "One after the other they would have taken $WAITS s. They waited together, on one thread: jobd had up to" \
	"$(figure coroutines.peak) coroutines,"
say "and has $(awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$jobd_pid/status") MiB of memory."

title "3. $COUNTS counting jobs on $cores cores"
measure all_counts
counts=$(seconds "$took")
work=$(sum_of '"user_seconds":' count %.2f)
say "They used $work s of processor time and were done after $counts s; $cores cores could have done it in" \
	"$(awk -v work="$work" -v cores="$cores" 'BEGIN { printf "%.2f", work / cores }') s."
say "They found $(sum_of '"stdout":"' count %d) primes."

title '4. Both at once'
measure both
say "Done after $(seconds "$took") s: the counting did not hold up the waiting, nor the other way round."

title 'What is left'
total=$((1 + 2 * WAITS + 2 * COUNTS))
finished=$(in_state succeeded)
again=$("$JOBCTL" list --json --all | grep -vc '"attempt":1,' || true)
[ "$finished" = "$total" ] || fail "$total were submitted, but $finished have succeeded"
[ "$again" = 0 ] || fail "$again were run more than once"
say "$WAITS one-second waits took $waits s on one thread; counting took $counts s for $work s of work," \
	"$(awk -v work="$work" -v took="$counts" 'BEGIN { printf "%.1f", work / took }') cores' worth."
say "$total submitted, $total succeeded, each run once: nothing lost."
cat <<END

  The records are still there. Look at them, or begin with your own:

      build/jobd -o state.directory=$home/state &
      build/jobctl list
      build/jobctl show 1
      build/jobctl run -- uname -a
      build/jobctl submit http url=https://example.org --wait
END
