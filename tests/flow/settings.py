"""The command line and the settings of jobd, from outside."""

import os
import subprocess

from jobdtest import JOBD, Client, Daemon, check, equal, main, tempdir, test

SAMPLE = os.path.join(os.environ.get("SRCDIR", "."), "conf", "jobd.conf")


def jobd(*words, env=None):
    """Runs it to its end: (exit code, stdout, stderr)."""
    done = subprocess.run([JOBD] + list(words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, **(env or {})))
    return done.returncode, done.stdout, done.stderr


def file_with(text):
    path = os.path.join(tempdir(), "jobd.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


@test("--version and --help answer and leave with 0")
def _():
    code, out, _ = jobd("--version")
    equal(code, 0)
    check(out.startswith("jobd "), out)
    code, out, _ = jobd("--help")
    equal(code, 0)
    check("--check" in out, out)


@test("wrong usage leaves with 2")
def _():
    for words in (["--bogus"], ["word"], ["-c"], ["-o"]):
        code, _, err = jobd(*words)
        equal(code, 2, words)
        check(err, "nothing was said about %s" % words)


@test("--check finds the sample fine")
def _():
    code, _, err = jobd("--check", "-c", SAMPLE)
    equal((code, err), (0, ""))


@test("--check tells everything that is wrong, with file and line, and leaves with 2")
def _():
    path = file_with("pool {\n\tprocesses = many\n\tnise = 3\n}\nlog { level = loud }\n")
    code, _, err = jobd("--check", "-c", path, "-o", "limits.connections=0", "-o", "listen.tpc=x:1")
    equal(code, 2)
    for start in (path + ":2: pool.processes", path + ":3: there is no key nise", path + ":5: log.level",
                  "-o limits.connections=0: ", "-o listen.tpc=x:1: there is no key tpc"):
        check(any(line.startswith(start) for line in err.splitlines()), "%s is not in\n%s" % (start, err))
    equal(len(err.splitlines()), 5, err)


@test("wrong settings keep it from starting, with 2")
def _():
    state = os.path.join(tempdir(), "state")
    code, _, err = jobd("-o", "state.directory=" + state, "-o", "pool.processes=-1")
    equal(code, 2)
    check("pool.processes" in err, err)
    check(not os.path.exists(state), "it touched the state all the same")


@test("a file's settings hold, and -o overrides them")
def _():
    path = file_with("pool { processes = 3 }\nlimits { connections = 7  io_jobs = 11 }\n")
    with Daemon("limits.connections=9", args=["-c", path]) as d, d.client() as c:
        status = c.call("daemon.status")
        equal(status["connections"]["limit"], 9)
        equal(status["io"]["limit"], 11)
        equal(status["pool"]["processes"], 3)


@test("without settings, state and socket lie where the environment says")
def _():
    base = tempdir()
    environment = {"STATE_DIRECTORY": base + "/st", "RUNTIME_DIRECTORY": base, "XDG_STATE_HOME": "/nonexistent"}
    with subprocess.Popen([JOBD, "-o", "listen.tcp="], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          env=dict(os.environ, **environment)) as process:
        for line in process.stderr:
            if "listening on unix" in line:
                break
        check(line.rstrip().endswith("listening on unix " + base + "/jobd.sock"), line)
        with Client(base + "/jobd.sock") as c:
            check(c.call("daemon.status")["store"]["path"].startswith(base + "/st/"))
        process.terminate()
        process.stderr.read()
        equal(process.wait(60), 0)
    check(not os.path.exists(base + "/jobd.sock"), "the socket's file is left")


@test("SIGHUP reads the settings again; wrong ones change nothing")
def _():
    path = file_with("limits { connections = 70 }\n")
    with Daemon(args=["-c", path]) as d, d.client() as c:
        equal(c.call("daemon.status")["connections"]["limit"], 70)
        with open(path, "w", encoding="utf-8") as file:
            file.write("limits { connections = none }\n")
        d.signal(1)
        d.wait_log(r"limits\.connections")
        equal(c.call("daemon.status")["connections"]["limit"], 70)
        with open(path, "w", encoding="utf-8") as file:
            file.write("limits { connections = 80 }\n")
        equal(c.call("daemon.reload"), {"reloaded": True})
        equal(c.call("daemon.status")["connections"]["limit"], 80)


main()
