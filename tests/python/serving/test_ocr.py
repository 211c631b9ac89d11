"""`POST /ocr`, field by field as PaddleOCR's basic serving."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from fastocr import PaddleOCR


def encoded(file: Path | bytes) -> str:
    data = file if isinstance(file, bytes) else file.read_bytes()
    return base64.b64encode(data).decode("ascii")


def ask(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post("/ocr", json=body)


def pruned(ocr: PaddleOCR, source: Any, **options: Any) -> dict[str, Any]:
    """What the library says of a page, without what answers leave out."""
    content = ocr.predict(source, **options)[0].json["res"]
    return {k: v for k, v in content.items() if k not in ("input_path", "page_index")}


def test_answer_has_the_fields_of_the_reference_in_its_order(
    client: httpx.Client, ocr: PaddleOCR, page_file: Path
) -> None:
    response = ask(client, file=encoded(page_file), fileType=1, visualize=False)
    assert response.status_code == 200
    answer = response.json()
    assert list(answer) == ["logId", "result", "errorCode", "errorMsg"]
    assert (answer["errorCode"], answer["errorMsg"]) == (0, "Success")
    assert answer["logId"] == response.headers["x-request-id"]
    assert list(answer["result"]) == ["ocrResults", "dataInfo"]
    height, width = cv2.imread(str(page_file)).shape[:2]
    assert answer["result"]["dataInfo"] == {"width": width, "height": height, "type": "image"}
    (page,) = answer["result"]["ocrResults"]
    assert page == {"prunedResult": pruned(ocr, page_file)}


def test_pictures_are_jpeg_files_in_base64(client: httpx.Client, page_file: Path) -> None:
    answer = ask(client, file=encoded(page_file), fileType=1).json()
    (page,) = answer["result"]["ocrResults"]
    assert list(page) == ["prunedResult", "ocrImage", "inputImage"]
    original = cv2.imread(str(page_file))
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(page["inputImage"]), np.uint8), 1)
    assert base64.b64decode(page["inputImage"]).startswith(b"\xff\xd8\xff")
    assert shown.shape == original.shape
    assert np.abs(shown.astype(int) - original).mean() < 5  # what JPEG loses
    drawn = cv2.imdecode(np.frombuffer(base64.b64decode(page["ocrImage"]), np.uint8), 1)
    assert drawn.shape == (original.shape[0], 2 * original.shape[1], 3)


@pytest.mark.parametrize(
    ("field", "option", "value"),
    [
        ("textDetLimitSideLen", "text_det_limit_side_len", 320),
        ("textDetLimitType", "text_det_limit_type", "min"),
        ("textDetThresh", "text_det_thresh", 0.6),
        ("textDetBoxThresh", "text_det_box_thresh", 0.9),
        ("textDetUnclipRatio", "text_det_unclip_ratio", 1.2),
        ("textRecScoreThresh", "text_rec_score_thresh", 0.99),
        ("returnWordBox", "return_word_box", True),
    ],
)
def test_options_are_those_of_predict(
    client: httpx.Client, ocr: PaddleOCR, page_file: Path, field: str, option: str, value: Any
) -> None:
    body = {"file": encoded(page_file), "fileType": 1, "visualize": False}
    changed = ask(client, **body, **{field: value}).json()["result"]["ocrResults"][0]
    assert changed["prunedResult"] == pruned(ocr, page_file, **{option: value})
    assert changed != ask(client, **body).json()["result"]["ocrResults"][0]


def test_null_counts_as_missing_and_unknown_fields_are_ignored(
    client: httpx.Client, page_file: Path
) -> None:
    plain = ask(client, file=encoded(page_file), fileType=1, visualize=False).json()
    other = ask(
        client,
        file=encoded(page_file),
        fileType=1,
        visualize="no",
        textDetThresh=None,
        somethingElse=3,
    ).json()
    assert other["result"] == plain["result"]


def test_log_id_of_the_request_is_that_of_the_answer(client: httpx.Client, page_file: Path) -> None:
    good = ask(client, file=encoded(page_file), fileType=1, visualize=False, logId="here")
    bad = ask(client, file="AAAA", fileType=1, logId="there")
    assert (good.json()["logId"], bad.json()["logId"]) == ("here", "there")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"file": "AAAA"}, "File type cannot be determined"),
        ({"file": "http://localhost/file.txt"}, "Unsupported file type"),
        ({"file": "AAAA", "fileType": 1}, "Invalid input file"),
        ({"file": "AAAA", "fileType": 0}, "Invalid input file"),
        ({"file": "A", "fileType": 1}, "Invalid input file"),
        ({"file": "", "fileType": 1}, "Invalid input file"),
        ({"file": "http://localhost/file.png"}, "Invalid input file: this service fetches no URLs"),
    ],
)
def test_files_that_cannot_be_read(
    client: httpx.Client, body: dict[str, Any], message: str
) -> None:
    response = ask(client, **body)
    assert response.status_code == 422
    answer = response.json()
    assert list(answer) == ["logId", "errorCode", "errorMsg"]
    assert answer["errorCode"] == 422
    assert answer["errorMsg"].startswith(message)


def test_a_pdf_is_no_image_and_an_image_no_pdf(client: httpx.Client, page_file: Path) -> None:
    assert ask(client, file=encoded(page_file), fileType=0).status_code == 422
    assert ask(client, file=encoded(b"%PDF-1.4\n"), fileType=1).status_code == 422


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "body.file"),
        ({"file": 3}, "body.file"),
        ({"file": "AAAA", "fileType": 2}, "body.fileType"),
        ({"file": "AAAA", "useDocUnwarping": "perhaps"}, "body.useDocUnwarping"),
        ({"file": "AAAA", "textDetLimitType": "largest"}, "body.textDetLimitType"),
        ({"file": "AAAA", "textDetThresh": -1}, "body.textDetThresh"),
    ],
)
def test_bodies_of_a_wrong_form(client: httpx.Client, body: dict[str, Any], where: str) -> None:
    response = ask(client, **body)
    assert response.status_code == 422
    problems = json.loads(response.json()["errorMsg"])
    assert [problem["loc"] for problem in problems] == [where]
    assert set(problems[0]) == {"type", "loc", "msg"}


def test_a_body_that_is_no_json(client: httpx.Client) -> None:
    response = client.post(
        "/ocr", content="{nonsense", headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422
    (problem,) = json.loads(response.json()["errorMsg"])
    assert problem["loc"] == "body[1]"


def test_a_step_that_is_not_loaded_is_refused_by_name(
    client: httpx.Client, page_file: Path
) -> None:
    response = ask(client, file=encoded(page_file), fileType=1, useDocUnwarping=True)
    assert response.status_code == 422
    assert "use_doc_unwarping" in response.json()["errorMsg"]


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [("GET", "/nowhere", 404, "Not Found"), ("GET", "/ocr", 405, "Method Not Allowed")],
)
def test_other_paths_and_methods_have_the_same_envelope(
    client: httpx.Client, method: str, path: str, status: int, message: str
) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    answer = response.json()
    assert (answer["errorCode"], answer["errorMsg"]) == (status, message)
