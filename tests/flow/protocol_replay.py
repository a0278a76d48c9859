"""Replays the examples of proto/PROTOCOL.md: what the page says is what the daemon does.

A block that begins with "-> " is one case: a fresh daemon, one connection, "-> " lines sent, "<- " lines expected.
A value "<...>" in an expected line stands for any; "<time>" for a time as the daemon writes it.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

PATIENCE = 60
SOURCE = os.environ.get("SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
WILDCARD = re.compile(r"<\w+>$")


def blocks(path):
    """(title, [(arrow, text)]) of each example: the title is the heading above it and its line's number."""
    heading, inside, example, start = "", False, [], 0
    with open(path, encoding="utf-8") as page:
        for number, line in enumerate(page, 1):
            line = line.rstrip("\n")
            if line.startswith("```"):
                if inside and example:
                    yield "%s (line %d)" % (heading, start), example
                inside, example, start = not inside, [], number
            elif inside and line[:3] in ("-> ", "<- "):
                example.append((line[:2], line[3:]))
            elif inside and example:
                raise SystemExit("Bail out! PROTOCOL.md:%d: neither -> nor <- in an example" % number)
            elif not inside and line.startswith("#"):
                heading = line.strip("# ")


def mismatch(want, got, at="reply"):
    """Says where they differ; None if they match."""
    if isinstance(want, str) and WILDCARD.match(want):
        fits = want != "<time>" or (isinstance(got, str) and TIME.match(got))
        return None if fits else "%s is %r, not a time" % (at, got)
    if isinstance(want, dict) and isinstance(got, dict):
        if want.keys() != got.keys():
            return "%s: missing %s, unexpected %s" % (at, sorted(want.keys() - got.keys()), sorted(got.keys() - want.keys()))
        parts = [(want[key], got[key], "%s.%s" % (at, key)) for key in want]
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        parts = [(w, g, "%s[%d]" % (at, i)) for i, (w, g) in enumerate(zip(want, got))]
    else:
        same = type(want) is type(got) and want == got
        return None if same else "%s is %s, not %s" % (at, json.dumps(got), json.dumps(want))
    return next(filter(None, (mismatch(*part) for part in parts)), None)


def start(directory):
    """The daemon and its port. It is killed if it does not get through its example in time."""
    command = [os.environ.get("JOBD", "jobd")]
    for setting in ("state.directory=" + directory, "listen.tcp=127.0.0.1:0", "listen.unix=%s/s" % directory, "shutdown.grace=0"):
        command += ["-o", setting]
    daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    watchdog = threading.Timer(PATIENCE, daemon.kill)
    watchdog.daemon = True
    watchdog.start()
    for line in daemon.stderr:
        found = re.search(rb"listening on tcp 127\.0\.0\.1:(\d+)", line)
        if found:
            return daemon, int(found.group(1)), watchdog
    raise AssertionError("jobd ended with %d before it listened" % daemon.wait())


def converse(port, example):
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection, connection.makefile("rb") as replies:
        for arrow, text in example:
            if arrow == "->":
                connection.sendall(text.encode() + b"\n")
                continue
            line = replies.readline()
            if not line.endswith(b"\n"):
                raise AssertionError("the connection ended instead of %s" % text)
            wrong = mismatch(json.loads(text), json.loads(line))
            if wrong:
                raise AssertionError("%s\n  expected %s\n  received %s" % (wrong, text, line.decode().rstrip("\n")))
        connection.shutdown(socket.SHUT_WR)
        rest = replies.read()
        if rest:
            raise AssertionError("more came: %s" % rest.decode())


def replay(example):
    """None if all went well, else what went wrong."""
    directory = tempfile.mkdtemp(prefix="jobd-")
    wrong = None
    try:
        daemon, port, watchdog = start(directory)
        try:
            converse(port, example)
        except Exception as error:
            wrong = error
        daemon.terminate()
        log = daemon.stderr.read().decode("utf-8", "replace")
        status = daemon.wait()
        watchdog.cancel()
        if wrong or status != 0:
            return "%s\njobd ended with %d; its log:\n%s" % (wrong, status, log)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return None


def main():
    examples = list(blocks(os.path.join(SOURCE, "proto", "PROTOCOL.md")))
    failed = 0
    print("1..%d" % len(examples))
    for number, (title, example) in enumerate(examples, 1):
        wrong = replay(example)
        failed += wrong is not None
        print("%s %d - %s" % ("ok" if wrong is None else "not ok", number, title))
        if wrong is not None:
            print("# " + wrong.replace("\n", "\n# "))
        sys.stdout.flush()
    return 1 if failed else 0


sys.exit(main())
