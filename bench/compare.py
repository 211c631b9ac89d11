"""End-to-end speed, memory and accuracy of fastocr beside other OCR packages.

Every peer lives in its own process and, if wanted, its own virtual environment. Rounds are
interleaved: each round runs every peer once over all images, so that a machine that slows down or
speeds up does so for all of them. One warm-up round is not counted.

    python bench/compare.py IMAGES... --peer fastocr --peer onnxocr=PYTHON --rounds 5

See ``bench/README.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from peers import PEERS, Settings

WORKER = Path(__file__).with_name("peers.py")
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


class PeerError(RuntimeError):
    """A worker that failed or died."""


@dataclass(frozen=True)
class PeerSpec:
    """A peer to measure: its name in the table, its kind in `PEERS` and its interpreter."""

    label: str
    kind: str
    python: str


@dataclass
class Record:
    """What one peer did: times and texts by image name."""

    spec: PeerSpec
    versions: dict[str, str]
    load_seconds: float
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    peak_rss_mb: float = 0.0


class Worker:
    """A peer in its own process, spoken to in JSON lines."""

    def __init__(self, spec: PeerSpec, settings: Settings) -> None:
        self.spec = spec
        # Some peers write caches into the current folder.
        self._folder = tempfile.TemporaryDirectory(prefix="fastocr-bench-")
        self._log = Path(self._folder.name) / "stderr.txt"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [spec.python, str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._folder.name,
                text=True,
                encoding="utf-8",
            )
        request = {"command": "start", "peer": spec.kind, "settings": asdict(settings)}
        try:
            self.started = self.ask(request)
        except PeerError:
            self.close()
            raise

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Sends a request and waits for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer: dict[str, Any] = json.loads(line) if line else {"error": "the worker died"}
        if "error" in answer:
            raise PeerError(f"{self.spec.label}: {answer['error']}\n{self._log_tail()}")
        return answer

    def _log_tail(self, lines: int = 15) -> str:
        text = self._log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def close(self) -> None:
        """Ends the process and removes its folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps({"command": "stop"}), file=self._process.stdin, flush=True)
            self._process.wait(timeout=10)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()


# Measuring


def run_round(worker: Worker, record: Record, images: Sequence[Path], counted: bool) -> None:
    """One peer over all images once."""
    for image in images:
        answer = worker.ask({"command": "read", "image": str(image)})
        record.texts[image.name] = answer["texts"]
        record.peak_rss_mb = answer["peak_rss_mb"]
        if counted:
            record.milliseconds.setdefault(image.name, []).append(answer["milliseconds"])


def measure(
    specs: Sequence[PeerSpec],
    settings: dict[str, Settings],
    images: Sequence[Path],
    rounds: int,
    pause: float,
) -> list[Record]:
    """Starts all peers, then interleaves their rounds."""
    workers: list[Worker] = []
    try:
        for spec in specs:
            log(f"starting {spec.label}")
            workers.append(Worker(spec, settings[spec.label]))
        records = [
            Record(worker.spec, worker.started["versions"], worker.started["load_seconds"])
            for worker in workers
        ]
        for number in range(rounds + 1):
            log(f"round {number} of {rounds}" if number else "warm-up")
            for worker, record in zip(workers, records, strict=True):
                time.sleep(pause)  # thread pools of the previous peer stop spinning
                run_round(worker, record, images, counted=number > 0)
    finally:
        for worker in workers:
            worker.close()
    return records


# Accuracy


