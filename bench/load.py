"""Puts load on a service on this machine: many clients, mixed sizes, bad requests, hang-ups.

    python -m bench.load IMAGE_DIR --clients 8 32 128 --requests 192

The service is a process of its own, ``fastocr serve`` with line orientation off. Before and after
each number of clients the library alone reads half of the same files on several threads of this
process. Every good answer is compared with what the library says. See ``bench/README.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench import common

BAD_SHARE = 0.05
GONE_SHARE = 0.05
PATIENCE = 300.0  # seconds of a client for an answer
SAMPLE_EVERY = 0.25  # seconds between looks at the memory of the service
CALLERS = 4  # threads of the library, enough to keep all its stages busy


@dataclass
class Outcome:
    """What the clients of one run saw."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Truth:
    """A file, and what the library reads in it."""

    name: str
    data: bytes
    texts: list[str]
    polys: list[Any]


def read_truth(ocr: Any, images: Sequence[Path]) -> list[Truth]:
    """The library's own results."""
    found = []
    for image in images:
        res = ocr.predict(image)[0].json["res"]
        found.append(Truth(image.name, image.read_bytes(), res["rec_texts"], res["rec_polys"]))
    return found


def library_seconds(ocr: Any, truths: Sequence[Truth]) -> float:
    """What the library takes on several threads, from bytes in memory as the service."""
    begin = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(ocr.predict, [truth.data for truth in truths]))
    return time.perf_counter() - begin


# ---- clients -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What a request is, by its number alone."""

    kind: str  # good, bad or gone
    wait: float  # seconds until a client goes away

    @staticmethod
    def of(number: int) -> Plan:
        chance = random.Random(number)
        place = chance.random()
        kind = "bad" if place < BAD_SHARE else "gone" if place < BAD_SHARE + GONE_SHARE else "good"
        return Plan(kind, chance.uniform(0.01, 0.3))


BAD_REQUESTS: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("/ocr/file", {"content": b"this is no image"}, 422),
    ("/ocr/file", {"content": b"\x89PNG\r\n\x1a\n" + bytes(64)}, 422),
    ("/ocr", {"json": {"file": "AAAA", "fileType": 7}}, 422),
    ("/ocr", {"content": b"{broken", "headers": {"Content-Type": "application/json"}}, 422),
    ("/ocr/file?textDetThresh=many", {"content": b"0"}, 422),
    ("/ocr/files", {"content": b"0"}, 404),
)


async def call(http: httpx.AsyncClient, truth: Truth, outcome: Outcome) -> None:
    """One good request, compared with the library."""
    begin = time.perf_counter()
    response = await http.post("/ocr/file", content=truth.data)
    elapsed = (time.perf_counter() - begin) * 1000
    if response.status_code != 200:
        outcome.counts[f"good: {response.status_code}"] += 1
        return
    outcome.latencies_ms.append(elapsed)
    outcome.counts["good: 200"] += 1
    page = response.json()["result"]["ocrResults"][0]["prunedResult"]
    if page["rec_texts"] != truth.texts or page["rec_polys"] != truth.polys:
        outcome.wrong.append(truth.name)


async def misuse(http: httpx.AsyncClient, number: int, outcome: Outcome) -> None:
    """One bad request; only the right refusal counts as such."""
    path, body, expected = BAD_REQUESTS[number % len(BAD_REQUESTS)]
    response = await http.post(path, **body)
    right = response.status_code == expected
    outcome.counts["bad: refused" if right else f"bad: {response.status_code}"] += 1


async def hang_up(http: httpx.AsyncClient, truth: Truth, wait: float, outcome: Outcome) -> None:
    """One request whose client goes away."""
    try:
        await asyncio.wait_for(http.post("/ocr/file", content=truth.data), wait)
        outcome.counts["gone: too late"] += 1
    except (TimeoutError, asyncio.TimeoutError):
        outcome.counts["gone"] += 1


