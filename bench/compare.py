"""End-to-end speed, memory and accuracy of fastocr beside other OCR packages.

Every peer lives in its own process and, if wanted, its own virtual environment. Rounds are
interleaved: each round runs every peer once over all images, so that a machine that slows down or
speeds up does so for all of them. One warm-up round is not counted.

    python -m bench.compare IMAGES... --peer fastocr --peer onnxocr=PYTHON --rounds 5

Without --peer, every peer of the current environment is measured. See ``bench/README.md``.
"""

from __future__ import annotations

import argparse
import json
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

from bench import common, peers
from bench.common import log
from bench.peers import PEERS, Settings

REFERENCE = "paddleocr"


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
    weights: str
    load_seconds: float
    first_ms: float | None = None
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    cpu_seconds: float = 0.0  # of the counted rounds
    warm_rss_mb: float | None = None  # after the warm-up round
    last_rss_mb: float | None = None  # after the last round
    peak_rss_mb: float = 0.0

    @property
    def growth_mb(self) -> float | None:
        """Memory gained over the counted rounds, where it is known."""
        if self.warm_rss_mb is None or self.last_rss_mb is None:
            return None
        return self.last_rss_mb - self.warm_rss_mb


class Worker:
    """A peer in its own process, spoken to in JSON lines."""

    def __init__(self, spec: PeerSpec, settings: Settings) -> None:
        self.spec = spec
        # Some peers write caches into the current folder.
        self._folder = tempfile.TemporaryDirectory(prefix="fastocr-bench-")
        self._log = Path(self._folder.name) / "stderr.txt"
        with self._log.open("wb") as errors:
            self._process = subprocess.Popen(
                [spec.python, str(Path(peers.__file__).resolve())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
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
        answer: dict[str, Any] = json.loads(line) if line else {"error": self._death()}
        if "error" in answer:
            raise PeerError(f"{self.spec.label}: {answer['error']}\n{self._log_tail()}")
        return answer

    def _death(self) -> str:
        try:
            return f"the worker ended with exit status {self._process.wait(timeout=10)}"
        except subprocess.TimeoutExpired:
            return "the worker closed its output"

    def _log_tail(self, lines: int = 15) -> str:
        text = self._log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def close(self) -> None:
        """Ends the process and removes its folder."""
        try:
            # The end of its input ends a worker, too; this closes both pipes.
            self._process.communicate(json.dumps({"command": "stop"}) + "\n", timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._folder.cleanup()


# Measuring


def start_workers(
    specs: Sequence[PeerSpec], settings: dict[str, Settings], may_fail: bool
) -> tuple[list[Worker], dict[str, str]]:
    """All workers, and the reasons of those that failed, which raise unless they may."""
    workers: list[Worker] = []
    failures: dict[str, str] = {}
    for spec in specs:
        log(f"starting {spec.label}")
        try:
            workers.append(Worker(spec, settings[spec.label]))
        except PeerError as error:
            if not may_fail:
                for worker in workers:
                    worker.close()
                raise
            failures[spec.label] = str(error)
            log(f"left out: {error}")
    return workers, failures


def run_round(worker: Worker, record: Record, images: Sequence[Path], counted: bool) -> None:
    """One peer over all images once."""
    before = worker.ask({"command": "usage"})
    for image in images:
        answer = worker.ask({"command": "read", "image": str(image)})
        record.texts[image.name] = answer["texts"]
        if counted:
            record.milliseconds.setdefault(image.name, []).append(answer["milliseconds"])
        elif record.first_ms is None:
            record.first_ms = answer["milliseconds"]
    after = worker.ask({"command": "usage"})
    record.peak_rss_mb = after["peak_rss_mb"]
    record.last_rss_mb = after["rss_mb"]
    if counted:
        record.cpu_seconds += after["cpu_seconds"] - before["cpu_seconds"]
    else:
        record.warm_rss_mb = after["rss_mb"]


def measure(
    workers: Sequence[Worker], images: Sequence[Path], rounds: int, pause: float
) -> list[Record]:
    """Interleaves the rounds of all peers; ends them all."""
    records = [Record(worker.spec, **worker.started) for worker in workers]
    try:
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


def accuracy(texts: dict[str, list[str]], truths: dict[str, str]) -> dict[str, float]:
    """Mean character and bigram F1 over the images that have a ground truth."""
    scores: dict[str, float] = {}
    for name, length in (("character_f1", 1), ("bigram_f1", 2)):
        values = [
            f1(grams(normalised("".join(texts[image])), length), grams(truth, length))
            for image, truth in truths.items()
        ]
        if values:
            scores[name] = statistics.fmean(values)
    return scores


def agreement(texts: dict[str, list[str]], reference: dict[str, list[str]]) -> float:
    """Share of the reference's lines whose exact text is found in the same image as often."""
    wanted = sum(len(lines) for lines in reference.values())
    common_lines = sum(
        (Counter(lines) & Counter(texts[image])).total() for image, lines in reference.items()
    )
    return common_lines / wanted if wanted else 1.0


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


def choose_reference(records: Sequence[Record]) -> Record:
    """The first official peer, or else the first of all."""
    official = [record for record in records if record.spec.kind == REFERENCE]
    return (official or list(records))[0]


def summarise(record: Record, reference: Record, truths: dict[str, str]) -> dict[str, Any]:
    """One row of figures."""
    samples = [value for values in record.milliseconds.values() for value in values]
    medians = [statistics.median(values) for values in record.milliseconds.values()]
    return {
        "peer": record.spec.label,
        "weights": record.weights,
        "load_seconds": record.load_seconds,
        "first_ms": record.first_ms,
        "p50_ms": common.percentile(samples, 0.5),
        "p95_ms": common.percentile(samples, 0.95),
        "images_per_second": 1000 * len(medians) / sum(medians),
        "cpu_seconds_per_image": record.cpu_seconds / len(samples),
        "peak_rss_mb": record.peak_rss_mb,
        "growth_mb": record.growth_mb,
        "lines": sum(len(lines) for lines in record.texts.values()),
        "agreement": agreement(record.texts, reference.texts),
        **accuracy(record.texts, truths),
    }


def summarise_all(records: Sequence[Record], truths: dict[str, str]) -> list[dict[str, Any]]:
    """One row of figures a peer, the first of which is the measure of speed."""
    reference = choose_reference(records)
    rows = [summarise(record, reference, truths) for record in records]
    for row in rows:
        row["ratio_to_first"] = row["images_per_second"] / rows[0]["images_per_second"]
    return rows


COLUMNS: tuple[common.Column, ...] = (
    ("peer", "peer", "{}"),
    ("weights", "weights", "{}"),
    ("load s", "load_seconds", "{:.2f}"),
    ("first ms", "first_ms", "{:.0f}"),
    ("p50 ms", "p50_ms", "{:.0f}"),
    ("p95 ms", "p95_ms", "{:.0f}"),
    ("images/s", "images_per_second", "{:.2f}"),
    ("ratio", "ratio_to_first", "{:.2f}"),
    ("CPU s/image", "cpu_seconds_per_image", "{:.3f}"),
    ("peak MB", "peak_rss_mb", "{:.0f}"),
    ("growth MB", "growth_mb", "{:+.0f}"),
    ("char F1", "character_f1", "{:.3f}"),
    ("bigram F1", "bigram_f1", "{:.3f}"),
    ("agreement", "agreement", "{:.3f}"),
    ("lines", "lines", "{}"),
)


def format_report(report: dict[str, Any]) -> str:
    """The report without its samples, as Markdown."""
    parameters = report["parameters"]
    versions = [
        f"- {peer['peer']}: " + ", ".join(f"{k} {v}" for k, v in peer["versions"].items())
        for peer in report["peers"]
    ]
    reasons = [
        f"- {label} is left out: {reason.splitlines()[0]}"
        for label, reason in report["left_out"].items()
    ]
    return "\n".join(
        [
            f"{common.describe_machine(report['machine'])}  ",
            f"{report['images']} images ({report['images_with_ground_truth']} with ground truth), "
            f"{parameters['rounds']} rounds after a warm-up, {parameters['threads']} threads, "
            f"detection {parameters['limit_side_len']} {parameters['limit_type']}, "
            f"agreement with {report['reference']}  ",
            common.describe_load(report["load"]),
            "",
            common.format_table(COLUMNS, report["peers"]),
            "",
            *versions,
            *reasons,
        ]
    )


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


def installed_peers(models: Path | None) -> tuple[list[PeerSpec], dict[str, str]]:
    """The peers of this environment, and why others of it are left out."""
    found = [name for name, peer in PEERS.items() if peer.is_installed()]
    blocked = [name for name in found if PEERS[name].needs_models and models is None]
    return (
        [parse_peer(name) for name in found if name not in blocked],
        dict.fromkeys(blocked, "it needs --models"),
    )


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = common.command_parser("compare", __doc__)
    parser.add_argument("images", nargs="+", type=Path, help="image files or folders of them")
    parser.add_argument(
        "--peer",
        action="append",
        type=parse_peer,
        metavar="[LABEL:]NAME[=PYTHON]",
        help=f"repeatable; names: {', '.join(PEERS)}; default: those installed here",
    )
    parser.add_argument(
        "--option",
        action="append",
        type=common.parse_option,
        default=[],
        metavar="LABEL:JSON",
        help="more constructor arguments for one peer",
    )
    parser.add_argument("--rounds", type=int, default=5, help="after one warm-up round")
    parser.add_argument("--threads", type=int, default=2, help="CPUs for every peer")
    parser.add_argument("--limit-side-len", type=int, default=960)
    parser.add_argument("--limit-type", default="max", choices=("max", "min"))
    parser.add_argument("--unclip-ratio", type=float, default=2.0)
    parser.add_argument("--models", type=Path, help="official PP-OCRv5 mobile model directories")
    parser.add_argument("--ground-truth", type=Path, help="folder of IMAGE_FILE_NAME.txt")
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between two peers")
    parser.add_argument("--json", type=Path, help="write all figures and samples there")
    parser.add_argument("--markdown", type=Path, help="write what is printed there, too")
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


def peers_of(options: argparse.Namespace) -> tuple[list[PeerSpec], dict[str, str]]:
    """What to measure, and what is left out and why."""
    specs, left_out = (options.peer, {}) if options.peer else installed_peers(options.models)
    for label, reason in left_out.items():
        log(f"{label} is left out: {reason}")
    if not specs:
        raise SystemExit("no peer that could be measured is installed here: name one with --peer")
    if len({spec.label for spec in specs}) < len(specs):
        raise SystemExit("two peers with one label: use --peer LABEL:NAME=PYTHON")
    for spec in specs:
        if PEERS[spec.kind].needs_models and options.models is None:
            raise SystemExit(f"{spec.label} needs --models")
    return specs, left_out


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Measures, and returns the report: facts, figures and every sample."""
    images = common.collect_images(options.images)
    specs, left_out = peers_of(options)
    settings = settings_for(specs, options)
    load = common.OtherLoad()
    workers, failures = start_workers(specs, settings, may_fail=not options.peer)
    if not workers:
        raise SystemExit("no peer could be started")
    records = measure(workers, images, options.rounds, options.pause)
    truths = read_truths(options.ground_truth, images)
    keys = ("rounds", "threads", "limit_side_len", "limit_type", "unclip_ratio")
    return {
        "machine": common.machine_facts(),
        "load": load.report(),
        "parameters": {key: getattr(options, key) for key in keys},
        "images": len(images),
        "images_with_ground_truth": len(truths),
        "reference": choose_reference(records).spec.label,
        "left_out": left_out | failures,
        "peers": [
            {
                **row,
                "kind": record.spec.kind,
                "arguments": settings[record.spec.label].arguments,
                "versions": record.versions,
                "milliseconds": record.milliseconds,
                "texts": record.texts,
            }
            for row, record in zip(summarise_all(records, truths), records, strict=True)
        ],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints the report and writes it."""
    options = build_parser().parse_args(arguments)
    if options.rounds < 1:
        raise SystemExit("--rounds must be at least 1")
    try:
        report = compare(options)
    except PeerError as error:
        raise SystemExit(str(error)) from error
    text = format_report(report)
    common.publish(text, report, options)


if __name__ == "__main__":
    main()
