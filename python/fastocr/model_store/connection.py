"""Requests over HTTP to the hosts of models.

Proxies are taken from the environment, as everywhere in Python.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fastocr import _core

__all__ = ["ConnectionFailedError", "Response", "StatusError", "opened"]

_MOST_REDIRECTS = 10


class ConnectionFailedError(Exception):
    """The server cannot be reached, or the connection broke."""


class StatusError(Exception):
    """An answer with an HTTP status other than success."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(f"HTTP status {status} {http.client.responses.get(status, '')}".strip())
        self.status = status
        self.headers = headers


class Response:
    """An answer whose body is read in parts."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers

    def read(self, size: int) -> bytes:
        """Return the next bytes, up to `size`; none at the end, also at a premature one.

        Raises:
            ConnectionFailedError: the connection broke.

        """
        with _failures():
            return bytes(self._response.read(size))


@contextmanager
def opened(
    url: str,
    *,
    timeout: float,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    follow: bool = True,
) -> Iterator[Response]:
    """Send a request and follow redirections; without `follow`, one is an answer like any other.

    `timeout` in seconds bounds the wait for the connection and for each part of the answer.

    Raises:
        ConnectionFailedError: the server cannot be reached, or the connection broke.
        StatusError: the status is 400 or above, or there are too many redirections.

    """
    identity = {"User-Agent": f"fastocr/{_core.VERSION}", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers={**identity, **(headers or {})}, method=method)
    opener = urllib.request.build_opener(_Redirections(follow=follow))
    with _failures():
        try:
            response = opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            response = error
    with response:
        if response.status >= (300 if follow else 400):
            raise StatusError(response.status, response.headers)
        yield Response(response)


class _Redirections(urllib.request.HTTPRedirectHandler):
    max_redirections = _MOST_REDIRECTS
    max_repeats = _MOST_REDIRECTS

    def __init__(self, *, follow: bool) -> None:
        self._follow = follow

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if not self._follow:
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except urllib.error.URLError as error:
        raise ConnectionFailedError(str(error.reason)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ConnectionFailedError(str(error) or type(error).__name__) from error
