"""What is counted, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from fastocr import _core

if TYPE_CHECKING:
    from fastocr.serving.requests import RequestRecord
    from fastocr.serving.service import Service

__all__ = ["Metrics"]

_STAGE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_REQUEST_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_OUTCOMES = {401: "unauthorized", 408: "timeout", 499: "cancelled", 503: "busy"}


def outcome_of(status: int) -> str:
    """Return what became of a request with this HTTP status; 499: its client has gone."""
    if status < 400:
        return "ok"
    return _OUTCOMES.get(status, "invalid" if status < 500 else "error")


class Metrics:
    """The counters of one service, with a registry of their own."""

    def __init__(self, service: Service) -> None:
        """Gauges ask `service` when they are read."""
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "fastocr_requests",
            "Requests by what became of them.",
            ("endpoint", "outcome"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "fastocr_request_seconds",
            "From the first line of a request to the end of its answer.",
            ("endpoint",),
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        self._stage_seconds = Histogram(
            "fastocr_stage_seconds",
            "What the pages of a request took in each stage.",
            ("stage",),
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self._pages = Counter(
            "fastocr_pages", "Pages by what became of them.", ("outcome",), registry=registry
        )
        self._lines = Counter("fastocr_lines", "Lines that were read.", registry=registry)
        self.lost_records = Counter(
            "fastocr_log_records_lost", "Log records that could not be written.", registry=registry
        )
        info = Gauge("fastocr_info", "Always 1.", ("version",), registry=registry)
        info.labels(_core.VERSION).set(1)
        gauges = {
            "ready": ("1 if requests are taken.", lambda: service.ready),
            "requests_in_work": ("Requests in the queue.", lambda: service.admission.requests),
            "requests_waiting": (
                "Requests in the queue none of whose pages is in work.",
                lambda: service.admission.waiting,
            ),
            "queue_limit": ("Requests that the queue takes.", lambda: service.admission.limit),
            "pages_in_work": ("Pages in work.", lambda: service.admission.pages),
            "pending_bytes": (
                "Bytes of requests that are held in memory.",
                lambda: service.admission.pending_bytes,
            ),
        }
        for name, (text, value) in gauges.items():
            Gauge(f"fastocr_{name}", text, registry=registry).set_function(value)

    def note(self, endpoint: str, status: int, record: RequestRecord) -> None:
        """Count a request that has ended."""
        self._requests.labels(endpoint, outcome_of(status)).inc()
        self._request_seconds.labels(endpoint).observe(record.total_ms() / 1000)
        for stage, milliseconds in record.stage_ms.items():
            self._stage_seconds.labels(stage).observe(milliseconds / 1000)
        self._pages.labels("ok").inc(record.pages - record.failed_pages)
        self._pages.labels("error").inc(record.failed_pages)
        self._lines.inc(record.lines)

    def text(self) -> bytes:
        """Return all values in Prometheus' text form."""
        return generate_latest(self._registry)
