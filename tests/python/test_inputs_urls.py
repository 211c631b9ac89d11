"""URLs as inputs, from a real server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fastocr.errors import InputError, InputNotFoundError
from fastocr.inputs import InputOptions, Page, iter_pages
from tests.python.web import Answer, WebServer, serving

HERE = InputOptions(allow_private_urls=True)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with serving() as running:
        yield running


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.fixture
def png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


def failure(source: object, options: InputOptions = HERE) -> InputError:
    (page,) = iter_pages(source, options)
    assert isinstance(page.error, InputError)
    return page.error


def document(tmp_path: Path, suffix: str) -> bytes:
    path = tmp_path / f"document{suffix}"
    pages = [Image.new("RGB", (40, 30), colour) for colour in ("white", "gray", "black")]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path.read_bytes()


@pytest.mark.parametrize(
    "path", ["/a.png", "/a", "/a.jpg", "/a.txt", "/a.php?id=5&name=b.pdf", "/a%20b.png", "/"]
)
def test_images(server: WebServer, image: np.ndarray, png: bytes, path: str) -> None:
    """The content decides, not the name; nothing has to be escaped that was not."""
    server.serve(path.partition("?")[0], png)
    url = server.url(path)
    (page,) = iter_pages(url, HERE)
    np.testing.assert_array_equal(page.image, image)
    assert (page.input_path, page.page_index, page.one_of_many) == (url, None, False)


@pytest.mark.parametrize("scheme", ["HTTP", "Http"])
def test_schemes_in_capitals(server: WebServer, png: bytes, scheme: str) -> None:
    url = server.serve("/a", png).replace("http", scheme)
    (page,) = iter_pages(url, HERE)
    assert page.error is None
    assert page.input_path == url


@pytest.mark.parametrize("suffix", [".pdf", ".tif"])
def test_documents(server: WebServer, tmp_path: Path, suffix: str) -> None:
    content = document(tmp_path, suffix)
    for path in (f"/scan{suffix}", "/download"):
        url = server.serve(path, content)
        pages = list(iter_pages(url + "?x=1", HERE))
        assert [page.page_index for page in pages] == [0, 1, 2]
        assert {page.input_path for page in pages} == {url + "?x=1"}
        assert [page.followed for page in pages] == [True, True, False]


def test_a_png_named_tif_has_an_index(server: WebServer, png: bytes) -> None:
    (page,) = iter_pages(server.serve("/a.TIF", png) + "?b.png", HERE)
    assert page.page_index == 0


def test_credentials_are_nowhere(server: WebServer, png: bytes) -> None:
    url = server.serve("/a.png", png)
    (page,) = iter_pages(server.url("/a.png", user="me:secret@"), HERE)
    assert page.input_path == url
    assert "Authorization" in server.requests[0].headers
    for path in ("/none", "/b.png"):
        server.serve("/b.png", b"junk")
        (page,) = iter_pages(server.url(path, user="me:secret@"), HERE)
        assert page.input_path == server.url(path)
        assert "secret" not in str(page.error)


def test_failures_stay_in_place(server: WebServer, png: bytes) -> None:
    good = server.serve("/a.png", png)
    sources = [good, server.url("/none"), "http://", good]
    pages: list[Page] = list(iter_pages(sources, HERE))
    assert [page.error is None for page in pages] == [True, False, False, True]
    assert [page.input_path for page in pages] == sources
    assert [page.one_of_many for page in pages] == [True] * 4


@pytest.mark.parametrize(("status", "kind"), [(404, True), (410, True), (403, False), (500, False)])
def test_status(server: WebServer, status: int, kind: bool) -> None:
    url = server.serve("/a.png", b"sorry", status=status)
    error = failure(url)
    assert isinstance(error, InputNotFoundError) == kind
    assert str(error).startswith(f"{url}: the server answered {status}")
    assert error.__traceback__ is None
    assert error.__context__ is None


def test_what_is_no_image(server: WebServer) -> None:
    assert "not an image" in str(failure(server.serve("/a.png", b"<html>log in</html>")))
    assert "the file is empty" in str(failure(server.serve("/b.png", b"")))
    assert "not a readable PDF" in str(failure(server.serve("/c.pdf", b"<html>")))


def test_private_addresses_are_refused(server: WebServer, png: bytes) -> None:
    """By number, by name, and whatever the answer would have been."""
    server.serve("/a.png", png)
    for host in ("127.0.0.1", "localhost"):
        error = failure(server.url("/a.png", host=host), InputOptions())
        assert "is not public; allow_private_urls=True allows it" in str(error)
    assert server.requests == []


def test_private_addresses_are_refused_after_a_redirection(
    server: WebServer, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastocr import http

    # The first server passes for a public one.
    monkeypatch.setattr(http, "_is_public", lambda address: address == "127.0.0.1")
    server.serve("/secret.png", png)
    url = server.redirect("/a.png", server.url("/secret.png", host="127.0.0.2"))
    assert "127.0.0.2 is not public" in str(failure(url, InputOptions())).replace(
        " of 127.0.0.2", ""
    )
    assert [request.path for request in server.requests] == ["/a.png"]


def test_urls_can_be_refused(server: WebServer, png: bytes) -> None:
    url = server.serve("/a.png", png)
    assert "allow_urls=False" in str(failure(url, replace(HERE, allow_urls=False)))
    assert server.requests == []


def test_limits(server: WebServer, png: bytes) -> None:
    url = server.serve("/a.png", png)
    small = replace(HERE, max_url_bytes=len(png) - 1)
    assert f"larger than {len(png) - 1} bytes" in str(failure(url, small))
    assert [page.error for page in iter_pages(url, replace(HERE, max_url_bytes=len(png)))] == [None]
    assert "more than the 599 allowed" in str(failure(url, replace(HERE, max_pixels=599)))


def test_time_is_limited(server: WebServer, png: bytes) -> None:
    import threading

    never = threading.Event()
    pieces = tuple(png[i : i + 1] for i in range(len(png)))
    server.answers["/a.png"] = Answer(pieces, pause=lambda: never.wait(0.05))
    assert "0.3 s are allowed" in str(failure(server.url("/a.png"), replace(HERE, url_timeout=0.3)))
    never.set()


def test_urls_are_fetched_in_their_turn(server: WebServer, png: bytes) -> None:
    urls = [server.serve(f"/{number}.png", png) for number in range(3)]
    pages = iter_pages(urls, HERE)
    assert server.requests == []
    for number in range(3):
        next(pages)
        assert [request.path for request in server.requests] == [
            f"/{done}.png" for done in range(number + 1)
        ]


def test_a_path_is_no_url(tmp_path: Path, png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("httpfoo.png").write_bytes(png)
    (page,) = iter_pages("httpfoo.png")
    assert page.error is None
