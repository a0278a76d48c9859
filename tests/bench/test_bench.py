"""The bench says what it measured: its arithmetic on figures that are known, and a short run with what needs no peer."""
import json
import os
import subprocess
import sys

from jobdtest import check, equal, main, tempdir, test

HERE = os.path.join(os.environ.get("SRCDIR", "."), "tests", "bench")
sys.path.insert(0, HERE)
from bench_rows import Measure, Row, aim, must  # noqa: E402
from bench_table import Figures, spread  # noqa: E402

PEER = "peer"


def figures(more_is_better, mine, theirs, *bounds):
    measure = Measure("work", "/s" if more_is_better else "us", more_is_better, *bounds)
    sides = {"jobd": mine, PEER: theirs} if theirs else {"jobd": mine}
    return Figures(Row("word", {}, measure), sides, [])


def verdict(more_is_better, mine, theirs, bound):
    told = figures(more_is_better, mine, theirs, bound).held(bound)
    return told and told[1]


@test("the spread of an odd number of figures is the middle one and those halfway to the ends")
def _():
    equal(spread([5, 1, 4, 2, 3]), (3, 2, 4))
    equal(spread([7]), (7, 7, 7))


@test("the ratio is of the figures of the same round")
def _():
    # The medians' own ratio would be 1.
    equal(figures(True, [10, 20, 30], [20, 10, 60]).ratio(PEER)[0], 0.5)


@test("more is better of a rate, less of a time")
def _():
    equal(verdict(True, [100], [80], must(1.2, PEER)), True)
    equal(verdict(True, [100], [80], must(1.3, PEER)), False)
    equal(verdict(False, [100], [80], must(1.2, PEER)), False)
    equal(verdict(False, [100], [80], aim(1.3, PEER)), True)


@test("a bound without a peer is of the figure itself; of a peer that was not run nothing is told")
def _():
    equal(verdict(False, [11.9], None, must(12)), True)
    equal(verdict(False, [12.1], None, must(12)), False)
    equal(verdict(True, [100], None, must(1, PEER)), None)


@test("a bound that is not held says so, as text and for the README")
def _():
    one = figures(True, [50], [100], must(0.6, PEER), aim(0.5, PEER))
    check("must 0.6 x peer: NOT held, 0.50" in one.text(), one.text())
    check("aim  0.5 x peer: reached, 0.50" in one.text(), one.text())
    check("| 0.6 × peer: no | 0.5 × peer: held |" in one.markdown(), one.markdown())


@test("a run measures jobd and what is beside it, in each row that is asked for")
def _():
    path = os.path.join(tempdir(), "json")
    rows = ["submit1", "submit50", "pipelined", "noop", "trip", "exec", "fetch"]
    done = subprocess.run([sys.executable, os.path.join(HERE, "bench.py"), "--quick", "--rounds", "1", "--seconds", "0.01",
                           "--rows", ",".join(rows), "--peers", "bare,alone", "--json", path],
                          check=False, capture_output=True, text=True)
    equal(done.returncode, 0, done.stdout + done.stderr)
    with open(path, encoding="utf-8") as f:
        measured = {row["row"]: {side["name"]: side["median"] for side in row["figures"]} for row in json.load(f)["rows"]}
    equal(sorted(measured), sorted(rows))
    for row, sides in measured.items():
        check(all(figure > 0 for figure in sides.values()) and "jobd" in sides, "%s: %s" % (row, sides))
    for row, peer in (("submit1", "SQLite alone"), ("exec", "bare posix_spawn"), ("fetch", "bare libcurl loop")):
        check(peer in measured[row], "%s: %s" % (row, measured[row]))


@test("what is not here is named with what installs it, and nothing is installed")
def _():
    place = tempdir()
    env = dict(os.environ, XDG_CACHE_HOME=place)
    done = subprocess.run([sys.executable, os.path.join(HERE, "bench.py"), "--quick", "--rounds", "1", "--seconds", "0.01",
                           "--rows", "trip", "--peers", "BullMQ"], check=False, capture_output=True, text=True, env=env)
    equal(done.returncode, 0, done.stdout + done.stderr)
    line = next((line for line in done.stdout.splitlines() if line.startswith("    BullMQ: not here: ")), "")
    check("npm install --prefix " + place in line, done.stdout)
    equal(os.listdir(place), [])


main()
