"""What a request is known by: its name, how long it has taken, and what its log line says."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

__all__ = ["RequestRecord", "current_request_id", "record_of"]

# The request that a task or a thread works for; log records say it.
current_request_id: ContextVar[str | None] = ContextVar("fastocr_request_id", default=None)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_KEY = "fastocr_request"
_CLIENT_GONE = 499


class RequestRecord:
    """One request, from its first line to its answer.

    Attributes:
        request_id: taken over from the header ``X-Request-Id``, or made.
        log_id: its name in answers; the request may choose it.
        stage_ms: milliseconds in each stage, of all its pages together.
        bytes: size of its body.
        pages, failed_pages, lines: how many were read.
        error: the sentence that the client was told.
        status: the HTTP status of its answer; None until this begins.
        failed_with: what the status would be, had it been known when the answer began.
        cancelled: whether the client went away before its answer.
        receiving: whether more of its body is to come.
        at_end: called when it has been answered.

    """

    def __init__(self, given_id: str | None) -> None:
        """Begin; `given_id` is the header's value."""
        valid = given_id is not None and _REQUEST_ID.fullmatch(given_id)
        self.request_id: str = given_id if valid and given_id else str(uuid.uuid4())
        self.log_id = self.request_id
        self.begin = time.perf_counter()
        self.stage_ms: dict[str, float] = {}
        self.bytes = 0
        self.pages = 0
        self.failed_pages = 0
        self.lines = 0
        self.error: str | None = None
        self.status: int | None = None
        self.failed_with: int | None = None
        self.cancelled = False
        self.receiving = True
        self.at_end: list[Callable[[], object]] = []

    def add_stages(self, stage_ms: Mapping[str, float]) -> None:
        """Add the times of a page."""
        for stage, milliseconds in stage_ms.items():
            self.stage_ms[stage] = self.stage_ms.get(stage, 0.0) + milliseconds

    def outcome(self) -> int:
        """Return what became of it as an HTTP status; 499: its client went away."""
        if self.cancelled or self.status is None:
            return _CLIENT_GONE
        return self.failed_with or self.status

    def total_ms(self) -> float:
        """Return the milliseconds since the request began."""
        return (time.perf_counter() - self.begin) * 1000

    def server_timing(self) -> str:
        """Return the value of the header ``Server-Timing``."""
        stages = {**self.stage_ms, "total": self.total_ms()}
        return ", ".join(f"{stage};dur={value:.1f}" for stage, value in stages.items())


def record_of(scope: Mapping[str, Any]) -> RequestRecord:
    """Return the record of a request by its ASGI scope."""
    state = scope["state"]
    record = state.get(_KEY)
    if record is None:
        record = state[_KEY] = RequestRecord(_given_id(scope))
    assert isinstance(record, RequestRecord)
    return record


def _given_id(scope: Mapping[str, Any]) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return str(value, "latin-1")
    return None
