"""The rows: what is asked, of whom, and which ratios are wanted. See bench.py."""
import bench_work as work
from bench_install import NEEDS


class Measure:
    """What a row's figures are: their title and unit, whether more is better, and the bounds they are held to."""

    def __init__(self, title, unit, more_is_better, *bounds):
        self.title, self.unit, self.more_is_better, self.bounds = title, unit, more_is_better, bounds


class Bound:
    """`must` or `aim`: so many times the peer's figure, or, without a peer, the figure itself."""

    def __init__(self, kind, value, peer=None):
        self.kind, self.value, self.peer = kind, value, peer


def must(value, peer=None):
    return Bound("must", value, peer)


def aim(value, peer=None):
    return Bound("aim", value, peer)


class Side:
    """One of those that a row asks: run(count) answers the figure. The count is what it does in the
    seconds that a figure may take, found by trying from a `guess` of what it does in one; at least `least`, at most `most`."""

    def __init__(self, run, *needs, guess=1000, least=10, most=1000000, rounds=None, quick=True):
        self.run, self.needs, self.rounds, self.quick = run, needs, rounds, quick
        self.guess, self.least, self.most = guess, least, most


class Row:
    """`count`: the same for every side and round, as the row's title says."""

    def __init__(self, word, sides, measure, count=None):
        self.word, self.sides, self.measure, self.count = word, sides, measure, count


def submits(servers):
    """Kept, and done by nobody. 300 bytes of payload everywhere; the same connections and depth everywhere, but pgbench
    and Celery wait for each answer (there is no other way in their protocols), so they are not asked to pipeline."""
    def driven(server, peer, **shape):
        return lambda count: work.drive(servers[server], "submit", peer, count, **shape)

    def sqlite(count):
        return work.drive(None, "submit", "sqlite", count, variant=servers["scratch"].start().directory + "/sqlite")

    def sides(**shape):
        return {"jobd": Side(driven("jobd", "jobd", **shape)),
                "beanstalkd -f0": Side(driven("beanstalkd -f0", "beanstalkd", **shape), "beanstalkd"),
                "redis XADD": Side(driven("redis", "redis", variant="xadd", **shape), "redis"),
                "redis LPUSH": Side(driven("redis", "redis", variant="lpush", **shape), "redis")}

    def postgres(connections):
        return Side(lambda count: work.pgbench(servers["postgresql"], count, connections), "postgresql")

    celery = Side(lambda count: servers["celery"].ask("submit", count), "redis", "celery", "redis-py", guess=500)
    return [
        Row("submit1", {**sides(), "PostgreSQL": postgres(1), "SQLite alone": Side(sqlite)},
            Measure("durable submit, 1 connection, one at a time", "/s", True,
                    must(0.65, "beanstalkd -f0"), aim(1.0, "beanstalkd -f0"))),
        Row("submit50", {**sides(connections=50), "PostgreSQL": postgres(50), "Celery .delay": celery},
            Measure("durable submit, 50 connections", "/s", True, must(0.75, "redis XADD"), aim(1.0, "redis LPUSH"))),
        Row("pipelined", sides(depth=100),
            Measure("durable submit, pipelined 100 deep", "/s", True, must(0.55, "redis XADD"), aim(0.9, "redis XADD"))),
    ]


def noops(servers):
    """From the first submit to the last end, two workers each; what submits is 100 deep where the protocol can be.
    Celery, RQ, BullMQ and the pool keep or give back results, as jobd does; beanstalkd and gearmand need not."""
    def driven(server, peer, variant="", need=None):
        return Side(lambda count: work.drive(servers[server], "noop", peer, count, depth=100, variant=variant), need or peer)

    # Of a few jobs the way to the first and back from the last is most of the time.
    def asked(name, *needs, least=100):
        return Side(lambda count: servers[name].ask("noop", count), *needs, least=least)

    mine = Side(lambda count: work.drive(servers["jobd"], "noop", "jobd", count, depth=100))
    return [
        Row("noop", {"jobd": mine, "beanstalkd -f0": driven("beanstalkd -f0", "beanstalkd"),
                     "beanstalkd -f0, results": driven("beanstalkd -f0", "beanstalkd", "results"),
                     "BullMQ": asked("bullmq", "redis", "node", "npm", "bullmq", least=500),
                     "Celery": asked("celery", "redis", "celery", "redis-py"),
                     "RQ": asked("rq", "redis", "rq", "redis-py", least=50)},
            Measure("no-op jobs end to end, durable, 2 workers", "/s", True, must(4, "beanstalkd -f0"), must(2, "BullMQ"),
                    aim(8, "beanstalkd -f0"), aim(4, "BullMQ"))),
        Row("volatile", {"jobd": mine, "gearmand": driven("gearmand", "gearman", need="gearmand"),
                         "beanstalkd": driven("beanstalkd", "beanstalkd"), "redis list": driven("volatile redis", "redis"),
                         "Pool.apply_async": asked("pool", "python")},
            Measure("the same against peers that keep nothing", "/s", True, must(1.0, "gearmand"), aim(1.0, "Pool.apply_async"))),
    ]


