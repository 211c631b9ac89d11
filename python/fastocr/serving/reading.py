"""One file of a request: from its bytes, page by page, to what is answered."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fastocr import inputs
from fastocr.errors import FastOCRError, InferenceError, InputError
from fastocr.inputs import InputOptions, Page
from fastocr.inputs.pdf import is_pdf
from fastocr.results import OCRResult
from fastocr.serving import tracing
from fastocr.serving.failures import RefusedError, refusal
from fastocr.serving.pictures import Pictures
from fastocr.serving.schemas import PDF

if TYPE_CHECKING:
    from fastocr import PaddleOCR

__all__ = ["PageAnswer", "Reading", "compact_json", "page_text", "result_text"]


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What is answered for one page.

    Attributes:
        index: 0 for the first page.
        size: (width, height) in pixels; None if it could not be read.
        result: what was read; None for a page that failed.
        error: why it failed.
        pictures: JPEG files in Base64 by their names in an answer.
        stage_ms: milliseconds in each stage.
        followed: whether more pages come.
        text: the page as it stands in the answer, made on the thread that read it.

    """

    index: int
    size: tuple[int, int] | None
    result: OCRResult | None
    error: RefusedError | None = None
    pictures: dict[str, str] = field(default_factory=dict)
    stage_ms: dict[str, float] = field(default_factory=dict)
    followed: bool = False
    text: str = ""

    def fields(self) -> dict[str, Any]:
        """Return the fields of a page in the answer of ``/ocr``."""
        if self.error is not None:
            message = self.error.message
            error = {"errorCode": self.error.status_code, "errorMsg": message}
            return {"prunedResult": {"error": message}, **error}
        assert self.result is not None
        return {"prunedResult": _pruned(self.result.json["res"]), **self.pictures}


def page_text(page: PageAnswer) -> str:
    """Return a page of ``ocrResults`` as JSON."""
    return compact_json(page.fields())


def result_text(pages: Sequence[str], data_info: Mapping[str, Any]) -> str:
    """Return ``result`` of the answer of ``/ocr`` as JSON; `pages` are as of `page_text`."""
    return f'{{"ocrResults":[{",".join(pages)}],"dataInfo":{compact_json(data_info)}}}'


def compact_json(value: Any) -> str:
    """Return plain values as JSON without spaces.

    Raises:
        ValueError: a number is not finite, which JSON has no form for.

    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        kept = value.items()
        return {key: _pruned(v) for key, v in kept if key not in ("input_path", "page_index")}
    return value


class Reading:
    """Reads the pages of one file. `next_page` may be called by several threads at once."""

    def __init__(
        self,
        ocr: PaddleOCR,
        load: Callable[[], bytes],
        *,
        file_type: int | None,
        input_options: InputOptions,
        most_pages: int | None,
        predict_options: dict[str, Any],
        pictures: Pictures | None,
        render: Callable[[PageAnswer], str] = page_text,
    ) -> None:
        """Nothing is decoded yet.

        Args:
            ocr: reads pages.
            load: returns the file.
            file_type: what it has to be: `PDF` or `IMAGE`; None: anything.
            input_options: limits.
            most_pages: further ones are left out; None: all are read.
            predict_options: arguments of `PaddleOCR.predict`.
            pictures: draws pictures; None: there are none.
            render: makes `PageAnswer.text`.

        """
        self._ocr = ocr
        self._load = load
        self._file_type = file_type
        self._most_pages = most_pages
        self._input_options = input_options
        self._predict_options = predict_options
        self._pictures = pictures
        self._render = render
        self._lock = threading.Lock()
        self._closed = False
        self._pages: Iterator[Page] | None = None
        self._kind = "image"
        self._taken = 0
        self._sizes: dict[int, tuple[int, int]] = {}

    def next_page(self) -> PageAnswer | None:
        """Read the next page; None after the last one.

        Raises:
            RefusedError: the file is no image or document, or an option is not allowed.

        """
        begin_ns, begin = time.time_ns(), time.perf_counter()
        with self._lock:
            page = self._take()
            index = self._taken - 1
        if page is None:
            return None
        stage_ms = {"decode": (time.perf_counter() - begin) * 1000}
        answer = PageAnswer(index, self._sizes.get(index), None, None, {}, stage_ms, page.followed)
        with tracing.span("fastocr.page", begin_ns) as span:
            answer = self._rendered(self._read(page, answer))
            span.note({"fastocr.page.index": index})
            span.note({f"fastocr.{stage}_ms": value for stage, value in answer.stage_ms.items()})
            if answer.error is not None:
                span.fail(answer.error.message)
        return answer

    def close(self) -> None:
        """Read no further page; does not wait for those in work."""
        self._closed = True

    def data_info(self) -> dict[str, Any]:
        """Return ``dataInfo`` of the pages that were read, or failed: then a size may be 0 x 0."""
        sizes = [self._sizes.get(index, (0, 0)) for index in range(self._taken)]
        pages = [{"width": width, "height": height} for width, height in sizes]
        if self._kind == "image":
            return {**pages[0], "type": self._kind}
        return {"numPages": len(pages), "pages": pages, "type": self._kind}

    def _take(self) -> Page | None:
        if self._pages is None:
            self._pages = self._open(self._load())
        page = None if self._closed else next(self._pages, None)
        if page is None:
            return None
        index = self._taken
        self._taken += 1
        if index == 0 and page.followed and self._kind == "image":
            self._kind = "tiff"
        if page.image is not None:
            height, width = page.image.shape[:2]
            self._sizes[index] = (width, height)
        if index + 1 == self._most_pages:
            page = replace(page, followed=False)
            self._pages = iter(())
        return page

    def _open(self, data: bytes) -> Iterator[Page]:
        pdf = is_pdf(data)
        if self._file_type is not None and pdf != (self._file_type == PDF):
            wanted = "a PDF" if self._file_type == PDF else "an image"
            raise RefusedError(422, f"Invalid input file: it is not {wanted}, as fileType says")
        if pdf:
            self._kind = "pdf"
        return inputs.iter_pages(data, self._input_options)

    def _read(self, page: Page, answer: PageAnswer) -> PageAnswer:
        if page.image is None:
            assert page.error is not None
            return replace(answer, error=_failure(page, page.error))
        try:
            (result,) = self._ocr.predict(page.image, **self._predict_options)
        except FastOCRError as error:
            return replace(answer, error=_failure(page, error))
        assert isinstance(result, OCRResult)
        begin = time.perf_counter()
        pictures = self._pictures.of(page.image, result) if self._pictures else {}
        drawing = {"draw": (time.perf_counter() - begin) * 1000} if self._pictures else {}
        stage_ms = {**answer.stage_ms, **result.stage_ms, **drawing}
        return replace(answer, result=result, pictures=pictures, stage_ms=stage_ms)

    def _rendered(self, answer: PageAnswer) -> PageAnswer:
        begin = time.perf_counter()
        text = self._render(answer)
        answer.stage_ms["encode"] = (time.perf_counter() - begin) * 1000
        return replace(answer, text=text)


def _failure(page: Page, error: FastOCRError) -> RefusedError:
    """Return the refusal of a page of a document; raise that of anything else."""
    failure = refusal(error)
    if page.one_of_many and isinstance(error, (InputError, InferenceError)):
        return failure
    raise failure from error
