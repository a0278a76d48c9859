"""RQ: the job, which its workers import, and the client that sends it."""
import os
import time

from redis import Redis
from rq import Queue
from rq.registry import FinishedJobRegistry

from peer_talk import PAYLOAD, rate, talk


def noop(payload):
    return payload


def run(queue, count):
    finished = FinishedJobRegistry(queue=queue)
    wanted = finished.count + count
    for _ in range(count):
        # By its name in the module, which is not this program's for the workers.
        queue.enqueue("peer_rq.noop", PAYLOAD, result_ttl=86400)
    until = time.monotonic() + 280
    while finished.count < wanted:
        if time.monotonic() > until:
            raise RuntimeError("the jobs do not end")
        time.sleep(0.005)


def main():
    queue = Queue("bench", connection=Redis.from_url(os.environ["BENCH_BROKER"]))
    talk({"noop": lambda count: rate(count, lambda: run(queue, count))})


if __name__ == "__main__":
    main()
