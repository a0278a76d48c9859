"""--help, the manual page and the completion scripts know the same commands and options."""

import os
import re
import shutil
import subprocess

from jobdtest import check, equal, jobctl, main, skip, tempdir, test

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
    """
    got = subprocess.run(["zsh", "-f", "-c", probe, "zsh", path], check=True, capture_output=True, text=True).stdout.splitlines()
    check("--json:print records as JSON, one a line" in got and "submit" in got, got)


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


main()