def trips(servers):
    """Two workers wait; one job is sent, and its result is back, before the next."""
    def driven(server, peer, need):
        return Side(lambda count: work.drive(servers[server], "trip", peer, count), *need)

    def asked(name, *needs):
        return Side(lambda count: servers[name].ask("trip", count), "redis", *needs, guess=200)

    beanstalkd = "beanstalkd -f0, results"
    return [Row("trip", {"jobd": driven("jobd", "jobd", ()), beanstalkd: driven("beanstalkd -f0", "beanstalkd", ["beanstalkd"]),
                         "BullMQ": asked("bullmq", "node", "npm", "bullmq"),
                         "gearmand, keeps nothing": driven("gearmand", "gearman", ["gearmand"]),
                         "Celery, keeps nothing": asked("volatile celery", "celery", "redis-py")},
                Measure("one job at a time, submit to durable result, p50", "us", False,
                        must(1.1, beanstalkd), aim(0.7, beanstalkd)))]


def commands(servers):
    def scripted(script, env, *needs, **more):
        return Side(lambda count: work.commands(servers["scratch"], count, script, **env), *needs, **more)

    # nq's jobs each look at all that were there before: longer queues are slower ones. Of a few jobs GNU parallel's own
    # start is most of the time.
    sides = {"jobd": Side(lambda count: work.drive(servers["jobd"], "exec", "jobd", count, depth=100)),
             "bare posix_spawn": Side(lambda count: work.drive(None, "exec", "spawn", count)),
             "xargs -P2": scripted(work.XARGS, {}, "xargs"),
             "task-spooler": scripted(work.TSP, work.TSP_ENV, "tsp", guess=300, most=900),
             "Celery": Side(lambda count: servers["celery"].ask("exec", count), "redis", "celery", "redis-py", least=100),
             "nq": scripted(work.NQ, work.NQ_ENV, "nq", guess=200, most=300),
             "GNU parallel": scripted(work.PARALLEL, {}, "parallel", least=200)}
    return [Row("exec", sides, Measure("exec /bin/true, output and usage recorded, 2 at once", "/s", True,
                                       must(0.6, "xargs -P2"), aim(0.9, "xargs -P2")))]


def waiting(servers, quick):
    web, count = servers["slowweb"], 2000 if quick else 10000
    sides = {"jobd": Side(lambda count: work.jobd_waits(web, count)),
             "bare libcurl loop": Side(lambda count: work.waits("curl", web, count)),
             "Node": Side(lambda count: work.waits("node", web, count), "node"),
             "aiohttp": Side(lambda count: work.waits("aiohttp", web, count), "python", "aiohttp"),
             "Celery with gevent": Side(lambda count: work.celery_waits(servers["celery gevent"], web, count), "redis", "celery",
                                        "redis-py", "gevent", rounds=1, quick=False)}
    # Memory is the same in each round, to a tenth of a KiB.
    rounds = 1 if quick else None

    def held_by(which, *needs):
        return Side(lambda count: work.in_flight(which, count), *needs, rounds=rounds)

    held = {"jobd": Side(work.jobd_in_flight, rounds=rounds), "bare libcurl loop": held_by("curl"),
            "Node": held_by("node", "node"), "aiohttp": held_by("aiohttp", "python", "aiohttp")}
    return [
        Row("sleeping", {"jobd": Side(work.sleeping)},
            Measure("10,000 sleeping coroutines, RSS each", "KiB", False, must(12), aim(8)), count=10000),
        Row("waits", sides,
            Measure(f"{count:,} HTTP requests waiting 1 s (by slowweb)", "s", False,
                    must(1.0, "Node"), aim(1.2, "bare libcurl loop")), count=count),
        Row("inflight", held, Measure(f"{count:,} HTTP requests in flight, RSS each", "KiB", False, must(28)), count=count),
    ]


def fetching(servers):
    """Of jobd, a queue with a limit of 50 keeps them in flight; the first submit to the last record is what counts."""
    name = "nginx" if NEEDS["nginx"].here() else "slowweb at once"
    web = servers[name]

    def mine(count):
        url = f"http://127.0.0.1:{web.start().port}/"
        return work.drive(servers["jobd"], "http", "jobd", count, depth=100, workers=50, variant=url)

    def loop(which, *needs):
        return Side(lambda count: work.fetch_rate(which, web, count, 50), *needs, guess=2000)

    return [Row("fetch", {"jobd": Side(mine), "bare libcurl loop": loop("curl"), "Node": loop("node", "node"),
                          "aiohttp": loop("aiohttp", "python", "aiohttp")},
                Measure(f"HTTP answered at once (by {name.split()[0]}), 50 at a time", "/s", True,
                        must(1.0, "aiohttp"), aim(2, "aiohttp")))]


def make_rows(servers, quick):
    return submits(servers) + noops(servers) + trips(servers) + commands(servers) + waiting(servers, quick) + fetching(servers)
