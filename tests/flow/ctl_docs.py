"""--help, the manual page and the completion scripts know the same commands and options."""

import os
import re
import shutil
import subprocess

from jobdtest import PATIENCE, check, equal, jobctl, main, skip, tempdir, test

PAGE = os.path.join(os.environ.get("SRCDIR", "."), "client", "jobctl.1")


def commands():
    """The commands, as `jobctl --help` lists them."""
    listed = re.search(r"Commands:\n(.*?)\n\n", jobctl("--help").out, re.S).group(1)
    return [re.match(r"  ([a-z]+(?: [a-z]+)?) {2,}", line).group(1) for line in listed.splitlines()]


def options(text):
    return set(re.findall(r"^ +(?:-\w, )?--([a-z-]+)", text, re.M))


@test("the manual page has every command and every option, and none that is not there")
def _():
    with open(PAGE) as file:
        page = file.read()
    named = set(re.findall(r"Fl -([a-z][a-z-]+)", page))
    known = set()
    for command in commands():
        check(re.search(r"^\.It Cm %s( |$)" % command, page, re.M), "%s is not in jobctl.1" % command)
        known |= options(jobctl(*command.split(), "--help").out)
    equal(sorted(known - named), [], "options that jobctl.1 does not have")
    equal(sorted(named - known), [], "options that only jobctl.1 has")


@test("the manual page has every exit code and variable")
def _():
    with open(PAGE) as file:
        page = file.read()
    for code in ["0", "1", "2", "3", "4", "5", "124", "125"]:
        check("\n.It %s\n" % code in page, code)
    for name in ["JOBD_ADDRESS", "JOBD_TLS_CA", "JOBD_TLS_CERTIFICATE", "JOBD_TLS_KEY", "NO_COLOR"]:
        check("Ev " + name in page or ", " + name in page, name)


@test("the manual page is set without a quotation that does not end")
def _():
    if not shutil.which("man"):
        skip("man is not installed")
    got = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", PAGE], capture_output=True, text=True,
                         env=dict(os.environ, MANWIDTH="200", LC_ALL="C.UTF-8", MANROFFOPT="")).stdout
    check("NAME" in got and "\u2018250ms\u2019" in got, got[:500])
    equal(re.findall(r"\u2018[^\u2019\n]*\u2018.*", got), [])


@test("no line of help is wider than a terminal can be expected to be")
def _():
    for command in commands():
        for line in jobctl(*command.split(), "--help").out.splitlines():
            check(len(line) <= 130, "%s: %s" % (command, line))


@test("a command that takes a span or a time says how it is written")
def _():
    for command in commands():
        said = jobctl(*command.split(), "--help").out
        for value, how in [("SPAN", "A SPAN is written 90"), ("TIME", " a TIME 2026-12-01T09:00")]:
            equal(bool(re.search(r"^ .*--[a-z-]+[ =[]+" + value, said, re.M)), how in said, command)


# ---- completion ----

