"""Reads thousands of pages of mixed sizes and widths with one object and watches its memory.

    python -m bench.soak --pages 5000 --threads 2

See ``bench/README.md``.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench import common
from bench.pages import draw_page

SAMPLES = 100
REST = 0.8  # the first fifth is for buffers to reach their size
FILE_EVERY = 10  # with --images, every tenth page is one of them


@dataclass(frozen=True)
class Sample:
    """The process after a number of pages."""

    pages: int
    seconds: float
    rss_mb: float
    threads: int
    files: int


@dataclass(frozen=True)
class Growth:
    """Memory over the last pages; the percentages are of the least and of the first value."""

    pages: int  # how many these are
    low_mb: float
    high_mb: float
    spread_percent: float  # from the least to the highest
    change_percent: float  # from the first to the last


def growth_over_rest(samples: Sequence[tuple[int, float]], rest: float = REST) -> Growth:
    """Growth of (pages, memory) samples over the last share of the pages.

    The first sample that counts is the last one at or before the beginning of that share.
    """
    total = samples[-1][0]
    begin = (1 - rest) * total
    before = [k for k, (pages, _) in enumerate(samples) if pages <= begin + 1e-9]
    counted = samples[before[-1] if before else 0 :]
    memory = [value for _, value in counted]
    low, high = min(memory), max(memory)
    return Growth(
        pages=total - counted[0][0],
        low_mb=low,
        high_mb=high,
        spread_percent=100 * (high / low - 1),
        change_percent=100 * (memory[-1] / memory[0] - 1),
    )


def random_page(seed: int) -> Any:
    """A small page whose size, lines and letters depend on the seed alone."""
    rng = np.random.default_rng([seed, 5])
    width, height = int(rng.integers(160, 961)), int(rng.integers(64, 641))
    lines = int(rng.integers(0, 1 + min(8, height // 28)))
    return draw_page(width, height, lines, text_height=rng.uniform(9, 20), seed=seed)


class Soak:
    """Shares pages out among callers of one object, and takes samples in between."""

    def __init__(self, ocr: Any, pages: int, files: Sequence[Path]) -> None:
        self._ocr = ocr
        self._pages = pages
        self._files = files
        self._every = max(1, pages // SAMPLES)
        self._lock = threading.Lock()
        self._started = 0
        self._done = 0
        self._process = psutil.Process()
        self._begin = time.perf_counter()
        self.lines = 0
        self.samples: list[Sample] = []

    def run(self, callers: int) -> None:
        """Reads all pages; an error of any of them ends it."""
        with ThreadPoolExecutor(callers) as pool:
            for caller in [pool.submit(self._call) for _ in range(callers)]:
                caller.result()

    def _call(self) -> None:
        while (number := self._next()) is not None:
            (result,) = self._ocr.predict(self._page(number))
            self._finish(len(result["rec_texts"]))

    def _next(self) -> int | None:
        with self._lock:
            if self._started == self._pages:
                return None
            self._started += 1
            return self._started - 1

    def _page(self, number: int) -> Any:
        if self._files and number % FILE_EVERY == FILE_EVERY - 1:
            return str(self._files[number // FILE_EVERY % len(self._files)])
        return random_page(number)

    def _finish(self, lines: int) -> None:
        with self._lock:
            self._done += 1
            self.lines += lines
            if self._done % self._every == 0 or self._done == self._pages:
                self.samples.append(self._sample())

    def _sample(self) -> Sample:
        with self._process.oneshot():
            return Sample(
                pages=self._done,
                seconds=time.perf_counter() - self._begin,
                rss_mb=self._process.memory_info().rss / 1e6,
                threads=self._process.num_threads(),
                files=self._process.num_fds(),
            )


COLUMNS: tuple[common.Column, ...] = (
    ("pages", "pages", "{}"),
    ("s", "seconds", "{:.1f}"),
    ("MB", "rss_mb", "{:.1f}"),
    ("threads", "threads", "{}"),
    ("open files", "files", "{}"),
)


def describe_growth(growth: Growth, total: int) -> str:
    """The result in one line."""
    return (
        f"last {growth.pages} of {total} pages within {growth.spread_percent:.1f} % "
        f"({growth.low_mb:.1f} to {growth.high_mb:.1f} MB), "
        f"change from first to last {growth.change_percent:+.1f} %"
    )


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = common.command_parser("soak", __doc__)
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=1, help="callers of the one object")
    parser.add_argument(
        "--images",
        type=Path,
        action="append",
        default=[],
        help=f"files or folders, repeatable; every {FILE_EVERY}th page is one of them",
    )
    parser.add_argument(
        "--option",
        type=common.parse_json_object,
        default={},
        metavar="JSON",
        help="constructor arguments",
    )
    parser.add_argument("--json", type=Path, help="write all samples there")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the pages, prints every tenth sample and the growth."""
    options = build_parser().parse_args(arguments)
    if options.pages < 2 or options.threads < 1:
        raise SystemExit("--pages must be at least 2, --threads at least 1")
    files = common.collect_images(options.images) if options.images else []
    load = common.OtherLoad()
    with common.make_ocr(options.option) as ocr:
        soak = Soak(ocr, options.pages, files)
        soak.run(options.threads)
    growth = growth_over_rest([(sample.pages, sample.rss_mb) for sample in soak.samples])
    report = {
        "machine": common.machine_facts(),
        "load": load.report(),
        "fastocr": common.fastocr_facts(),
        "pages": options.pages,
        "lines": soak.lines,
        "callers": options.threads,
        "option": options.option,
        "images": [file.name for file in files],
        "growth": asdict(growth),
        "samples": [asdict(sample) for sample in soak.samples],
    }
    print(f"{common.describe_machine(report['machine'])}\n{common.describe_load(report['load'])}\n")
    shown = report["samples"][:: SAMPLES // 10]
    if shown[-1] is not report["samples"][-1]:
        shown.append(report["samples"][-1])
    print(f"{common.format_table(COLUMNS, shown)}\n\n{describe_growth(growth, options.pages)}")
    if options.json:
        common.write_json(options.json, report)


if __name__ == "__main__":
    main()
