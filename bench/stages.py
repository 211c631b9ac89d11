"""Where the time of a page goes: decoding, detection, recognition and the rest of `predict`.

    python -m bench.stages IMAGES... --option 'fp32:{"precision": "fp32"}'

See ``bench/README.md``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import common
from bench.common import log

# Fields of a page's result beyond the two stages; each is shown where the core has it.
NETWORKS = ("detection_network_ms", "recognition_network_ms")


class Tap:
    """Stands for a pipeline of the core and keeps the times of the last page that it read."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self.times: dict[str, float] = {}

    def run(self, *arguments: Any) -> Any:
        """Reads a page."""
        result = self._pipeline.run(*arguments)
        names = ("detection_ms", "recognition_ms", *NETWORKS)
        self.times = {name: getattr(result, name) for name in names if hasattr(result, name)}
        return result


class Subject:
    """One configuration of fastocr and the times it has needed, by image and part."""

    def __init__(self, label: str, arguments: dict[str, Any]) -> None:
        self.label = label
        self.arguments = arguments
        self.samples: dict[str, dict[str, list[float]]] = {}
        self._ocr = common.make_ocr(arguments)
        (pipeline,) = self._ocr._pipelines
        pipeline._core = self._tap = Tap(pipeline._core)

    def read(self, image: Path) -> dict[str, float]:
        """Milliseconds of each part of one page."""
        from fastocr import inputs

        begin = time.perf_counter()
        (page,) = inputs.iter_pages(str(image))
        if page.error is not None:
            raise page.error
        decoded = time.perf_counter()
        self._tap.times = {}
        self._ocr.predict(page.image)
        end = time.perf_counter()
        if not self._tap.times:
            raise RuntimeError("predict has not gone through the pipeline's run")
        stages = self._tap.times["detection_ms"] + self._tap.times["recognition_ms"]
        return {
            "page_ms": 1000 * (end - begin),
            "decode_ms": 1000 * (decoded - begin),
            "rest_ms": 1000 * (end - decoded) - stages,
            **self._tap.times,
        }

    def keep(self, image: Path, times: dict[str, float]) -> None:
        """Notes the times of a counted round."""
        parts = self.samples.setdefault(image.name, {})
        for part, value in times.items():
            parts.setdefault(part, []).append(value)


def summarise(
    label: str, samples: dict[str, dict[str, list[float]]], threads: int
) -> dict[str, Any]:
    """One row: milliseconds of a mean page, and what share of it each part is.

    Each image counts with its medians over the rounds. A network's time is the time in it on one
    thread for detection and the sum over the `threads` workers for recognition, whose share is
    therefore that of all workers' time.
    """
    parts = next(iter(samples.values()))
    mean = {
        part: statistics.fmean(statistics.median(image[part]) for image in samples.values())
        for part in parts
    }
    page = mean["page_ms"]
    row: dict[str, Any] = {"label": label, **mean}
    for part, value in mean.items():
        if part != "page_ms":
            row[part.replace("_ms", "_share")] = value / page
    if "recognition_network_ms" in mean:
        row["recognition_network_share"] = mean["recognition_network_ms"] / threads / page
    if all(name in mean for name in NETWORKS):
        inside = row["detection_network_share"] + row["recognition_network_share"]
        row["outside_share"] = 1 - inside
    return row


COLUMNS: tuple[common.Column, ...] = (
    ("configuration", "label", "{}"),
    ("page ms", "page_ms", "{:.1f}"),
    ("decode", "decode_share", "{:.1%}"),
    ("detection", "detection_share", "{:.1%}"),
    ("recognition", "recognition_share", "{:.1%}"),
    ("rest", "rest_share", "{:.1%}"),
)
NETWORK_COLUMNS: tuple[common.Column, ...] = (
    ("detection network", "detection_network_share", "{:.1%}"),
    ("recognition network", "recognition_network_share", "{:.1%}"),
    ("outside networks", "outside_share", "{:.1%}"),
)


def columns_for(rows: Sequence[dict[str, Any]]) -> tuple[common.Column, ...]:
    """The columns that any row has figures for."""
    present = tuple(c for c in NETWORK_COLUMNS if any(c[1] in row for row in rows))
    return COLUMNS + present


def measure(subjects: Sequence[Subject], images: Sequence[Path], rounds: int) -> None:
    """Interleaves the rounds of all configurations after a warm-up."""
    for number in range(rounds + 1):
        log(f"round {number} of {rounds}" if number else "warm-up")
        for subject in subjects:
            for image in images:
                times = subject.read(image)
                if number:
                    subject.keep(image, times)


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = common.command_parser("stages", __doc__)
    parser.add_argument("images", nargs="+", type=Path, help="image files or folders of them")
    parser.add_argument(
        "--option",
        action="append",
        type=common.parse_option,
        metavar="LABEL:JSON",
        help="a configuration's constructor arguments, repeatable; default: fastocr's defaults",
    )
    parser.add_argument("--rounds", type=int, default=5, help="after one warm-up round")
    parser.add_argument("--threads", type=int, default=2, help="cpu_threads of every configuration")
    parser.add_argument("--json", type=Path, help="write all samples there")
    parser.add_argument("--markdown", type=Path, help="write what is printed there, too")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints the table and writes it."""
    options = build_parser().parse_args(arguments)
    if options.rounds < 1 or options.threads < 1:
        raise SystemExit("--rounds and --threads must be at least 1")
    images = common.collect_images(options.images)
    load = common.OtherLoad()
    subjects = [
        Subject(label, {"cpu_threads": options.threads} | configuration)
        for label, configuration in options.option or [("default", {})]
    ]
    measure(subjects, images, options.rounds)
    rows = [summarise(s.label, s.samples, s.arguments["cpu_threads"]) for s in subjects]
    report = {
        "machine": common.machine_facts(),
        "load": load.report(),
        "fastocr": common.fastocr_facts(),
        "images": len(images),
        "rounds": options.rounds,
        "configurations": [
            {**row, "arguments": s.arguments, "milliseconds": s.samples}
            for row, s in zip(rows, subjects, strict=True)
        ],
    }
    text = "\n".join(
        [
            f"{common.describe_machine(report['machine'])}  ",
            f"fastocr {report['fastocr']['version']} ({report['fastocr']['kernels']}), "
            f"{len(images)} images, {options.rounds} rounds after a warm-up  ",
            common.describe_load(report["load"]),
            "",
            common.format_table(columns_for(rows), rows),
        ]
    )
    common.publish(text, report, options)


if __name__ == "__main__":
    main()
