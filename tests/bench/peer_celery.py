"""Celery: the tasks, which its workers import, and the client that sends them."""
import http.client
import os
import subprocess
import threading
from urllib.parse import urlsplit

from celery import Celery
from celery.result import ResultSet

from peer_talk import PAYLOAD, median_microseconds, rate, talk

app = Celery("peer_celery", broker=os.environ["BENCH_BROKER"], backend=os.environ["BENCH_BROKER"])
THREADS = 50


@app.task
def noop(payload):
    return payload


@app.task
def run_true(_):
    return subprocess.run(["/bin/true"], capture_output=True, check=True).returncode


@app.task
def fetch(url):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
    connection.request("GET", parts.path)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def run(task, count, arg=PAYLOAD, queue="celery"):
    results = ResultSet([task.apply_async((arg,), queue=queue) for _ in range(count)])
    results.join_native(timeout=280)


def submit(count):
    """To a queue that nobody reads, from as many threads as the others have connections."""
    each = max(1, count // THREADS)

    def some():
        for _ in range(each):
            noop.apply_async((PAYLOAD,), queue="unread")

    def all_of_them():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    threads = [threading.Thread(target=some) for _ in range(THREADS)]
    return rate(each * THREADS, all_of_them)


def waits(count, url):
    """Seconds, as the row wants them."""
    return count / rate(count, lambda: run(fetch, count, url, "gevent"))


if __name__ == "__main__":
    talk({"submit": submit,
          "noop": lambda count: rate(count, lambda: run(noop, count)),
          "exec": lambda count: rate(count, lambda: run(run_true, count)),
          "waits": waits,
          "trip": lambda count: median_microseconds(count, lambda: noop.delay(PAYLOAD).get(timeout=60))})
