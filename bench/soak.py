"""Reads thousands of pages of mixed sizes and widths, from many threads, and watches the process.

    python -m bench.soak --pages 5000 --threads 2
    python -m bench.soak --pages 10000 --threads 8 --replace-every 100 --distinct 400 \\
        --option '{}' --option '{"engine": "openvino"}'

See ``bench/README.md``.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
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
BAD_EVERY = 25  # with --bad, that often a page is a file cut short


# A PNG that ends after its first chunk, with 64 x 64 pixels in it.
BAD_FILE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0@\0\0\0@\x08\x02\0\0\0%\x0b\xe6\x89"


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


class Objects:
    """The object that all callers share, replaced by another every so many pages.

    Each has the next one of the constructor `arguments`. A replaced object is closed at once, while
    callers may be in the midst of a page with it.
    """

    def __init__(self, arguments: Sequence[dict[str, Any]], replace_every: int) -> None:
        self._makers = itertools.cycle(enumerate(arguments))
        self._replace_every = replace_every
        self._lock = threading.Lock()
        self.made = 0
        self.current = self._make()

    def _make(self) -> tuple[int, Any]:
        number, arguments = next(self._makers)
        self.made += 1
        return number, common.make_ocr(arguments)

    def finished(self, pages: int) -> None:
        """Replaces the object if it is time after so many pages."""
        if self._replace_every and pages % self._replace_every == 0:
            with self._lock:
                _, old = self.current
                self.current = self._make()
                old.close()

    def close(self) -> None:
        """Closes the last one."""
        self.current[1].close()


class Soak:
    """Shares pages out among callers, checks their results, and takes samples in between.

    Page numbers begin again after `distinct`; the same page read with the same constructor
    arguments must give the same result to the bit.
    """

    def __init__(
        self, objects: Objects, pages: int, files: Sequence[Path], distinct: int, bad: bool
    ) -> None:
        self._objects = objects
        self._pages = pages
        self._files = files
        self._distinct = distinct
        self._bad = bad
        self._every = max(1, pages // SAMPLES)
        self._lock = threading.Lock()
        self._started = 0
        self._done = 0
        self._process = psutil.Process()
        self._begin = time.perf_counter()
        self._digests: dict[tuple[int, int], bytes] = {}
        self.counts = {"lines": 0, "checked": 0, "different": 0, "refused": 0, "closed": 0}
        self.samples: list[Sample] = []

    def run(self, callers: int) -> None:
        """Reads all pages; an error that was not meant to be ends it."""
        with ThreadPoolExecutor(callers) as pool:
            for caller in [pool.submit(self._call) for _ in range(callers)]:
                caller.result()

    def _call(self) -> None:
        while (number := self._next()) is not None:
            if self._bad and number % BAD_EVERY == BAD_EVERY - 1:
                self._read_bad()
            else:
                self._read(number % self._distinct)
            self._objects.finished(self._finish())

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

    def _read(self, number: int) -> None:
        kind, (result,) = self._predict(self._page(number))
        digest = hashlib.sha256(repr(result["rec_texts"]).encode())
        for key in ("dt_polys", "rec_boxes", "rec_scores"):
            digest.update(np.asarray(result[key]).tobytes())
        with self._lock:
            self.counts["lines"] += len(result["rec_texts"])
            self.counts["checked"] += (kind, number) in self._digests
            first = self._digests.setdefault((kind, number), digest.digest())
            self.counts["different"] += first != digest.digest()

    def _read_bad(self) -> None:
        from fastocr.errors import InputError

        try:
            self._predict(BAD_FILE)
        except InputError:
            with self._lock:
                self.counts["refused"] += 1

    def _predict(self, page: Any) -> tuple[int, Any]:
        """Results, and with which of the arguments; again if the object was closed before."""
        from fastocr.errors import FastOCRError

        while True:
            kind, ocr = self._objects.current
            try:
                return kind, ocr.predict(page)
            except FastOCRError as error:
                if "is closed" not in str(error):
                    raise
                with self._lock:
                    self.counts["closed"] += 1

    def _finish(self) -> int:
        with self._lock:
            self._done += 1
            if self._done % self._every == 0 or self._done == self._pages:
                self.samples.append(self._sample())
            return self._done

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


def describe_counts(counts: dict[str, int], samples: Sequence[Sample]) -> str:
    """What was read and refused, and the extremes of threads and files in the counted part."""
    counted = samples[int((1 - REST) * len(samples)) :]
    threads = [sample.threads for sample in counted]
    files = [sample.files for sample in counted]
    return (
        f"{counts['objects']} objects, {counts['lines']} lines; {counts['checked']} results of "
        f"pages read before, {counts['different']} different; {counts['refused']} broken files "
        f"refused; {counts['closed']} calls of a closed object\n"
        f"threads {min(threads)} to {max(threads)}, open files {min(files)} to {max(files)}"
    )


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = common.command_parser("soak", __doc__)
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--threads", type=int, default=1, help="callers of the one object")
    parser.add_argument(
        "--distinct", type=int, metavar="N", help="begin again after N pages and compare results"
    )
    parser.add_argument(
        "--replace-every",
        type=int,
        default=0,
        metavar="N",
        help="make a new object and close the old one every N pages",
    )
    parser.add_argument(
        "--bad", action="store_true", help=f"every {BAD_EVERY}th page is a broken file"
    )
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
        action="append",
        default=[],
        metavar="JSON",
        help="constructor arguments, repeatable: replaced objects take them in turn",
    )
    parser.add_argument("--json", type=Path, help="write all samples there")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the pages, prints every tenth sample and the growth; fails on different results."""
    options = build_parser().parse_args(arguments)
    distinct = options.pages if options.distinct is None else options.distinct
    if options.pages < 2 or min(options.threads, distinct) < 1 or options.replace_every < 0:
        raise SystemExit(
            "--pages must be at least 2, --threads and --distinct at least 1, --replace-every not "
            "negative"
        )
    files = common.collect_images(options.images) if options.images else []
    load = common.OtherLoad()
    objects = Objects(options.option or [{}], options.replace_every)
    soak = Soak(objects, options.pages, files, distinct, options.bad)
    soak.run(options.threads)
    objects.close()
    counts = {**soak.counts, "objects": objects.made}
    growth = growth_over_rest([(sample.pages, sample.rss_mb) for sample in soak.samples])
    report = {
        "machine": common.machine_facts(),
        "load": load.report(),
        "fastocr": common.fastocr_facts(),
        "pages": options.pages,
        **counts,
        "callers": options.threads,
        "options": options.option,
        "images": [file.name for file in files],
        "growth": asdict(growth),
        "samples": [asdict(sample) for sample in soak.samples],
    }
    print(f"{common.describe_machine(report['machine'])}\n{common.describe_load(report['load'])}\n")
    shown = report["samples"][:: SAMPLES // 10]
    if shown[-1] is not report["samples"][-1]:
        shown.append(report["samples"][-1])
    print(f"{common.format_table(COLUMNS, shown)}\n\n{describe_counts(counts, soak.samples)}")
    print(describe_growth(growth, options.pages))
    if options.json:
        common.write_json(options.json, report)
    if counts["different"]:
        raise SystemExit(f"{counts['different']} results differ from the first of the same page")


if __name__ == "__main__":
    main()
