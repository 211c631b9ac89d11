"""The service itself: one pipeline, the queue before it, and whether both are ready."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import Request

from fastocr import inputs, warmup
from fastocr.inputs.options import DEFAULT_OPTIONS
from fastocr.serving.admission import Admission, Workers
from fastocr.serving.failures import RefusedError, busy
from fastocr.serving.metrics import Metrics
from fastocr.serving.options import ServiceOptions
from fastocr.serving.pictures import Pictures
from fastocr.serving.reading import PageAnswer, Reading, page_text
from fastocr.serving.requests import RequestRecord
from fastocr.serving.schemas import OCROptions

if TYPE_CHECKING:
    from fastocr import PaddleOCR
    from fastocr.inputs import InputOptions

__all__ = ["Service"]

_log = logging.getLogger("fastocr.service")

Result = TypeVar("Result")

# Pages of one document that are worked on, or wait for those before them, as in `predict`.
_AHEAD = 3
_DOWNLOADS_AT_ONCE = 32
_LOADING_SECONDS = 5


class Service:
    """What all requests share. Used by the event loop only.

    Attributes:
        options: how it works.
        admission: who may work when.
        downloads: threads that wait for other servers.
        metrics: what is counted.
        failure: why the models could not be loaded.

    """

    def __init__(self, make_ocr: Callable[[], PaddleOCR], options: ServiceOptions) -> None:
        """Load nothing yet; `make_ocr` is called by `start`, on a thread."""
        self.options = options
        self.admission = Admission(
            options.queue_size, options.pages_at_once, options.max_pending_bytes
        )
        self.downloads = Workers(_DOWNLOADS_AT_ONCE, "fastocr-download")
        self.metrics = Metrics(self)
        self.failure: BaseException | None = None
        self.on_failure: Callable[[], object] = lambda: None
        self._make_ocr = make_ocr
        self._ocr: PaddleOCR | None = None
        self._loading: asyncio.Task[None] | None = None
        self._stopping = False
        self._key = None if options.api_key is None else _digest(options.api_key)

    # ---- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to load the models; requests are refused until they are there."""
        self._loading = asyncio.get_running_loop().create_task(self._load())

    def begin_to_stop(self) -> None:
        """Refuse new requests from now on; those in work go on."""
        self._stopping = True

    async def stop(self) -> None:
        """Free everything; work that has begun is waited for."""
        self.begin_to_stop()
        if self._loading is not None:
            await self._loading
        await asyncio.to_thread(self.admission.close)
        await asyncio.to_thread(self.downloads.close)
        ocr, self._ocr = self._ocr, None
        if ocr is not None:
            await asyncio.to_thread(ocr.close)

    async def _load(self) -> None:
        try:
            ocr = await asyncio.to_thread(self._make_ocr)
            await asyncio.to_thread(_practise, ocr, self._file_options(ocr))
        except Exception as error:
            _log.error("The models cannot be loaded: %s", error)
            self.failure = error
            self.on_failure()
            return
        self._ocr = ocr
        _log.info("Ready")

    @property
    def ready(self) -> bool:
        """Whether requests are taken: the models are loaded and warm, and it is not stopping."""
        return self._ocr is not None and not self._stopping

    def check_ready(self) -> None:
        """Refuse a new request unless it can be taken; those that have been taken go on.

        Raises:
            RefusedError: 503, the service is loading or stopping.

        """
        if self._stopping:
            raise busy("The service is stopping", _LOADING_SECONDS)
        _ = self.ocr

    @property
    def ocr(self) -> PaddleOCR:
        """The pipeline.

        Raises:
            RefusedError: 503, it is not there yet, or not any more.

        """
        if self._ocr is None:
            raise busy("The service is loading its models", _LOADING_SECONDS)
        return self._ocr

    @property
    def switches(self) -> dict[str, bool] | None:
        """The steps that are loaded, by their switches; None while they are being loaded."""
        return None if self._ocr is None else self._ocr.switches

    @property
    def defaults(self) -> dict[str, Any] | None:
        """How pages are read where a request does not say; None while the models are loaded."""
        return None if self._ocr is None else asdict(self._ocr.page_options)

    @property
    def max_pixels(self) -> int | None:
        """The most pixels of a page; None while the models are being loaded."""
        return None if self._ocr is None else self._ocr.input_options.max_pixels

    @property
    def file_options(self) -> InputOptions:
        """How files are read: as the pipeline's maker wants it, within the limits of the service.

        Raises:
            RefusedError: as `ocr`.

        """
        return self._file_options(self.ocr)

    def _file_options(self, ocr: PaddleOCR) -> InputOptions:
        return replace(
            ocr.input_options,
            max_pages=self.options.max_pages,
            pdf_timeout=self.options.pdf_timeout,
            pdf_memory=self.options.pdf_memory,
            allow_urls=self.options.allow_urls,
        )

    # ---- guards ----------------------------------------------------------------------------------

    def check_key(self, request: Request) -> None:
        """Refuse who does not have the key.

        Raises:
            RefusedError: 401.

        """
        if self._key is None:
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        # Either will do: what stands in front of the service may set the first one for itself.
        given = [_digest(key) for key in (bearer, request.headers.get("x-api-key", ""))]
        if not any(hmac.compare_digest(key, self._key) for key in given):
            raise RefusedError(
                401,
                "A valid API key is needed: Authorization: Bearer KEY, or X-API-Key: KEY",
                {"WWW-Authenticate": "Bearer"},
            )

    # ---- work ------------------------------------------------------------------------------------

    def reading(
        self,
        load: Callable[[], bytes],
        options: OCROptions,
        file_type: int | None,
        *,
        most_pages: int | None,
        visualize: bool,
        render: Callable[[PageAnswer], str] = page_text,
    ) -> Reading:
        """Return what reads the file that `load` returns; see `Reading`.

        Raises:
            RefusedError: as `ocr`.

        """
        return Reading(
            self.ocr,
            load,
            file_type=file_type,
            input_options=self.file_options,
            most_pages=most_pages,
            predict_options=options.predict_options(),
            pictures=Pictures(self.options.max_output_img_size) if visualize else None,
            render=render,
        )

    async def pages(
        self, reading: Reading, record: RequestRecord
    ) -> AsyncGenerator[PageAnswer, None]:
        """Yield the pages of a file in order, each when it is ready; a few are begun ahead.

        Raises:
            RefusedError: as `Reading.next_page`.

        """
        ready: dict[int, PageAnswer] = {}
        expected = 0
        ended = False
        running = {asyncio.ensure_future(self._page(reading, record))}
        try:
            while running:
                done, running = await asyncio.wait(running, return_when="FIRST_COMPLETED")
                for page in _results(done):
                    if page is not None:
                        ready[page.index] = page
                    ended = ended or page is None or not page.followed
                due: list[PageAnswer] = []
                while expected in ready:
                    due.append(ready.pop(expected))
                    expected += 1
                # Those that are ready, but not due, are ahead as well.
                for _ in range(0 if ended else _AHEAD - len(running) - len(ready)):
                    running.add(asyncio.ensure_future(self._page(reading, record)))
                for page in due:
                    self._note(page, record)
                    yield page
        finally:
            reading.close()
            for task in running:
                task.cancel()
                task.add_done_callback(_looked_at)

    async def all_pages(
        self, reading: Reading, record: RequestRecord, keep: Callable[[PageAnswer], Result]
    ) -> list[Result]:
        """Return what `keep` makes of each page; nothing else of a page is kept until the end.

        Raises:
            RefusedError: as `pages`, or all pages failed.

        """
        kept: list[Result] = []
        failure: RefusedError | None = None
        async with aclosing(self.pages(reading, record)) as pages:
            async for page in pages:
                kept.append(keep(page))
                failure = failure or page.error
        if failure is not None and record.failed_pages == len(kept):
            raise failure
        return kept

    async def _page(self, reading: Reading, record: RequestRecord) -> PageAnswer | None:
        queued = time.perf_counter()

        def work() -> tuple[float, PageAnswer | None]:
            return time.perf_counter(), reading.next_page()

        begin, page = await self.admission.run(work, reading)
        record.add_stages({"queue": (begin - queued) * 1000})
        return page

    def _note(self, page: PageAnswer, record: RequestRecord) -> None:
        record.add_stages(page.stage_ms)
        record.pages += 1
        record.failed_pages += page.error is not None
        record.lines += 0 if page.result is None else len(page.result["rec_texts"])
        self.admission.note_duration(sum(page.stage_ms.values()) / 1000)


def _practise(ocr: PaddleOCR, input_options: InputOptions) -> None:
    """Read files as requests do: loads what decodes and draws, starts a process for PDFs."""
    import cv2

    _, data = cv2.imencode(".png", warmup.page(640, 480))
    reading = Reading(
        ocr,
        data.tobytes,
        file_type=None,
        input_options=DEFAULT_OPTIONS,
        most_pages=None,
        predict_options={},
        pictures=Pictures((640, 480)),
    )
    reading.next_page()
    for _ in inputs.iter_pages(warmup.PDF, input_options):
        pass


def _digest(key: str) -> bytes:
    """Return what is compared in place of a key, whatever its length."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _looked_at(task: asyncio.Task[object]) -> None:
    """Take note of what a task raised that nobody waits for, or asyncio complains."""
    if not task.cancelled():
        task.exception()


def _results(tasks: Iterable[asyncio.Task[Result]]) -> list[Result]:
    """Return what finished tasks returned, or raise what one of them raised."""
    failures = [task.exception() for task in tasks]  # looked at all of them, or asyncio complains
    for failure in failures:
        if failure is not None:
            raise failure
    return [task.result() for task in tasks]
