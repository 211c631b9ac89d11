"""The log: what stands in it, what does not, and what happens if it cannot be written."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fastocr import PaddleOCR
from fastocr.serving.log import logging_to
from tests.python.serving.conftest import MakeService, Running
from tests.python.serving.helpers import (
    GatedOCR,
    all_that_comes,
    connection,
    get,
    head,
    picture,
    post,
    wait_until_noted,
)

KEY = "s3cret-key"


@contextmanager
def logged(
    service: Running, file: Path | str | None, form: str = "json", level: int = logging.INFO
) -> Iterator[None]:
    lost = service.service.metrics.lost_records.inc
    with logging_to(None if file is None else str(file), form, level, lost):
        yield
        wait_until_noted(service)


def lost(service: Running) -> float:
    (found,) = re.findall(r"\nfastocr_log_records_lost_total (\S+)", get(service, "/metrics").text)
    return float(found)


def records(file: Path) -> list[dict[str, Any]]:
    """The records of requests."""
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["message"] == "request"]


@pytest.fixture
def locked(make_service: MakeService, ocr: PaddleOCR) -> Running:
    """A service with a key, which lets all pages pass."""
    gated = GatedOCR(ocr)
    gated.let(100)
    return make_service(lambda: gated, api_key=KEY)


def send(service: Running, path: str = "/ocr/file", **headers: str) -> None:
    post(service, path, picture(), headers={"X-API-Key": KEY, **headers})


def test_a_line_for_each_request(locked: Running, tmp_path: Path) -> None:
    file = tmp_path / "log"
    with logged(locked, file):
        send(locked, "/ocr/file?logId=mine", **{"X-Request-Id": "first"})
        send(locked, "/ocr/file?fileType=0", **{"X-Request-Id": "second"})
        post(locked, "/ocr/stream", picture())
    first, second, third = records(file)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert first.pop("ms") > 0
    assert set(first.pop("stage_ms")) <= {"queue", "decode", "detection", "recognition", "encode"}
    assert first == {
        "level": "info",
        "logger": "fastocr.service",
        "message": "request",
        "request_id": "first",
        "log_id": "mine",
        "method": "POST",
        "path": "/ocr/file",
        "status": 200,
        "client": "127.0.0.1",
        "bytes": len(picture()),
        "pages": 1,
    }
    assert (second["request_id"], second["status"]) == ("second", 422)
    assert second["error"].startswith("Invalid input file")
    assert (third["status"], third["path"]) == (401, "/ocr/stream")


def test_no_contents_no_texts_no_keys(
    make_service: MakeService, borrowed: Any, pages_dir: Path, tmp_path: Path, ocr: PaddleOCR
) -> None:
    service = make_service(borrowed, api_key=KEY)
    page = pages_dir / "english.png"
    file = tmp_path / "log"
    with logged(service, file, level=logging.DEBUG):
        for headers in ({"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}, {"X-API-Key": "x"}):
            post(service, "/ocr/file", page.read_bytes(), headers=headers)
        content = json.dumps({"file": "c2VjcmV0LWNvbnRlbnQ=", "fileType": 1}).encode()
        post(service, "/ocr", content, headers={"X-API-Key": KEY})
    text = file.read_text(encoding="utf-8")
    assert [record["status"] for record in records(file)] == [200, 200, 401, 422]
    assert KEY not in text
    assert "c2VjcmV0" not in text
    for line in ocr.predict(page)[0]["rec_texts"]:
        assert json.dumps(line)[1:-1] not in text


def test_health_and_metrics_are_logged_when_everything_is(locked: Running, tmp_path: Path) -> None:
    for level, count in ((logging.INFO, 0), (logging.DEBUG, 2)):
        file = tmp_path / str(level)
        with logged(locked, file, level=level):
            get(locked, "/health")
            with locked.client(headers={"X-API-Key": KEY}) as client:
                client.get("/metrics")
        assert len(records(file)) == count


@pytest.mark.parametrize("form", ["json", "text"])
def test_clients_cannot_forge_lines(locked: Running, tmp_path: Path, form: str) -> None:
    file = tmp_path / "log"
    with logged(locked, file, form):
        with connection(locked) as one:
            path = "/a%0a%0d2026%1b%5b31m%7f%c2%85%e2%80%a8end"
            one.sendall(head(path, "Connection: close", "Content-Length: 0"))
            assert b" 404 " in all_that_comes(one)
        send(locked, "/ocr/file?logId=a%0ab%1bc%7fd")
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) == 2
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]", text)


def test_text_for_people(locked: Running, tmp_path: Path) -> None:
    file = tmp_path / "log"
    with logged(locked, file, "text"):
        send(locked, **{"X-Request-Id": "this"})
    (line,) = file.read_text(encoding="utf-8").splitlines()
    begin = r'\S+Z INFO request request_id="this" log_id="this" method="POST" path="/ocr/file" '
    assert re.match(begin + r"status=200 ms=[\d.]+ ", line)


@pytest.mark.parametrize("form", ["json", "text"])
def test_traces_say_whose_they_are(
    make_service: MakeService, ocr: PaddleOCR, tmp_path: Path, form: str
) -> None:
    gated = GatedOCR(ocr)
    gated.let(2)
    gated.failure = RuntimeError("a\x1b\n2026-01-01T00:00:00.000Z INFO forged")
    service = make_service(lambda: gated)
    file = tmp_path / "log"
    with logged(service, file, form):
        post(service, "/ocr/file", picture(), headers={"X-Request-Id": "this"})
    assert "\x1b" not in file.read_text(encoding="utf-8")
    lines = file.read_text(encoding="utf-8").splitlines()
    if form == "json":
        trace, request = map(json.loads, lines)
        assert trace["level"] == "error"
        assert trace["request_id"] == request["request_id"] == "this"
        assert trace["exception"].startswith("Traceback")
        assert request["status"] == 500
    else:
        assert re.match(r'\S+Z ERROR .*request_id="this"', lines[0])
        assert re.match(r'\S+Z INFO request request_id="this"', lines[-1])
        assert all(line.startswith("  ") for line in lines[1:-1])


# ---- places that cannot be written to ------------------------------------------------------------


def test_a_full_disk_costs_records_only(locked: Running) -> None:
    with logged(locked, "/dev/full"):
        for _ in range(50):
            assert post(locked, "/ocr/file", b"", headers={"X-API-Key": KEY}).status_code == 422
    assert locked.service.metrics.lost_records._value.get() == 50


def test_a_folder_that_vanishes_and_comes_back(
    make_service: MakeService, ocr: PaddleOCR, tmp_path: Path
) -> None:
    service = make_service(lambda: GatedOCR(ocr))
    folder = tmp_path / "logs"
    folder.mkdir()
    with logged(service, folder / "log"):
        post(service, "/1", b"")
        wait_until_noted(service)
        shutil.rmtree(folder)
        for _ in range(3):
            assert post(service, "/2", b"").status_code == 404
        wait_until_noted(service)
        assert lost(service) == 3
        folder.mkdir()
        post(service, "/3", b"")
    assert [record["path"] for record in records(folder / "log")] == ["/3"]
    assert lost(service) == 3


def test_a_file_that_was_moved_away_is_opened_anew(locked: Running, tmp_path: Path) -> None:
    file, old = tmp_path / "log", tmp_path / "log.1"
    with logged(locked, file):
        send(locked, "/1")
        wait_until_noted(locked)
        file.rename(old)
        send(locked, "/2")
        send(locked, "/3")
    assert [record["path"] for record in records(old)] == ["/1"]
    assert [record["path"] for record in records(file)] == ["/2", "/3"]


def test_lines_are_appended(locked: Running, tmp_path: Path) -> None:
    file = tmp_path / "log"
    for number in range(2):
        with logged(locked, file):
            send(locked, f"/{number}")
    assert [record["path"] for record in records(file)] == ["/0", "/1"]


def test_standard_error_that_nobody_reads(locked: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def write(self, _: str) -> None:
            raise BrokenPipeError

        flush = write

    monkeypatch.setattr("sys.stderr", Broken())
    with logged(locked, None):
        send(locked)
    assert locked.service.metrics.lost_records._value.get() == 1
