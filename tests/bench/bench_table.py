"""What was measured, as text, as JSON and as a table for the README. See bench.py."""
import os
import statistics
import subprocess
import tempfile


def spread(values):
    """Median and quartiles."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return median, low, high


def number(value):
    """Three digits are enough of anything that is measured."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


class Figures:
    """All figures of a row: a list for each side, a figure a round."""

    def __init__(self, row, sides, missing):
        self.row, self.measure, self.sides, self.missing = row, row.measure, sides, missing

    def ratio(self, name):
        """jobd's figure in terms of the other's of the same round: median and quartiles."""
        return spread([mine / theirs for mine, theirs in zip(self.sides["jobd"], self.sides[name])])

    def held(self, bound):
        """The figure that the bound is about, with its spread, and whether it is held; None where the peer is not here."""
        if bound.peer and bound.peer not in self.sides:
            return None
        figure = self.ratio(bound.peer) if bound.peer else spread(self.sides["jobd"])
        # Shown to two places, and so judged: 0.996 of what is there is all of it.
        rounded = round(figure[0], 2)
        return figure, rounded >= bound.value if self.measure.more_is_better else rounded <= bound.value

    # ---- as text ----

    def line(self, name):
        median, low, high = spread(self.sides[name])
        unit = self.measure.unit
        text = f"    {name:26} {number(median):>9} {unit:4} ({number(low)} .. {number(high)})"
        if name == "jobd":
            return text
        ratio, low, high = self.ratio(name)
        return f"{text:68}  jobd {ratio:.2f} x ({low:.2f} .. {high:.2f})"

    def bound_name(self, bound):
        return f"{bound.value:g} x {bound.peer}" if bound.peer else f"{bound.value:g} {self.measure.unit}"

    def bound_line(self, bound):
        told = self.held(bound)
        text = f"    {bound.kind:4} {self.bound_name(bound)}: "
        if told is None:
            return text + f"cannot be told, {bound.peer} was not run"
        (median, low, high), held = told
        word = ("held" if held else "NOT held") if bound.kind == "must" else ("reached" if held else "not reached")
        return text + f"{word}, {median:.2f} ({low:.2f} .. {high:.2f})"

    def text(self):
        lines = [f"{self.measure.title} [{self.row.word}]"]
        lines += [self.line(name) for name in self.sides]
        lines += [f"    {name}: {why}" for name, why in self.missing]
        lines += [self.bound_line(bound) for bound in self.measure.bounds]
        return "\n".join(lines)

    # ---- as JSON ----

    def json(self):
        def of(name):
            median, low, high = spread(self.sides[name])
            figure = {"name": name, "median": median, "low": low, "high": high, "rounds": self.sides[name]}
            if name != "jobd":
                figure.update(zip(("jobd_ratio", "jobd_ratio_low", "jobd_ratio_high"), self.ratio(name)))
            return figure

        def held(bound):
            told = self.held(bound)
            return {"kind": bound.kind, "value": bound.value, "peer": bound.peer, "held": told and told[1]}

        return {"row": self.row.word, "title": self.measure.title, "unit": self.measure.unit,
                "more_is_better": self.measure.more_is_better, "figures": [of(name) for name in self.sides],
                "bounds": [held(bound) for bound in self.measure.bounds],
                "missing": [{"name": name, "why": why} for name, why in self.missing]}

    # ---- for the README ----

    def markdown_bounds(self, kind):
        cells = []
        for bound in self.measure.bounds:
            told = self.held(bound)
            if bound.kind == kind:
                mark = "?" if told is None else "held" if told[1] else "no"
                cells.append(f"{self.bound_name(bound).replace(' x ', ' × ')}: {mark}")
        return "; ".join(cells)

    def markdown(self):
        mine = f"{number(spread(self.sides['jobd'])[0])} {self.measure.unit}".replace(" /s", "/s")
        ratios = " · ".join(f"{self.ratio(name)[0]:.2f} × {name}" for name in self.sides if name != "jobd")
        return f"| {self.measure.title} | {mine} | {ratios} | {self.markdown_bounds('must')} | {self.markdown_bounds('aim')} |"


def markdown(machine, figures):
    head = ["| work | jobd | jobd beside the peers | must | aim |", "| --- | --- | --- | --- | --- |"]
    note = "More is better of a rate, less of a time or a size; a ratio is the median of the rounds' own."
    return "\n".join([machine.sentence() + " " + note, ""] + head + [one.markdown() for one in figures])


# ---- the machine ----

def first_line(path, key):
    try:
        with open(path, encoding="utf-8") as f:
            return next((line.split(":", 1)[1].strip() for line in f if line.startswith(key)), "")
    except OSError:
        return ""


class Machine:
    """Where it ran: durable figures are those of the file system that the state lies on."""

    def __init__(self):
        self.cores = len(os.sched_getaffinity(0))
        self.cpu = first_line("/proc/cpuinfo", "model name") or os.uname().machine
        self.kernel = os.uname().release
        self.memory = int(first_line("/proc/meminfo", "MemTotal").split()[0]) * 1024
        self.directory = tempfile.gettempdir()
        self.file_system = subprocess.run(["df", "--output=fstype", self.directory], check=False, capture_output=True,
                                          text=True).stdout.split("\n")[1]
        self.load = os.getloadavg()[0]

    def sentence(self):
        return (f"{self.cores} cores of {self.cpu}, {self.memory / 2**30:.0f} GiB, Linux {self.kernel}, state on "
                f"{self.file_system} in {self.directory}; load {self.load:.1f} at the start.")

    def warning(self):
        if self.file_system in ("tmpfs", "ramfs"):
            return f"nothing in {self.directory} is durable: set TMPDIR to a directory on a disk"
        return None

    def json(self):
        return {"cores": self.cores, "cpu": self.cpu, "kernel": self.kernel, "memory_bytes": self.memory,
                "file_system": self.file_system, "directory": self.directory, "load_at_start": self.load}
