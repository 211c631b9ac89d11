"""The Open Inference Protocol v2, with Triton's own client and with raw requests."""

from __future__ import annotations

import base64
import io
import json
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fastocr import PaddleOCR
from fastocr.serving.failures import RefusedError
from fastocr.serving.inference import parse_inference
from tests.python.serving.conftest import LONG, MakeService, Running, wait_until
from tests.python.serving.helpers import GatedOCR, callers, picture

triton = pytest.importorskip(
    "tritonclient.http", reason="tritonclient is not installed: pip install 'tritonclient[http]'"
)
InferenceServerException = pytest.importorskip("tritonclient.utils").InferenceServerException

HEADER = "Inference-Header-Content-Length"
INFER = "/v2/models/fastocr/infer"
OF_LINES = ("rec_texts", "rec_scores", "rec_polys", "rec_boxes")
OUTPUTS = (*OF_LINES, "page_index", "result")


def connect(service: Running, **options: Any) -> Any:
    return triton.InferenceServerClient(service.url.removeprefix("http://"), **options)


@pytest.fixture
def server(service: Running) -> Iterator[Any]:
    """Triton's client of `service`."""
    with connect(service) as client:
        yield client


def image_input(data: bytes, binary: bool = True) -> Any:
    tensor = triton.InferInput("image", [1], "BYTES")
    element = data if binary else base64.b64encode(data)
    tensor.set_data_from_numpy(np.array([element], np.object_), binary_data=binary)
    return tensor


def infer(client: Any, data: bytes, **options: Any) -> Any:
    return client.infer("fastocr", [image_input(data)], **options)


def refused(call: Callable[[], object]) -> tuple[str, str]:
    """Status and message of what the client raises."""
    with pytest.raises(InferenceServerException) as caught:
        call()
    return caught.value.status(), caught.value.message()


def texts(answer: Any) -> list[str]:
    """Texts, which are bytes in binary outputs and strings in JSON."""
    values = answer.as_numpy("rec_texts").tolist()
    return [value.decode() if isinstance(value, bytes) else value for value in values]


def assert_equal(answer: Any, results: list[Any]) -> None:
    """Compares an answer with what the library says of the pages."""
    counts = [len(result["rec_texts"]) for result in results]
    lines = sum(counts)
    assert texts(answer) == [text for result in results for text in result["rec_texts"]]
    for name, shape, datatype in [
        ("rec_scores", (lines,), "FP32"),
        ("rec_polys", (lines, 4, 2), "INT32"),
        ("rec_boxes", (lines, 4), "INT32"),
        ("page_index", (lines,), "INT32"),
    ]:
        assert answer.get_output(name)["datatype"] == datatype
        assert answer.get_output(name)["shape"] == list(shape)
        if name == "page_index":
            expected = np.repeat(np.arange(len(results)), counts)
        else:
            rows = [row for result in results for row in result[name]]
            expected = np.array(rows, np.float32 if datatype == "FP32" else np.int32)
        values = answer.as_numpy(name)
        np.testing.assert_array_equal(values, expected.reshape(shape), err_msg=name)


def result_of(answer: Any) -> Any:
    (text,) = answer.as_numpy("result")
    return json.loads(text)


@pytest.fixture(scope="session")
def image(page_file: Path) -> bytes:
    return page_file.read_bytes()


@pytest.fixture(scope="session")
def small(pages_dir: Path) -> bytes:
    """An image with one line, for tests that do not look at what is read."""
    return (pages_dir / "long_line.png").read_bytes()


@pytest.fixture
def gated(ocr: PaddleOCR) -> GatedOCR:
    return GatedOCR(ocr)


# ---- what there is -------------------------------------------------------------------------------


def test_server_is_live_and_ready(server: Any) -> None:
    assert server.is_server_live()
    assert server.is_server_ready()


@pytest.mark.parametrize("version", ["", "1"])
def test_model_is_ready_and_says_what_it_takes(server: Any, version: str) -> None:
    assert server.is_model_ready("fastocr", version)
    assert server.get_model_metadata("fastocr", version) == {
        "name": "fastocr",
        "versions": ["1"],
        "platform": "fastocr",
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [1]}],
        "outputs": [
            {"name": "rec_texts", "datatype": "BYTES", "shape": [-1]},
            {"name": "rec_scores", "datatype": "FP32", "shape": [-1]},
            {"name": "rec_polys", "datatype": "INT32", "shape": [-1, 4, 2]},
            {"name": "rec_boxes", "datatype": "INT32", "shape": [-1, 4]},
            {"name": "page_index", "datatype": "INT32", "shape": [-1]},
            {"name": "result", "datatype": "BYTES", "shape": [1]},
        ],
    }


