"""What is refused, and what a refusal says: keys, sizes, times, URLs, names."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import socket
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from fastocr import PaddleOCR, http
from fastocr.errors import InferenceError
from fastocr.inputs import InputOptions
from tests.python.serving.conftest import LONG, MakeService, Running, running, wait_until
from tests.python.serving.helpers import (
    GatedOCR,
    all_that_comes,
    answer_of,
    callers,
    connection,
    document,
    get,
    head,
    is_cut_off,
    picture,
    post,
    wait_until_noted,
    whole,
)
from tests.python.web import Answer, WebServer, serving

KEY = "s3cret-key"


@pytest.fixture
def gated(ocr: PaddleOCR) -> GatedOCR:
    """Lets all pages pass."""
    one = GatedOCR(ocr)
    one.let(1000)
    return one


# ---- keys ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def locked(borrowed: Callable[[], PaddleOCR]) -> Iterator[httpx.Client]:
    with running(borrowed, api_key=KEY) as service, service.client() as client:
        yield client


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {KEY}"},
        {"X-API-Key": KEY},
        {"Authorization": "Basic dXNlcjpwYXNz", "X-API-Key": KEY},
        {"Authorization": "Bearer that-of-a-gateway", "X-API-Key": KEY},
    ],
)
def test_who_has_the_key(locked: httpx.Client, headers: dict[str, str]) -> None:
    assert locked.post("/ocr/file", content=picture(), headers=headers).status_code == 200
    assert locked.get("/metrics", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"X-API-Key", b"")],
        [(b"X-API-Key", b"s3cret-ke")],
        [(b"X-API-Key", KEY.upper().encode())],
        [(b"X-API-Key", b"\xff\xfe" + KEY.encode())],
        [(b"Authorization", KEY.encode())],
        [(b"Authorization", b"Basic " + KEY.encode())],
        [(b"Authorization", b"Bearer")],
        [(b"Authorization", b"Bearer s3cret-key\xe9")],
        [(b"Authorization", b"Bearer other"), (b"X-API-Key", b"other")],
    ],
)
@pytest.mark.parametrize("path", ["/ocr", "/ocr/file", "/ocr/stream", "/metrics"])
def test_who_has_not(locked: httpx.Client, path: str, headers: Any) -> None:
    method = "GET" if path == "/metrics" else "POST"
    answer = locked.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["errorCode"] == 401
    assert KEY not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/openapi.json", "/health", "/info", "/static-offline-docs/swagger-ui.css"],
)
def test_what_needs_no_key(locked: httpx.Client, path: str) -> None:
    assert locked.get(path).status_code == 200


def test_without_a_key_the_body_is_not_read(locked: httpx.Client) -> None:
    with socket.create_connection((locked.base_url.host, locked.base_url.port), LONG) as one:
        one.sendall(head("/ocr/file", "Content-Length: 1000", "Expect: 100-continue"))
        assert answer_of(one)[0] == 401


def test_services_say_whether_they_have_a_key(locked: httpx.Client, client: httpx.Client) -> None:
    assert (locked.get("/info").json()["auth"], client.get("/info").json()["auth"]) == (True, False)
    described = locked.get("/openapi.json").json()
    assert described["paths"]["/ocr"]["post"]["security"] == [{"bearer": []}, {"header": []}]
    assert "security" not in described["paths"]["/health"]["get"]


# ---- sizes ---------------------------------------------------------------------------------------


def test_bodies_that_are_too_large(make_service: MakeService, gated: GatedOCR) -> None:
    service = make_service(lambda: gated, max_body_bytes=10_000)
    fits = picture() + bytes(10_000 - len(picture()))
    assert post(service, "/ocr/file", fits).status_code == 200
    pieces = (fits[i : i + 1000] for i in range(0, len(fits), 1000))
    for content in (fits + b"1", iter([*pieces, b"1"])):  # by Content-Length, and in chunks
        answer = post(service, "/ocr/file", content)  # type: ignore[arg-type]
        assert answer.status_code == 413
        assert answer.json()["errorMsg"] == "The request is larger than the 10000 bytes allowed"
    answer = post(service, "/ocr", json.dumps({"file": "A" * 10_000, "fileType": 1}).encode())
    assert answer.status_code == 413


def test_a_body_that_is_said_to_be_too_large_is_not_read(service: Running) -> None:
    with connection(service) as one:
        one.sendall(head("/ocr/file", f"Content-Length: {2**40}", "Expect: 100-continue"))
        assert answer_of(one)[0] == 413


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_compressed_bodies(client: httpx.Client, encoding: str) -> None:
    answer = client.post("/ocr/file", content=b"x", headers={"Content-Encoding": encoding})
    assert answer.status_code == 415


def test_a_body_that_says_that_it_is_not_compressed(client: httpx.Client) -> None:
    headers = {"Content-Encoding": "Identity"}
    assert client.post("/ocr/file", content=picture(), headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[" * 20_000, "more than 10000 values"),
        (b'{"file":"AAAA","other":[' + b"{}," * 20_000 + b"{}]}", "more than 10000 values"),
        # Python 3.13 can read values nested so deep; then the file is refused.
        (
            b'{"file":"AAAA","other":' + b"[" * 5000 + b"]" * 5000 + b"}",
            "cannot be read" if sys.version_info < (3, 13) else "File type cannot be determined",
        ),
        (b'{"file":"AAAA","fileType":1' + b"0" * 10_000 + b"}", "cannot be read"),
        (b'{"file":"AAAA\xff","fileType":1}', "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
    ids=["brackets", "values", "depth", "digits", "no utf-8", "no text"],
)
def test_json_that_costs_more_than_it_says(client: httpx.Client, body: bytes, message: str) -> None:
    answer = client.post("/ocr", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert message in answer.json()["errorMsg"]


def test_names_that_clients_make_up_are_cut(client: httpx.Client) -> None:
    form = {"n" * 500: "1"}
    answer = client.post("/ocr/file", files={"file": picture()}, data=form)
    (problem,) = json.loads(answer.json()["errorMsg"])
    assert problem["loc"] == "body." + "n" * 64


def test_pictures_with_too_many_pixels(
    make_service: MakeService, gated: GatedOCR, client: httpx.Client
) -> None:
    bomb = bytearray(picture())
    struct.pack_into(">II", bomb, 16, 60_000, 60_000)
    struct.pack_into(">I", bomb, 29, zlib.crc32(bomb[12:29]))
    answer = client.post("/ocr/file", content=bytes(bomb))
    assert answer.status_code == 422
    assert "60000 x 60000 pixels are more than the 178956970 allowed" in answer.json()["errorMsg"]
    gated.input_options = InputOptions(max_pixels=40 * 40 - 1)
    service = make_service(lambda: gated)
    assert post(service, "/ocr/file", picture()).status_code == 422
    assert get(service, "/info").json()["limits"]["maxPixels"] == 40 * 40 - 1
    assert post(service, "/ocr/file", document([1, 2])).status_code == 200  # made smaller


@pytest.mark.parametrize("kind", ["PDF", "TIFF"])
@pytest.mark.parametrize("path", ["/ocr/file", "/ocr/stream"])
def test_documents_with_too_many_pages(
    make_service: MakeService, gated: GatedOCR, kind: str, path: str
) -> None:
    service = make_service(lambda: gated, max_pages=3)
    assert post(service, path, document([200] * 3, kind)).status_code == 200
    answer = post(service, path, document([200] * 4, kind))
    assert answer.status_code == 422
    assert "more than the 3 pages allowed" in answer.json()["errorMsg"]
    assert len(gated.begun) == 3


# ---- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ocr", "/ocr/file", "/ocr/stream"])
def test_bodies_that_come_slowly(make_service: MakeService, gated: GatedOCR, path: str) -> None:
    service = make_service(lambda: gated, body_timeout=0.2)
    with connection(service) as one:
        one.sendall(head(path, "Content-Length: 1000") + b"x")
        status, body = answer_of(one)
    assert status == 408
    assert json.loads(body)["errorMsg"] == "The request was not sent within 0.2 s"
    assert service.service.admission.requests == 0


def test_forms_that_come_slowly(make_service: MakeService, gated: GatedOCR) -> None:
    service = make_service(lambda: gated, body_timeout=0.2)
    with connection(service) as one:
        fields = ("Content-Length: 1000", "Content-Type: multipart/form-data; boundary=b")
        one.sendall(head("/ocr/file", *fields) + b'--b\r\nContent-Disposition: form-data; name="f')
        assert answer_of(one)[0] == 408


@pytest.fixture
def hasty(make_service: MakeService, gated: GatedOCR) -> Running:
    """A service that does not wait for its clients."""
    return make_service(lambda: gated, idle_timeout=0.3)


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nHost: here\r\n"])
def test_headers_that_do_not_come(hasty: Running, sent: bytes) -> None:
    with connection(hasty) as one:
        one.sendall(sent)
        assert all_that_comes(one) == b""


def test_a_header_that_comes_drop_by_drop(hasty: Running) -> None:
    with connection(hasty) as one:
        assert is_cut_off(one, b"G")


def test_the_second_header_of_a_connection(hasty: Running) -> None:
    with connection(hasty) as one:
        one.sendall(head("/health", method="GET"))
        assert answer_of(one)[0] == 200
        one.sendall(b"GET /hea")
        assert all_that_comes(one) == b""


def test_a_body_that_nobody_wants_any_more(hasty: Running) -> None:
    with connection(hasty) as one:
        one.sendall(head("/nowhere", "Content-Length: 1000000"))
        assert answer_of(one)[0] == 404
        assert is_cut_off(one, b"x")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /health HTTP/1.1\r\nX-Long: " + b"x" * 400_000,
        b"GET /" + b"x" * 400_000,
        whole("/nowhere", b"")[:-2] + b"X: y\r\n" * 80_000,
        head("/nowhere", "Transfer-Encoding: chunked") + b"1;" + b"x" * 400_000,
        head("/nowhere", "Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\nX: " + b"x" * 400_000,
    ],
    ids=["field", "path", "fields", "extension of a chunk", "trailer"],
)
def test_headers_without_end(service: Running, sent: bytes) -> None:
    with connection(service) as one:
        assert is_cut_off(one, sent)


def test_requests_one_behind_the_other_are_no_long_header(service: Running) -> None:
    """A body as large as any header, and many requests at once, on one connection."""
    with connection(service) as one:
        one.sendall(whole("/ocr/file", bytes(300_000)))
        assert answer_of(one)[0] == 422
        one.sendall(head("/health", method="GET") * 100)
        received = b""
        while received.count(b"HTTP/1.1 200") < 100:
            part = one.recv(1 << 16)
            assert part
            received += part


def test_a_request_that_waited_for_another_one_has_its_time(
    make_service: MakeService, ocr: PaddleOCR
) -> None:
    """On one connection; its header is there already when the first one is answered."""
    gated = GatedOCR(ocr)
    service = make_service(lambda: gated, idle_timeout=0.3)
    with connection(service) as one:
        one.sendall(head("/health", method="GET") + whole("/ocr/file", picture()))
        assert answer_of(one)[0] == 200
        wait_until(lambda: gated.begun)
        time.sleep(0.6)
        gated.let()
        assert answer_of(one)[0] == 200


def test_a_client_that_takes_nothing_of_a_stream(
    make_service: MakeService, gated: GatedOCR
) -> None:
    service = make_service(lambda: gated, idle_timeout=0.3)
    noise = np.random.default_rng(1).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    pages = [Image.fromarray(noise)] * 20
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    with connection(service, receive_buffer=4096) as one:
        one.sendall(whole("/ocr/stream?visualize=true", out.getvalue()))
        wait_until(lambda: gated.begun)
        wait_until(lambda: not service.server.server_state.connections)
    wait_until(lambda: service.service.admission.requests == 0)
    assert len(gated.begun) < 20


def test_a_client_that_takes_nothing_of_its_answer(
    make_service: MakeService, borrowed: Callable[[], PaddleOCR]
) -> None:
    service = make_service(borrowed, idle_timeout=0.3)
    noise = np.random.default_rng(1).integers(0, 256, (2500, 2500, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "BMP")
    with connection(service, receive_buffer=4096) as one:
        one.sendall(whole("/ocr/file?visualize=true&textDetLimitSideLen=64", out.getvalue()))
        wait_until(lambda: service.server.server_state.total_requests == 1)
        wait_until(lambda: not service.server.server_state.connections)
    assert service.service.admission.pending_bytes == 0


def test_a_client_that_takes_its_answer_slowly_gets_it(
    make_service: MakeService, borrowed: Callable[[], PaddleOCR]
) -> None:
    service = make_service(borrowed, idle_timeout=0.5)
    noise = np.random.default_rng(1).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "BMP")
    with connection(service, receive_buffer=4096) as one:
        one.sendall(whole("/ocr/file?visualize=true&textDetLimitSideLen=64", out.getvalue()))
        received, begin = b"", time.monotonic()
        while time.monotonic() < begin + 2 or not received:  # much longer than it would wait
            received += one.recv(1 << 14)
            time.sleep(0.01)
        length = int(re.search(rb"content-length: (\d+)", received)[1])  # type: ignore[index]
        total = received.index(b"\r\n\r\n") + 4 + length
        assert len(received) < total
        while len(received) < total:
            part = one.recv(1 << 20)
            assert part
            received += part


# ---- what refusals say ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("abc.DEF:1_2-3", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("a b", False),
        ("a/b", False),
        ("é", False),
        ('"', False),
    ],
)
def test_request_ids(client: httpx.Client, given: str, taken: bool) -> None:
    headers = [(b"X-Request-Id", given.encode("latin-1"))]
    for answer in (
        client.get("/health", headers=headers),
        client.get("/nowhere", headers=headers),
        client.post("/ocr", content=b"{", headers=headers),
    ):
        own = answer.headers["x-request-id"]
        assert (own == given) is taken
        assert re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", own)
        assert answer.json()["logId"] == own


# What errors must not tell of: paths, classes, traces.
TELLTALE = re.compile(r"/(usr|home|tmp|root|secret)|site-packages|\.py\b|Traceback|Error\b")


@pytest.mark.parametrize(
    "failure", [RuntimeError("/secret/path"), InferenceError("/secret/path failed"), KeyError("x")]
)
@pytest.mark.parametrize("path", ["/ocr", "/ocr/file", "/ocr/stream"])
def test_mistakes_of_the_service(
    make_service: MakeService,
    gated: GatedOCR,
    caplog: pytest.LogCaptureFixture,
    failure: Exception,
    path: str,
) -> None:
    gated.failure = failure
    service = make_service(lambda: gated)
    content = picture()
    if path == "/ocr":
        file = base64.b64encode(content).decode()
        content = json.dumps({"file": file, "fileType": 1}).encode()
    answer = post(service, path, content, headers={"X-Request-Id": "here"})
    assert answer.status_code == 500
    assert answer.json() == {"logId": "here", "errorCode": 500, "errorMsg": "Internal server error"}
    assert answer.headers["x-request-id"] == "here"
    traces = [record for record in caplog.records if record.exc_info]
    assert traces
    assert str(failure) in logging.Formatter().formatException(traces[0].exc_info)  # type: ignore[arg-type]
    gated.failure = None
    assert post(service, "/ocr/file", picture()).status_code == 200
    wait_until_noted(service)
    metrics = get(service, "/metrics").text
    assert f'fastocr_requests_total{{endpoint="{path}",outcome="error"}} 1.0' in metrics


def test_a_mistake_in_the_middle_of_a_stream(
    make_service: MakeService, ocr: PaddleOCR, caplog: pytest.LogCaptureFixture
) -> None:
    class FailsAtThree(GatedOCR):
        def predict(self, image: Any, **options: Any) -> list[Any]:
            if int(image[0, 0, 0]) == 3:
                raise RuntimeError("/secret/path")
            return super().predict(image, **options)

    failing = FailsAtThree(ocr)
    failing.let(100)
    service = make_service(lambda: failing)
    answer = post(service, "/ocr/stream", document([1, 2, 3, 4, 5], "TIFF"))
    *pages, last = map(json.loads, answer.text.splitlines())
    assert answer.status_code == 200
    assert [page["pageIndex"] for page in pages] == [*range(len(pages))]
    assert last == {
        "logId": answer.headers["x-request-id"],
        "done": True,
        "errorCode": 500,
        "errorMsg": "Internal server error",
    }
    assert "/secret/path" in caplog.text
    assert post(service, "/ocr/file", document([1, 2, 3], "TIFF")).status_code == 500


@pytest.mark.parametrize(
    ("path", "content", "fields"),
    [
        ("/ocr/file", b"no image", {}),
        ("/ocr/file", b"%PDF-1.4 nothing", {}),
        ("/ocr/file", b"II*\0nothing", {}),
        ("/ocr/file", b"", {}),
        ("/ocr/file?fileType=7", b"x", {}),
        ("/ocr/file?some=1", b"x", {}),
        ("/ocr/file", b"x", {"Content-Type": "multipart/form-data"}),
        ("/ocr/file", b"x", {"Content-Type": "multipart/form-data; boundary=y"}),
        ("/ocr/file", b"--y--", {"Content-Type": "multipart/form-data; boundary=y"}),
        ("/ocr/stream", picture()[:60], {}),
        ("/ocr", b'{"file":"/etc/passwd","fileType":1}', {}),
        ("/ocr", b'{"file":"file:///etc/passwd","fileType":1}', {}),
        ("/ocr", b"[]", {}),
        ("/nowhere", b"", {}),
        ("/page/%2e%2e/app.py", b"", {}),
    ],
)
def test_refusals_tell_nothing_of_the_server(
    client: httpx.Client, path: str, content: bytes, fields: dict[str, str]
) -> None:
    answer = client.post(path, content=content, headers=fields)
    assert answer.status_code in (404, 405, 422)
    assert set(answer.json()) == {"logId", "errorCode", "errorMsg"}
    assert not TELLTALE.search(answer.text)


@pytest.mark.parametrize(
    "path", ["/page/../app.py", "/page/%2e%2e/app.py", "/page//etc/passwd", "/page/..%2fapp.py"]
)
def test_assets_are_those_of_the_page(service: Running, path: str) -> None:
    with connection(service) as one:
        one.sendall(head(path, method="GET"))
        assert answer_of(one)[0] == 404


# ---- URLs ----------------------------------------------------------------------------------------


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serving() as server:
        yield server


def fetch(service: Running, url: str, **fields: Any) -> httpx.Response:
    body = {"file": url, "visualize": False, **fields}
    return post(service, "/ocr", json.dumps(body).encode())


def test_urls_are_not_fetched_unless_it_is_allowed(
    make_service: MakeService, gated: GatedOCR, web: WebServer
) -> None:
    url = web.serve("/a.png", picture())
    service = make_service(lambda: gated)
    answer = fetch(service, url)
    assert answer.status_code == 422
    assert "fetches no URLs" in answer.json()["errorMsg"]
    assert get(service, "/info").json()["urls"] is False
    assert web.requests == []


def test_urls(make_service: MakeService, gated: GatedOCR, web: WebServer) -> None:
    service = make_service(lambda: gated, allow_urls=True)
    assert get(service, "/info").json()["urls"] is True
    image = web.serve("/a.png", picture(1))
    pages = web.serve("/b.pdf", document([1, 2]))
    assert fetch(service, image).json()["result"]["dataInfo"]["type"] == "image"
    assert fetch(service, pages + "?page=1").json()["result"]["dataInfo"]["type"] == "pdf"
    for url, message in [
        (web.url("/missing.png"), "404"),
        (web.serve("/c.png", b"no image"), "not an image"),
        (web.serve("/d.txt", picture()), "Unsupported file type"),
        (web.serve("/e.pdf", picture()), "it is not a PDF"),
        ("http://127.0.0.1:1/a.png", "refused"),
        ("http://[::1/a.png", "no valid URL"),
        ("http://no.such.host.invalid/a.png", "no.such.host.invalid"),
    ]:
        answer = fetch(service, url)
        assert answer.status_code == 422, url
        assert message in answer.json()["errorMsg"]
    assert fetch(service, web.serve("/d.txt", picture()), fileType=1).status_code == 200
    wait_until(lambda: service.service.admission.pending_bytes == 0)


NOT_PUBLIC = "Invalid input file: the URL leads to an address that is not public"


def test_private_addresses_are_refused(
    make_service: MakeService, gated: GatedOCR, web: WebServer
) -> None:
    gated.input_options = InputOptions()
    service = make_service(lambda: gated, allow_urls=True)
    port = web.server_address[1]
    web.serve("/a.png", picture())
    for host in ("127.0.0.1", "localhost", "[::1]", "0x7f.1", "169.254.169.254", "10.0.0.1"):
        answer = fetch(service, f"http://{host}:{port}/a.png")
        assert answer.status_code == 422
        assert answer.json()["errorMsg"] == NOT_PUBLIC
    assert web.requests == []


def test_redirections_are_checked(
    make_service: MakeService, gated: GatedOCR, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first server passes for a public one; it leads to the address of another."""
    monkeypatch.setattr(http, "_is_public", lambda address: address == "127.0.0.1")
    gated.input_options = InputOptions()
    service = make_service(lambda: gated, allow_urls=True)
    web.serve("/secret.png", picture())
    answer = fetch(service, web.redirect("/a.png", web.url("/secret.png", host="127.0.0.2")))
    assert answer.status_code == 422
    assert answer.json()["errorMsg"] == NOT_PUBLIC
    assert [request.path for request in web.requests] == ["/a.png"]


