"""The bench's peers in Python: lines "WORK COUNT" in, a figure out for each. See Talker in bench_servers.py."""
import statistics
import sys
import time

PAYLOAD = "x" * 300


def rate(count, work):
    """Of count in one go, a second."""
    begin = time.monotonic()
    work()
    return count / (time.monotonic() - begin)


def median_microseconds(count, one):
    times = []
    for _ in range(count):
        begin = time.monotonic()
        one()
        times.append(time.monotonic() - begin)
    return statistics.median(times) * 1e6


def talk(works):
    """Serves until its input ends."""
    for line in sys.stdin:
        work, count, *rest = line.split()
        print(works[work](int(count), *rest), flush=True)
