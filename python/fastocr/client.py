"""Clients of ``fastocr serve``: `Client`, and `AsyncClient` for asyncio.

```python
from fastocr.client import Client

with Client("http://127.0.0.1:8080") as client:
    for page in client.ocr("page.png").pages:
        print(page["rec_texts"])
```

It needs the package httpx (extra ``client``). Neither the core nor numpy is loaded.

Connections that fail raise exceptions of httpx, such as `httpx.ConnectError`; answers without a
result raise `fastocr.errors.ServiceError`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import operator
import os
import random
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import aclosing, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias, TypedDict

from fastocr.errors import (
    InputError,
    InputNotFoundError,
    InvalidOptionError,
    ServiceError,
    ServiceInputError,
    ServiceUnavailableError,
)
from fastocr.urls import is_url

try:
    import httpx
except ModuleNotFoundError as missing:
    raise ImportError(
        f"fastocr.client needs the package {missing.name}: pip install 'fastocr[client]'"
    ) from missing

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = ["AsyncClient", "Client", "File", "OCRAnswer", "Options", "Page"]

File: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO"

_DEFAULT_URL = "http://127.0.0.1:8080"
_CONNECT_SECONDS = 10.0
# The service's own answer that the time is over has to arrive before the client gives up.
_MARGIN_SECONDS = 5.0
# A wait that is longer than any the service asks for is left to the caller.
_MOST_PAUSE_SECONDS = 60.0
_PAUSE_SECONDS = 1.0
# Clients that were refused together do not come back together.
_SPREAD = 1.5


class Options(TypedDict, total=False):
    """How a file is read. What is missing, or None, is as the service has it.

    The names are those of `PaddleOCR.predict`, and:

    - `file_type`: what the file has to be, 0: a PDF, 1: an image,
    - `visualize`: whether pages have pictures; by default they have none,
    - `log_id`: the name of the request in the answer and in the service's log.
    """

    file_type: Literal[0, 1] | None
    use_doc_orientation_classify: bool | None
    use_doc_unwarping: bool | None
    use_textline_orientation: bool | None
    text_det_limit_side_len: int | None
    text_det_limit_type: str | None
    text_det_thresh: float | None
    text_det_box_thresh: float | None
    text_det_unclip_ratio: float | None
    text_rec_score_thresh: float | None
    return_word_box: bool | None
    visualize: bool | None
    log_id: str | None


class Page(dict[str, Any]):
    """What was read on one page: ``page["rec_texts"]`` and the other keys of a result.

    Values are plain: lists, numbers, strings; `json.dumps` takes a page as it is. Of a page that
    failed, asking for any key but ``error`` raises the failure, also by `get`, so that it is never
    taken for an empty one.

    Attributes:
        index: 0 for the first page.
        size: (width, height) in pixels; None if the answer does not tell.
        pictures: JPEG files by name: ``ocr_image``, ``input_image`` and, where the page was turned
            or flattened, ``doc_preprocessing_image``; empty without the option `visualize`.
        error: why the page failed; None if it did not.

    """

    def __init__(
        self,
        content: Mapping[str, Any],
        index: int,
        size: tuple[int, int] | None = None,
        pictures: Mapping[str, bytes] | None = None,
        error: ServiceError | None = None,
    ) -> None:
        """All arguments but `content` are kept as attributes."""
        super().__init__(content)
        self.index = index
        self.size = size
        self.pictures = dict(pictures or {})
        self.error = error

    @property
    def ok(self) -> bool:
        """Whether the page was read."""
        return self.error is None

    def __missing__(self, key: str) -> Any:
        """Raise the failure of a page that failed."""
        raise self.error or KeyError(key)

    def get(self, key: str, default: Any = None, /) -> Any:
        """Return the value of a key, or `default`; raise the failure of a page that failed."""
        return super().get(key, default) if self.ok else self[key]


@dataclass(frozen=True)
class OCRAnswer:
    """What was read in a file.

    Attributes:
        pages: the pages, failed ones in their place.
        data_info: what the file is: ``width``, ``height`` and ``type`` "image", or ``numPages``,
            ``pages`` and ``type`` "pdf" or "tiff".
        log_id: the name of the request in the service's log.

    """

    pages: list[Page]
    data_info: dict[str, Any]
    log_id: str


class Client:
    """Talks to a service. Any number of threads may use one client; make one and keep it."""

    def __init__(
        self,
        url: str = _DEFAULT_URL,
        *,
        api_key: str | None = None,
        timeout: float | None = 120.0,
        retries: int = 3,
        **http_options: Any,
    ) -> None:
        """Connect to nothing yet.

        Args:
            url: where the service is, with the path under which a proxy has it, if there is one.
            api_key: the key of a service that wants one.
            timeout: seconds that a file may take once it is sent, waiting included; of a stream,
                each page. The service is told, and does not go on afterwards. None: only the
                service's own limit counts.
            retries: how often a request is sent again that a service refuses because it is busy,
                loading or stopping. The pauses are what the service asks for; one of more than a
                minute is not made. Nothing else is tried again.
            **http_options: further arguments of `httpx.Client`, such as `verify` or `proxy`.

        Raises:
            InvalidOptionError: a wrong value of `timeout` or `retries`.

        """
        self._retries = _checked_retries(retries)
        self._http = httpx.Client(**_http_arguments(url, api_key, timeout, http_options))

    def ocr(self, file: File, **options: Unpack[Options]) -> OCRAnswer:
        """Read an image, or the first pages of a document: 10, or another limit of the service.

        Args:
            file: a path, the content as bytes, or a file opened in binary mode; or a URL
                (``http://...``), which the service fetches, if it is allowed to.
            **options: see `Options`.

        Raises:
            InputError: the file cannot be opened, or the service does not take it
                (`ServiceInputError`).
            InvalidOptionError: an unknown option.
            ServiceError: the service gave no result; if it is busy, `ServiceUnavailableError`.
            httpx.HTTPError: the service cannot be reached, or the connection broke.

        """
        fields = _fields(options)
        return _answer(self._send(_file_request(_content(file), fields)))

    def stream(self, file: File, **options: Unpack[Options]) -> Generator[Page, None, None]:
        """Yield all pages of a document, each as soon as it has been read.

        A page that fails has its `error`, and others follow. Closing the generator ends the work
        in the service, too.

        Args:
            file: as for `ocr`, but no URL.
            **options: see `Options`.

        Raises:
            InvalidOptionError: at once, an unknown option.
            InputError, ServiceError, httpx.HTTPError: in the iteration, as by `ocr`, also if the
                rest of the document cannot be read.

        """
        return self._pages(file, _fields(options))

    def info(self) -> dict[str, Any]:
        """Return what the service is: ``version``, ``switches``, ``auth``, ``urls``, ``limits``.

        Raises:
            ServiceError: there is another service, or none behind a proxy.
            httpx.HTTPError: it cannot be reached.

        """
        return _object(self._send({"method": "GET", "url": "/info"}))

    def ready(self) -> bool:
        """Tell whether the service takes work; not while it is loading or stopping.

        Raises:
            ServiceError: there is another service, or none behind a proxy.
            httpx.HTTPError: it cannot be reached.

        """
        return _is_ready(self._http.get("/health"))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _pages(self, file: File, fields: Mapping[str, Any]) -> Generator[Page, None, None]:
        lines = _Lines()
        response = self._send(_stream_request(_content(file), fields), stream=True)
        with closing(response):
            for chunk in response.iter_bytes():
                yield from lines.pages(chunk)
        lines.end()

    def _send(self, arguments: Mapping[str, Any], *, stream: bool = False) -> httpx.Response:
        request = self._http.build_request(**arguments)
        pauses = _Pauses(self._retries)
        while True:
            response = self._http.send(request, stream=stream)
            if response.status_code == httpx.codes.OK:
                return response
            response.read()
            time.sleep(pauses.after(_failure(response)))


class AsyncClient:
    """`Client` for asyncio; any number of tasks may use one."""

    def __init__(
        self,
        url: str = _DEFAULT_URL,
        *,
        api_key: str | None = None,
        timeout: float | None = 120.0,
        retries: int = 3,
        **http_options: Any,
    ) -> None:
        """Connect to nothing yet; for the arguments see `Client`.

        Raises:
            InvalidOptionError: a wrong value of `timeout` or `retries`.

        """
        self._retries = _checked_retries(retries)
        self._http = httpx.AsyncClient(**_http_arguments(url, api_key, timeout, http_options))

    async def ocr(self, file: File, **options: Unpack[Options]) -> OCRAnswer:
        """Read an image or the first pages of a document, as `Client.ocr`."""
        fields = _fields(options)
        content = await asyncio.to_thread(_content, file)
        return _answer(await self._send(_file_request(content, fields)))

    def stream(self, file: File, **options: Unpack[Options]) -> AsyncGenerator[Page, None]:
        """Yield all pages of a document, each as soon as it has been read, as `Client.stream`.

        Who may leave the loop before its end closes the generator, with `contextlib.aclosing`.
        """
        return self._pages(file, _fields(options))

    async def info(self) -> dict[str, Any]:
        """Return what the service is, as `Client.info`."""
        return _object(await self._send({"method": "GET", "url": "/info"}))

    async def ready(self) -> bool:
        """Tell whether the service takes work, as `Client.ready`."""
        return _is_ready(await self._http.get("/health"))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _pages(self, file: File, fields: Mapping[str, Any]) -> AsyncGenerator[Page, None]:
        lines = _Lines()
        content = await asyncio.to_thread(_content, file)
        response = await self._send(_stream_request(content, fields), stream=True)
        async with aclosing(response):
            async for chunk in response.aiter_bytes():
                for page in lines.pages(chunk):
                    yield page
        lines.end()

    async def _send(self, arguments: Mapping[str, Any], *, stream: bool = False) -> httpx.Response:
        request = self._http.build_request(**arguments)
        pauses = _Pauses(self._retries)
        while True:
            response = await self._http.send(request, stream=stream)
            if response.status_code == httpx.codes.OK:
                return response
            await response.aread()
            await asyncio.sleep(pauses.after(_failure(response)))


# ---- what both clients are made with -------------------------------------------------------------


def _checked_retries(retries: int) -> int:
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise InvalidOptionError(
            f"retries={retries!r} is not allowed: an integer of at least 0 is expected"
        )
    return retries


def _http_arguments(
    url: str, api_key: str | None, timeout: float | None, further: dict[str, Any]
) -> dict[str, Any]:
    """Return the arguments of httpx's clients."""
    headers = httpx.Headers(further.pop("headers", None))
    if api_key is not None:
        # Keys come from files with line ends; httpx would refuse them, and show the key.
        headers["Authorization"] = f"Bearer {api_key.strip()}"
    patience = None
    if timeout is not None:
        if not 0 < timeout < math.inf:
            raise InvalidOptionError(
                f"timeout={timeout!r} is not allowed: a finite number above 0, or None, is expected"
            )
        headers["X-Request-Timeout"] = str(timeout)
        patience = timeout + _MARGIN_SECONDS
    timeouts = httpx.Timeout(patience, connect=_CONNECT_SECONDS)
    return {"base_url": url, "headers": headers, "timeout": timeouts, **further}


# ---- requests ------------------------------------------------------------------------------------


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


_FIELDS = {name: _camel(name) for name in Options.__annotations__}


def _fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are given, by their names in a request."""
    for name in options:
        if name not in _FIELDS:
            raise InvalidOptionError(f"Unknown argument: {name}")
    return {_FIELDS[name]: value for name, value in options.items() if value is not None}


def _content(file: File) -> bytes | str:
    """Return the content of a file, or the URL that stands for one."""
    if isinstance(file, (bytes, bytearray, memoryview)):
        return bytes(file)
    if isinstance(file, str) and is_url(file):
        return file
    if isinstance(file, (str, os.PathLike)):
        return _read_path(os.fspath(file))
    content = file.read() if hasattr(file, "read") else None
    if not isinstance(content, bytes):
        raise InputError(
            f"{type(file).__name__} is no file: a path, a URL, bytes, or a file opened in binary "
            "mode is expected"
        )
    return content


def _read_path(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise InputNotFoundError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path!r}: not a valid path: {error}") from None


def _file_request(file: bytes | str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what httpx makes a request of: for the first pages of a file or URL."""
    if isinstance(file, bytes):
        return _upload("/ocr/file", file, fields)
    # There pictures are part of the answer unless they are declined.
    return {"method": "POST", "url": "/ocr", "json": {"visualize": False, **fields, "file": file}}


def _stream_request(file: bytes | str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what httpx makes a request of: for all pages of a file."""
    if isinstance(file, str):
        raise InputError(f"{file}: a URL cannot be streamed; fetch the file, or use ocr()")
    return _upload("/ocr/stream", file, fields)


def _upload(path: str, content: bytes, fields: Mapping[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/octet-stream"}
    return {
        "method": "POST",
        "url": path,
        "params": fields,
        "content": content,
        "headers": headers,
    }


# ---- answers -------------------------------------------------------------------------------------

_ERRORS: dict[int, type[ServiceError]] = {
    413: ServiceInputError,
    422: ServiceInputError,
    503: ServiceUnavailableError,
}
# What comes of parts of an answer that are missing, or not of the type that the service gives them.
_WRONG_FORM = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_PICTURES = {
    "ocrImage": "ocr_image",
    "docPreprocessingImage": "doc_preprocessing_image",
    "inputImage": "input_image",
}


def _error(
    status: int, message: str, log_id: str | None, retry_after: float | None = None
) -> ServiceError:
    kind = _ERRORS.get(status, ServiceError)
    return kind(status, _sentence(message), log_id, retry_after)


def _sentence(message: str) -> str:
    """Return a message for people; that about a request of a wrong form is a list in JSON."""
    with suppress(*_WRONG_FORM):
        return "; ".join(f"{problem['loc']}: {problem['msg']}" for problem in json.loads(message))
    return message


def _failure(response: httpx.Response) -> ServiceError:
    """Return the error that an answer stands for, also one of a proxy."""
    message = response.reason_phrase or "the answer says nothing"
    log_id = response.headers.get("X-Request-Id")
    with suppress(*_WRONG_FORM):
        fields = response.json()
        message, log_id = str(fields["errorMsg"]), str(fields["logId"])
    seconds = response.headers.get("Retry-After", "")
    retry_after = float(seconds) if seconds.isdecimal() else None
    return _error(response.status_code, message, log_id, retry_after)


@contextmanager
def _expected() -> Iterator[None]:
    """Turn what goes wrong with the form of an answer into an error that says so."""
    try:
        yield
    except _WRONG_FORM as error:
        raise ServiceError(200, f"This is no answer of fastocr's service: {error!r}") from error


def _object(response: httpx.Response) -> dict[str, Any]:
    with _expected():
        return dict(response.json())


def _is_ready(response: httpx.Response) -> bool:
    if response.status_code not in (httpx.codes.OK, httpx.codes.SERVICE_UNAVAILABLE):
        raise _failure(response)
    return response.status_code == httpx.codes.OK


def _answer(response: httpx.Response) -> OCRAnswer:
    with _expected():
        fields = response.json()
        log_id, result = fields["logId"], fields["result"]
        results, info = result["ocrResults"], result["dataInfo"]
        sizes = info.get("pages", [info])
        pages = [
            _page(index, fields, _size(size), log_id)
            for index, (fields, size) in enumerate(zip(results, sizes, strict=True))
        ]
        return OCRAnswer(pages, info, log_id)


def _size(fields: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the size of a page; those that could not be decoded have one of 0 x 0."""
    size = (operator.index(fields["width"]), operator.index(fields["height"]))
    return size if all(size) else None


def _page(index: int, fields: Mapping[str, Any], size: tuple[int, int] | None, log_id: str) -> Page:
    """Return a page; `fields` are what the service says of it."""
    if fields.get("errorCode"):
        error = _error(fields["errorCode"], fields["errorMsg"], log_id)
        return Page({"error": error.message}, index, size, error=error)
    pictures = {
        name: base64.b64decode(fields[field])
        for field, name in _PICTURES.items()
        if field in fields
    }
    return Page(fields["prunedResult"], index, size, pictures)


class _Lines:
    """Turns the bytes of a streamed answer into pages.

    Lines end with a line feed only: texts may hold other characters that Python splits lines at.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._complete = False

    def pages(self, chunk: bytes) -> Iterator[Page]:
        """Yield the pages that a part of the answer completes.

        Raises:
            ServiceError: the service could not read the rest.

        """
        first, *others = chunk.split(b"\n")
        self._parts.append(first)
        for part in others:
            yield from self._of_line(b"".join(self._parts))
            self._parts = [part]

    def end(self) -> None:
        """Take note of the end of the answer.

        Raises:
            ServiceError: it came too early.

        """
        if not self._complete:
            raise ServiceError(200, "The answer broke off")

    def _of_line(self, line: bytes) -> Iterator[Page]:
        page = error = None
        with _expected():
            fields = json.loads(line)
            log_id, failed = fields["logId"], fields["errorCode"]
            self._complete = fields.get("done", False)
            if not self._complete:
                content = fields if failed else fields["result"]
                size = None if failed else _size(content)
                page = _page(fields["pageIndex"], content, size, log_id)
            elif failed:
                error = _error(failed, fields["errorMsg"], log_id)
        if page is not None:
            yield page
        if error is not None:
            raise error


class _Pauses:
    """How long a request waits before it is sent again."""

    def __init__(self, retries: int) -> None:
        """`retries` is how often it may be."""
        self._left = retries

    def after(self, error: ServiceError) -> float:
        """Return the seconds to wait after a refusal; raise it if that is the end."""
        seconds = _PAUSE_SECONDS if error.retry_after is None else error.retry_after
        unavailable = isinstance(error, ServiceUnavailableError)
        if not unavailable or not self._left or seconds > _MOST_PAUSE_SECONDS:
            raise error
        self._left -= 1
        return seconds * random.uniform(1, _SPREAD)
