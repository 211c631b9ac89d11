"""How fastocr's cost grows with the page, its lines, the calling threads and the list.

    python -m bench.growth --out FOLDER

Pages are drawn, the same on every machine. Writes ``growth.json`` and one plot a curve as SVG. See
``bench/README.md``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import common
from bench.common import log
from bench.pages import Image, draw_page
from bench.peers import usage

MEGAPIXELS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
LINES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 350, 500)
CALLERS = (1, 2, 3, 4)
LIST_LENGTHS = (1, 2, 4, 8, 16, 32)

PAGE_LINES = 10  # on pages of which the lines are not what varies
LINE_PAGE = (1920, 1440)  # holds 500 lines that are far enough apart to be found
CALLER_PAGES = 8

Read = Callable[[Any], int]  # reads the case's pages, returns the number of lines found


@dataclass
class Case:
    """One point of a curve."""

    x: float
    pages: int
    prepare: Callable[[], Read] = field(repr=False)  # draws the pages, outside the time
    milliseconds_per_page: list[float] = field(default_factory=list)
    lines: int = 0
    peak_rss_mb: float | None = None

    def point(self) -> dict[str, Any]:
        """The case as data."""
        return {
            "x": self.x,
            "pages": self.pages,
            "lines": self.lines,
            "median_ms_per_page": statistics.median(self.milliseconds_per_page),
            "milliseconds_per_page": self.milliseconds_per_page,
            "peak_rss_mb": self.peak_rss_mb,
        }


@dataclass(frozen=True)
class Curve:
    """A series of cases, one for each x."""

    axis: str
    make_case: Callable[[Any], Case]
    values: Sequence[float]
    logarithmic: bool = False

    def cases(self) -> list[Case]:
        """New cases, in the order of x."""
        return [self.make_case(x) for x in self.values]


# Cases


def line_count(results: Sequence[Any]) -> int:
    """Lines of all pages."""
    return sum(len(page["rec_texts"]) for page in results)


def size_of(megapixels: float) -> tuple[int, int]:
    """Width and height of a page of 4 to 3."""
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    return width, round(width * 3 / 4)


def plain_pages(count: int) -> list[Image]:
    """Different pages of one size and number of lines."""
    return [draw_page(*size_of(1), PAGE_LINES, seed=seed) for seed in range(count)]


def size_case(megapixels: float) -> Case:
    """The same ten lines, drawn larger on a larger page."""

    def prepare() -> Read:
        page = draw_page(*size_of(megapixels), PAGE_LINES)
        return lambda ocr: line_count(ocr.predict(page))

    return Case(megapixels, 1, prepare)


def line_case(lines: int) -> Case:
    """Lines of one size on a page of one size, which is detected at full size."""

    def prepare() -> Read:
        page = draw_page(*LINE_PAGE, lines, columns=5, text_height=9)
        limits = {"text_det_limit_side_len": max(LINE_PAGE), "text_det_limit_type": "max"}
        return lambda ocr: line_count(ocr.predict(page, **limits))

    return Case(lines, 1, prepare)


def caller_case(callers: int) -> Case:
    """The same pages, shared out among threads that call one object."""

    def prepare() -> Read:
        pages = plain_pages(CALLER_PAGES)

        def read(ocr: Any) -> int:
            with ThreadPoolExecutor(callers) as pool:
                return sum(map(line_count, pool.map(ocr.predict, pages)))

        return read

    return Case(callers, CALLER_PAGES, prepare)


def list_case(length: int) -> Case:
    """One call with a list."""

    def prepare() -> Read:
        pages = plain_pages(length)
        return lambda ocr: line_count(ocr.predict(pages))

    return Case(length, length, prepare)


CURVES = {
    "page_size": Curve("megapixels", size_case, MEGAPIXELS, logarithmic=True),
    "lines": Curve("lines on the page", line_case, LINES),
    "callers": Curve("calling threads", caller_case, CALLERS),
    "list_length": Curve("pages in the list", list_case, LIST_LENGTHS),
}


# Measuring


def reset_peak() -> bool:
    """Makes the process's highest memory its present one; False where that cannot be done."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def run_case(case: Case, ocr: Any, counted: bool) -> None:
    """One timed call; the memory is that of the first, when nothing larger has been met."""
    read = case.prepare()
    has_peak = reset_peak()
    begin = time.perf_counter()
    case.lines = read(ocr)
    seconds = time.perf_counter() - begin
    if counted:
        case.milliseconds_per_page.append(1000 * seconds / case.pages)
    elif has_peak:
        case.peak_rss_mb = usage()["peak_rss_mb"]


