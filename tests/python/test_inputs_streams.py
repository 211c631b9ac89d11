"""Reading beside the computation: bounded, and nothing stays open when the iterator is left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from fastocr.inputs import InputOptions
from fastocr.page_runs import AT_ONCE
from fastocr.predictor import Batch, Predictor
from fastocr.results import FailedResult
from tests.python.web import Answer, WebServer, serving

TIMEOUT = 30
HERE = InputOptions(allow_private_urls=True)


class Reader(Predictor):
    """A predictor without networks: the result of a page is its width."""

    def __init__(self, work: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self._work = work

    def read(self, source: object, batch_size: int = 1) -> Any:
        def widths(batch: Batch) -> Sequence[int]:
            self._work()
            return [page.image.shape[1] for page in batch.pages if page.image is not None]

        return self._results(source, widths, batch_size, input_options=HERE)


def png(width: int) -> bytes:
    return cv2.imencode(".png", np.zeros((5, width, 3), np.uint8))[1].tobytes()


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serving() as running:
        for width in range(1, 21):
            running.serve(f"/{width}.png", png(width))
        yield running


def descriptors() -> list[Path]:
    return sorted(Path("/proc/self/fd").iterdir())


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


# --- order and bounds -----------------------------------------------------------------------------


def test_results_of_urls_come_in_order(server: WebServer) -> None:
    urls = [server.url(f"/{width}.png") for width in range(1, 21)]
    assert list(Reader().read(urls)) == list(range(1, 21))


def test_downloads_overlap_with_the_computation(server: WebServer) -> None:
    """The first page is not done before the third has been downloaded."""
    third = threading.Event()
    server.answers["/3.png"] = Answer((png(3),), pause=third.set)
    results = Reader(lambda: third.wait(TIMEOUT)).read(
        [server.url(f"/{width}.png") for width in range(1, 21)]
    )
    assert next(results) == 1
    assert third.is_set()
    # And not the whole list.
    assert len(server.requests) == AT_ONCE
    results.close()
    assert len(server.requests) == AT_ONCE


def test_iterators_are_read_a_few_items_ahead() -> None:
    taken: list[int] = []

    def endless() -> Iterator[np.ndarray]:
        while True:
            taken.append(len(taken))
            yield np.zeros((4, len(taken), 3), np.uint8)

    results = Reader().read(endless())
    assert taken == []
    for number in range(5):
        assert next(results) == number + 1
        assert len(taken) == number + AT_ONCE
    results.close()
    assert list(results) == []
    assert len(taken) == 4 + AT_ONCE


# --- failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 2, 3, 10])
def test_what_an_iterator_raises_comes_in_its_turn(batch_size: int) -> None:
    def source() -> Iterator[object]:
        yield np.zeros((4, 7, 3), np.uint8)
        yield "missing.png"
        yield np.zeros((4, 9, 3), np.uint8)
        raise KeyError("camera")

    results = Reader().read(source(), batch_size)
    assert next(results) == 7
    assert isinstance(next(results), FailedResult)
    assert next(results) == 9
    with pytest.raises(KeyError, match="camera"):
        next(results)
    assert list(results) == []


def test_one_bad_file_of_a_directory(tmp_path: Path) -> None:
    for name, content in (("1.png", png(11)), ("2.png", b"junk"), ("3.png", png(13))):
        (tmp_path / name).write_bytes(content)
    first, failed, last = Reader().read(tmp_path)
    assert (first, last) == (11, 13)
    assert isinstance(failed, FailedResult)
    assert failed["input_path"] == str(tmp_path / "2.png")


def test_what_is_alone_raises(tmp_path: Path, server: WebServer) -> None:
    for source in (tmp_path, server.url("/none.png"), tmp_path / "none.png", 5):
        with pytest.raises(ValueError, match=r"."):
            list(Reader().read(source))
        (failed,) = Reader().read([source])
        assert isinstance(failed, FailedResult)


@pytest.mark.parametrize("url", ["http://[bad/b.png?x=/y.png#z", "http://", "http://host:port"])
def test_the_failure_of_an_invalid_url_can_be_saved(tmp_path: Path, url: str) -> None:
    (failed,) = Reader().read([url])
    failed.save_all(tmp_path)
    (saved,) = tmp_path.iterdir()
    assert (saved.name == "b_res.json") == ("b.png" in url)


# --- nothing stays open ---------------------------------------------------------------------------


@pytest.fixture
def many_pages(tmp_path: Path) -> Path:
    path = tmp_path / "many.pdf"
    pages = [Image.new("RGB", (30, 30), "white")] * 30
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path


@pytest.fixture
def open_pdfs(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The PDF documents that are open."""
    import pypdfium2  # type: ignore[import-untyped]

    documents: list[object] = []
    start, close = pypdfium2.PdfDocument.__init__, pypdfium2.PdfDocument.close

    def opened(document: Any, *args: Any, **kwargs: Any) -> None:
        start(document, *args, **kwargs)
        documents.append(id(document))

    def closed(document: Any, *args: Any, **kwargs: Any) -> None:
        close(document, *args, **kwargs)
        documents.remove(id(document))

    monkeypatch.setattr(pypdfium2.PdfDocument, "__init__", opened)
    monkeypatch.setattr(pypdfium2.PdfDocument, "close", closed)
    return documents


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
@pytest.mark.parametrize("leave", ["close", "delete", "use up", "fail"])
def test_nothing_stays_open(
    tmp_path: Path,
    server: WebServer,
    many_pages: Path,
    open_pdfs: list[object],
    leave: str,
) -> None:
    (tmp_path / "a.png").write_bytes(png(3))
    sources = [server.url("/2.png"), tmp_path, many_pages, *[server.url("/4.png")] * 20]

    def source() -> Iterator[object]:
        yield from sources
        if leave == "fail":
            raise KeyError

    def server_is_idle() -> bool:
        return not any("process_request_thread" in thread.name for thread in threading.enumerate())

    assert eventually(server_is_idle)
    before = descriptors()
    results = Reader().read(source())
    assert [next(results) for _ in range(5)] == [2, 3, 60, 60, 60]
    assert len(open_pdfs) == 1
    if leave == "close":
        results.close()
    elif leave == "use up":
        assert len(list(results)) == 1 + 30 + 30 + 20 - 4
    elif leave == "fail":
        with pytest.raises(KeyError):
            list(results)
    del results
    assert open_pdfs == []
    assert eventually(server_is_idle)
    assert eventually(lambda: descriptors() == before)


# --- the whole pipeline ---------------------------------------------------------------------------


def test_pipeline(make_ocr: Callable[..., Any], pages_dir: Path, server: WebServer) -> None:
    """All kinds of inputs through one object, by an iterator; options of a call."""
    page = pages_dir / "noise_background.png"
    url = server.serve("/page", page.read_bytes()) + "?size=full"
    with make_ocr(allow_private_urls=True) as ocr, Image.open(page) as image:
        (expected,) = ocr.predict(page)
        assert len(expected["rec_texts"]) == 4
        sources = [url, np.asarray(image.convert("RGB"))[..., ::-1], image, server.url("/none")]
        results = list(ocr.predict_iter(source for source in sources))
        assert [result.ok for result in results] == [True, True, True, False]
        assert [result["input_path"] for result in results] == [url, None, None, sources[3]]
        for result in results[:3]:
            assert result["rec_texts"] == expected["rec_texts"]
    with pytest.raises(ValueError, match="allow_private_urls"), make_ocr() as ocr:
        ocr.predict(url)
