"""One daemon that dies by kill -9 again and again under load: what the tests of that share.

$KILL9_ROUNDS says how often it dies (5), $KILL9_SEED repeats a run.
"""

import os
import random
import threading
import time

from jobdtest import check, eventually, patient

ROUNDS = int(os.environ.get("KILL9_ROUNDS", "5"))
SEED = int(os.environ.get("KILL9_SEED", time.time_ns() % 1000000))


class Load:
    """Clients, a thread each, that take turns at asking until the daemon is gone."""

    def __init__(self, daemon, seed, clients=4):
        self.daemon = daemon
        self.lock = threading.Lock()
        self.failed = None
        self.threads = [threading.Thread(target=self.run, args=(random.Random(seed * 100 + n),)) for n in range(clients)]
        for thread in self.threads:
            thread.start()

    def turn(self, c, chance):
        raise NotImplementedError

    def busy(self):
        """Has it been under load to speak of?"""
        raise NotImplementedError

    def run(self, chance):
        try:
            with self.daemon.client() as c:
                while True:
                    self.turn(c, chance)
        except (OSError, ConnectionError):
            pass
        except Exception as error:
            self.failed = self.failed or error

    def join(self):
        for thread in self.threads:
            thread.join()
        if self.failed:
            raise self.failed


class Lives:
    """The lives of a daemon, and how long each took to begin."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.starts = []

    def begin(self):
        begun = time.monotonic()
        self.daemon.start()
        with self.daemon.client() as c:
            c.call("daemon.ping")
        self.starts.append(time.monotonic() - begun)

    def pass_by(self, load_of, least, most):
        """Life after life: load_of(life) is its load; each is over when that has been yielded. Then it stands again."""
        print("# KILL9_SEED=%d" % SEED)
        chance = random.Random(SEED)
        for life in range(ROUNDS):
            self.begin()
            load = load_of(life)
            moment = time.monotonic() + chance.uniform(least, most)
            eventually(lambda: load.failed or (time.monotonic() >= moment and load.busy()), "the moment, under load")
            self.daemon.kill9()
            load.join()
            yield load
        self.begin()
        check(max(self.starts) < patient(5), self.starts)
