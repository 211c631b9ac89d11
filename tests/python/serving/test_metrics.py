"""What is counted and measured: `/metrics`, and the header `Server-Timing`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fastocr import PaddleOCR, __version__
from tests.python.serving.conftest import LONG, MakeService, Running, wait_until
from tests.python.serving.helpers import (
    GatedOCR,
    callers,
    connection,
    document,
    get,
    picture,
    post,
    wait_until_noted,
    whole,
)

Labels = frozenset[tuple[str, str]]


def values(service: Running) -> dict[tuple[str, Labels], float]:
    """What `/metrics` says now."""
    answer = get(service, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


class Change:
    """What has been added to counters since this was made."""

    def __init__(self, service: Running) -> None:
        self._service = service
        self._before = values(service)

    def __call__(self, name: str, **labels: str) -> float:
        wait_until_noted(self._service)
        key = name, frozenset(labels.items())
        return values(self._service).get(key, 0.0) - self._before.get(key, 0.0)


@pytest.fixture
def real(make_service: MakeService, borrowed: Callable[[], PaddleOCR]) -> Running:
    return make_service(borrowed, max_body_bytes=100_000)


def test_requests_by_what_became_of_them(real: Running) -> None:
    since = Change(real)
    post(real, "/ocr/file", picture())
    post(real, "/ocr/file", picture())
    post(real, "/ocr/stream", picture())
    post(real, "/ocr/file", b"no image")
    post(real, "/ocr", b"{}")
    post(real, "/ocr", bytes(100_001))
    post(real, "/made/up", b"")
    get(real, "/health")
    get(real, "/static-offline-docs/swagger-ui.css")

    def count(endpoint: str, outcome: str) -> float:
        return since("fastocr_requests_total", endpoint=endpoint, outcome=outcome)

    assert count("/ocr/file", "ok") == 2
    assert count("/ocr/stream", "ok") == 1
    assert count("/ocr/file", "invalid") == 1
    assert count("/ocr", "invalid") == 2
    assert count("other", "invalid") == 1
    assert count("/health", "ok") == 1
    endpoints = {dict(labels)["endpoint"] for name, labels in values(real) if "_requests_t" in name}
    assert not any("made" in endpoint for endpoint in endpoints)  # clients make no labels
    assert since("fastocr_request_seconds_count", endpoint="/ocr/file") == 3
    assert since("fastocr_request_seconds_sum", endpoint="/ocr/file") > 0


def test_pages_lines_and_stages(real: Running, ocr: PaddleOCR, pages_dir: Path) -> None:
    page = pages_dir / "english.png"
    lines = len(ocr.predict(page)[0]["rec_texts"])
    since = Change(real)
    post(real, "/ocr/file?visualize=true", page.read_bytes())
    assert lines > 1
    assert since("fastocr_lines_total") == lines
    assert since("fastocr_pages_total", outcome="ok") == 1
    for stage in ("queue", "decode", "detection", "recognition", "draw", "encode"):
        assert since("fastocr_stage_seconds_count", stage=stage) == 1
        assert since("fastocr_stage_seconds_sum", stage=stage) > 0
    assert since("fastocr_stage_seconds_count", stage="document") == 0
    broken = document([200, 100, 50], "TIFF")
    post(real, "/ocr/file", broken[: len(broken) - 60])  # the last directory is not complete
    assert since("fastocr_pages_total", outcome="error") == 1
    assert since("fastocr_pages_total", outcome="ok") == 3


def test_the_queue_now(make_service: MakeService, ocr: PaddleOCR) -> None:
    gated = GatedOCR(ocr)
    service = make_service(lambda: gated, pages_at_once=2, queue_size=5)

    def gauges() -> dict[str, float]:
        names = ("requests_in_work", "requests_waiting", "pages_in_work", "queue_limit", "ready")
        found = values(service)
        return {name: found[f"fastocr_{name}", frozenset()] for name in names}

    assert gauges() == {
        "requests_in_work": 0,
        "requests_waiting": 0,
        "pages_in_work": 0,
        "queue_limit": 7,
        "ready": 1,
    }
    content = document([1, 2, 3, 4], "TIFF")
    with callers() as call:
        first = call(post, service, "/ocr/file", content)
        gated.let()
        wait_until(lambda: gated.begun == [1, 2, 3])
        others = [call(post, service, "/ocr/file", picture()) for _ in range(3)]
        wait_until(lambda: gauges()["requests_waiting"] == 3)
        now = gauges()
        assert (now["requests_in_work"], now["pages_in_work"]) == (4, 2)
        held = values(service)["fastocr_pending_bytes", frozenset()]
        assert held == len(content) + 3 * len(picture())
        gated.let(10)
        for each in [first, *others]:
            assert each.result(LONG).status_code == 200
    wait_until(lambda: gauges()["pages_in_work"] == 0)
    assert gauges()["requests_in_work"] == 0
    assert values(service)["fastocr_pending_bytes", frozenset()] == 0


def test_clients_that_have_gone_are_counted(make_service: MakeService, ocr: PaddleOCR) -> None:
    gated = GatedOCR(ocr)
    service = make_service(lambda: gated)
    since = Change(service)
    with connection(service) as one:
        one.sendall(whole("/ocr/file", picture()))
        wait_until(lambda: gated.begun)

    def cancelled() -> float:
        return since("fastocr_requests_total", endpoint="/ocr/file", outcome="cancelled")

    wait_until(lambda: cancelled() == 1)
    gated.let()


def test_the_process_and_the_version(service: Running) -> None:
    found = values(service)
    assert found["fastocr_info", frozenset({("version", __version__)})] == 1
    for name in ("resident_memory_bytes", "cpu_seconds_total", "open_fds"):
        assert found[f"process_{name}", frozenset()] > 0


# ---- Server-Timing -------------------------------------------------------------------------------

# RFC 8941: a list of tokens, each with the parameter dur.
TIMING = re.compile(r"([a-z]+);dur=(\d+\.\d)")


def timing(answer: httpx.Response) -> dict[str, float]:
    parts = answer.headers["server-timing"].split(", ")
    matches: list[Any] = [TIMING.fullmatch(part) for part in parts]
    assert all(matches)
    return {match[1]: float(match[2]) for match in matches}


@pytest.mark.parametrize("path", ["/ocr/file", "/ocr/file?visualize=true", "/ocr/stream"])
def test_times_of_a_request(service: Running, pages_dir: Path, path: str) -> None:
    stages = timing(post(service, path, (pages_dir / "english.png").read_bytes()))
    drawn = ["draw"] if "visualize" in path else []
    assert list(stages) == [
        *("queue", "decode", "detection", "recognition"),
        *drawn,
        *("encode", "total"),
    ]
    total = stages.pop("total")
    assert 0 < sum(stages.values()) <= total + 0.1 * len(stages)  # they are rounded
    assert stages["recognition"] > 0


def test_times_of_pages_are_added_up(service: Running, pages_dir: Path) -> None:
    one = timing(post(service, "/ocr/file", document([200], "TIFF")))
    many = timing(post(service, "/ocr/file", document([200] * 8, "TIFF")))
    assert list(one) == list(many)
    assert many["detection"] > one["detection"]


def test_requests_without_work_have_no_times(client: httpx.Client) -> None:
    assert "server-timing" not in client.get("/health").headers
    assert "server-timing" not in client.post("/ocr/file", content=b"").headers
