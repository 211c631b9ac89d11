"""How the service works: limits, access, log; and the section ``Serving`` of a configuration."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from fastocr import checks
from fastocr.checks import Check
from fastocr.cpus import available_cpus
from fastocr.errors import InvalidOptionError, UnsupportedOptionError

__all__ = ["ServiceOptions", "parse_service_options", "serving_section"]

LOG_FORMATS = ("json", "text")


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How the service works. Times are seconds, sizes bytes.

    Attributes:
        host: the address it listens on.
        port: its port; 0: one that is free.
        queue_size: requests that may wait while others are worked on; more are refused with 503.
        pages_at_once: pages that are worked on at the same time.
        timeout: for a request, from its last byte to the answer, waiting included.
        body_timeout: for a client to send a request.
        idle_timeout: after which a client is cut off that takes nothing of its answer, sends no
            complete header, or is silent between requests (for the last, at most 30).
        max_body_bytes: the largest request.
        max_pending_bytes: of all requests that are held in memory together; at least
            `max_body_bytes`.
        max_pages: a document with more pages is refused.
        pdf_timeout: for opening a PDF or rendering one page of it, in a process of its own.
        pdf_memory: bytes that this process may take for a PDF.
        allow_urls: whether ``file`` may be a URL, which is then fetched.
        visualize: whether ``/ocr`` draws pictures where a request does not say.
        max_num_input_imgs: pages of a document that ``/ocr`` reads, others are left out; None: all.
        max_output_img_size: (width, height) of the largest pictures of answers.
        api_key: what clients have to send; None: nothing.
        log_format: "json" or "text".
        log_file: where the log is appended; None: standard error.
        drain_delay: between the signal to stop and the end of listening; meanwhile the service says
            that it is not ready.
        shutdown_timeout: how long requests in work may take to finish then.

    """

    host: str = "0.0.0.0"
    port: int = 8080
    queue_size: int = 64
    pages_at_once: int = field(default_factory=lambda: available_cpus() + 2)
    timeout: float = 120.0
    body_timeout: float = 60.0
    idle_timeout: float = 60.0
    max_body_bytes: int = 100 * 2**20
    max_pending_bytes: int = 2**30
    max_pages: int = 1000
    pdf_timeout: float = 20.0
    pdf_memory: int = 2**30
    allow_urls: bool = False
    visualize: bool = True
    max_num_input_imgs: int | None = 10
    max_output_img_size: tuple[int, int] = (2000, 2000)
    api_key: str | None = field(default=None, repr=False)
    log_format: str = "json"
    log_file: str | None = None
    drain_delay: float = 0.0
    shutdown_timeout: float = 30.0


def _size(name: str, value: Any) -> tuple[int, int]:
    try:
        width, height = (operator.index(side) for side in value)
    except (TypeError, ValueError):
        width = height = 0
    if min(width, height) < 1:
        checks.reject(name, value, "a list of two integers of at least 1, width and height,")
    return width, height


def _key(name: str, value: Any) -> str:
    """Check a key; messages do not show it."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value:
        raise InvalidOptionError(f"{name} is not allowed: printable ASCII characters are expected")
    return value


_SECONDS = checks.number(0, exclusive=True)
_CHECKS: dict[str, Check] = {
    "host": checks.text,
    "port": checks.integer(0, 65535),
    "queue_size": checks.integer(0),
    "pages_at_once": checks.integer(1, 1024),
    "timeout": _SECONDS,
    "body_timeout": _SECONDS,
    "idle_timeout": _SECONDS,
    "max_body_bytes": checks.integer(1, 2**63 - 1),
    "max_pending_bytes": checks.integer(1, 2**63 - 1),
    "max_pages": checks.integer(1),
    "pdf_timeout": _SECONDS,
    "pdf_memory": checks.integer(1, 2**63 - 1),
    "allow_urls": checks.switch,
    "visualize": checks.switch,
    "max_num_input_imgs": checks.integer(1),
    "max_output_img_size": _size,
    "api_key": _key,
    "log_format": checks.choice(LOG_FORMATS),
    "log_file": checks.path,
    "drain_delay": checks.number(0),
    "shutdown_timeout": checks.number(0),
}
# What a configuration says of the service, by the whole path of the key.
_SECTION = {
    "visualize": "visualize",
    "extra.max_num_input_imgs": "max_num_input_imgs",
    "extra.max_output_img_size": "max_output_img_size",
}
_UNSUPPORTED = (
    "return_urls",
    "extra.return_img_urls",
    "extra.file_storage",
    "extra.url_expires_in",
)
# Values with which what is not supported asks for nothing.
_HARMLESS = (None, False, -1, {"type": "memory"})


def parse_service_options(
    given: Mapping[str, Any], own: ServiceOptions | None = None
) -> ServiceOptions:
    """Return `own`, or the defaults, with the checked values of `given`.

    Raises:
        InvalidOptionError: an unknown name, a wrong type or value.

    """
    known = {field.name for field in fields(ServiceOptions)}
    for name in given:
        if name not in known:
            raise InvalidOptionError(f"Unknown argument: {name}")
    optional = ("max_num_input_imgs", "api_key", "log_file")
    values: dict[str, Any] = {
        name: None if value is None and name in optional else _CHECKS[name](name, value)
        for name, value in given.items()
    }
    options = replace(own or ServiceOptions(), **values)
    if options.timeout == math.inf:
        checks.reject("timeout", options.timeout, "a finite number")
    if options.max_pending_bytes < options.max_body_bytes:
        checks.reject(
            "max_pending_bytes",
            options.max_pending_bytes,
            f"at least max_body_bytes, {options.max_body_bytes},",
        )
    return options


def serving_section(section: Any) -> dict[str, Any]:
    """Return the options that the section ``Serving`` of a configuration sets.

    Raises:
        InvalidOptionError: a wrong type or value.
        UnsupportedOptionError: it asks for pictures as URLs or for a storage of them.

    """
    flat = _flat(section or {})
    for key in _UNSUPPORTED:
        if key in flat and flat[key] not in _HARMLESS:
            raise UnsupportedOptionError(
                f"Serving.{key}={flat[key]!r} is not supported: pictures are part of the answer, "
                "in Base64; leave the key out"
            )
    unlimited = "extra.max_num_input_imgs"
    values: dict[str, Any] = {}
    for key, name in _SECTION.items():
        if key not in flat or (flat[key] is None and key != unlimited):
            continue
        values[name] = None if flat[key] is None else _CHECKS[name](f"Serving.{key}", flat[key])
    return values


def _flat(section: Mapping[str, Any]) -> dict[str, Any]:
    extra = section.get("extra")
    extra = {} if extra is None else extra
    if not isinstance(extra, Mapping):
        checks.reject("Serving.extra", extra, "a mapping of keys")
    return {**section, **{f"extra.{key}": value for key, value in extra.items()}}
