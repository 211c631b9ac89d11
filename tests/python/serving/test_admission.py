"""Who may work when: the queue, deadlines, clients that go away, the begin and the end."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from fastocr import PaddleOCR
from fastocr.errors import ModelError
from fastocr.serving import parse_service_options, reading
from fastocr.serving.server import Server, run
from tests.python.serving.conftest import LONG, MakeService, Running, wait_until
from tests.python.serving.helpers import (
    GatedOCR,
    answer_of,
    callers,
    connection,
    document,
    get,
    head,
    picture,
    post,
    wait_until_noted,
    whole,
)

GATED = {"pages_at_once": 1, "queue_size": 1}


@pytest.fixture
def gated(ocr: PaddleOCR) -> GatedOCR:
    return GatedOCR(ocr)


def use(gated: GatedOCR) -> Callable[[], Any]:
    return lambda: gated


def in_queue(service: Running) -> int:
    return service.service.admission.requests


def idle(service: Running) -> bool:
    admission = service.service.admission
    return not (admission.requests or admission.pages or admission.pending_bytes)


# ---- the queue -----------------------------------------------------------------------------------


def test_full_queue_refuses_before_the_body_is_read(
    make_service: MakeService, gated: GatedOCR
) -> None:
    service = make_service(use(gated), **GATED)
    with callers() as call:
        taken = [call(post, service, "/ocr/file", picture()) for _ in range(2)]
        wait_until(lambda: in_queue(service) == 2)
        with connection(service) as one:
            one.sendall(head("/ocr/file", "Content-Length: 1000000", "Expect: 100-continue"))
            status, body = answer_of(one)
        assert status == 503
        assert "busy" in json.loads(body)["errorMsg"]
        for path, content in [("/ocr", b"{"), ("/ocr/file", picture()), ("/ocr/stream", b"")]:
            refused = post(service, path, content)
            assert refused.status_code == 503
            assert 1 <= int(refused.headers["retry-after"]) <= 60
        gated.let(2)
        assert [each.result(LONG).status_code for each in taken] == [200, 200]
    assert len(gated.begun) == 2
    wait_until(lambda: idle(service))


def test_the_service_can_be_watched_while_the_queue_is_full(
    make_service: MakeService, gated: GatedOCR
) -> None:
    service = make_service(use(gated), **GATED)
    with callers() as call, service.client() as client:
        taken = [call(post, service, "/ocr/file", picture()) for _ in range(2)]
        wait_until(lambda: in_queue(service) == 2)
        for path in ("/health", "/metrics", "/info", "/", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200
        metrics = client.get("/metrics").text
        for line in ("requests_in_work 2.0", "requests_waiting 1.0", "pages_in_work 1.0"):
            assert f"\nfastocr_{line}\n" in metrics
        gated.let(2)
        assert [each.result(LONG).status_code for each in taken] == [200, 200]


def test_an_image_does_not_wait_for_the_end_of_documents(
    make_service: MakeService, gated: GatedOCR
) -> None:
    service = make_service(use(gated), pages_at_once=2)
    documents, pages, image = 3, 40, 7
    with callers() as call:
        content = document([200] * pages, "TIFF")
        streams = [call(post, service, "/ocr/stream", content) for _ in range(documents)]

        def have_ended(count: int) -> bool:
            return gated.ended == count and len(gated.begun) == count + 2

        gated.let(10)
        wait_until(lambda: have_ended(10))
        alone = call(post, service, "/ocr/file", picture(image))
        wait_until(lambda: in_queue(service) == documents + 1)
        time.sleep(0.1)  # until its page waits, too
        for count in range(11, 11 + 3 * documents):  # each has three pages before it at most
            gated.let()
            wait_until(partial(have_ended, count))
        assert image in gated.begun
        gated.let(documents * pages)
        assert alone.result(LONG).status_code == 200
        for stream in streams:
            lines = stream.result(LONG).text.splitlines()
            assert [json.loads(line).get("pageIndex") for line in lines] == [*range(pages), None]


def test_pages_ahead_of_a_slow_one_are_few(make_service: MakeService, ocr: PaddleOCR) -> None:
    class SecondIsSlow(GatedOCR):
        def predict(self, image: Any, **options: Any) -> list[Any]:
            if int(image[0, 0, 0]) not in (2, 255):
                self.let()
            return super().predict(image, **options)

    slow = SecondIsSlow(ocr)
    service = make_service(use(slow), pages_at_once=8)
    with callers() as call:
        stream = call(post, service, "/ocr/stream", document([*range(1, 41)], "TIFF"))
        wait_until(lambda: slow.ended == 3)
        time.sleep(0.2)  # in which all others would begin
        assert sorted(slow.begun) == [1, 2, 3, 4]
        slow.let()
        assert len(stream.result(LONG).text.splitlines()) == 41


def test_large_requests_together_are_bounded(make_service: MakeService, gated: GatedOCR) -> None:
    content = picture() + bytes(50_000)
    service = make_service(
        use(gated), max_body_bytes=60_000, max_pending_bytes=80_000, pages_at_once=1
    )
    with callers() as call:
        taken = call(post, service, "/ocr/file", content)
        wait_until(lambda: len(gated.begun) == 1)
        with connection(service) as one:  # what its header says is enough
            one.sendall(head("/ocr/file", "Content-Length: 50000", "Expect: 100-continue"))
            assert answer_of(one)[0] == 503
        refused = post(service, "/ocr/file", content)
        assert refused.status_code == 503
        assert "retry-after" in refused.headers

        def pieces() -> Any:
            yield from (content[i : i + 5000] for i in range(0, len(content), 5000))

        with service.client() as client:  # without Content-Length
            assert client.post("/ocr/file", content=pieces()).status_code == 503
        gated.let(2)
        assert taken.result(LONG).status_code == 200
    assert post(service, "/ocr/file", content).status_code == 200
    wait_until(lambda: idle(service))


# ---- deadlines -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "fields"),
    [({"timeout": 0.2}, {}), ({}, {"X-Request-Timeout": "0.2"})],
    ids=["option", "header"],
)
def test_a_request_that_takes_too_long(
    make_service: MakeService, gated: GatedOCR, options: Any, fields: dict[str, str]
) -> None:
    service = make_service(use(gated), **GATED, **options)
    with callers() as call:
        late = [
            call(post, service, "/ocr/file", picture(), headers=fields).result(LONG)
            for _ in range(2)
        ]
        assert [answer.status_code for answer in late] == [408, 408]
        assert late[0].json()["errorMsg"] == "The request took longer than the 0.2 s allowed"
        # The first page keeps its thread; the second one has never begun. Both places are free.
        assert (len(gated.begun), service.service.admission.pages) == (1, 1)
        assert in_queue(service) == 0
        gated.let(2)
        wait_until(lambda: service.service.admission.pages == 0)
    assert len(gated.begun) == 1
    assert post(service, "/ocr/file", picture()).status_code == 200


@pytest.mark.parametrize("value", ["0", "-1", "nan", "soon", ""])
@pytest.mark.parametrize("path", ["/ocr", "/ocr/file", "/ocr/stream"])
def test_deadlines_that_are_none(client: httpx.Client, path: str, value: str) -> None:
    content = b'{"file":"AAAA","fileType":1}' if path == "/ocr" else picture()
    answer = client.post(path, content=content, headers={"X-Request-Timeout": value})
    assert answer.status_code == 422
    assert "X-Request-Timeout" in answer.json()["errorMsg"]


def test_a_header_cannot_lengthen_the_deadline(make_service: MakeService, gated: GatedOCR) -> None:
    service = make_service(use(gated), timeout=0.2)
    late = post(service, "/ocr/file", picture(), headers={"X-Request-Timeout": "inf"})
    assert late.status_code == 408
    gated.let()


def test_the_deadline_of_a_stream_is_that_of_each_page(
    make_service: MakeService, gated: GatedOCR
) -> None:
    service = make_service(use(gated), timeout=0.3)
    gated.let(2)
    answer = post(service, "/ocr/stream", document([200] * 6, "TIFF"))
    assert answer.status_code == 200  # it had begun
    *pages, last = map(json.loads, answer.text.splitlines())
    assert [page["pageIndex"] for page in pages] == [0, 1]
    assert (last["done"], last["errorCode"]) == (True, 408)
    assert "result" not in last
    begun = len(gated.begun)
    gated.let(10)
    wait_until(lambda: idle(service))
    assert len(gated.begun) == begun  # pages in work end, no further one begins
    wait_until_noted(service)
    metrics = get(service, "/metrics").text
    assert 'fastocr_requests_total{endpoint="/ocr/stream",outcome="timeout"} 1.0' in metrics


# ---- clients that go away ------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ocr/file", "/ocr/stream"])
def test_work_of_a_client_that_has_gone_while_it_waited_never_begins(
    make_service: MakeService, gated: GatedOCR, path: str
) -> None:
    service = make_service(use(gated), **GATED)
    with callers() as call:
        taken = call(post, service, "/ocr/file", picture(1))
        wait_until(lambda: gated.begun == [1])
        with connection(service) as one:
            one.sendall(whole(path, picture(2)))
            wait_until(lambda: in_queue(service) == 2)
        wait_until(lambda: in_queue(service) == 1)
        gated.let(2)
        assert taken.result(LONG).status_code == 200
    assert post(service, "/ocr/file", picture(3)).status_code == 200
    assert gated.begun == [1, 3]
    wait_until_noted(service)
    metrics = get(service, "/metrics").text
    assert f'fastocr_requests_total{{endpoint="{path}",outcome="cancelled"}} 1.0' in metrics


@pytest.mark.parametrize("path", ["/ocr/file", "/ocr/stream"])
def test_pages_of_a_client_that_has_gone_never_begin(
    make_service: MakeService, gated: GatedOCR, path: str
) -> None:
    service = make_service(use(gated), pages_at_once=1)
    with connection(service) as one:
        one.sendall(whole(path, document([1, 2, 3, 4, 5], "TIFF")))
        gated.let()
        wait_until(lambda: gated.begun == [1, 2])
    wait_until(lambda: in_queue(service) == 0)
    gated.let(10)
    wait_until(lambda: idle(service))
    assert gated.begun == [1, 2]
    assert post(service, "/ocr/file", picture(9)).status_code == 200


def test_pages_that_waited_for_the_file_never_begin(
    make_service: MakeService, gated: GatedOCR, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three pages have a thread, and wait for each other's decoding, when the client goes."""
    service = make_service(use(gated), pages_at_once=3)
    decoding, decoded = threading.Event(), threading.Event()
    iter_pages = reading.inputs.iter_pages

    def slow_pages(*arguments: Any) -> Any:
        for number, page in enumerate(iter_pages(*arguments)):
            if number == 1:
                decoding.set()
                assert decoded.wait(LONG)
            yield page

    monkeypatch.setattr(reading.inputs, "iter_pages", slow_pages)
    gated.let(10)
    with connection(service) as one:
        one.sendall(whole("/ocr/file", document([1, 2, 3, 4, 5], "TIFF")))
        wait_until(lambda: decoding.is_set() and service.service.admission.pages == 3)
    wait_until(lambda: in_queue(service) == 0)
    decoded.set()
    wait_until(lambda: idle(service))
    assert gated.begun == [1, 2]