async def client(
    url: str, truths: Sequence[Truth], numbers: Iterator[int], outcome: Outcome
) -> None:
    """Sends requests one after the other until none is left."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as http:
        for number in numbers:
            plan, truth = Plan.of(number), truths[number % len(truths)]
            if plan.kind == "bad":
                await misuse(http, number, outcome)
            elif plan.kind == "gone":
                await hang_up(http, truth, plan.wait, outcome)
            else:
                await call(http, truth, outcome)


async def all_clients(url: str, truths: Sequence[Truth], clients: int, requests: int) -> Outcome:
    """Runs the clients side by side."""
    outcome = Outcome()
    numbers = iter(range(requests))
    begin = time.perf_counter()
    await asyncio.gather(*(client(url, truths, numbers, outcome) for _ in range(clients)))
    outcome.seconds = time.perf_counter() - begin
    return outcome


# ---- service -------------------------------------------------------------------------------------


@contextmanager
def running_service(queue_size: int, extra: Sequence[str]) -> Iterator[tuple[str, psutil.Process]]:
    """Runs ``fastocr serve`` on a free port of the loopback interface."""
    command = [sys.executable, "-m", "fastocr", "serve", "--host", "127.0.0.1", "--port", "0"]
    command += ["--queue_size", str(queue_size), "--use_textline_orientation", "false", *extra]
    command += ["--use_doc_orientation_classify", "false", "--use_doc_unwarping", "false"]
    with subprocess.Popen(
        [*command, "--quiet"], stderr=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            wait_until_ready(url)
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()


def wait_until_ready(url: str) -> None:
    """Waits for the models."""
    end = time.monotonic() + 120
    while httpx.get(f"{url}/health").status_code != 200:
        if time.monotonic() > end:
            raise SystemExit("the service does not become ready")
        time.sleep(0.1)


class Memory:
    """Looks at the resident memory of a process until it is stopped."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.mb: list[float] = []

    def _look(self) -> None:
        while not self._stop.wait(SAMPLE_EVERY):
            self.mb.append(self._process.memory_info().rss / 1e6)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


# ---- report --------------------------------------------------------------------------------------


COLUMNS: tuple[common.Column, ...] = (
    ("clients", "clients", "{}"),
    ("good answers", "good", "{}"),
    ("failed", "failed", "{}"),
    ("refused rightly", "refused", "{}"),
    ("hung up", "gone", "{}"),
    ("wrong", "wrong", "{}"),
    ("pages/s", "rate", "{:.2f}"),
    ("of the library's", "relative", "{:.0%}"),
    ("p50 ms", "p50", "{:.0f}"),
    ("p95 ms", "p95", "{:.0f}"),
    ("p99 ms", "p99", "{:.0f}"),
    ("MB, middle", "mb_middle", "{:.0f}"),
    ("MB, end", "mb_end", "{:.0f}"),
)


def row_of(
    clients: int, outcome: Outcome, library_seconds: float, mb: Sequence[float]
) -> dict[str, Any]:
    """The figures of one run; what the service did for clients that hung up does not count."""
    good = outcome.counts["good: 200"]
    answers = sum(n for kind, n in outcome.counts.items() if kind.startswith("good: "))
    rate = good / outcome.seconds
    third = max(1, len(mb) // 3)
    return {
        "clients": clients,
        "good": good,
        "failed": answers - good,
        "refused": outcome.counts["bad: refused"],
        "gone": outcome.counts["gone"],
        "wrong": len(outcome.wrong),
        "counts": dict(outcome.counts),
        "rate": rate,
        "library_rate": answers / library_seconds,
        "relative": rate * library_seconds / answers,
        "p50": common.percentile(outcome.latencies_ms, 0.5),
        "p95": common.percentile(outcome.latencies_ms, 0.95),
        "p99": common.percentile(outcome.latencies_ms, 0.99),
        "mb_middle": max(mb[third : 2 * third], default=0.0),
        "mb_end": max(mb[2 * third :], default=0.0),
    }


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = common.command_parser("load", __doc__)
    parser.add_argument("images", type=Path, nargs="+", help="files or folders")
    parser.add_argument("--clients", type=int, nargs="+", default=[8, 32, 128])
    parser.add_argument("--requests", type=int, default=192, help="for each number of clients")
    parser.add_argument(
        "--serve", nargs="*", default=[], metavar="OPTION=VALUE", help="of the service"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs all numbers of clients, prints a table."""
    options = build_parser().parse_args(arguments)
    images = common.collect_images(options.images)
    load = common.OtherLoad()
    rows = []
    with common.make_ocr({}) as ocr:
        truths = read_truth(ocr, images)
        random.Random(0).shuffle(truths)
        extra = [part for pair in options.serve for part in ("--" + pair).split("=", 1)]
        with running_service(max(options.clients), extra) as (url, process):
            for clients in options.clients:
                work = [
                    truths[number % len(truths)]
                    for number in range(options.requests)
                    if Plan.of(number).kind == "good"
                ]
                seconds = library_seconds(ocr, work[::2])
                with Memory(process) as memory:
                    outcome = asyncio.run(all_clients(url, truths, clients, options.requests))
                seconds += library_seconds(ocr, work[1::2])
                rows.append(row_of(clients, outcome, seconds, memory.mb))
                common.log(f"{clients} clients: {rows[-1]}")
    facts = common.machine_facts()
    report = {
        "machine": facts,
        "load": load.report(),
        "fastocr": common.fastocr_facts(),
        "images": [image.name for image in images],
        "requests": options.requests,
        "rows": rows,
    }
    table = common.format_table(COLUMNS, rows)
    lines = [common.describe_machine(facts), common.describe_load(report["load"]), "", table]
    common.publish("\n".join(lines), report, options)


if __name__ == "__main__":
    main()
