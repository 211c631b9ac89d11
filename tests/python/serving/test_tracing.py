"""Spans of OpenTelemetry, with its SDK; and the service without it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from fastocr import PaddleOCR
from fastocr.serving import tracing
from tests.python.serving.conftest import MakeService, wait_until
from tests.python.serving.helpers import (
    GatedOCR,
    connection,
    document,
    picture,
    post,
    wait_until_noted,
    whole,
)

TRACE, PARENT = 0x0AF7651916CD43DD8448EB211C80319C, 0x00F067AA0BA902B7
CALLER = {"traceparent": f"00-{TRACE:032x}-{PARENT:016x}-01"}


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)  # once a process
    return exporter


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    exporter.clear()
    yield exporter
    exporter.clear()


@pytest.fixture
def gated(ocr: PaddleOCR) -> GatedOCR:
    one = GatedOCR(ocr)
    one.let(100)
    return one


def finished(spans: InMemorySpanExporter) -> tuple[ReadableSpan, list[ReadableSpan]]:
    """The span of the only request, and those of its pages in order."""
    wait_until(lambda: any(span.kind == SpanKind.SERVER for span in spans.get_finished_spans()))
    (request,) = [span for span in spans.get_finished_spans() if span.kind == SpanKind.SERVER]
    pages = [span for span in spans.get_finished_spans() if span is not request]
    assert all(page.name == "fastocr.page" for page in pages)
    return request, sorted(pages, key=lambda page: page.attributes.get("fastocr.page.index", -1))


@pytest.mark.parametrize("path", ["/ocr/file", "/ocr/stream"])
def test_a_request_goes_on_with_the_trace_of_its_caller(
    make_service: MakeService, gated: GatedOCR, spans: InMemorySpanExporter, path: str
) -> None:
    service = make_service(lambda: gated)
    spans.clear()  # without what was read for practice
    post(service, path, document([1, 2, 3, 4, 5], "TIFF"), headers=CALLER)
    wait_until_noted(service)
    request, pages = finished(spans)
    assert request.name == f"POST {path}"
    assert (request.context.trace_id, request.parent.span_id) == (TRACE, PARENT)
    assert request.parent.is_remote
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["http.route"] == path
    assert request.status.status_code == StatusCode.UNSET
    assert [page.attributes["fastocr.page.index"] for page in pages] == [0, 1, 2, 3, 4]
    for page in pages:
        assert (page.context.trace_id, page.parent.span_id) == (TRACE, request.context.span_id)
        assert request.start_time <= page.start_time <= page.end_time
        assert {"fastocr.decode_ms", "fastocr.detection_ms"} <= set(page.attributes)


def test_a_request_without_a_trace_begins_one(
    make_service: MakeService, gated: GatedOCR, spans: InMemorySpanExporter
) -> None:
    service = make_service(lambda: gated)
    spans.clear()
    post(service, "/made/up/path", b"")
    wait_until_noted(service)
    request, pages = finished(spans)
    assert request.parent is None
    assert request.name == "POST other"  # clients make no names
    assert request.attributes["http.response.status_code"] == 404
    assert request.status.status_code == StatusCode.UNSET
    assert pages == []


def test_pages_that_cannot_be_read(
    make_service: MakeService, gated: GatedOCR, spans: InMemorySpanExporter
) -> None:
    service = make_service(lambda: gated)
    spans.clear()
    content = document([1, 2], "TIFF")
    post(service, "/ocr/file", content[: len(content) - 60], headers=CALLER)
    wait_until_noted(service)
    request, pages = finished(spans)
    assert request.status.status_code == StatusCode.UNSET
    assert [page.status.status_code for page in pages] == [StatusCode.UNSET, StatusCode.ERROR]


def test_mistakes(make_service: MakeService, gated: GatedOCR, spans: InMemorySpanExporter) -> None:
    service = make_service(lambda: gated)
    spans.clear()
    gated.failure = RuntimeError("why")
    post(service, "/ocr/file", picture())
    wait_until_noted(service)
    request, (page,) = finished(spans)
    assert request.attributes["http.response.status_code"] == 500
    assert request.status.status_code == StatusCode.ERROR
    assert request.status.description == "Internal server error"
    assert page.status.status_code == StatusCode.ERROR
    (event,) = page.events
    assert event.attributes["exception.message"] == "why"


def test_clients_that_go_away(
    make_service: MakeService, ocr: PaddleOCR, spans: InMemorySpanExporter
) -> None:
    gated = GatedOCR(ocr)
    service = make_service(lambda: gated)
    spans.clear()
    with connection(service) as one:
        one.sendall(whole("/ocr/file", picture()))
        wait_until(lambda: gated.begun)
    wait_until_noted(service)
    gated.let()
    wait_until(lambda: len(spans.get_finished_spans()) == 2)
    request, (page,) = finished(spans)
    assert request.attributes["http.response.status_code"] == 499
    assert page.parent.span_id == request.context.span_id


def test_without_the_package(
    make_service: MakeService,
    gated: GatedOCR,
    spans: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracing, "_FOUND", False)
    service = make_service(lambda: gated)
    assert post(service, "/ocr/stream", document([1, 2], "TIFF"), headers=CALLER).is_success
    gated.failure = RuntimeError("why")
    assert post(service, "/ocr/file", picture()).status_code == 500
    wait_until_noted(service)
    assert spans.get_finished_spans() == ()


@pytest.mark.parametrize("namespace", [True, False])
def test_what_counts_as_the_package(monkeypatch: pytest.MonkeyPatch, namespace: bool) -> None:
    """Other distributions put packages into the same namespace."""

    def find(name: str, _: Any = None) -> None:
        if not namespace:
            raise ModuleNotFoundError(name)

    assert tracing._installed()
    monkeypatch.setattr(importlib.util, "find_spec", find)
    assert not tracing._installed()