def test_slow_downloads_keep_nobody_waiting(
    make_service: MakeService, gated: GatedOCR, web: WebServer
) -> None:
    """More than there are threads for them; deadlines hold, and other requests are answered."""
    held = threading.Event()
    web.answers["/slow.png"] = Answer((b"x", b"y"), pause=lambda: held.wait(LONG))
    service = make_service(lambda: gated, allow_urls=True)
    with callers() as call:
        url = web.url("/slow.png")
        slow = [call(fetch, service, url) for _ in range(50)]
        wait_until(lambda: service.service.downloads.busy == 32)
        assert post(service, "/ocr/file", b"no image").status_code == 422
        assert post(service, "/ocr/file", picture()).status_code == 200
        body = json.dumps({"file": url}).encode()
        late = post(service, "/ocr", body, headers={"X-Request-Timeout": "0.2"})
        assert late.status_code == 408
        held.set()
        assert {each.result(LONG).status_code for each in slow} == {422}


def test_a_download_counts_as_a_part_of_the_request(
    make_service: MakeService, gated: GatedOCR, web: WebServer
) -> None:
    service = make_service(
        lambda: gated, allow_urls=True, max_body_bytes=1000, max_pending_bytes=1000
    )
    assert fetch(service, web.serve("/a.png", picture())).status_code == 200
    assert fetch(service, web.serve("/b.png", picture() + bytes(1000))).status_code == 503
    wait_until(lambda: service.service.admission.pending_bytes == 0)
