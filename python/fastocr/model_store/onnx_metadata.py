"""The metadata of an ONNX file: named texts beside the network.

They are read without the network, whose bytes are skipped, so that no ONNX package is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from fastocr.errors import ModelFormatError

__all__ = ["read_metadata"]

# Numbers of fields in ONNX's protocol buffers: a model's metadata, and both parts of an entry.
_METADATA = 14
_KEY, _VALUE = 1, 2
# How a field is stored.
_VARINT, _BYTES = 0, 2
_FIXED_SIZES = {1: 8, 5: 4}


def read_metadata(path: Path) -> dict[str, str]:
    """Return the metadata of an ONNX file.

    Raises:
        ModelFormatError: the file is damaged.
        OSError: it cannot be read.

    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            entries = [
                _fields(file, place, length) for place, length in _find(file, size, _METADATA)
            ]
            return {entry[_KEY]: entry.get(_VALUE, "") for entry in entries if _KEY in entry}
    except (EOFError, UnicodeDecodeError, ValueError) as error:
        raise ModelFormatError(f"{path} is no ONNX file, or a damaged one: {error}") from error


def _fields(file: BinaryIO, begin: int, length: int) -> dict[int, str]:
    """Return the texts of a message by their numbers."""
    found = {}
    for number in (_KEY, _VALUE):
        file.seek(begin)
        for place, size in _find(file, begin + length, number):
            file.seek(place)
            found[number] = _exactly(file, size).decode("utf-8")
    return found


def _find(file: BinaryIO, end: int, wanted: int) -> list[tuple[int, int]]:
    """Return place and length of each field of a number, from here to `end`."""
    found = []
    while file.tell() < end:
        tag = _varint(file)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            _varint(file)
            continue
        if kind != _BYTES and kind not in _FIXED_SIZES:
            raise ValueError(f"a field of the unknown kind {kind}")
        length = _FIXED_SIZES[kind] if kind in _FIXED_SIZES else _varint(file)
        if file.tell() + length > end:
            raise ValueError("a field is longer than the file")
        if number == wanted and kind == _BYTES:
            found.append((file.tell(), length))
        file.seek(length, 1)
    return found


def _varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = _exactly(file, 1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
    raise ValueError("a number is too long")


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise EOFError("it ends early")
    return data
