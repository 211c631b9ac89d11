"""What the fuzzers give their inputs to: all that reads files, options or answers in Python.

Each function takes any bytes. It returns, or lets through what must not be raised.
"""

from __future__ import annotations

import io
import json
import struct
import tempfile
import warnings
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pydantic

import fastocr
from fastocr import cli, client, http, model_config, pipeline_config, serving
from fastocr.cli import exit_status
from fastocr.errors import FastOCRError, InputError, ModelFormatError, ServiceError
from fastocr.inputs import InputOptions, PageSelection, iter_pages
from fastocr.inputs.image_size import stated_size
from fastocr.inputs.pdf import is_pdf
from fastocr.inputs.urls import name_of, suffix_of
from fastocr.model_store import archive, hosts, manifest, transfer
from fastocr.model_store.onnx_metadata import read_metadata
from fastocr.model_store.transfer import TransferError
from fastocr.options.call import PARAMETERS, parse_predict
from fastocr.options.constructor import parse_constructor
from fastocr.options.reading import parse_inputs
from fastocr.results import FailedResult
from fastocr.serving.failures import RefusedError
from fastocr.serving.files import decoded_base64
from fastocr.serving.inference import parse_inference
from fastocr.serving.schemas import InferRequest

__all__ = ["TARGETS"]

_folder = tempfile.TemporaryDirectory(prefix="fastocr-fuzz-")
_ONE_MEGAPIXEL = 1 << 20


def _file(name: str, data: bytes) -> Path:
    path = Path(_folder.name) / name
    path.write_bytes(data)
    return path


_LIKELY: tuple[Any, ...] = (
    None, True, False, 0.3, 1, 6, 960, "min", "max", "cpu", "cpu,cpu", "gpu:0", "fp32", "int8",
    "en", "ch", "PP-OCRv5", "native", "openvino", "auto", "original", "processed", "quad", "1-3",
    [960, 960], (3, 48, 320), "PP-OCRv5_mobile_rec", "PP-OCRv5_mobile_det",
)  # fmt: skip