def complete(*words):
    """What bash would offer for the last of the words."""
    script = """
        source <("$JOBCTL" completion bash)
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _jobctl
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    return subprocess.run(["bash", "-c", script, "bash", *words], check=True, capture_output=True, text=True).stdout.split()


@test("bash completes commands, families, options and their values")
def _():
    if not shutil.which("bash"):
        skip("bash is not installed")
    firsts = sorted({command.split()[0] for command in commands()})
    equal(sorted(word for word in complete("jobctl", "") if not word.startswith("-")), firsts)
    equal(complete("jobctl", "rel"), ["release", "reload"])
    equal(complete("jobctl", "queue", "p"), ["pause", "purge"])
    equal(complete("jobctl", "-H", "submit", "queue", ""), ["list", "show", "set", "pause", "resume", "purge"])
    equal(complete("jobctl", "submit", "--backoff", "")[:3], ["exponential", "linear", "constant"])
    equal(complete("jobctl", "run", "--color", "n"), ["never"])
    equal(complete("jobctl", "--color", "al"), ["always"])
    equal(complete("jobctl", "submit", "--backoff", "=", "lin"), ["linear"])
    equal(complete("jobctl", "submit", "--backoff", "=")[0], "exponential")
    for option in ["--state", "-s"]:
        equal(complete("jobctl", "list", option, "r"), ["ready", "running"])
    equal(complete("jobctl", "cancel", "--reason", "queue_"), ["queue_paused", "queue_concurrency"])
    equal(complete("jobctl", "completion", "z"), ["zsh"])
    equal(complete("jobctl", "help", "rel"), ["release", "reload"])
    equal(complete("jobctl", "help", "queue", "p"), ["pause", "purge"])
    for command in commands():
        offered = {word[2:] for word in complete("jobctl", *command.split(), "--")}
        equal(offered, options(jobctl(*command.split(), "--help").out), command)


@test("zsh can read its script and completes by it")
def _():
    script = jobctl("completion", "zsh").out
    check(script.startswith("#compdef jobctl\n"))
    if not shutil.which("zsh"):
        skip("zsh is not installed")
    path = os.path.join(tempdir(), "_jobctl")
    with open(path, "w") as out:
        out.write(script)
    subprocess.run(["zsh", "-f", "-n", path], check=True)
    probe = """
        compdef() { :; }
        _describe() { print -l -- "${(@)found}"; }
        _files() { :; }
        source "$1"
        words=(jobctl queue pause --) CURRENT=4
        _jobctl
        words=(jobctl -q '') CURRENT=3
        _jobctl
        for words in "submit --backoff" "list -s" "--color" "help queue" "help"; do
            words=(jobctl ${=words} '')
            CURRENT=$#words
            print "== $words"
            _jobctl
        done
    """
    got = subprocess.run(["zsh", "-f", "-c", probe, "zsh", path], check=True, capture_output=True, text=True).stdout.splitlines()
    check("--json:print records as JSON, one a line" in got and "submit" in got, got)
    for words, offered in [("submit --backoff", "exponential linear constant"), ("list -s", "held blocked scheduled ready running"),
                           ("--color", "auto always never"), ("help queue", "list show set pause resume purge"), ("help", "run submit list")]:
        at = got.index("== jobctl %s " % words) + 1
        equal(got[at:at + len(offered.split())], offered.split(), words)


@test("keys typed to zsh become what was meant")
def _():
    if not shutil.which("zsh"):
        skip("zsh is not installed")
    path = os.path.join(tempdir(), "_jobctl")
    with open(path, "w") as out:
        out.write(jobctl("completion", "zsh").out)
    typed = """
        zmodload zsh/zpty || exit 77
        zpty z zsh -f -i
        zpty -w z "PROMPT=; autoload -U compinit; compinit -u -D; source $1; jobctl() { print -r -- meant: \$* end }; print rea''dy"
        zpty -r z said '*ready*'
        for keys in $'queue pu\t--js\t' $'list --state suc\t' $'submit --backoff lin\t' $'help sched\tpu\t'; do
            zpty -w z "jobctl $keys"
            zpty -r z said '*meant: *end*'
            print -r -- "${${said##*meant: }%%end*}"
        done
        zpty -d z
    """
    got = subprocess.run(["zsh", "-f", "-c", typed, "zsh", path], capture_output=True, text=True, timeout=PATIENCE, env=dict(os.environ, TERM="dumb"))
    if got.returncode == 77:
        skip("zsh has no terminals of its own")
    equal([line.strip() for line in got.stdout.splitlines()],
          ["queue purge --json", "list --state succeeded", "submit --backoff linear", "help schedule put"], got.stderr)


@test("fish can read its script and completes by it")
def _():
    script = jobctl("completion", "fish").out
    for command in commands():
        check(" -a %s -d " % command.split()[-1] in script, command)
    if not shutil.which("fish"):
        skip("fish is not installed")
    home = tempdir()
    path = os.path.join(home, "jobctl.fish")
    with open(path, "w") as out:
        out.write(script)
    probe = "source %s; complete -C 'jobctl queue pa'; complete -C 'jobctl submit --back'; complete -C 'jobctl run --color '" % path
    got = subprocess.run(["fish", "--no-config", "-c", probe], check=True, capture_output=True, text=True,
                         env=dict(os.environ, HOME=home)).stdout
    for word in ["pause", "--backoff", "--backoff-cap", "never"]:
        check(re.search(r"^%s\t" % word, got, re.M) or re.search(r"^%s$" % word, got, re.M), "%s: %s" % (word, got))
    for line, offered in [("queue list --conc", []), ("-H x:1 li", ["list"]), ("help queue p", ["pause", "purge"]), ("help rel", ["release", "reload"]),
                          ("completion ", ["bash", "fish", "zsh"]), ("list --state r", ["ready", "running"]), ("list -s r", ["ready", "running"]),
                          ("queue list x", []), ("list --stat", ["--state"]), ("submit -f %s/jobctl.f" % home, [path])]:
        got = subprocess.run(["fish", "--no-config", "-c", "source %s; complete -C 'jobctl %s'" % (path, line)], check=True, capture_output=True,
                             text=True, env=dict(os.environ, HOME=home)).stdout
        equal(sorted(row.split("\t")[0] for row in got.splitlines()), offered, line)


main()