def test_a_client_that_has_gone_while_it_sent(make_service: MakeService, gated: GatedOCR) -> None:
    service = make_service(use(gated))
    for path in ("/ocr", "/ocr/file"):
        with connection(service) as one:
            one.sendall(head(path, "Content-Length: 5000") + bytes(100))
            wait_until(lambda: service.service.admission.pending_bytes == 100)
        wait_until(lambda: idle(service))
    assert gated.begun == []


# ---- begin and end -------------------------------------------------------------------------------


def test_until_the_models_are_loaded_requests_are_refused(
    make_service: MakeService, gated: GatedOCR
) -> None:
    loaded = threading.Event()

    def load() -> Any:
        assert loaded.wait(LONG)
        return gated

    service = make_service(load, ready=False)
    with service.client() as client:
        for answer in (client.get("/health"), client.post("/ocr/file", content=picture())):
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 1
            assert "loading" in answer.json()["errorMsg"]
        assert client.get("/info").json()["switches"] is None
        assert "\nfastocr_ready 0.0\n" in client.get("/metrics").text
        loaded.set()
        wait_until(lambda: client.get("/health").status_code == 200)
        assert client.get("/info").json()["switches"] == {
            "useDocOrientationClassify": False,
            "useDocUnwarping": False,
            "useTextlineOrientation": False,
        }
        gated.let()
        assert client.post("/ocr/file", content=picture()).status_code == 200