def test_server_says_what_it_is(server: Any, client: httpx.Client) -> None:
    metadata = server.get_server_metadata()
    assert metadata == {
        "name": "fastocr",
        "version": client.get("/info").json()["version"],
        "extensions": ["binary_tensor_data"],
    }


@pytest.mark.parametrize(("model", "version"), [("other", ""), ("other", "1"), ("fastocr", "2")])
def test_unknown_models_and_versions(server: Any, small: bytes, model: str, version: str) -> None:
    assert not server.is_model_ready(model, version)
    expected = f"Unknown model: {model!r}" + (f", version {version!r}" if version else "")
    for call in (
        lambda: server.get_model_metadata(model, version),
        lambda: server.infer(model, [image_input(small)], model_version=version),
    ):
        assert refused(call) == ("404", f"{expected}; there is 'fastocr', version '1'")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/models/fastocr/stats", 404),
        ("POST", "/v2", 405),
        ("GET", INFER, 405),
        ("POST", "/v2/models/fastocr/versions/1/ready", 405),
    ],
)
def test_other_paths_and_methods(client: httpx.Client, method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert list(response.json()) == ["error"]


# ---- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("binary_output", [True, False])
@pytest.mark.parametrize("binary_input", [True, False])
@pytest.mark.parametrize("version", ["", "1"])
def test_an_image_is_read_as_by_the_library(
    server: Any,
    ocr: PaddleOCR,
    image: bytes,
    page_file: Path,
    version: str,
    binary_input: bool,
    binary_output: bool,
) -> None:
    answer = server.infer(
        "fastocr",
        [image_input(image, binary_input)],
        model_version=version,
        outputs=[triton.InferRequestedOutput(name, binary_output) for name in OUTPUTS],
    )
    assert_equal(answer, list(ocr.predict(page_file)))
    fields = answer.get_response()
    assert list(fields) == ["model_name", "model_version", "outputs"]
    assert (fields["model_name"], fields["model_version"]) == ("fastocr", "1")
    assert ["data" in output for output in fields["outputs"]] == [not binary_output] * 6


def test_without_outputs_all_are_returned(server: Any, image: bytes) -> None:
    fields = infer(server, image).get_response()
    assert [output["name"] for output in fields["outputs"]] == list(OUTPUTS)
    assert all("binary_data_size" in output["parameters"] for output in fields["outputs"])


def test_outputs_are_those_that_are_wanted_in_their_order_and_form(
    server: Any, image: bytes
) -> None:
    everything = infer(server, image)
    some = infer(
        server,
        image,
        outputs=[
            triton.InferRequestedOutput("page_index", binary_data=True),
            triton.InferRequestedOutput("rec_texts", binary_data=False),
            triton.InferRequestedOutput("rec_scores", binary_data=True),
        ],
    )
    outputs = some.get_response()["outputs"]
    assert [output["name"] for output in outputs] == ["page_index", "rec_texts", "rec_scores"]
    assert ["data" in output for output in outputs] == [False, True, False]
    assert texts(some) == texts(everything)
    for name in ("page_index", "rec_scores"):
        np.testing.assert_array_equal(some.as_numpy(name), everything.as_numpy(name))
    assert some.as_numpy("rec_polys") is None


def test_result_is_that_of_ocr_without_pictures(
    server: Any, client: httpx.Client, image: bytes
) -> None:
    body = {"file": base64.b64encode(image).decode(), "fileType": 1, "visualize": False}
    assert result_of(infer(server, image)) == client.post("/ocr", json=body).json()["result"]


@pytest.fixture(scope="module", params=["pdf", "tiff"])
def document(
    request: pytest.FixtureRequest, pages_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Three pages, the second one blank."""
    names = ("english", "blank", "japanese")
    pages = [Image.open(pages_dir / f"{name}.png").convert("RGB") for name in names]
    path = tmp_path_factory.mktemp("document") / f"document.{request.param}"
    options = {"resolution": 144.0} if request.param == "pdf" else {}
    pages[0].save(path, save_all=True, append_images=pages[1:], **options)
    return path


def test_a_document_is_read_page_by_page(server: Any, ocr: PaddleOCR, document: Path) -> None:
    answer = infer(server, document.read_bytes())
    results = list(ocr.predict(document))
    counts = [len(result["rec_texts"]) for result in results]
    assert [count > 0 for count in counts] == [True, False, True]
    assert_equal(answer, results)
    info = result_of(answer)["dataInfo"]
    assert (info["numPages"], info["type"]) == (3, document.suffix[1:])


def test_pages_beyond_the_limit_are_left_out(
    make_service: MakeService, ocr: PaddleOCR, document: Path
) -> None:
    with connect(make_service(max_num_input_imgs=2)) as client:
        answer = infer(client, document.read_bytes())
    assert_equal(answer, list(ocr.predict(document))[:2])
    assert len(result_of(answer)["ocrResults"]) == 2


@pytest.mark.parametrize("binary", [True, False])
def test_a_blank_page_has_no_lines(
    server: Any, ocr: PaddleOCR, pages_dir: Path, binary: bool
) -> None:
    path = pages_dir / "blank.png"
    outputs = [triton.InferRequestedOutput(name, binary) for name in OUTPUTS]
    answer = infer(server, path.read_bytes(), outputs=outputs)
    assert_equal(answer, list(ocr.predict(path)))
    shapes = [output["shape"] for output in answer.get_response()["outputs"]]
    assert shapes == [[0], [0], [0, 4, 2], [0, 4], [0], [1]]
    assert len(result_of(answer)["ocrResults"]) == 1


def test_a_page_that_fails_has_no_lines_and_the_result_says_why(
    server: Any, ocr: PaddleOCR, pages_dir: Path
) -> None:
    page = Image.open(pages_dir / "english.png").convert("RGB")
    data = broken_tiff(page, broken=[1])
    answer = infer(server, data)
    (alone,) = ocr.predict(pages_dir / "english.png")
    assert texts(answer) == [*alone["rec_texts"], *alone["rec_texts"]]
    assert sorted(set(answer.as_numpy("page_index").tolist())) == [0, 2]
    errors = ["errorCode" in page for page in result_of(answer)["ocrResults"]]
    assert errors == [False, True, False]


def test_a_document_all_of_whose_pages_fail(server: Any, pages_dir: Path) -> None:
    page = Image.open(pages_dir / "english.png").convert("RGB")
    status, message = refused(lambda: infer(server, broken_tiff(page, broken=[0, 1, 2])))
    assert status == "422"
    assert message.startswith("Invalid input file")


def broken_tiff(page: Image.Image, broken: list[int]) -> bytes:
    """Three times a page as TIFF; in some frames it has no width."""
    stream = io.BytesIO()
    page.save(stream, "TIFF", save_all=True, append_images=[page, page])
    data = bytearray(stream.getvalue())
    tag = struct.pack("<HHI", 256, 4, 1)
    frames = [i for i in range(len(data)) if data.startswith(tag, i)]
    assert len(frames) == 3
    for frame in broken:
        data[frames[frame] + 8 : frames[frame] + 12] = bytes(4)
    return bytes(data)


def test_a_body_that_is_the_file(client: httpx.Client, server: Any, image: bytes) -> None:
    response = client.post(INFER, content=image, headers={HEADER: "0"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/octet-stream"
    answer = triton.InferenceServerClient.parse_response_body(
        response.content, header_length=int(response.headers[HEADER])
    )
    assert texts(answer) == texts(infer(server, image))


def test_plain_json_both_ways(client: httpx.Client, server: Any, image: bytes) -> None:
    response = client.post(INFER, json=request_fields(image))
    assert response.headers["content-type"] == "application/json"
    assert HEADER not in response.headers
    outputs = {output["name"]: output for output in response.json()["outputs"]}
    expected = infer(server, image)
    assert outputs["rec_texts"]["data"] == texts(expected)
    for name in ("rec_scores", "rec_polys", "rec_boxes", "page_index"):
        assert outputs[name]["data"] == expected.as_numpy(name).ravel().tolist()
        assert outputs[name]["shape"] == list(expected.as_numpy(name).shape)


@pytest.mark.parametrize(
    ("parameters", "own", "binary"),
    [
        ({}, None, False),
        ({}, True, True),
        ({"binary_data_output": True}, None, True),
        ({"binary_data_output": True}, False, False),
        ({"binary_data_output": False}, True, True),
    ],
)
def test_what_an_output_says_of_its_form_counts_more(
    client: httpx.Client, small: bytes, parameters: dict[str, Any], own: bool | None, binary: bool
) -> None:
    output = {"name": "page_index", "parameters": {"binary_data": own}}
    body = {**request_fields(small), "parameters": parameters, "outputs": [output]}
    response = client.post(INFER, json=body)
    assert response.status_code == 200
    assert (HEADER in response.headers) == binary


# ---- several at once -----------------------------------------------------------------------------


def test_requests_of_many_threads(service: Running, pages_dir: Path, ocr: PaddleOCR) -> None:
    paths = [pages_dir / f"{name}.png" for name in ("english", "chinese", "table", "long_line")]
    expected = [list(ocr.predict(path)) for path in paths]

    def ask(number: int) -> Any:
        # Triton's client is for one thread.
        with connect(service) as client:
            return infer(client, paths[number % 4].read_bytes(), request_id=str(number))

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(16), timeout=LONG))
    for number, answer in enumerate(answers):
        assert answer.get_response()["id"] == str(number)
        assert_equal(answer, expected[number % 4])


def test_asynchronous_requests(service: Running, pages_dir: Path, ocr: PaddleOCR) -> None:
    paths = [pages_dir / f"{name}.png" for name in ("english", "chinese", "table")]
    with connect(service, concurrency=3) as client:
        handles = [
            client.async_infer("fastocr", [image_input(path.read_bytes())]) for path in paths
        ]
        for handle, path in zip(handles, paths, strict=True):
            assert_equal(handle.get_result(timeout=LONG), list(ocr.predict(path)))


# ---- parameters ----------------------------------------------------------------------------------


def test_the_id_of_a_request_is_that_of_its_answer(server: Any, small: bytes) -> None:
    assert infer(server, small, request_id="here").get_response()["id"] == "here"
    assert "id" not in infer(server, small).get_response()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text_det_limit_side_len", 320),
        ("text_det_limit_type", "min"),
        ("text_det_thresh", 0.6),
        ("text_det_box_thresh", 0.9),
        ("text_det_unclip_ratio", 1.2),
        ("text_rec_score_thresh", 0.99),
        ("return_word_box", True),
    ],
)
def test_options_have_their_names_in_python(
    server: Any, ocr: PaddleOCR, image: bytes, page_file: Path, name: str, value: Any
) -> None:
    answer = infer(server, image, parameters={name: value})
    (expected,) = ocr.predict(page_file, **{name: value})
    assert_equal(answer, [expected])
    (page,) = result_of(answer)["ocrResults"]
    content = expected.json["res"]
    assert page["prunedResult"] == {
        key: content[key] for key in content if key not in ("input_path", "page_index")
    }
    assert page != result_of(infer(server, image))["ocrResults"][0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"foo": 1}, "parameters.foo: it is unknown or not supported"),
        ({"textDetThresh": 0.3}, "parameters.textDetThresh: it is unknown or not supported"),
        ({"text_det_thresh": -1}, "parameters.text_det_thresh: "),
        ({"text_det_limit_type": "largest"}, "parameters.text_det_limit_type: "),
        ({"visualize": True}, "parameters.visualize: "),
        ({"file_type": 2}, "parameters.file_type: "),
        ({"file_type": 0}, "Invalid input file: it is not a PDF"),
        ({"use_doc_unwarping": True}, "use_doc_unwarping=True cannot be used"),
    ],
)
def test_options_that_are_not_allowed_are_named(
    server: Any, small: bytes, parameters: dict[str, Any], message: str
) -> None:
    status, answer = refused(lambda: infer(server, small, parameters=parameters))
    assert status == "422"
    assert answer.startswith(message)


def test_all_unknown_options_are_named(server: Any, small: bytes) -> None:
    _, message = refused(lambda: infer(server, small, parameters={"foo": 1, "bar": 2}))
    assert message == (
        "parameters.foo: it is unknown or not supported; "
        "parameters.bar: it is unknown or not supported"
    )


def test_what_tritons_client_may_add_is_taken(server: Any, small: bytes) -> None:
    answer = infer(
        server,
        small,
        priority=2,
        timeout=int(LONG * 1e6),
        sequence_id=5,
        sequence_start=True,
        sequence_end=True,
    )
    assert texts(answer) == texts(infer(server, small, sequence_id="name"))


def test_timeout_is_in_microseconds_and_0_is_none(
    make_service: MakeService, gated: GatedOCR
) -> None:
    service = make_service(lambda: gated)
    with connect(service) as client:
        status, message = refused(lambda: infer(client, picture(), timeout=20_000))
        assert (status, message) == ("408", "The request took longer than the 0.02 s allowed")
        # The header of the service counts as well, whichever is shorter.
        headers = {"X-Request-Timeout": "0.03"}
        _, message = refused(lambda: infer(client, picture(), timeout=10**9, headers=headers))
        assert message == "The request took longer than the 0.03 s allowed"
        gated.let(3)
        assert infer(client, picture(), timeout=0).as_numpy("rec_texts").shape == (0,)


@pytest.mark.parametrize("timeout", [-1, 1.5, "soon", True])
def test_timeouts_of_a_wrong_form(client: httpx.Client, small: bytes, timeout: Any) -> None:
    body = {**request_fields(small), "parameters": {"timeout": timeout}}
    response = client.post(INFER, json=body)
    assert response.status_code == 400
    assert response.json()["error"].startswith("parameters.timeout: ")


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"no image", b"%PDF-1.4\n"])
def test_files_that_cannot_be_read(server: Any, data: bytes) -> None:
    status, message = refused(lambda: infer(server, data))
    assert status == "422"
    assert message.startswith("Invalid input file")


def test_text_that_is_no_base64(client: httpx.Client) -> None:
    body = request_fields(b"")
    body["inputs"][0]["data"] = ["A"]
    response = client.post(INFER, json=body)
    assert response.status_code == 422
    assert response.json() == {"error": "Invalid input file: no valid Base64"}


@pytest.mark.parametrize(
    ("name", "shape", "array", "message"),
    [
        ("picture", [1], np.array([b"x"], np.object_), "inputs[0].name: Input should be 'image'"),
        ("image", [1], np.zeros(1, np.uint8), "inputs[0].datatype: Input should be 'BYTES'"),
        ("image", [2], np.array([b"x", b"y"], np.object_), "inputs[0].shape[0]: "),
        ("image", [1, 1], np.array([[b"x"]], np.object_), "inputs[0].shape: "),
        ("image", [0], np.array([], np.object_), "inputs[0].shape[0]: "),
    ],
)
def test_inputs_that_the_model_does_not_have(
    server: Any, name: str, shape: list[int], array: Any, message: str
) -> None:
    tensor = triton.InferInput(name, shape, "UINT8" if array.dtype == np.uint8 else "BYTES")
    tensor.set_data_from_numpy(array)
    status, answer = refused(lambda: server.infer("fastocr", [tensor]))
    assert status == "400"
    assert answer.startswith(message)


def test_two_inputs_and_none(server: Any, client: httpx.Client, small: bytes) -> None:
    two = [image_input(small), image_input(small)]
    assert refused(lambda: server.infer("fastocr", two)) == (
        "400",
        "inputs: List should have at most 1 item after validation, not 2",
    )
    assert refused(lambda: server.infer("fastocr", []))[0] == "400"
    assert client.post(INFER, json={}).json() == {"error": "inputs: Field required"}


def test_outputs_that_the_model_does_not_have(server: Any, small: bytes) -> None:
    wanted = triton.InferRequestedOutput
    status, message = refused(lambda: infer(server, small, outputs=[wanted("rec_words")]))
    assert status == "400"
    assert message.startswith("outputs[0].name: Input should be 'rec_texts', ")
    twice = [wanted("result"), wanted("result")]
    assert refused(lambda: infer(server, small, outputs=twice)) == (
        "400",
        "outputs: 'result' is asked for twice",
    )


def test_extensions_that_there_are_not(server: Any, small: bytes) -> None:
    classes = triton.InferRequestedOutput("rec_scores", class_count=3)
    assert refused(lambda: infer(server, small, outputs=[classes])) == (
        "400",
        "outputs[0].parameters.classification: it is unknown or not supported",
    )
    shared = triton.InferRequestedOutput("rec_scores")
    shared.set_shared_memory("region", 64)
    status, message = refused(lambda: infer(server, small, outputs=[shared]))
    assert status == "400"
    assert message.startswith("outputs[0].parameters.shared_memory_region: ")
    tensor = image_input(small).set_shared_memory("region", 64)
    status, message = refused(lambda: server.infer("fastocr", [tensor]))
    assert status == "400"
    assert message.startswith("inputs[0].parameters.shared_memory_region: ")


def test_compressed_requests(server: Any, small: bytes) -> None:
    status, message = refused(lambda: infer(server, small, request_compression_algorithm="gzip"))
    assert status == "415"
    assert message.startswith("Compressed requests are not taken")


def test_requests_that_are_too_large(make_service: MakeService, small: bytes) -> None:
    with connect(make_service(max_body_bytes=1000)) as client:
        status, message = refused(lambda: infer(client, small))
    assert (status, message) == ("413", "The request is larger than the 1000 bytes allowed")


def test_only_inference_needs_the_key(make_service: MakeService, small: bytes) -> None:
    with connect(make_service(api_key="secret")) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("fastocr")
        assert client.get_server_metadata()["name"] == "fastocr"
        assert client.get_model_metadata("fastocr")["name"] == "fastocr"
        assert refused(lambda: infer(client, small))[0] == "401"
        assert texts(infer(client, small, headers={"X-API-Key": "secret"}))


# ---- raw bodies ----------------------------------------------------------------------------------


def request_fields(data: bytes) -> dict[str, Any]:
    """The JSON of a request with a file in Base64."""
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES"}
    return {"inputs": [{**tensor, "data": [base64.b64encode(data).decode()]}]}


def binary_request(file: bytes, /, **tensor: Any) -> tuple[bytes, int]:
    """A request with a file behind its JSON; some fields of its input may be others."""
    fields = {"name": "image", "shape": [1], "datatype": "BYTES"}
    size = {"parameters": {"binary_data_size": len(file) + 4}}
    text = json.dumps({"inputs": [{**fields, **size, **tensor}]}).encode()
    return text + struct.pack("<I", len(file)) + file, len(text)


def sized(size: Any) -> dict[str, Any]:
    return {"parameters": {"binary_data_size": size}}


BODY, LENGTH = binary_request(b"12345678")
ONE = {"name": "image", "shape": [1], "datatype": "BYTES"}


@pytest.mark.parametrize(
    ("body", "length", "message"),
    [
        pytest.param(BODY, len(BODY) + 1, "-Length is ", id="JSON longer than the body"),
        pytest.param(BODY, "9" * 5000, "is no number of bytes", id="JSON longer than a number"),
        pytest.param(BODY, -1, "'-1' is no number of bytes", id="negative length"),
        pytest.param(BODY, "ten", "'ten' is no number of bytes", id="length that is no number"),
        pytest.param(BODY, "1e2", "'1e2' is no number of bytes", id="length with exponent"),
        pytest.param(BODY, "", "'' is no number of bytes", id="empty length"),
        pytest.param(BODY, LENGTH - 1, "Invalid JSON", id="JSON cut off"),
        pytest.param(BODY, LENGTH + 1, "Invalid JSON", id="JSON and a byte of the data"),
        pytest.param(BODY, None, "Invalid JSON", id="no length"),
        pytest.param(BODY[:-1], LENGTH, "is 12, but 11 bytes follow", id="data cut off"),
        pytest.param(BODY + b"9", LENGTH, "is 12, but 13 bytes follow", id="data too long"),
        pytest.param(BODY[:LENGTH], LENGTH, "is 12, but 0 bytes follow", id="no data"),
        pytest.param(BODY[:LENGTH], None, "is 12, but 0 bytes follow", id="no data, no length"),
        pytest.param(
            *binary_request(b"12345678", **sized(11)), "is 11, but 12 bytes follow", id="size"
        ),
        pytest.param(
            *binary_request(b"12345678", **sized(-12)),
            "inputs[0].parameters.binary_data_size: ",
            id="negative size",
        ),
        pytest.param(
            *binary_request(b"12345678", **sized("12")),
            "inputs[0].parameters.binary_data_size: ",
            id="size that is text",
        ),
        pytest.param(
            *binary_request(b"12345678", parameters={}), "either data or", id="data without size"
        ),
        pytest.param(
            *binary_request(b"12345678", data=["MTIz"]), "either data or", id="data in both forms"
        ),
        pytest.param(
            *binary_request(b"12345678", data=["MTIz"], parameters={}),
            "is 0, but 12 bytes follow",
            id="data in JSON and bytes behind it",
        ),
        pytest.param(
            *binary_request(b"12345678", shape=[2]), "inputs[0].shape[0]: ", id="shape of two"
        ),
        pytest.param(
            BODY[:LENGTH] + struct.pack("<I", 9) + b"12345678",
            LENGTH,
            "has 9 bytes, but 8 bytes follow",
            id="element cut off",
        ),
        pytest.param(
            BODY[:LENGTH] + struct.pack("<I", 3) + b"123" + struct.pack("<I", 1) + b"1",
            LENGTH,
            "has 3 bytes, but 8 bytes follow",
            id="two elements",
        ),
        pytest.param(
            *(lambda text: (text + b"123", len(text)))(
                json.dumps({"inputs": [{**ONE, **sized(3)}]}).encode()
            ),
            "an element begins with 4",
            id="no length of the element",
        ),
    ],
)
def test_binary_requests_of_a_wrong_form(
    client: httpx.Client, body: bytes, length: Any, message: str
) -> None:
    headers = {} if length is None else {HEADER: str(length)}
    response = client.post(INFER, content=body, headers=headers)
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    assert message in response.json()["error"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Invalid JSON: "),
        (b"{nonsense", "Invalid JSON: "),
        (b"\xff\xfe", "Invalid JSON: "),
        (b"[]", "Input should be an object"),
        (b"[" * 5000, "Invalid JSON: "),
        (b'{"inputs": [' + b"0," * 10_000 + b"0]}", "Invalid body: more than 10000 values"),
        (b'{"inputs": {}}', "inputs: "),
        (b'{"inputs": [3]}', "inputs[0]: "),
        (b'{"inputs": [], "extra": 1}', "inputs: "),
        (json.dumps({"inputs": [ONE]}).encode(), "inputs[0]: either data or"),
        (json.dumps({"inputs": [{**ONE, "data": []}]}).encode(), "inputs[0].data: "),
        (json.dumps({"inputs": [{**ONE, "data": [1]}]}).encode(), "inputs[0].data[0]: "),
        (json.dumps({"inputs": [{**ONE, "data": "AAAA"}]}).encode(), "inputs[0].data: "),
        (json.dumps({"inputs": [{**ONE, "data": ["A", "B"]}]}).encode(), "inputs[0].data: "),
        (json.dumps({"id": 3, "inputs": [{**ONE, "data": [""]}]}).encode(), "id: "),
        (json.dumps({"id": "x" * 257, "inputs": [{**ONE, "data": [""]}]}).encode(), "id: "),
        (json.dumps({"model_name": "x", "inputs": [{**ONE, "data": [""]}]}).encode(), "model_name"),
        (json.dumps({"output": [], "inputs": [{**ONE, "data": [""]}]}).encode(), "output: it is"),
    ],
)
def test_json_of_a_wrong_form(client: httpx.Client, body: bytes, message: str) -> None:
    response = client.post(INFER, content=body)
    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    assert response.json()["error"].startswith(message)


def test_what_kserves_client_sends_is_taken(client: httpx.Client, small: bytes) -> None:
    # It names the model in the body, too, and makes an id.
    body = {"id": "made", "model_name": "fastocr", **request_fields(small)}
    assert client.post(INFER, json=body).json()["id"] == "made"
    nothing = {"parameters": None, "outputs": None, "id": None, "model_version": None}
    response = client.post(INFER, json={**request_fields(small), **nothing})
    assert response.status_code == 200
    assert "id" not in response.json()


@given(
    body=st.one_of(
        st.binary(max_size=64),
        st.builds(
            lambda at, byte: BODY[:at] + byte + BODY[at + len(byte) :],
            st.integers(0, len(BODY)),
            st.binary(max_size=3),
        ),
        st.builds(lambda at: BODY[:at], st.integers(0, len(BODY))),
    ),
    length=st.one_of(
        st.none(),
        st.just(str(LENGTH)),
        st.integers(-1, len(BODY) + 2).map(str),
        st.text(st.characters(max_codepoint=255), max_size=20),
    ),
)
def test_any_bytes_are_a_request_or_refused(body: bytes, length: str | None) -> None:
    status = 200
    try:
        parse_inference(body, length)
    except RefusedError as error:
        status = error.status_code
    assert status in (200, 400, 422)


# ---- how the service is --------------------------------------------------------------------------


def test_live_and_not_ready_while_loading(
    make_service: MakeService, borrowed: Callable[[], PaddleOCR], small: bytes
) -> None:
    loaded = threading.Event()

    def load() -> PaddleOCR:
        assert loaded.wait(LONG)
        return borrowed()

    service = make_service(load, ready=False)
    try:
        with connect(service) as client:
            assert client.is_server_live()
            assert not client.is_server_ready()
            assert not client.is_model_ready("fastocr")
            assert not client.is_model_ready("fastocr", "1")
            assert client.get_server_metadata()["name"] == "fastocr"
            assert client.get_model_metadata("fastocr")["name"] == "fastocr"
            status, message = refused(lambda: infer(client, small))
            assert (status, message) == ("503", "The service is loading its models")
            loaded.set()
            wait_until(client.is_server_ready)
            assert client.is_model_ready("fastocr")
            assert texts(infer(client, small))
    finally:
        loaded.set()


def test_live_while_the_queue_is_full(make_service: MakeService, gated: GatedOCR) -> None:
    service = make_service(lambda: gated, queue_size=0, pages_at_once=1)

    def ask() -> Any:
        with connect(service) as other:
            return infer(other, picture())

    with callers() as call, connect(service) as client:
        taken = call(ask)
        wait_until(lambda: service.service.admission.requests == 1)
        assert client.is_server_live()
        assert client.is_server_ready()
        status, message = refused(lambda: infer(client, picture()))
        assert status == "503"
        assert message.startswith("The service is busy")
        gated.let()
        assert taken.result(LONG).get_response()["outputs"]


def test_live_and_not_ready_while_stopping(make_service: MakeService, small: bytes) -> None:
    service = make_service()
    service.service.begin_to_stop()
    with connect(service) as client:
        assert client.is_server_live()
        assert not client.is_server_ready()
        assert not client.is_model_ready("fastocr")
        assert refused(lambda: infer(client, small)) == ("503", "The service is stopping")


def test_readiness_says_why_not(make_service: MakeService) -> None:
    service = make_service()
    service.service.begin_to_stop()
    with service.client() as client:
        for path in ("/v2/health/ready", "/v2/models/fastocr/ready"):
            response = client.get(path)
            assert (response.status_code, response.json()) == (
                503,
                {"error": "The service is stopping"},
            )
            assert response.headers["retry-after"]


# ---- its description -----------------------------------------------------------------------------


def test_description_has_all_of_the_protocol(client: httpx.Client) -> None:
    description = client.get("/openapi.json").json()
    paths = description["paths"]
    model = "/v2/models/fastocr"
    assert {path: list(paths[path]) for path in paths if path.startswith("/v2")} == {
        "/v2": ["get"],
        "/v2/health/live": ["get"],
        "/v2/health/ready": ["get"],
        **{
            f"{model}{version}{ending}": ["post" if ending == "/infer" else "get"]
            for version in ("", "/versions/1")
            for ending in ("", "/ready", "/infer")
        },
    }
    infer = paths[INFER]["post"]
    body = infer["requestBody"]["content"]
    assert list(body) == ["application/json", "application/octet-stream"]
    parameters = body["application/json"]["schema"]["properties"]["parameters"]["anyOf"][0]
    assert {"timeout", "binary_data_output", "text_det_thresh"} <= set(parameters["properties"])
    assert "$ref" not in json.dumps(body)
    assert set(infer["responses"]) == {"400", *paths["/ocr"]["post"]["responses"]}
    failure = infer["responses"]["400"]["content"]["application/json"]["schema"]["$ref"]
    assert failure.endswith("/InferenceFailure")