def measure(name: str, arguments: dict[str, Any], rounds: int) -> list[dict[str, Any]]:
    """Rounds over all cases of a curve; returns its points."""
    cases = CURVES[name].cases()
    with common.make_ocr(arguments) as ocr:
        for number in range(rounds + 1):
            log(f"{name}: round {number} of {rounds}" if number else f"{name}: warm-up")
            for case in cases:
                run_case(case, ocr, counted=number > 0)
    return [case.point() for case in cases]


def measure_apart(name: str, arguments: dict[str, Any], rounds: int) -> list[dict[str, Any]]:
    """The same in a new process, so that the memory is this curve's alone."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, name, arguments, rounds).result()


# Report


def plot(target: Path, name: str, curve: dict[str, Any]) -> None:
    """Time a page and memory, one above the other."""
    import matplotlib.pyplot as plt

    points = curve["points"]
    x = [point["x"] for point in points]
    samples = [point["milliseconds_per_page"] for point in points]
    figure, (time_axis, memory_axis) = plt.subplots(
        2, 1, sharex=True, figsize=(6.4, 5.2), height_ratios=(2, 1), layout="constrained"
    )
    time_axis.fill_between(x, [min(s) for s in samples], [max(s) for s in samples], alpha=0.2)
    time_axis.plot(x, [point["median_ms_per_page"] for point in points], marker="o")
    time_axis.set_ylabel("ms a page")
    memory_axis.plot(x, [point["peak_rss_mb"] for point in points], marker="o", color="tab:green")
    memory_axis.set_ylabel("peak MB")
    memory_axis.set_xlabel(curve["axis"])
    for axis in (time_axis, memory_axis):
        axis.set_ylim(0, 1.05 * axis.dataLim.y1)
        axis.grid(alpha=0.3)
    if curve["logarithmic"]:
        memory_axis.set_xscale("log")
        memory_axis.set_xticks(x, [f"{value:g}" for value in x])
    time_axis.set_title(name.replace("_", " "))
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def check_matplotlib() -> None:
    """Fails before the measurement and not after it; the same data gives the same file."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise SystemExit("the plots need matplotlib: pip install '.[bench]'") from error
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "fastocr"


COLUMNS: tuple[common.Column, ...] = (
    ("x", "x", "{:g}"),
    ("pages", "pages", "{}"),
    ("lines", "lines", "{}"),
    ("ms a page", "median_ms_per_page", "{:.1f}"),
    ("peak MB", "peak_rss_mb", "{:.0f}"),
)


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = common.command_parser("growth", __doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the data and the plots")
    parser.add_argument(
        "--curve", action="append", choices=list(CURVES), help="repeatable; default: all of them"
    )
    parser.add_argument("--rounds", type=int, default=3, help="after one warm-up round")
    parser.add_argument(
        "--option",
        type=common.parse_json_object,
        default={},
        metavar="JSON",
        help="constructor arguments",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints the tables, writes data and plots."""
    options = build_parser().parse_args(arguments)
    if options.rounds < 1:
        raise SystemExit("--rounds must be at least 1")
    check_matplotlib()
    load = common.OtherLoad()
    curves: dict[str, dict[str, Any]] = {
        name: {
            "axis": CURVES[name].axis,
            "logarithmic": CURVES[name].logarithmic,
            "points": measure_apart(name, options.option, options.rounds),
        }
        for name in options.curve or CURVES
    }
    report = {
        "machine": common.machine_facts(),
        "load": load.report(),
        "fastocr": common.fastocr_facts(),
        "option": options.option,
        "rounds": options.rounds,
        "curves": curves,
    }
    print(f"{common.describe_machine(report['machine'])}\n{common.describe_load(report['load'])}")
    options.out.mkdir(parents=True, exist_ok=True)
    common.write_json(options.out / "growth.json", report)
    for name, data in curves.items():
        print(f"\n{name}, by {data['axis']}\n\n{common.format_table(COLUMNS, data['points'])}")
        plot(options.out / f"{name}.svg", name, data)


if __name__ == "__main__":
    main()