class _Values:
    """Values of all types made of bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def byte(self) -> int:
        value = self._data[0] if self._data else 0
        self._data = self._data[1:]
        return value

    def _take(self, size: int) -> bytes:
        taken, self._data = self._data[:size].ljust(size, b"\0"), self._data[size:]
        return taken

    def text(self) -> str:
        return self._take(self.byte() % 24).decode("utf-8", "surrogateescape")

    def choice(self, names: tuple[str, ...]) -> str:
        return names[int.from_bytes(self._take(2), "little") % len(names)]

    def likely(self) -> Any:
        """What an option may be, so that not all are refused."""
        return _LIKELY[self.byte() % len(_LIKELY)] if self.byte() % 2 else self.value()

    def value(self, depth: int = 0) -> Any:
        makers: list[Callable[[], Any]] = [
            lambda: None,
            lambda: True,
            lambda: False,
            lambda: self.byte() - 128,
            lambda: int.from_bytes(self._take(9), "little", signed=True),
            lambda: struct.unpack("<d", self._take(8))[0],
            lambda: self.byte() / 100,
            self.text,
            lambda: self._take(self.byte() % 8),
            lambda: object(),
        ]
        if depth < 3:
            many = range(self.byte() % 4)
            makers += [
                lambda: [self.value(depth + 1) for _ in many],
                lambda: tuple(self.value(depth + 1) for _ in many),
                lambda: {self.text(): self.value(depth + 1) for _ in many},
            ]
        return makers[self.byte() % len(makers)]()

    def empty(self) -> bool:
        return not self._data


def decode(data: bytes) -> None:
    """Contents of image files, which become pages or errors."""
    if not is_pdf(data):
        _read_pages(data)


def documents(data: bytes) -> None:
    """Contents of PDFs: PDFium is not ours, what is made of its answers is."""
    _read_pages(data if is_pdf(data) else b"%PDF-1.4\n" + data)


def _read_pages(data: bytes) -> None:
    options = InputOptions(max_pixels=_ONE_MEGAPIXEL, max_pages=4)
    for page in iter_pages(data, options):
        assert (page.image is None) != (page.error is None)
        if page.image is not None:
            assert page.image.ndim == 3
            assert page.image.shape[0] * page.image.shape[1] <= _ONE_MEGAPIXEL


def headers(data: bytes) -> None:
    """Sizes in the headers of images."""
    size = stated_size(data)
    assert size is None or len(size) == 2


_CONSTRUCTOR = tuple(pipeline_config.KEYS)
_BEYOND = ("coordinates", "warmup", "lang", "ocr_version", "enable_hpi", "engine_config")


def options(data: bytes) -> None:
    """Arguments of the constructor and of a call."""
    values = _Values(data)
    named = {values.choice(_CONSTRUCTOR): values.likely() for _ in range(values.byte() % 4)}
    extra = {values.choice(_BEYOND): values.likely() for _ in range(values.byte() % 2)}
    if values.byte() > 250:
        extra[values.text()] = values.likely()
    call = {values.choice(PARAMETERS): values.likely() for _ in range(values.byte() % 4)}
    with warnings.catch_warnings(), suppress(FastOCRError):
        warnings.simplefilter("ignore")
        own = parse_constructor(named, extra, 1)
        with suppress(FastOCRError):
            parse_predict(call, own)
    with suppress(FastOCRError):
        parse_inputs({name: values.likely() for name in call})


class _Checked:
    """Stands in for a class that loads models: checks its arguments and has no results."""

    def __init__(self, **arguments: Any) -> None:
        named = {name: arguments.pop(name) for name in _CONSTRUCTOR if name in arguments}
        parse_constructor(named, arguments, 1)

    def __enter__(self) -> _Checked:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def predict_iter(self, _: object) -> tuple[()]:
        return ()


def command_line(data: bytes) -> None:
    """Arguments of the program, separated by line feeds; no model is loaded, no port opened."""
    arguments = data.replace(b"\0", b"").decode("utf-8", "surrogateescape").split("\n")
    with ExitStack() as stack:
        for command in cli._PREDICTIONS:
            stack.enter_context(mock.patch.object(fastocr, command.predictor, _Checked))
        stack.enter_context(mock.patch.object(serving, "run", return_value=None))
        stack.enter_context(redirect_stdout(io.StringIO()))
        stack.enter_context(redirect_stderr(io.StringIO()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        status = cli.main(arguments)
    assert status in (exit_status.OK, exit_status.FAILED, exit_status.USAGE)


def pipeline_yaml(data: bytes) -> None:
    """A file that `paddlex_config` names."""
    with suppress(FastOCRError):
        pipeline_config.read_config(_file("pipeline.yml", data), lambda _: None)


def inference_yml(data: bytes) -> None:
    """The configuration of a model directory."""
    with suppress(FastOCRError):
        model_config.read_config(_file("inference.yml", data))


def manifests(data: bytes) -> None:
    """What is recorded of a download, and what hosts say of their files."""
    for problem in manifest.problems(_file(manifest.FILE, data).parent):
        assert isinstance(problem, str)
    with mock.patch.object(transfer, "fetch_bytes", return_value=data):
        for kind in (hosts.HuggingFace, hosts.AIStudio, hosts.ModelScope):
            with suppress(TransferError):
                kind().files("PP-OCRv5_mobile_det")


def metadata(data: bytes) -> None:
    """What is read of ONNX files beside the network."""
    with suppress(ModelFormatError):
        for name, value in read_metadata(_file("inference.onnx", data)).items():
            assert isinstance(name, str)
            assert isinstance(value, str)


def archives(data: bytes) -> None:
    """Archives with models in them: nothing is written outside of the folder."""
    folder = Path(_folder.name) / "extracted"
    folder.mkdir(exist_ok=True)
    with suppress(TransferError):
        archive.extract(_file("model.tar", data), folder, lambda names: names[:3])
    assert {path.name for path in Path(_folder.name).iterdir()} <= _OWN_FILES
    for path in folder.iterdir():
        path.unlink()


_OWN_FILES = {
    "extracted", "inference.onnx", "inference.yml", "model.tar", "pipeline.yml", "results",
    manifest.FILE,
}  # fmt: skip


def results(data: bytes) -> None:
    """Names of inputs, which name the files of results: one is written, in the folder."""
    name = data.decode("utf-8", "surrogateescape")
    folder = Path(_folder.name) / "results"
    FailedResult(name, None, InputError(name)).save_all(folder)
    (file,) = folder.iterdir()
    json.loads(file.read_bytes())
    file.unlink()
    assert {path.name for path in Path(_folder.name).iterdir()} <= _OWN_FILES


def requests(data: bytes) -> None:
    """Bodies of requests to the service."""
    length, _, body = data.partition(b"\n")
    for header in (None, length.decode("latin-1")):
        with suppress(RefusedError):
            parse_inference(body, header).load()
    with suppress(pydantic.ValidationError):
        decode_text = InferRequest.model_validate_json(body).file
        with suppress(RefusedError):
            decoded_base64(decode_text)


def answers(data: bytes) -> None:
    """Answers of a service to its client."""
    response = httpx.Response(200, content=data, request=httpx.Request("POST", "http://a/ocr"))
    with suppress(ServiceError):
        client._answer(response)
    failure = httpx.Response(500, content=data, request=httpx.Request("POST", "http://a/ocr"))
    assert isinstance(client._failure(failure), ServiceError)
    with suppress(ServiceError):
        lines = client._Lines()
        middle = len(data) // 2
        for chunk in (data[:middle], data[middle:]):
            for page in lines.pages(chunk):
                assert isinstance(page, dict)


def addresses(data: bytes) -> None:
    """URLs, and ranges of pages."""
    text = data.decode("utf-8", "surrogateescape")
    url = f"http://{text}"
    assert isinstance(name_of(url), str)
    with suppress(http.RequestError):
        target = http._Target.parse(url)
        suffix_of(url)
        with suppress(http.RequestError):
            target.redirected(data.decode("latin-1"))
    with suppress(ValueError):
        assert set(PageSelection.parse(text).indices(3)) <= {0, 1, 2}


TARGETS: dict[str, Callable[[bytes], None]] = {
    function.__name__: function
    for function in (
        addresses, answers, archives, command_line, decode, documents, headers, inference_yml,
        manifests, metadata, options, pipeline_yaml, requests, results,
    )
}  # fmt: skip
