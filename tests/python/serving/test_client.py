"""`fastocr.client`: both clients against services, and against answers that no service gives."""

from __future__ import annotations

import asyncio
import io
import json
import pickle
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from fastocr import PaddleOCR, client, errors
from fastocr.client import AsyncClient, Client, Page
from fastocr.serving.schemas import FileOptions
from tests.python.serving.conftest import LONG, Borrowed, MakeService, Running, wait_until
from tests.python.web import serving

MakeOCR = Callable[..., PaddleOCR]
# Calls a method of a client and returns what it returns, of `stream` a list.
Ask = Callable[..., Any]

NO_SERVICE = "http://no.service"


def ask_sync(url: str, method: str, *arguments: Any, made: Any = None, **options: Any) -> Any:
    with Client(url, **(made or {})) as one:
        result = getattr(one, method)(*arguments, **options)
        return list(result) if method == "stream" else result


def ask_async(url: str, method: str, *arguments: Any, made: Any = None, **options: Any) -> Any:
    async def run() -> Any:
        async with AsyncClient(url, **(made or {})) as one:
            result = getattr(one, method)(*arguments, **options)
            return [page async for page in result] if method == "stream" else await result

    return asyncio.run(run())


@pytest.fixture(params=[ask_sync, ask_async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def document(pages_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PDF of three pages."""
    path = tmp_path_factory.mktemp("document") / "three.pdf"
    first, *others = map(opened, (pages_dir / f"{n}.png" for n in ("table", "chinese", "vertical")))
    first.save(path, save_all=True, append_images=others)
    return path


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def pruned(result: Any) -> dict[str, Any]:
    content = result.json["res"]
    return {k: v for k, v in content.items() if k not in ("input_path", "page_index")}


class Gated(Borrowed):
    """A pipeline that waits in front of each page but the first few."""

    def __init__(self, ocr: PaddleOCR, free: int = 0) -> None:
        super().__init__(ocr)
        self.free = free
        self.begun = 0
        self.closed = False  # while the service warms up, there is no gate
        self.gate = threading.Event()

    def predict(self, *arguments: Any, **options: Any) -> Any:
        if self.closed:
            self.begun += 1
            if self.begun > self.free:
                assert self.gate.wait(LONG)
        return self._ocr.predict(*arguments, **options)


MakeGated = Callable[..., "tuple[Running, Gated]"]


@pytest.fixture
def make_gated(make_service: MakeService, ocr: PaddleOCR) -> Iterator[MakeGated]:
    """Runs a service whose pages wait for a gate, which opens at the end of the test."""
    made: list[Gated] = []

    def make(free: int = 0, **options: Any) -> tuple[Running, Gated]:
        gated = Gated(ocr, free)
        made.append(gated)
        running = make_service(lambda: gated, **options)  # type: ignore[arg-type,return-value]
        gated.closed = True
        return running, gated

    yield make
    for gated in made:
        gated.gate.set()


@contextmanager
def waiting_request(running: Running, gated: Gated, page_file: Path) -> Iterator[None]:
    """A request of somebody else that is in work meanwhile."""
    with ThreadPoolExecutor(1) as pool, Client(running.url) as other:
        answer = pool.submit(other.ocr, page_file)
        wait_until(lambda: gated.begun)
        try:
            yield
        finally:
            gated.gate.set()
        assert answer.result(LONG).pages[0].ok


def refusals(running: Running) -> int:
    """How many requests were refused because the service was busy."""
    with running.client() as one:
        lines = one.get("/metrics").text.splitlines()
    counts = [line for line in lines if line.startswith("fastocr_requests_total")]
    return sum(int(float(line.split()[-1])) for line in counts if 'outcome="busy"' in line)


# ---- files and pages -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["str", "path", "bytes", "bytearray", "memoryview", "open"])
def test_a_file_is_a_path_its_content_or_opened(
    ask: Ask, service: Running, ocr: PaddleOCR, page_file: Path, kind: str
) -> None:
    content = page_file.read_bytes()
    ways = {
        "str": str(page_file),
        "path": page_file,
        "bytes": content,
        "bytearray": bytearray(content),
        "memoryview": memoryview(content),
        "open": io.BytesIO(content),
    }
    answer = ask(service.url, "ocr", ways[kind])
    (page,) = answer.pages
    assert page == pruned(ocr.predict(page_file)[0])
    assert (page.ok, page.error, page.index, page.pictures) == (True, None, 0, {})
    assert answer.data_info["type"] == "image"
    assert page.size == opened(page_file).size
    assert answer.log_id


def test_a_document(ask: Ask, service: Running, ocr: PaddleOCR, document: Path) -> None:
    answer = ask(service.url, "ocr", document)
    results = ocr.predict(document)
    assert answer.pages == [pruned(result) for result in results]
    assert [page.index for page in answer.pages] == [0, 1, 2]
    assert answer.data_info["type"] == "pdf"
    sizes = [(size["width"], size["height"]) for size in answer.data_info["pages"]]
    assert [page.size for page in answer.pages] == sizes


def test_a_document_page_by_page(
    ask: Ask, service: Running, ocr: PaddleOCR, document: Path
) -> None:
    pages = ask(service.url, "stream", document)
    whole = ask(service.url, "ocr", document).pages
    assert pages == whole
    assert [page.size for page in pages] == [page.size for page in whole]
    assert [page.index for page in pages] == [0, 1, 2]


def test_pages_of_a_stream_come_before_the_others_are_read(
    make_gated: MakeGated, document: Path
) -> None:
    running, gated = make_gated(free=1, pages_at_once=1)
    with Client(running.url) as one, closing(one.stream(document)) as pages:
        assert next(pages).ok
        gated.gate.set()
        assert len(list(pages)) == 2


def test_a_page_that_fails_stands_in_its_place(ask: Ask, service: Running, page_file: Path) -> None:
    page = opened(page_file)
    out = io.BytesIO()
    page.save(out, "TIFF", save_all=True, append_images=[page])
    broken = out.getvalue()[:-20]  # the directory of the second page is cut off
    for pages in (ask(service.url, "ocr", broken).pages, ask(service.url, "stream", broken)):
        good, bad = pages
        assert good.ok
        assert good["rec_texts"]
        assert good.get("nothing", 7) == 7
        with pytest.raises(KeyError, match="nothing"):
            good["nothing"]
        assert not bad.ok
        assert (bad.index, bad.size) == (1, None)
        assert bad.error.status == 422
        assert bad.error.log_id
        assert bad.get("error") == bad.error.message
        with pytest.raises(errors.ServiceInputError, match="Invalid input file"):
            bad["rec_texts"]
        with pytest.raises(errors.ServiceInputError, match="Invalid input file"):
            bad.get("rec_texts", [])


def test_pages_are_plain_values(service: Running, page_file: Path) -> None:
    with Client(service.url) as one:
        (page,) = one.ocr(page_file).pages
    assert json.loads(json.dumps(page)) == page
    again = pickle.loads(pickle.dumps(page))
    assert (again, again.size, again.ok) == (page, page.size, True)


def test_pictures_are_jpeg_files(ask: Ask, service: Running, page_file: Path) -> None:
    for pages in (
        ask(service.url, "ocr", page_file, visualize=True).pages,
        ask(service.url, "stream", page_file, visualize=True),
    ):
        (page,) = pages
        assert list(page.pictures) == ["ocr_image", "input_image"]
        shown = Image.open(io.BytesIO(page.pictures["input_image"]))
        assert (shown.format, shown.size) == ("JPEG", page.size)


# ---- options -------------------------------------------------------------------------------------


def test_options_are_those_of_the_service() -> None:
    assert set(client.Options.__annotations__) == set(FileOptions.model_fields)


def test_options_are_sent(ask: Ask, service: Running, ocr: PaddleOCR, page_file: Path) -> None:
    options = {"text_rec_score_thresh": 0.99, "return_word_box": True, "text_det_thresh": None}
    expected = pruned(ocr.predict(page_file, **options)[0])
    answer = ask(service.url, "ocr", page_file, **options, file_type=1, log_id="mine")
    assert answer.pages == [expected]
    assert answer.log_id == "mine"
    assert ask(service.url, "stream", page_file, **options) == [expected]


@pytest.mark.parametrize("method", ["ocr", "stream"])
def test_an_unknown_option_is_refused_without_a_request(ask: Ask, method: str) -> None:
    with pytest.raises(errors.InvalidOptionError, match="Unknown argument: textDetThresh"):
        ask(NO_SERVICE, method, b"", textDetThresh=0.3)


def test_a_wrong_value_is_refused_by_the_service(
    ask: Ask, service: Running, page_file: Path
) -> None:
    with pytest.raises(errors.ServiceInputError, match=r"query\.textDetThresh: Input should be"):
        ask(service.url, "ocr", page_file, text_det_thresh=-1)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    "options",
    [{"timeout": 0}, {"timeout": float("inf")}, {"retries": -1}, {"retries": True}],
)
def test_arguments_of_a_client_are_checked(kind: Any, options: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidOptionError, match=next(iter(options))):
        kind(**options)


# ---- URLs ----------------------------------------------------------------------------------------


def test_a_url_is_fetched_by_the_service(
    ask: Ask, make_service: MakeService, make_ocr: MakeOCR, page_file: Path, ocr: PaddleOCR
) -> None:
    running = make_service(lambda: make_ocr(allow_private_urls=True), allow_urls=True)
    with serving() as web:
        url = web.serve("/page.png", page_file.read_bytes())
        (page,) = ask(running.url, "ocr", url).pages
    assert page == pruned(ocr.predict(page_file)[0])
    assert page.pictures == {}


def test_a_service_may_fetch_no_urls(ask: Ask, service: Running) -> None:
    with pytest.raises(errors.InputError, match="this service fetches no URLs"):
        ask(service.url, "ocr", "http://localhost/page.png")


def test_a_url_cannot_be_streamed(ask: Ask) -> None:
    with pytest.raises(errors.InputError, match="a URL cannot be streamed"):
        ask(NO_SERVICE, "stream", "http://localhost/page.pdf")


# ---- files that are refused ----------------------------------------------------------------------


def test_files_that_cannot_be_opened(ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(errors.InputNotFoundError, match=r"missing\.png: no such file"):
        ask(NO_SERVICE, "ocr", tmp_path / "missing.png")
    with pytest.raises(errors.InputError, match="cannot be read"):
        ask(NO_SERVICE, "stream", tmp_path)
    with pytest.raises(errors.InputError, match="not a valid path"):
        ask(NO_SERVICE, "ocr", "a\0b")
    for nothing in (7, io.StringIO("text")):
        with pytest.raises(errors.InputError, match="is no file"):
            ask(NO_SERVICE, "ocr", nothing)


@pytest.mark.parametrize("method", ["ocr", "stream"])
def test_a_file_that_cannot_be_read(ask: Ask, service: Running, method: str) -> None:
    with pytest.raises(ValueError, match="Invalid input file") as raised:
        ask(service.url, method, b"nonsense", log_id="bad file")
    error = raised.value
    assert isinstance(error, errors.ServiceInputError)
    assert isinstance(error, errors.InputError)
    assert (error.status, error.log_id, error.retry_after) == (422, "bad file", None)
    assert str(error) == f"{error.message} (status 422, log id bad file)"


def test_a_file_that_is_too_large(ask: Ask, make_service: MakeService, page_file: Path) -> None:
    running = make_service(max_body_bytes=1000)
    with pytest.raises(errors.ServiceInputError, match="larger than the 1000 bytes") as raised:
        ask(running.url, "ocr", page_file)
    assert raised.value.status == 413


def test_errors_can_be_sent_between_processes() -> None:
    error = errors.ServiceUnavailableError(503, "busy", "name", 2.0)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is errors.ServiceUnavailableError
    assert vars(again) == vars(error)
    assert str(again) == "busy (status 503, log id name)"
    assert str(errors.ServiceError(502, "Bad Gateway")) == "Bad Gateway (status 502)"


# ---- access --------------------------------------------------------------------------------------


def test_a_key(ask: Ask, make_service: MakeService, page_file: Path) -> None:
    running = make_service(api_key="secret")
    for key in (None, "wrong"):
        with pytest.raises(errors.ServiceError, match="valid API key") as raised:
            ask(running.url, "ocr", page_file, made={"api_key": key})
        assert raised.value.status == 401
        assert not isinstance(raised.value, errors.InputError)
    for key in ("secret", "secret\n"):
        assert ask(running.url, "ocr", page_file, made={"api_key": key}).pages[0].ok
    assert ask(running.url, "info")["auth"] is True


# ---- services that take no work ------------------------------------------------------------------


def test_a_service_that_is_loading(
    ask: Ask, make_service: MakeService, borrowed: Callable[[], PaddleOCR], page_file: Path
) -> None:
    loaded = threading.Event()

    def load() -> PaddleOCR:
        assert loaded.wait(LONG)
        return borrowed()

    running = make_service(load, ready=False)
    try:
        assert ask(running.url, "ready") is False
        assert ask(running.url, "info")["switches"] is None
        with pytest.raises(errors.ServiceUnavailableError, match="loading") as raised:
            ask(running.url, "ocr", page_file, made={"retries": 0})
        assert (raised.value.status, raised.value.retry_after) == (503, 5.0)
    finally:
        loaded.set()
    wait_until(lambda: ask(running.url, "ready"))


@pytest.mark.parametrize("method", ["ocr", "stream"])
def test_a_busy_service_is_asked_again(
    ask: Ask, make_gated: MakeGated, page_file: Path, method: str
) -> None:
    running, gated = make_gated(queue_size=0, pages_at_once=1)
    with waiting_request(running, gated, page_file):
        with pytest.raises(errors.ServiceUnavailableError, match="busy") as raised:
            ask(running.url, method, page_file, made={"retries": 0})
        assert raised.value.retry_after == 1
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(ask, running.url, method, page_file)
            wait_until(lambda: refusals(running) == 2)
            gated.gate.set()
            pages = answer.result(LONG)
    (page,) = pages if method == "stream" else pages.pages
    assert page.ok


def answering(*answers: httpx.Response) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """A connection to a service that gives these answers, the last one a few times more."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert len(requests) < 10
        given = answers[min(len(requests), len(answers) - 1)]
        requests.append(request)
        # Each has a body of its own to be read.
        return httpx.Response(given.status_code, headers=given.headers, content=given.content)

    return httpx.MockTransport(answer), requests


@pytest.mark.parametrize("method", ["ocr", "stream", "info"])
def test_retries_end(ask: Ask, method: str) -> None:
    arguments = () if method == "info" else (b"file",)
    transport, requests = answering(httpx.Response(503, headers={"Retry-After": "0"}))
    with pytest.raises(errors.ServiceUnavailableError, match="Service Unavailable"):
        ask(NO_SERVICE, method, *arguments, made={"retries": 2, "transport": transport})
    assert len(requests) == 3
    assert len({request.content for request in requests}) == 1


def test_pauses_are_those_the_service_asks_for(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PAUSE_SECONDS", 0.25)
    pauses = client._Pauses(9)
    for asked, least in ((2.0, 2.0), (None, 0.25), (60.0, 60.0)):
        error = errors.ServiceUnavailableError(503, "busy", None, asked)
        waits = [pauses.after(error) for _ in range(3)]
        assert all(least <= wait <= 1.5 * least for wait in waits)
        assert len(set(waits)) > 1
    # Longer than a minute is for the caller to wait.
    transport, requests = answering(httpx.Response(503, headers={"Retry-After": "61"}))
    with pytest.raises(errors.ServiceUnavailableError) as raised:
        ask(NO_SERVICE, "ocr", b"file", made={"transport": transport})
    assert (raised.value.retry_after, len(requests)) == (61, 1)


@pytest.mark.parametrize("status", [401, 408, 422, 500, 502])
def test_nothing_else_is_tried_again(ask: Ask, status: int) -> None:
    transport, requests = answering(httpx.Response(status, headers={"Retry-After": "0"}))
    with pytest.raises(errors.ServiceError) as raised:
        ask(NO_SERVICE, "ocr", b"file", made={"transport": transport})
    assert (raised.value.status, len(requests)) == (status, 1)


# ---- time and connections ------------------------------------------------------------------------


def test_the_service_stops_when_the_time_of_the_client_is_over(
    ask: Ask, make_gated: MakeGated, page_file: Path
) -> None:
    running, _ = make_gated()
    for method in ("ocr", "stream"):
        with pytest.raises(errors.ServiceError, match=r"longer than the 0\.2 s") as raised:
            ask(running.url, method, page_file, made={"timeout": 0.2})
        assert raised.value.status == 408
    wait_until(lambda: running.service.admission.requests == 0)


def test_without_a_limit_that_of_the_service_counts(
    ask: Ask, make_gated: MakeGated, page_file: Path
) -> None:
    running, _ = make_gated(timeout=0.3)
    with pytest.raises(errors.ServiceError, match=r"longer than the 0\.3 s"):
        ask(running.url, "ocr", page_file, made={"timeout": None})


def test_a_service_that_is_silent(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_MARGIN_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(httpx.ReadTimeout):
            ask(url, "ocr", b"file", made={"timeout": 0.1})


def test_a_service_that_is_not_there(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    for method, *arguments in (("ocr", b"file"), ("stream", b"file"), ("info",), ("ready",)):
        with pytest.raises(httpx.ConnectError):
            ask(url, method, *arguments)


def in_work(running: Running) -> int:
    count: int = running.service.admission.requests
    return count


def test_closing_a_stream_ends_the_work(make_gated: MakeGated, document: Path) -> None:
    running, gated = make_gated(free=1, pages_at_once=1)
    with Client(running.url) as one:
        pages = one.stream(document)
        assert next(pages).ok
        assert in_work(running) == 1
        pages.close()
        wait_until(lambda: in_work(running) == 0)
    gated.gate.set()
    wait_until(lambda: running.service.admission.pages == 0)
    assert gated.begun < 3


def run_for(work: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine, which may not take for ever."""
    asyncio.run(asyncio.wait_for(work, LONG))


def test_leaving_an_asynchronous_stream_ends_the_work(
    make_gated: MakeGated, document: Path
) -> None:
    running, gated = make_gated(free=1, pages_at_once=1)

    async def leave() -> None:
        async with AsyncClient(running.url) as one, aclosing(one.stream(document)) as pages:
            async for page in pages:
                assert page.ok
                break
        await asyncio.to_thread(wait_until, lambda: in_work(running) == 0)

    run_for(leave())
    gated.gate.set()
    wait_until(lambda: running.service.admission.pages == 0)
    assert gated.begun < 3


def test_a_cancelled_task_ends_the_work(make_gated: MakeGated, page_file: Path) -> None:
    running, gated = make_gated()

    async def cancel() -> None:
        async with AsyncClient(running.url) as one:
            task = asyncio.ensure_future(one.ocr(page_file))
            await asyncio.to_thread(wait_until, lambda: gated.begun)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(wait_until, lambda: in_work(running) == 0)

    run_for(cancel())


def test_threads_and_tasks_share_a_client(service: Running, page_file: Path) -> None:
    with Client(service.url) as one, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(one.ocr, [page_file] * 8))

    async def gather() -> list[Any]:
        async with AsyncClient(service.url) as many:
            return await asyncio.gather(*(many.ocr(page_file) for _ in range(8)))

    answers += asyncio.run(gather())
    assert all(answer.pages == answers[0].pages for answer in answers)
    assert len({answer.log_id for answer in answers}) == 16


# ---- what the service is -------------------------------------------------------------------------


def test_info_and_ready(ask: Ask, service: Running) -> None:
    assert ask(service.url, "ready") is True
    with service.client() as plain:
        assert ask(service.url, "info") == plain.get("/info").json()


@pytest.mark.parametrize("prefix", ["", "/", "/texts", "/texts/"])
def test_a_service_behind_a_path(ask: Ask, prefix: str) -> None:
    transport, requests = answering(httpx.Response(200, json={"version": "1"}))
    made = {"transport": transport, "headers": {"X-Mine": "yes"}, "api_key": "k", "timeout": 7}
    assert ask(NO_SERVICE + prefix, "info", made=made) == {"version": "1"}
    (request,) = requests
    assert str(request.url) == NO_SERVICE + prefix.rstrip("/") + "/info"
    assert request.headers["x-mine"] == "yes"
    assert request.headers["authorization"] == "Bearer k"
    assert request.headers["x-request-timeout"] == "7"


# ---- answers that no service gives ---------------------------------------------------------------


def test_an_answer_of_a_proxy(ask: Ask) -> None:
    answer = httpx.Response(502, html="<h1>nobody there</h1>", headers={"X-Request-Id": "abc"})
    transport, _ = answering(answer)
    for method, *arguments in (("ocr", b"file"), ("stream", b"file"), ("info",), ("ready",)):
        with pytest.raises(errors.ServiceError) as raised:
            ask(NO_SERVICE, method, *arguments, made={"transport": transport})
        error = raised.value
        assert (error.status, error.message, error.log_id) == (502, "Bad Gateway", "abc")


@pytest.mark.parametrize(
    "content",
    [b"", b"<h1>hello</h1>", b"[]", b"{}", b'{"logId": "1", "result": {}}', b"7", b"[" * 9999],
)
def test_an_answer_of_something_else(ask: Ask, content: bytes) -> None:
    transport, _ = answering(httpx.Response(200, content=content))
    with pytest.raises(errors.ServiceError, match="no answer of fastocr's service"):
        ask(NO_SERVICE, "ocr", b"file", made={"transport": transport})
    with pytest.raises(errors.ServiceError, match=r"no answer of fastocr's service|broke off"):
        ask(NO_SERVICE, "stream", b"file", made={"transport": transport})


def page_line(index: int, *texts: str) -> dict[str, Any]:
    result = {"prunedResult": {"rec_texts": [*texts]}, "width": 3, "height": 2}
    return {"logId": "x", "pageIndex": index, "result": result, "errorCode": 0, "errorMsg": ""}


def stream_of(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


END = {"logId": "x", "done": True, "result": {}, "errorCode": 0, "errorMsg": "Success"}


def nodes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the parts of a JSON value are, itself first."""
    yield path
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, child in value.items():
            yield from nodes(child, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], part: Any) -> Any:
    """A copy of a JSON value with another part at a place."""
    if not path:
        return part
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], part)
    return copy


PAGES_ANSWER = {
    "logId": "x",
    "errorCode": 0,
    "errorMsg": "Success",
    "result": {
        "ocrResults": [
            {"prunedResult": {"rec_texts": ["a"]}, "ocrImage": "QUJD"},
            {"errorCode": 422, "errorMsg": "no page"},
        ],
        "dataInfo": {
            "type": "pdf",
            "pages": [{"width": 3, "height": 2}, {"width": 0, "height": 0}],
        },
    },
}


@pytest.mark.parametrize("part", [None, 7, -1e400, "text", [], ["text"], {}, {"a": 1}, True])
def test_a_part_of_an_answer_that_is_something_else(part: Any) -> None:
    """Wherever it is, what is raised is of our own tree."""
    for path in nodes(PAGES_ANSWER):
        content = json.dumps(replaced(PAGES_ANSWER, path, part)).encode()
        response = httpx.Response(200, content=content)
        assert isinstance(client._failure(response), errors.ServiceError)
        with suppress(errors.ServiceError):
            pages = client._answer(response).pages
            assert all(page.size is None or {*map(type, page.size)} <= {int} for page in pages)
    for line in (page_line(0, "a"), {**END, "errorCode": 422, "errorMsg": "no page"}):
        for path in nodes(line):
            lines = client._Lines()
            with suppress(errors.ServiceError):
                for page in lines.pages(stream_of(replaced(line, path, part))):
                    assert page.size is None or {*map(type, page.size)} <= {int}


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_lines_end_where_the_service_ends_them(size: int) -> None:
    """Not at what else counts as the end of a line, and wherever the network cuts them."""
    texts = ("a\u2028b", "\x85", "\x0b\x1c\n", "桜")
    content = stream_of(page_line(0, *texts), page_line(1), END)
    lines = client._Lines()
    pages: list[Page] = []
    for begin in range(0, len(content), size):
        pages += lines.pages(content[begin : begin + size])
    lines.end()
    assert [page["rec_texts"] for page in pages] == [list(texts), []]
    assert [page.size for page in pages] == [(3, 2), (3, 2)]


def collected(kind: str, content: bytes) -> tuple[list[Page], BaseException | None]:
    """The pages of a stream, and what ends it."""
    transport, _ = answering(httpx.Response(200, content=content))
    pages: list[Page] = []

    async def collect() -> None:
        async with AsyncClient(NO_SERVICE, transport=transport) as one:
            async for page in one.stream(b"file"):
                pages.append(page)

    try:
        if kind == "async":
            asyncio.run(collect())
        else:
            with Client(NO_SERVICE, transport=transport) as one:
                pages.extend(one.stream(b"file"))
    except errors.ServiceError as error:
        return pages, error
    return pages, None


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_stream_that_breaks_off(kind: str) -> None:
    pages, error = collected(kind, stream_of(page_line(0, "a")))
    assert [page["rec_texts"] for page in pages] == [["a"]]
    assert isinstance(error, errors.ServiceError)
    assert error.message == "The answer broke off"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_stream_whose_rest_cannot_be_read(kind: str) -> None:
    end = {"logId": "x", "done": True, "errorCode": 408, "errorMsg": "too long"}
    pages, error = collected(kind, stream_of(page_line(0, "a"), end))
    assert [page["rec_texts"] for page in pages] == [["a"]]
    assert isinstance(error, errors.ServiceError)
    assert (error.status, error.message, error.log_id) == (408, "too long", "x")


# ---- import --------------------------------------------------------------------------------------


def test_import_is_light(run_python: Callable[..., Any]) -> None:
    done = run_python("-c", "import sys, fastocr.client; print(*sys.modules, sep='\\n')")
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "httpx" in loaded
    assert {name for name in loaded if name.partition(".")[0] in ("cv2", "numpy", "PIL")} == set()
    own = {name for name in loaded if name.partition(".")[0] == "fastocr"}
    assert own == {"fastocr", "fastocr.client", "fastocr.errors", "fastocr.urls"}


def test_what_is_missing_is_named(run_python: Callable[..., Any]) -> None:
    done = run_python("-c", "import sys; sys.modules['httpx'] = None; import fastocr.client")
    assert "ImportError: fastocr.client needs the package httpx: pip install" in done.stderr
