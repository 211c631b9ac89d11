"""`fastocr serve` as a process: begin, end, options."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from PIL import Image

from fastocr import PaddleOCR
from fastocr.cli import main
from tests.python.serving.conftest import LONG, wait_until
from tests.python.serving.helpers import callers, document

STEPS_OFF = ["--use_doc_orientation_classify", "false", "--use_doc_unwarping", "false"]
STEPS_OFF += ["--use_textline_orientation", "false", "--cpu_threads", "2"]


class Command:
    """A process of `fastocr serve`."""

    def __init__(self, *options: str, begin: str = "", **popen: Any) -> None:
        program = [sys.executable, "-c", begin + "import sys; from fastocr.cli import main; "
                   "sys.exit(main(['serve', *sys.argv[1:]]))"]  # fmt: skip
        self.process = subprocess.Popen(
            [*program, "--host", "127.0.0.1", *STEPS_OFF, *options],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            **{"stderr": subprocess.DEVNULL, **popen},
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def wait_until_ready(self) -> None:
        wait_until(lambda: self.process.poll() is not None or self.get("/health").is_success)
        assert self.process.poll() is None

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(self.url + path, timeout=LONG, **options)

    def post(self, content: bytes, path: str = "/ocr/file", **options: Any) -> httpx.Response:
        return httpx.post(self.url + path, content=content, timeout=LONG, **options)

    def busy(self) -> bool:
        return "\nfastocr_pages_in_work 0.0\n" not in self.get("/metrics").text

    def tell(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def status(self) -> int:
        """The exit status."""
        return self.process.wait(LONG)


Start = Callable[..., Command]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a service on a free port, and waits until it is ready."""
    with ExitStack() as stack:

        def one(*options: str, port: int = 0, **others: Any) -> Command:
            command = Command("--port", str(port), *options, **others)
            stack.callback(end, command.process)
            command.wait_until_ready()
            return command

        yield one


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


@pytest.fixture(scope="module")
def long_document(pages_dir: Path) -> bytes:
    """Takes seconds; a PDF, so that it is in a process of its own for a part of them."""
    with Image.open(pages_dir / "english.png") as image:
        page = image.convert("RGB")
    out = io.BytesIO()
    page.save(out, "PDF", save_all=True, append_images=[page] * 9)
    return out.getvalue()


def in_work(command: Command, content: bytes, call: Any) -> Future[httpx.Response]:
    """A request that is being worked on."""
    request: Future[httpx.Response] = call(command.post, content)
    wait_until(command.busy)
    return request


# ---- begin and end -------------------------------------------------------------------------------


def test_it_reads_what_the_library_reads(start: Start, ocr: PaddleOCR, pages_dir: Path) -> None:
    command = start()
    page = pages_dir / "english.png"
    (result,) = command.post(page.read_bytes()).json()["result"]["ocrResults"]
    assert result["prunedResult"]["rec_texts"] == ocr.predict(page)[0]["rec_texts"]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_a_signal_ends_it_when_requests_in_work_are_answered(
    start: Start, long_document: bytes, number: signal.Signals, status: int
) -> None:
    command = start(start_new_session=True)
    with callers() as call:
        request = in_work(command, long_document, call)
        # As from a terminal or a service manager: to all processes of the group.
        os.killpg(command.process.pid, number)
        answer = request.result(LONG)
    assert answer.status_code == 200
    pages = answer.json()["result"]["ocrResults"]
    assert len(pages) == 10
    assert all("errorCode" not in page for page in pages)
    assert command.status() == status
    with pytest.raises(httpx.ConnectError):
        command.get("/health")


def test_a_second_interruption_does_not_wait(start: Start, long_document: bytes) -> None:
    command = start()
    with callers() as call:
        request = in_work(command, long_document, call)
        command.tell(signal.SIGINT)
        time.sleep(0.2)
        assert command.process.poll() is None
        command.tell(signal.SIGINT)
        assert command.status() == 130
        with pytest.raises(httpx.HTTPError):
            request.result(LONG).raise_for_status()


