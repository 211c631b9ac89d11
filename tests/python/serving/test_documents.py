"""Files of several pages, and pages of all kinds: answers are what the library says."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from fastocr import PaddleOCR
from fastocr.inputs.options import DEFAULT_OPTIONS
from fastocr.serving.reading import Reading
from tests.python.serving.conftest import MakeService, Running
from tests.python.serving.helpers import GatedOCR, document, picture, post

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted((ROOT / "tests" / "data" / "pages").glob("*.png"))


def pruned(ocr: PaddleOCR, source: Any) -> list[dict[str, Any]]:
    """What the library says of each page, without what answers leave out."""
    left_out = ("input_path", "page_index")
    return [
        {key: value for key, value in result.json["res"].items() if key not in left_out}
        for result in ocr.predict(source)
    ]


def in_json(content: bytes, file_type: int) -> bytes:
    file = base64.b64encode(content).decode()
    return json.dumps({"file": file, "fileType": file_type, "visualize": False}).encode()


def answers(service: Running, content: bytes, file_type: int) -> list[dict[str, Any]]:
    """The result of the three ways to send a file, in the form of `/ocr`."""
    whole = [
        post(service, "/ocr", in_json(content, file_type)),
        post(service, "/ocr/file", content),
    ]
    assert [answer.status_code for answer in whole] == [200, 200], whole[0].text
    return [answer.json()["result"] for answer in whole]


def lines(answer: httpx.Response) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The lines of the pages of a stream, and the last one."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text.endswith("\n")
    *pages, last = [json.loads(line) for line in answer.text.split("\n")[:-1]]
    assert last["done"] is True
    names = {line["logId"] for line in [*pages, last]}
    assert names == {answer.headers["x-request-id"]}
    return pages, last


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_pages_of_all_kinds(service: Running, ocr: PaddleOCR, page: Path) -> None:
    (expected,) = pruned(ocr, page)
    with Image.open(page) as image:
        size = {"width": image.width, "height": image.height}
    for result in answers(service, page.read_bytes(), 1):
        assert result == {
            "ocrResults": [{"prunedResult": expected}],
            "dataInfo": {**size, "type": "image"},
        }
    (line,), last = lines(post(service, "/ocr/stream", page.read_bytes()))
    del line["logId"], last["logId"]
    assert line == {
        "pageIndex": 0,
        "result": {"prunedResult": expected, **size},
        "errorCode": 0,
        "errorMsg": "Success",
    }
    assert last == {
        "done": True,
        "result": {"dataInfo": {**size, "type": "image"}},
        "errorCode": 0,
        "errorMsg": "Success",
    }


def book(kind: str, pages: int) -> bytes:
    """The first pages one after the other, each of its own size."""
    images = [Image.open(page).convert("RGB") for page in (PAGES * 2)[:pages]]
    out = io.BytesIO()
    options: dict[str, Any] = {"resolution": 144} if kind == "PDF" else {}
    images[0].save(out, kind, save_all=True, append_images=images[1:], **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PDF", "TIFF"])
def test_documents(service: Running, ocr: PaddleOCR, kind: str) -> None:
    """`/ocr` reads the first ten pages, a stream all of them, in their order."""
    content = book(kind, 12)
    expected = pruned(ocr, content)
    sizes = []
    for page in (PAGES * 2)[:12]:
        with Image.open(page) as image:
            sizes.append({"width": image.width, "height": image.height})
    for result in answers(service, content, 0 if kind == "PDF" else 1):
        assert [page["prunedResult"] for page in result["ocrResults"]] == expected[:10]
        assert result["dataInfo"] == {"numPages": 10, "pages": sizes[:10], "type": kind.lower()}
    pages, last = lines(post(service, "/ocr/stream", content))
    assert [page["pageIndex"] for page in pages] == [*range(12)]
    assert [page["result"]["prunedResult"] for page in pages] == expected
    assert [page["result"]["width"] for page in pages] == [size["width"] for size in sizes]
    assert last["result"]["dataInfo"] == {"numPages": 12, "pages": sizes, "type": kind.lower()}


def test_a_frame_alone_is_an_image(service: Running) -> None:
    for result in answers(service, document([200], "TIFF"), 1):
        assert result["dataInfo"] == {"width": 40, "height": 40, "type": "image"}


def test_a_page_alone_is_a_document(service: Running) -> None:
    for result in answers(service, document([200]), 0):
        pages = [{"width": 80, "height": 80}]
        assert result["dataInfo"] == {"numPages": 1, "pages": pages, "type": "pdf"}


# ---- bad pages -----------------------------------------------------------------------------------


def with_broken_frames(frames: int, broken: set[int]) -> bytes:
    """A TIFF some of whose frames claim a type of pixels that nobody reads."""
    import struct

    content = bytearray(document([200] * frames, "TIFF"))
    (directory,) = struct.unpack_from("<I", content, 4)
    for frame in range(frames):
        (count,) = struct.unpack_from("<H", content, directory)
        entries = range(directory + 2, directory + 2 + 12 * count, 12)
        for entry in entries:
            if frame in broken and struct.unpack_from("<H", content, entry)[0] == 258:
                struct.pack_into("<H", content, entry + 8, 77)  # bits of a sample
        (directory,) = struct.unpack_from("<I", content, entries.stop)
    return bytes(content)


def test_bad_pages_among_good_ones(service: Running) -> None:
    content = with_broken_frames(5, {0, 3})
    size, none = {"width": 40, "height": 40}, {"width": 0, "height": 0}
    for result in answers(service, content, 1):
        pages = result["ocrResults"]
        for index in (0, 3):
            page = pages[index]
            assert set(page) == {"prunedResult", "errorCode", "errorMsg"}
            assert page["errorCode"] == 422
            assert page["errorMsg"].startswith(f"Invalid input file: page {index}")
            assert page["prunedResult"] == {"error": page["errorMsg"]}
        assert all(set(pages[index]) == {"prunedResult"} for index in (1, 2, 4))
        # One for each page, so that both lists go together.
        assert result["dataInfo"] == {
            "numPages": 5,
            "pages": [none, size, size, none, size],
            "type": "tiff",
        }
    pages, last = lines(post(service, "/ocr/stream", content))
    assert [page["errorCode"] for page in pages] == [422, 0, 0, 422, 0]
    assert [page["pageIndex"] for page in pages] == [0, 1, 2, 3, 4]
    assert [set(page) for page in pages if page["errorCode"]] == [
        {"logId", "pageIndex", "errorCode", "errorMsg"}
    ] * 2
    assert (last["errorCode"], last["result"]["dataInfo"]["numPages"]) == (0, 5)


def test_bad_pages_only(service: Running) -> None:
    content = with_broken_frames(3, {0, 1, 2})
    for path, body in (("/ocr", in_json(content, 1)), ("/ocr/file", content)):
        answer = post(service, path, body)
        assert answer.status_code == 422
        assert answer.json()["errorMsg"].startswith("Invalid input file: page 0")
        assert set(answer.json()) == {"logId", "errorCode", "errorMsg"}
    pages, last = lines(post(service, "/ocr/stream", content))
    assert [page["errorCode"] for page in pages] == [422, 422, 422]
    assert last["errorCode"] == 0


def test_a_page_that_the_pipeline_fails_on(make_service: MakeService, ocr: PaddleOCR) -> None:
    from fastocr.errors import InferenceError

    class FailsAtTwo(GatedOCR):
        def predict(self, image: np.ndarray, **options: Any) -> list[Any]:
            if int(image[0, 0, 0]) == 2:
                raise InferenceError("/secret/path")
            return super().predict(image, **options)

    failing = FailsAtTwo(ocr)
    failing.let(10)
    service = make_service(lambda: failing)
    answer = post(service, "/ocr/file", document([1, 2, 3], "TIFF"))
    pages = answer.json()["result"]["ocrResults"]
    assert [page.get("errorCode", 0) for page in pages] == [0, 500, 0]
    assert pages[1]["errorMsg"] == "Internal server error"
    assert "secret" not in answer.text


def test_nothing_more_is_read_of_a_file_that_is_closed(ocr: PaddleOCR) -> None:
    """Threads that wait for the file are many; what they waited for may have become useless."""
    gated = GatedOCR(ocr)
    gated.let(10)
    content = document([1, 2, 3], "TIFF")
    reading = Reading(
        gated,  # type: ignore[arg-type]
        lambda: content,
        file_type=None,
        input_options=DEFAULT_OPTIONS,
        most_pages=None,
        predict_options={},
        pictures=None,
    )
    assert reading.next_page() is not None
    assert reading.next_page() is not None
    reading.close()
    assert reading.next_page() is None
    assert gated.begun == [2]  # the first one was for practice


@pytest.mark.parametrize(
    "content", [b"no image", b"%PDF-1.4 nothing", b"II*\0", b"", picture()[:50]]
)
@pytest.mark.parametrize("path", ["/ocr/file", "/ocr/stream"])
def test_a_bad_file_has_a_status_and_no_stream(
    client: httpx.Client, path: str, content: bytes
) -> None:
    answer = client.post(path, content=content)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["errorMsg"].startswith("Invalid input file")


# ---- forms ---------------------------------------------------------------------------------------


def test_options_in_queries_and_forms(
    client: httpx.Client, ocr: PaddleOCR, page_file: Path
) -> None:
    options = {"textDetThresh": "0.6", "returnWordBox": "true", "fileType": "1", "visualize": "0"}
    left_out = ("input_path", "page_index")
    (result,) = ocr.predict(page_file, text_det_thresh=0.6, return_word_box=True)
    expected = {k: v for k, v in result.json["res"].items() if k not in left_out}
    content = page_file.read_bytes()
    for answer in (
        client.post("/ocr/file", content=content, params=options),
        client.post("/ocr/file", files={"file": content}, data=options),
        client.post("/ocr/file", files={"file": ("a", content)}, params=options),
        client.post(
            "/ocr/file",
            files={"file": content},
            data={"textDetThresh": "0.6"},
            params={"textDetThresh": "0.9", "returnWordBox": "yes"},
        ),
    ):
        assert answer.status_code == 200, answer.text
        (page,) = answer.json()["result"]["ocrResults"]
        assert page == {"prunedResult": expected}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([("other", (None, b"1"))], "the part 'file' with the file is missing"),
        ([("file", (None, b"1"))], "the part 'file' with the file is missing"),
        ([("file", ("a", b"1")), ("file", ("b", b"2"))], "Too many files"),
        (
            [("file", ("a", b"1")), ("logId", (None, "1")), ("logId", (None, "2"))],
            "a name is given twice",
        ),
        ([("file", ("a", b"1"))] + [(f"f{i}", (None, "1")) for i in range(40)], "Too many fields"),
        ([("file", ("a", b"1")), ("some", (None, "1"))], "body.some"),
        ([("file", ("a", b"1")), ("fileType", (None, "2"))], "body.fileType"),
        ([("file", ("a", b"1")), ("logId", (None, "x" * 2_000_000))], "exceeded maximum size"),
    ],
)
def test_forms_that_are_refused(client: httpx.Client, files: Any, message: str) -> None:
    answer = client.post("/ocr/file", files=files)
    assert answer.status_code == 422
    assert message in answer.json()["errorMsg"]
