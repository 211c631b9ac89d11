"""The OpenAPI document is true: schemathesis sends what it allows and what it forbids."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import httpx
import pytest

from fastocr import PaddleOCR
from tests.fuzz.service import fuzz, schemathesis
from tests.python.serving.conftest import Running, running

# Of each path, beside those cases that the document itself leads to.
EXAMPLES = 25


def tried(service: Running, *arguments: str) -> str:
    """Runs schemathesis against a service; returns what it says, or fails with it."""
    options = ["--generation-deterministic", "--max-examples", str(EXAMPLES)]
    done = schemathesis(service.url, *options, *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_requests_of_all_kinds(service: Running) -> None:
    said = tried(service, "--phases=examples,coverage,fuzzing")
    paths = httpx.get(f"{service.url}/openapi.json").json()["paths"]
    assert f"Tested: {sum(map(len, paths.values()))}" in said
    (cases,) = re.findall(r"(\d+) generated", said)
    assert int(cases) > EXAMPLES * len(paths)


def test_requests_without_the_key(borrowed: Callable[[], PaddleOCR]) -> None:
    with running(borrowed, api_key="s3cret") as service:
        tried(service, "--phases=fuzzing")


def test_a_run_for_some_time(service: Running) -> None:
    done = fuzz(service.url, seconds=2, seed=5)
    assert done.returncode == 0, done.stdout
    assert "Seed: 5" in done.stdout
    # How many requests there are in the time depends on the machine.
    assert "Fuzzing" in done.stdout
    assert "Coverage (disabled)" in done.stdout


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", ["/ocr", "/ocr/file", "/ocr/stream", "/health", "/metrics"])
def test_other_methods(client: httpx.Client, path: str, method: str) -> None:
    allowed = "POST" if path.startswith("/ocr") else "GET"
    answer = client.request(method, path)
    if method == allowed:
        assert answer.status_code == 200
        return
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    if method != "HEAD":
        assert answer.json()["errorCode"] == 405


class _References(HTMLParser):
    """Collects what a page loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("src", "href") and value]


@pytest.mark.parametrize("path", ["/docs", "/"])
def test_pages_load_nothing_from_elsewhere(client: httpx.Client, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert "://" not in re.sub(r"http://www\.w3\.org/\S+", "", page.text)
    references = [each for each in _References(page.text).found if not each.startswith("#")]
    for reference in [*references, *re.findall(r"url: '([^']+)'", page.text)]:
        asset = client.get(httpx.URL(path).join(reference))
        assert asset.status_code == 200, reference
        assert asset.content
    if path == "/docs":
        assert any("swagger-ui-bundle.js" in each for each in references)
        assert "url: '/openapi.json'" in page.text


def test_assets_of_the_description_load_nothing_from_elsewhere(client: httpx.Client) -> None:
    style = client.get("/static-offline-docs/swagger-ui.css").text
    assert not re.search(r"@import|url\(\s*[\"']?(https?:)?//", style)


def test_the_document_tells_of_answers(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    paths = document["paths"]
    media = {
        path: list(next(iter(item.values()))["responses"]["200"]["content"])
        for path, item in paths.items()
    }
    assert media["/metrics"] == ["text/plain"]
    assert media["/ocr/stream"] == ["application/x-ndjson"]
    assert media["/ocr"] == ["application/json"]
    upload = paths["/ocr/file"]["post"]
    assert "multipart/form-data" in upload["requestBody"]["content"]
    assert "null" not in str(upload["parameters"]) + str(upload["requestBody"])
    assert "null" not in str(document["components"]["schemas"]["OCRPage"])
    assert "securitySchemes" not in document["components"]  # there is no key
    assert "401" not in upload["responses"]
    assert upload["responses"]["503"]["headers"]["Retry-After"]["required"]