def test_it_drains(start: Start, page_file: Path) -> None:
    command = start("--drain_delay", str(LONG))
    command.tell(signal.SIGTERM)
    wait_until(lambda: command.get("/health").status_code == 503)
    assert command.post(page_file.read_bytes()).status_code == 503
    command.tell(signal.SIGTERM)
    assert command.status() == 0


def test_killed_and_started_again(start: Start, long_document: bytes, page_file: Path) -> None:
    command = start()
    with callers() as call:
        request = in_work(command, long_document, call)
        command.tell(signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            request.result(LONG)
    assert command.status() == -signal.SIGKILL
    again = start(port=httpx.URL(command.url).port)
    assert again.url == command.url
    assert again.post(page_file.read_bytes()).status_code == 200


# ---- what keeps it from starting -----------------------------------------------------------------


def failed(*options: str, **others: Any) -> tuple[int, str]:
    """The exit status of a service that does not start, and what it says."""
    command = Command("--port", "0", *options, stderr=subprocess.PIPE, **others)
    try:
        _, said = command.process.communicate(timeout=LONG)
        return command.process.returncode, said
    finally:
        end(command.process)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = failed("--port", str(port))
    assert status == 1
    assert f"cannot listen on 127.0.0.1:{port}" in said


def test_an_address_that_is_none() -> None:
    status, said = failed("--host", "192.0.2.1")
    assert status == 1
    assert "cannot listen on 192.0.2.1:0" in said


def test_models_that_are_not_there(tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    status, said = failed("--text_detection_model_dir", str(missing))
    assert status == 1
    assert str(missing) in said
    assert "Traceback" not in said


def test_a_log_file_that_cannot_be_opened(tmp_path: Path) -> None:
    status, said = failed("--log_file", str(tmp_path / "no" / "log"))
    assert status == 1
    assert "No such file" in said
    assert "Traceback" not in said


@pytest.fixture
def not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes it an error to come as far as to serve."""

    def run(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("fastocr.serving.server.run", run)


@pytest.mark.usefixtures("not_run")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--port", "70000"], "port"),
        (["--queue_size", "many"], "queue_size"),
        (["--timeout", "0"], "timeout"),
        (["--timeout", "inf"], "timeout"),
        (["--log_format", "xml"], "log_format"),
        (["--max_pages", "0"], "max_pages"),
        (["--max_pending_bytes", "1000"], "max_pending_bytes"),
        (["--no_such_option", "1"], "no_such_option"),
    ],
)
def test_wrong_options_of_the_service(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--host", "127.0.0.1", "--port", "0", *STEPS_OFF, *options]) == 2
    assert message in capsys.readouterr().err


def test_a_wrong_option_of_the_pipeline() -> None:
    status, said = failed("--text_det_thresh", "-1")
    assert status == 2
    assert "text_det_thresh" in said


def hiding(package: str) -> str:
    return f"import sys; sys.modules[{package!r}] = None; "


@pytest.mark.parametrize(
    "package", ["fastapi", "uvicorn", "prometheus_client", "python_multipart", "httptools"]
)
def test_packages_that_are_missing(package: str) -> None:
    status, said = failed(begin=hiding(package))
    assert status == 1
    assert f"needs the package {package}: pip install 'fastocr[serve]'" in said
    assert "Traceback" not in said


# ---- the key -------------------------------------------------------------------------------------


def test_a_key_in_a_file(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("s3cret\n", encoding="ascii")
    log = tmp_path / "log"
    command = start("--api_key_file", str(file), "--log_file", str(log))
    assert command.post(b"x").status_code == 401
    assert command.post(b"x", headers={"X-API-Key": "s3cret"}).status_code == 422
    assert "s3cret" not in log.read_text(encoding="utf-8")


def test_a_key_in_the_environment(start: Start) -> None:
    command = start(env={**os.environ, "FASTOCR_API_KEY": "s3cret"})
    assert command.post(b"x").status_code == 401
    assert command.post(b"x", headers={"X-API-Key": "s3cret"}).status_code == 422


@pytest.mark.usefixtures("not_run")
@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (None, 1, "No such file"),
        (b"\n", 2, "is empty"),
        (b"a\nb", 2, "printable ASCII"),
        (b"\xff\xfe", 2, "printable ASCII"),
        ("kéy".encode(), 2, "printable ASCII"),
    ],
)
def test_files_that_hold_no_key(
    content: bytes | None,
    status: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    assert main(["serve", *STEPS_OFF, "--api_key_file", str(file)]) == status
    assert message in capsys.readouterr().err


# ---- the configuration ---------------------------------------------------------------------------


def configured(tmp_path: Path, serving: Any) -> list[str]:
    file = tmp_path / "ocr.yaml"
    config = {"pipeline_name": "OCR", "Serving": serving}
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return ["--pipeline", str(file)]


def pages_of(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    pages: list[dict[str, Any]] = answer.json()["result"]["ocrResults"]
    return pages


def in_json(content: bytes, file_type: int, **fields: Any) -> bytes:
    file = base64.b64encode(content).decode()
    return json.dumps({"file": file, "fileType": file_type, **fields}).encode()


def test_the_section_serving(start: Start, tmp_path: Path, page_file: Path) -> None:
    section = {
        "visualize": False,
        "extra": {"max_num_input_imgs": 2, "max_output_img_size": [100, 50]},
    }
    command = start(*configured(tmp_path, section))
    assert command.get("/info").json()["limits"]["maxNumInputImgs"] == 2
    for kind in ("PDF", "TIFF"):
        file_type = 0 if kind == "PDF" else 1
        request = in_json(document([200] * 4, kind), file_type)
        assert len(pages_of(command.post(request, "/ocr"))) == 2
    image = in_json(page_file.read_bytes(), 1)
    (page,) = pages_of(command.post(image, "/ocr"))
    assert set(page) == {"prunedResult"}  # without pictures
    (page,) = pages_of(command.post(in_json(page_file.read_bytes(), 1, visualize=True), "/ocr"))
    for name in ("ocrImage", "inputImage"):
        with Image.open(io.BytesIO(base64.b64decode(page[name]))) as picture:
            assert picture.width <= 100 or picture.height <= 50
            assert max(picture.size) == 100 or picture.height == 50


def test_no_limit_of_pages(start: Start, tmp_path: Path) -> None:
    command = start(*configured(tmp_path, {"extra": {"max_num_input_imgs": None}}))
    assert len(pages_of(command.post(in_json(document([200] * 12), 0), "/ocr"))) == 12


@pytest.mark.usefixtures("not_run")
@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"return_urls": True}, "Serving.return_urls=True is not supported"),
        ({"extra": {"file_storage": {"type": "file_system"}}}, "Serving.extra.file_storage"),
        ({"extra": {"max_num_input_imgs": 0}}, "Serving.extra.max_num_input_imgs"),
        ({"extra": {"max_output_img_size": [100]}}, "Serving.extra.max_output_img_size"),
        ({"extra": []}, "Serving.extra"),
        ({"visualize": "maybe"}, "Serving.visualize"),
        (["visualize"], "Serving"),
    ],
)
def test_sections_that_are_not_allowed(
    section: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *STEPS_OFF, *configured(tmp_path, section)]) == 2
    assert message in capsys.readouterr().err


# ---- the log -------------------------------------------------------------------------------------


def test_the_log_has_one_line_a_request(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = start("--log_file", str(log))
    assert command.post(b"no image", headers={"X-Request-Id": "this"}).status_code == 422
    command.tell(signal.SIGTERM)
    assert command.status() == 0
    records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [record["status"] for record in records if record.get("request_id") == "this"] == [422]
    assert not any(record["logger"] == "uvicorn.access" for record in records)
    assert any(record["message"] == "Ready" for record in records)


@pytest.mark.parametrize("log", ["/dev/full", None])
def test_a_log_on_a_full_disk(start: Start, log: str | None, page_file: Path) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        options = {"stderr": full} if log is None else {}
        command = start(*(["--log_file", log] if log else []), **options)
    for _ in range(3):
        assert command.post(page_file.read_bytes()).status_code == 200
    lost = [line for line in command.get("/metrics").text.splitlines() if "records_lost_t" in line]
    assert float(lost[-1].split()[1]) >= 3
    command.tell(signal.SIGTERM)
    assert command.status() == 0