@pytest.mark.parametrize("at_once", [True, False])
def test_models_that_cannot_be_loaded_end_the_service(at_once: bool) -> None:
    listening = threading.Event()

    def load() -> Any:
        if not at_once:
            assert listening.wait(LONG)
        raise ModelError("no such model")

    options = parse_service_options({"host": "127.0.0.1", "port": 0, "log_file": "/dev/null"})
    raised: list[BaseException] = []

    def serve() -> None:
        try:
            run(load, options)
        except ModelError as error:
            raised.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    listening.set()
    thread.join(LONG)
    assert not thread.is_alive()
    assert [str(error) for error in raised] == ["no such model"]


class Stopping:
    """A service on a thread that the test tells to stop, as a signal would."""

    def __init__(self, gated: GatedOCR, **options: Any) -> None:
        given = {"host": "127.0.0.1", "port": 0, **options}
        self.server = Server(use(gated), parse_service_options(given))
        self._thread = threading.Thread(target=self.server.run)

    def __enter__(self) -> Stopping:
        self._thread.start()
        wait_until(lambda: self.server.started and self.server.service.ready)
        self.running = Running(self.server, self.server.url)
        return self

    def stop(self) -> None:
        self.server.handle_exit(signal.SIGTERM, None)

    def ended(self) -> bool:
        return not self._thread.is_alive()

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self._thread.join(LONG)
        assert self.ended()


