#!/usr/bin/env python3
"""The bench: jobd beside its peers, as ratios from one run.

    make bench [BENCH_FLAGS="--quick --rows noop,trip --json FILE"]
    bench.py [--quick] [--rows WORD,...] [--peers WORD,...] [--rounds N] [--seconds S] [--json FILE] [--markdown] [--install]

Each row asks the same work of jobd and of each of its peers in turn (A B C A B C ...), all of them alive, each by
its own client, and prints for every one the median of the rounds with its quartiles, how many times jobd's figure is
of it (the median of the rounds' own ratios, with their quartiles), and whether what the design asks for is held. More
is better where the unit is /s, less where it is s, us or KiB. Before the rounds each does a little, so that it is up
and warm and it is known how much it does in --seconds; that much it does in each round.

A peer that is not here is named with what would install it. --install installs all that is missing: Debian's packages
with apt-get (by sudo unless it is root; no service is started), BullMQ with npm below ~/.cache/jobd-bench.

Everything is on 127.0.0.1 and keeps what it keeps in TMPDIR (which has to be on a disk), and all is gone at the end.
The row of 5 million queued jobs has a command of its own: make bench-scale.
"""
import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time

from bench_install import NEEDS, how_to_install, install, missing, versions
from bench_rows import make_rows
from bench_servers import make_servers
from bench_table import Figures, Machine, markdown


def chosen_sides(row, peers, quick):
    """Those that run, and why the others do not."""
    sides, left_out = {}, []
    for name, side in row.sides.items():
        wanted = name == "jobd" or not peers or any(word.lower() in name.lower() for word in peers)
        lacks = missing(side.needs)
        if wanted and lacks:
            left_out.append((name, "not here: " + how_to_install(lacks)))
        elif wanted and quick and not side.quick:
            left_out.append((name, "not with --quick, it takes a minute"))
        elif wanted:
            sides[name] = side
    return sides, left_out


def figure_of(side, count):
    figure = side.run(count)
    if figure <= 0:
        raise RuntimeError(f"a figure that cannot be: {figure}")
    return figure


def count_of(side, more_is_better, seconds):
    """How much it does in so many seconds."""
    side.run(10)
    figure = figure_of(side, max(side.least, int(side.guess * seconds)))
    return int(max(side.least, min(side.most, figure * seconds if more_is_better else seconds * 1e6 / figure)))


class Failed(list):
    """What went wrong, of whom: the others go on."""

    def attempt(self, row, name, work, *args):
        """What work(*args) answers, or None."""
        try:
            return work(*args)
        except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
            print(f"bench: {row.word}: {name}: {error}", file=sys.stderr, flush=True)
            self.append((row.word, name))
            return None


def measure(row, options, failed):
    """The row's Figures, or None where there are none of jobd itself."""
    sides, left_out = chosen_sides(row, options.peers, options.quick)
    counts, figures = {}, {name: [] for name in sides}
    for name, side in sides.items():
        counts[name] = row.count or failed.attempt(row, name, count_of, side, row.measure.more_is_better, options.seconds)
    for turn in range(options.rounds):
        for name, side in sides.items():
            if counts[name] and turn < (side.rounds or options.rounds):
                figure = failed.attempt(row, name, figure_of, side, counts[name])
                if figure is None:
                    counts[name] = None
                else:
                    figures[name].append(figure)
    left_out += [(name, "failed, see above") for name in sides if not figures[name]]
    told = {name: rounds for name, rounds in figures.items() if rounds}
    return Figures(row, told, left_out) if "jobd" in told else None


def words(text):
    return [word for word in text.split(",") if word]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="three rounds of a fifth of a second: under two minutes")
    parser.add_argument("--rows", type=words, default=[], metavar="WORD,...", help="only these: submit1, submit50, pipelined, "
                        "noop, volatile, trip, exec, sleeping, waits, inflight, fetch")
    parser.add_argument("--peers", type=words, default=[], metavar="WORD,...", help="only those whose names have one of the words")
    parser.add_argument("--rounds", type=int, metavar="N", help="of each row (9; quick: 3)")
    parser.add_argument("--seconds", type=float, metavar="S", help="of each figure (1; quick: 0.2)")
    parser.add_argument("--json", metavar="FILE", help="write all figures there, too")
    parser.add_argument("--markdown", action="store_true", help="print the README's table at the end")
    parser.add_argument("--install", action="store_true", help="install what is missing first")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.seconds = options.seconds or (0.2 if options.quick else 1)
    return options


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run(rows, options):
    failed, results = Failed(), []
    for row in rows:
        if not options.rows or row.word in options.rows:
            figures = measure(row, options, failed)
            if figures:
                print(figures.text(), flush=True)
                results.append(figures)
    return results, failed


def main():
    options = parse()
    if options.install:
        install()
    # Ended, it ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    raise_descriptor_limit()
    machine, servers, begin = Machine(), make_servers(), time.monotonic()
    rows = make_rows(servers, options.quick)
    unknown = set(options.rows) - {row.word for row in rows}
    if unknown:
        sys.exit("bench: no such row: " + ", ".join(sorted(unknown)))
    print(machine.sentence())
    if machine.warning():
        print("bench: " + machine.warning(), file=sys.stderr)
    try:
        results, failed = run(rows, options)
    finally:
        for server in reversed(servers.values()):       # the broker last of those that need it
            server.stop()
    print(f"5 million queued jobs: make bench-scale\n{options.rounds} rounds in {time.monotonic() - begin:.0f} s; "
          f"load {os.getloadavg()[0]:.1f} at the end")
    print("with " + ", ".join(f"{name} {version}" for name, version in versions().items()))
    if missing(NEEDS):
        print("not here: " + how_to_install(missing(NEEDS)) + " (or --install)")
    if options.markdown:
        print("\n" + markdown(machine, results))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump({"machine": machine.json(), "versions": versions(), "rounds": options.rounds,
                       "rows": [one.json() for one in results]}, f, indent=1)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
