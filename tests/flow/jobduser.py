"""What a test does with jobs all the time."""

from jobdlook import sound
from jobdtest import Daemon, check, equal, test

ONCE = {"max_attempts": 1}
AT_ONCE = {"base": 0, "jitter": 0}


class User:
    """A daemon, one client of it (`c`), and short words for what is asked of it."""

    def __init__(self, *options):
        self.daemon = Daemon(*options)
        self.c = self.daemon.client()

    def submit(self, type, args=None, **members):
        """Its id."""
        return self.c.call("job.submit", type=type, args=args or {}, **members)["id"]

    def run(self, type, args=None, **members):
        """Its final record."""
        return sound(self.c.call("job.submit", type=type, args=args or {}, **dict({"wait": 60}, **members)))

    def sh(self, command, **members):
        """The final record of a command, for a shell."""
        return self.run("exec", dict({"command": command}, **members.pop("args", {})), **members)

    def get(self, id):
        return sound(self.c.call("job.get", id=id))

    def state(self, id):
        return self.get(id)["state"]

    def wait(self, id, **how):
        return sound(self.c.call("job.wait", id=id, timeout=60, **how))

    def paused(self, queue):
        """The queue's name, paused."""
        self.c.call("queue.pause", name=queue)
        return queue

    def ends_in_peace(self):
        """Registers the last test: it stops as told, had nothing to complain of, and no sanitizer had."""
        @test("the daemon ends in peace")
        def _():
            for job in self.c.call("job.list", state="running", limit=1000)["jobs"]:
                self.c.call("job.cancel", id=job["id"])
            equal([line for line in self.daemon.lines if " error: " in line], [])
            self.c.close()
            self.daemon.stop()
            check(not self.daemon.running())
            self.daemon.check_sanitizers()