def test_the_end_waits_for_requests_in_work(gated: GatedOCR) -> None:
    with Stopping(gated, pages_at_once=1) as service, callers() as call:
        content = document([1, 2, 3], "TIFF")
        taken = [call(post, service.running, "/ocr/file", content) for _ in range(2)]
        wait_until(lambda: in_queue(service.running) == 2 and gated.begun)
        with service.running.client() as kept:
            assert kept.get("/health").status_code == 200
            service.stop()
            time.sleep(0.3)
            assert not service.ended()
        gated.let(6)
        assert [each.result(LONG).status_code for each in taken] == [200, 200]
        wait_until(service.ended)
    assert gated.closed
    with pytest.raises(httpx.ConnectError):
        post(service.running, "/ocr/file", picture())


def test_while_it_drains_the_service_listens_but_takes_nothing(gated: GatedOCR) -> None:
    with Stopping(gated, drain_delay=LONG) as service, callers() as call:
        taken = call(post, service.running, "/ocr/file", picture())
        wait_until(lambda: gated.begun)
        service.stop()
        with service.running.client() as client:
            for answer in (client.get("/health"), client.post("/ocr/file", content=picture())):
                assert answer.status_code == 503
                assert "stopping" in answer.json()["errorMsg"]
                assert "retry-after" in answer.headers
        gated.let()
        assert taken.result(LONG).status_code == 200
        assert not service.ended()
        service.stop()  # once more: at once
        wait_until(service.ended)


def test_a_request_that_was_being_sent_when_the_end_began_is_answered(gated: GatedOCR) -> None:
    with Stopping(gated) as service, connection(service.running) as one:
        content = picture()
        one.sendall(whole("/ocr/file", content)[:-10])
        wait_until(lambda: service.running.service.admission.pending_bytes)
        service.stop()
        gated.let()
        one.sendall(content[-10:])
        assert answer_of(one)[0] == 200
        wait_until(service.ended)


def test_what_lasts_longer_than_the_end_may_is_refused(gated: GatedOCR) -> None:
    with Stopping(gated, shutdown_timeout=0.3, pages_at_once=1) as service, callers() as call:
        taken = [call(post, service.running, "/ocr/file", picture()) for _ in range(2)]
        wait_until(lambda: in_queue(service.running) == 2 and gated.begun)
        service.stop()
        answers = [each.result(LONG) for each in taken]
        assert [answer.status_code for answer in answers] == [503, 503]
        assert answers[0].json()["errorMsg"] == "The service is stopping"
        assert not service.ended()  # the page in work cannot be interrupted
        gated.let()
        wait_until(service.ended)
    assert len(gated.begun) == 1