def normalised(text: str) -> str:
    """NFKC without white space."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def f1(found: Counter[str], wanted: Counter[str]) -> float:
    """F1 of two multisets; two empty ones agree."""
    total = found.total() + wanted.total()
    return 2 * (found & wanted).total() / total if total else 1.0


def grams(text: str, length: int) -> Counter[str]:
    """Character n-grams of a text."""
    return Counter(text[k : k + length] for k in range(len(text) - length + 1))


def accuracy(record: Record, truths: dict[str, str]) -> dict[str, float]:
    """Mean character and bigram F1 over the images that have a ground truth."""
    scores: dict[str, float] = {}
    for name, length in (("character_f1", 1), ("bigram_f1", 2)):
        values = [
            f1(grams(normalised("".join(record.texts[image])), length), grams(truth, length))
            for image, truth in truths.items()
        ]
        if values:
            scores[name] = statistics.fmean(values)
    return scores


def read_truths(folder: Path | None, images: Sequence[Path]) -> dict[str, str]:
    """Normalised ground truth by image name, where there is one."""
    if folder is None:
        return {}
    files = {image.name: folder / f"{image.name}.txt" for image in images}
    return {
        name: normalised(file.read_text(encoding="utf-8"))
        for name, file in files.items()
        if file.is_file()
    }


# Report


def summarise(records: Sequence[Record], truths: dict[str, str]) -> list[dict[str, Any]]:
    """One row of figures a peer."""
    rows: list[dict[str, Any]] = []
    for record in records:
        medians = [statistics.median(samples) for samples in record.milliseconds.values()]
        rows.append(
            {
                "peer": record.spec.label,
                "images_per_second": 1000 * len(medians) / sum(medians),
                "p50_ms": statistics.median(medians),
                "peak_rss_mb": record.peak_rss_mb,
                "load_seconds": record.load_seconds,
                "lines": sum(len(lines) for lines in record.texts.values()),
                **accuracy(record, truths),
            }
        )
    for row in rows:
        row["ratio_to_first"] = row["images_per_second"] / rows[0]["images_per_second"]
    return rows


COLUMNS = (
    ("peer", "peer", "{}"),
    ("images/s", "images_per_second", "{:.2f}"),
    ("p50 ms", "p50_ms", "{:.0f}"),
    ("ratio", "ratio_to_first", "{:.2f}"),
    ("peak MB", "peak_rss_mb", "{:.0f}"),
    ("load s", "load_seconds", "{:.1f}"),
    ("lines", "lines", "{}"),
    ("char F1", "character_f1", "{:.3f}"),
    ("bigram F1", "bigram_f1", "{:.3f}"),
)


def format_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table; "-" where a figure is missing."""
    cells = [[title for title, _, _ in COLUMNS]]
    for row in rows:
        cells.append([form.format(row[key]) if key in row else "-" for _, key, form in COLUMNS])
    widths = [max(len(line[k]) for line in cells) for k in range(len(COLUMNS))]
    padded = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in cells
    ]
    lines = [f"| {' | '.join(line)} |" for line in padded]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def cpu_info() -> dict[str, str]:
    """The first processor's fields of /proc/cpuinfo, empty where there is none."""
    source = Path("/proc/cpuinfo")
    if not source.exists():
        return {}
    block = source.read_text().split("\n\n")[0]
    pairs = (line.split(":", 1) for line in block.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def machine_facts() -> dict[str, Any]:
    """What a reader needs to know to judge the figures."""
    info = cpu_info()
    present = set(info.get("flags", "").split())
    return {
        "cpu": info.get("model name", platform.processor()),
        "cpu_family_model": f"{info.get('cpu family', '?')}/{info.get('model', '?')}",
        "cores": os.cpu_count(),
        "flags": {flag: flag in present for flag in CPU_FLAGS},
        "platform": platform.platform(),
        "load_average_before": os.getloadavg() if hasattr(os, "getloadavg") else None,
    }


def log(message: str) -> None:
    """Progress, kept apart from the table on standard output."""
    print(message, file=sys.stderr, flush=True)


# Command line


def parse_peer(text: str) -> PeerSpec:
    """``[LABEL:]KIND[=PYTHON]``; without an interpreter the current one is used."""
    name, _, python = text.partition("=")
    label, _, kind = name.rpartition(":")
    if kind not in PEERS:
        raise argparse.ArgumentTypeError(f"unknown peer {kind!r}; there are {', '.join(PEERS)}")
    program = shutil.which(python or sys.executable)
    if program is None:
        raise argparse.ArgumentTypeError(f"no interpreter {python!r}")
    # Absolute, as workers run in another folder; a virtual environment's link stays unresolved.
    return PeerSpec(label or kind, kind, str(Path(program).absolute()))


def parse_option(text: str) -> tuple[str, dict[str, Any]]:
    """``LABEL:JSON``, for example ``fastocr:{"precision": "bf16"}``."""
    label, _, arguments = text.partition(":")
    return label, json.loads(arguments)


def collect_images(sources: Sequence[Path]) -> list[Path]:
    """Image files, those of a folder in the order of their names."""
    images: list[Path] = []
    for source in sources:
        if source.is_dir():
            images += sorted(f for f in source.iterdir() if f.suffix.lower() in SUFFIXES)
        else:
            images.append(source)
    names = Counter(image.name for image in images)
    doubles = [name for name, count in names.items() if count > 1]
    if doubles or not images:
        raise SystemExit(f"images with the same name: {doubles}" if doubles else "no images")
    return [image.resolve() for image in images]


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", nargs="+", type=Path, help="image files or folders of them")
    parser.add_argument(
        "--peer",
        action="append",
        type=parse_peer,
        metavar="[LABEL:]NAME[=PYTHON]",
        help=f"repeatable; names: {', '.join(PEERS)}; default: fastocr",
    )
    parser.add_argument(
        "--option",
        action="append",
        type=parse_option,
        default=[],
        metavar="LABEL:JSON",
        help="more constructor arguments for one peer",
    )
    parser.add_argument("--rounds", type=int, default=5, help="after one warm-up round")
    parser.add_argument("--threads", type=int, default=2, help="CPUs for every peer")
    parser.add_argument("--limit-side-len", type=int, default=960)
    parser.add_argument("--limit-type", default="max", choices=("max", "min"))
    parser.add_argument("--unclip-ratio", type=float, default=2.0)
    parser.add_argument("--models", type=Path, help="official model directories, for paddleocr")
    parser.add_argument("--ground-truth", type=Path, help="folder of IMAGE_FILE_NAME.txt")
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between two peers")
    parser.add_argument("--json", type=Path, help="write all figures and samples there")
    return parser


def settings_for(specs: Sequence[PeerSpec], options: argparse.Namespace) -> dict[str, Settings]:
    """Each peer's settings: the common ones and its own extra arguments."""
    extra = dict(options.option)
    unknown = set(extra) - {spec.label for spec in specs}
    if unknown:
        raise SystemExit(f"--option for a peer that is not measured: {sorted(unknown)}")
    models = str(options.models.resolve()) if options.models else None
    return {
        spec.label: Settings(
            threads=options.threads,
            limit_side_len=options.limit_side_len,
            limit_type=options.limit_type,
            unclip_ratio=options.unclip_ratio,
            models=models,
            arguments=extra.get(spec.label, {}),
        )
        for spec in specs
    }


def write_json(
    target: Path,
    rows: Sequence[dict[str, Any]],
    records: Sequence[Record],
    facts: dict[str, Any],
    options: argparse.Namespace,
) -> None:
    """Figures, every sample and what they were measured with."""
    keys = ("rounds", "threads", "limit_side_len", "limit_type", "unclip_ratio")
    report = {
        "machine": facts,
        "parameters": {key: getattr(options, key) for key in keys},
        "peers": [
            {
                **row,
                "kind": record.spec.kind,
                "versions": record.versions,
                "milliseconds": record.milliseconds,
                "texts": record.texts,
            }
            for row, record in zip(rows, records, strict=True)
        ],
    }
    target.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Measures, prints the table and writes the JSON report."""
    options = build_parser().parse_args()
    if options.rounds < 1:
        raise SystemExit("--rounds must be at least 1")
    specs: list[PeerSpec] = options.peer or [parse_peer("fastocr")]
    if len({spec.label for spec in specs}) < len(specs):
        raise SystemExit("two peers with one label: use --peer LABEL:NAME=PYTHON")
    images = collect_images(options.images)
    facts = machine_facts()
    try:
        records = measure(
            specs, settings_for(specs, options), images, options.rounds, options.pause
        )
    except PeerError as error:
        raise SystemExit(str(error)) from error
    truths = read_truths(options.ground_truth, images)
    rows = summarise(records, truths)
    flags = " ".join(flag for flag, present in facts["flags"].items() if present)
    print(f"{facts['cpu']}, {facts['cores']} cores, {flags}")
    print(f"{len(images)} images ({len(truths)} with ground truth), {options.rounds} rounds\n")
    print(format_table(rows))
    if options.json:
        write_json(options.json, rows, records, facts, options)


if __name__ == "__main__":
    main()
