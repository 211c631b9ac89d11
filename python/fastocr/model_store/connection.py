"""Requests over HTTP to the hosts of models.

The hosts are those that the user chose, so unlike addresses of inputs theirs may be private ones.
Files are large: an answer is read in parts, as long as there is progress. Proxies are taken from
the environment.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
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
    with _failures():
        request = urllib.request.Request(
            url, headers={**identity, **(headers or {})}, method=method
        )
        try:
            response = _opener(follow=follow).open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            response = error
    with response:
        if response.status >= (300 if follow else 400):
            raise StatusError(response.status, response.headers)
        yield Response(response)


def _opener(*, follow: bool) -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    # Not those of other schemes, such as file, which urllib's own openers have as well.
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirections(follow=follow),
    ):
        opener.add_handler(handler)
    return opener


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
        if req.type == "https" and urllib.parse.urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError(f"it is redirected from https to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except urllib.error.URLError as error:
        raise ConnectionFailedError(str(error.reason)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ConnectionFailedError(str(error) or type(error).__name__) from error
