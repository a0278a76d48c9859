#!/bin/sh
# Who may include whom: calls go down only.
#
# Folders have the rules below. The files of the life of a job, daemon/*.[ch] with command/, backlog/ and cron/, stand
# in one order: each may include only what stands after it. So no circle can form, and the arrows keep pointing down.
set -eu
cd "${SRCDIR:-.}"
# shellcheck source=tests/lint/tap.sh
. tests/lint/tap.sh

story='main check_state server server_settings listen session sender command/command explain record reason await parts schedules firing
	admit admit_graph refs dispatch due fill attempt attempt_output notify event_ring mailbox
	backlog/backlog backlog/windows backlog/round backlog/key backlog/queue backlog/turns backlog/lane backlog/flow backlog/job
	retry timing cron/cron cron/zone cron/zone_file cron/zone_rule'

headers_of() {
	sed -n 's/^#[[:space:]]*include "\([^"]*\)".*/\1/p' "$1"
}

# folder_rule FILE-PREFIX WORDS: its files may include only what begins with one of the words.
folder_rule() {
	for file in "$1"*.[ch]; do
		[ -e "$file" ] || continue
		for header in $(headers_of "$file"); do
			found=0
			for word in $2; do
				case $header in "$word"*) found=1 ;; esac
			done
			[ "$found" = 1 ] || echo "$file includes $header"
		done
	done
}

# The place of a file in the story; the parts of one noun (command_job.c) share it.
place() {
	n=0
	for step in $story; do
		n=$((n + 1))
		[ "$1" != "$step" ] || { echo "$n"; return; }
	done
	case $1 in *_*) place "${1%_*}" ;; *) echo 0 ;; esac
}

story_rule() {
	for file in daemon/*.[ch] daemon/command/*.[ch] daemon/backlog/*.[ch] daemon/cron/*.[ch]; do
		own=${file#daemon/}
		own=${own%.[ch]}
		from=$(place "$own")
		[ "$from" != 0 ] || echo "$file has no place in the story: give it one in $0"
		for header in $(headers_of "$file"); do
			case $header in
			store/audit.h) [ "$own" = check_state ] || echo "$file includes $header" ;;
			config.h | base/* | proto/* | coro/* | store/store.h | store/job_row.h | store/limits.h | work/pool.h | kinds/kind.h | \
				kinds/outcome.h | kinds/progress.h) ;;
			conf/conf.h | kinds/io.h)
				case $own in main | server | server_settings) ;; *) echo "$file includes $header" ;; esac
				;;
			*)
				[ "$(place "${header%.h}")" != 0 ] || echo "$file includes $header"
				[ "${header%.h}" = "$own" ] || [ "$(place "${header%.h}")" -gt "$from" ] ||
					{ [ "$(place "${header%.h}")" = "$from" ] && [ "${header%.h}" = "${own%%_*}" ]; } ||
					echo "$file includes $header, which stands before it"
				;;
			esac
		done
	done
}

none_of 'base stands on nothing' "$(folder_rule daemon/base/ 'config.h base/')"
none_of 'proto stands on base' "$(folder_rule proto/ 'config.h proto/ base/')"
none_of 'coro stands on proto and base' "$(folder_rule daemon/coro/ 'config.h coro/ proto/ base/')"
none_of 'store stands on coro' "$(folder_rule daemon/store/ 'config.h store/ coro/ proto/ base/')"
none_of 'kinds stands on coro' "$(folder_rule daemon/kinds/ 'config.h kinds/ work/child.h coro/ proto/ base/')"
none_of 'cpu kinds, which run in a child, know no coroutines' \
	"$(folder_rule daemon/kinds/cpu_ 'config.h kinds/ work/child.h proto/ base/')"
none_of 'work stands on kinds and coro' "$(folder_rule daemon/work/ 'config.h work/ kinds/ coro/ proto/ base/')"
none_of 'a child knows no loop and no parent' "$(folder_rule daemon/work/child 'config.h work/child work/wire work/ring
	work/groups work/procfs work/handover work/pool kinds/kind.h kinds/outcome.h kinds/progress.h proto/ base/')"
none_of 'backlog stands on what rows are, and neither waits nor asks' \
	"$(folder_rule daemon/backlog/ 'config.h backlog/ store/store.h store/job_row.h store/limits.h kinds/kind.h proto/ base/')"
none_of 'cron knows no jobs' "$(folder_rule daemon/cron/ 'config.h cron/ proto/ base/')"
none_of 'conf stands on proto and base' "$(folder_rule conf/ 'config.h conf/ proto/ base/')"
none_of 'the client knows nothing of the daemon' "$(folder_rule client/ 'config.h client/ proto/ base/')"
none_of 'the life of a job calls down only; main and server alone know the settings, and close the parts below' "$(story_rule)"
plan
