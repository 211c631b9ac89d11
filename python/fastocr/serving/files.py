"""Where the file of a request is: in a field of JSON, behind a URL, in the body or a part of it."""

from __future__ import annotations

import base64
import binascii
import logging
import mimetypes
import posixpath
import sys
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import python_multipart  # noqa: F401  # Starlette would miss it when a form comes
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from fastocr.errors import FastOCRError
from fastocr.inputs.urls import PrivateURLError, read_url
from fastocr.serving.description import without_null
from fastocr.serving.failures import RefusedError, refusal
from fastocr.serving.requests import RequestRecord
from fastocr.serving.schemas import IMAGE, PDF, FileOptions, InferRequest
from fastocr.urls import is_url

if TYPE_CHECKING:
    from fastocr.serving.service import Service

__all__ = ["UPLOAD", "RequestFile", "Upload", "decoded_base64", "field_file", "uploaded"]

_log = logging.getLogger("fastocr.service")

_MULTIPART = "multipart/form-data"
_FILE_PART = "file"
_MOST_FIELDS = 32

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_OPTIONS = {
    name: without_null(schema)
    for name, schema in FileOptions.model_json_schema()["properties"].items()
}
# A request that carries the file itself, for the OpenAPI document. FastAPI could make the
# parameters of `FileOptions`, but takes a third of a request's time to look them up.
UPLOAD: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in _OPTIONS.items()
    ],
    "requestBody": {
        "required": True,
        "description": "The file, or a form with the part `file`.",
        "content": {
            "application/octet-stream": _BINARY,
            "application/pdf": _BINARY,
            "image/*": _BINARY,
            _MULTIPART: {
                "schema": {
                    "type": "object",
                    "properties": {_FILE_PART: _BINARY["schema"], **_OPTIONS},
                    "required": [_FILE_PART],
                    "additionalProperties": False,
                }
            },
        },
    },
}

# Of the reference's table only: what the machine knows of types plays no part.
_TYPES = mimetypes.MimeTypes()


@dataclass(frozen=True, slots=True)
class RequestFile:
    """A file of a request.

    Attributes:
        load: returns its bytes; may raise `RefusedError`.
        file_type: `PDF` or `IMAGE`.

    """

    load: Callable[[], bytes]
    file_type: int


async def field_file(service: Service, body: InferRequest, record: RequestRecord) -> RequestFile:
    """Return the file that the field ``file`` holds or names; a URL is fetched at once.

    Raises:
        RefusedError: 422, URLs are not allowed, this one cannot be fetched, or what the file is
            cannot be told; 503, it does not fit into the memory for requests.

    """
    file = body.file
    if not is_url(file):
        if body.file_type is None:
            raise RefusedError(422, "File type cannot be determined")
        return RequestFile(lambda: decoded_base64(file), body.file_type)
    file_type = _type_by_name(file) if body.file_type is None else body.file_type
    if not service.options.allow_urls:
        raise RefusedError(
            422, "Invalid input file: this service fetches no URLs; send the file in Base64"
        )
    try:
        data = await service.downloads.run(partial(read_url, file, service.file_options))
    except PrivateURLError as error:
        # Which address a name stands for here is not for strangers to know.
        _log.warning("%s", error)
        raise RefusedError(
            422, "Invalid input file: the URL leads to an address that is not public"
        ) from None
    except FastOCRError as error:
        raise refusal(error) from None
    service.admission.hold(len(data))
    record.at_end.append(partial(service.admission.release, len(data)))
    return RequestFile(lambda: data, file_type)


def decoded_base64(text: str) -> bytes:
    """Return what a string stands for; characters that are not of Base64 are skipped."""
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        raise RefusedError(422, "Invalid input file: no valid Base64") from None


def _type_by_name(url: str) -> int:
    try:
        name = posixpath.basename(urllib.parse.urlsplit(url).path)
    except ValueError:
        raise RefusedError(422, "Invalid input file: no valid URL") from None
    kind = _TYPES.guess_type(name)[0] or ""
    if kind == "application/pdf":
        return PDF
    if kind.startswith("image/"):
        return IMAGE
    raise RefusedError(422, "Unsupported file type")


# ---- uploads -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent as it is, and what is wanted."""

    data: bytes
    options: FileOptions

    def load(self) -> bytes:
        """Return the file."""
        return self.data


class _MemoryParser(MultiPartParser):
    """Keeps files in memory, as the size of requests is limited already."""

    spool_max_size = sys.maxsize


async def uploaded(request: Request) -> Upload:
    """Return the file in the body of a request, and what its query and its form want.

    Raises:
        RefusedError: 422, there is no file, the form is broken, or an option is given twice.
        RequestValidationError: something is no option.

    """
    query = _options(_each_once(request.query_params.multi_items(), "query"), "query")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _MULTIPART:
        return await _from_form(request, query)
    data = await request.body()
    if not data:
        raise RefusedError(422, "Invalid input file: the body is empty")
    return Upload(data, query)


async def _from_form(request: Request, query: FileOptions) -> Upload:
    parser = _MemoryParser(request.headers, request.stream(), max_files=1, max_fields=_MOST_FIELDS)
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, KeyError) as error:
        raise RefusedError(
            422, f"Invalid form: {getattr(error, 'message', 'it is broken')}"
        ) from None
    try:
        file = form.get(_FILE_PART)
        if not isinstance(file, UploadFile):
            raise RefusedError(
                422, f"Invalid form: the part {_FILE_PART!r} with the file is missing"
            )
        data = await file.read()
        parts = form.multi_items()
    finally:
        await form.close()
    fields = _each_once(parts, "form")
    del fields[_FILE_PART]
    given = query.model_dump(by_alias=True, exclude_unset=True)
    return Upload(data, _options({**given, **fields}, "body"))


def _each_once(pairs: Sequence[tuple[str, Any]], where: str) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise RefusedError(422, f"Invalid {where}: a name is given twice")
    return fields


def _options(fields: Mapping[str, Any], where: str) -> FileOptions:
    try:
        return FileOptions.model_validate(fields)
    except ValidationError as error:
        problems = [{**problem, "loc": (where, *problem["loc"])} for problem in error.errors()]
        raise RequestValidationError(problems) from None
