"""A terminal that a program can be run on: a pty, and what its screen shows."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from jobdtest import JOBCTL, PATIENCE, check

SEQUENCE = re.compile(r"\033\[(\??)([0-9;]*)([A-Za-z])")


class Terminal:
    """jobctl on a terminal of its own. Understands what a full-screen program says, and fails on what it does not know."""

    def __init__(self, *words, columns=80, lines=24, env=None):
        self.ours, self.theirs = pty.openpty()
        self.resize(columns, lines, tell=False)
        self.before = termios.tcgetattr(self.theirs)
        self.data = ""          # read, not yet understood
        self.seen = ""          # all of it
        self.raw = b""          # the beginning of a character
        self.alternate = False  # the other screen is shown
        self.cursor = True
        self.wrap = True
        self.styles = set()
        self.clears = 0
        self.process = subprocess.Popen([JOBCTL] + [str(w) for w in words], stdin=self.theirs, stdout=self.theirs, stderr=subprocess.PIPE,
                                        text=True, start_new_session=True, env=dict(os.environ, **{"TERM": "xterm", "TZ": "UTC", **(env or {})}),
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self.ours)
        os.close(self.theirs)
        return False

    def resize(self, columns, lines, tell=True):
        self.columns, self.lines = columns, lines
        self.grid = [[" "] * columns for _ in range(lines)]
        self.row = self.column = 0
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, keys):
        os.write(self.ours, keys.encode())

    # ---- what it says ----

    def sequence(self, private, numbers, letter):
        first = int(numbers.split(";")[0] or 0)
        if private:
            check((first, letter) in [(1049, "h"), (1049, "l"), (25, "h"), (25, "l"), (7, "h"), (7, "l")], "?%s%s" % (numbers, letter))
            setattr(self, {1049: "alternate", 25: "cursor", 7: "wrap"}[first], letter == "h")
        elif letter == "H":
            row, column = [int(n) for n in numbers.split(";")] if numbers else (1, 1)
            check(1 <= row and 1 <= column, numbers)
            self.row, self.column = row - 1, column - 1
        elif letter == "J":
            self.clears += 1
            self.grid = [[" "] * self.columns for _ in range(self.lines)]
        elif letter == "K":
            check(first == 2, "the row is erased to where?")
            if self.row < self.lines:
                self.grid[self.row] = [" "] * self.columns
        elif letter == "m":
            self.styles.add(numbers)
        else:
            raise AssertionError("the terminal does not know ESC[%s%s" % (numbers, letter))

    def understand(self):
        while self.data:
            if self.data[0] == "\033":
                found = SEQUENCE.match(self.data)
                if not found:
                    check(len(self.data) < 20, "the terminal does not know %r" % self.data[:20])
                    return
                self.sequence(*found.groups())
                self.data = self.data[found.end():]
                continue
            check(self.data[0] >= " ", "%r on the screen" % self.data[:20])
            check(not self.wrap, "it writes where a row would wrap")
            if self.row < self.lines and self.column < self.columns:
                self.grid[self.row][self.column] = self.data[0]
            self.column += 1
            self.data = self.data[1:]

    def read(self, timeout):
        if not select.select([self.ours], [], [], timeout)[0]:
            return False
        piece = self.raw + os.read(self.ours, 65536)
        text = piece.decode("utf-8", "ignore")
        self.raw = b"" if text.encode() == piece else piece[len(text.encode()):]
        self.data += text
        self.seen += text
        self.understand()
        return True

    # ---- what it shows ----

    def screen(self):
        return ["".join(row).rstrip() for row in self.grid]

    def text(self):
        return "\n".join(self.screen())

    def until(self, condition, what):
        """Waits until the screen, as text, fulfils it; that text."""
        end = time.monotonic() + PATIENCE
        while not condition(self.text()):
            check(time.monotonic() < end, "%s did not come; the screen:\n%s" % (what, self.text()))
            if not self.read(0.1) and self.process.poll() is not None:
                raise AssertionError("jobctl left with %d: %s" % (self.process.returncode, self.process.stderr.read()))
        return self.text()

    def until_shown(self, pattern):
        self.until(lambda text: re.search(pattern, text), "%r" % pattern)
        return re.search(pattern, self.text())

    def given_back(self):
        """Waits until its last words have come, for a pty hands on what was written after the write has returned."""
        end = time.monotonic() + PATIENCE
        while self.alternate or not self.cursor or not self.wrap:
            check(time.monotonic() < end, "the terminal was left as it is in a full-screen program")
            self.read(0.1)

    def ends(self):
        """Waits for its end; the code, and stderr. The terminal must be as it was."""
        code = self.process.wait(PATIENCE)
        self.given_back()
        now = termios.tcgetattr(self.theirs)
        check(now == self.before, "the terminal's settings were %r and are %r" % (self.before, now))
        return code, self.process.stderr.read()

    def stopped(self):
        """Waits until it has been stopped, as Ctrl-Z does."""
        pid, status = os.waitpid(self.process.pid, os.WUNTRACED)
        check(pid == self.process.pid and os.WIFSTOPPED(status), status)
        self.given_back()

    def signal(self, number):
        self.process.send_signal(number)

    def goes_on(self):
        self.signal(signal.SIGCONT)
