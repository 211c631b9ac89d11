"""Tensors of the Open Inference Protocol: as JSON, and as bytes behind the JSON of a body."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastocr.serving.failures import RefusedError
from fastocr.serving.reading import compact_json

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["HEADER_LENGTH", "Tensor", "joined", "single_element", "split_body"]

# The header with the bytes of the JSON at the begin of a body; without it all of it is JSON.
HEADER_LENGTH = "Inference-Header-Content-Length"
# More digits than a length can have are not looked at.
_LENGTH = re.compile(r"[0-9]{1,18}")
_PREFIX = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Tensor:
    """An output.

    Attributes:
        name: its name.
        datatype: of its elements, in the protocol's words.
        values: texts, or an array whose type is `datatype`, little-endian.

    """

    name: str
    datatype: str
    values: Sequence[str] | npt.NDArray[Any]

    @property
    def shape(self) -> list[int]:
        """The length of each dimension."""
        return [len(self.values)] if isinstance(self.values, Sequence) else [*self.values.shape]

    def data(self) -> list[Any]:
        """Return the elements for JSON, row by row without nesting."""
        if isinstance(self.values, Sequence):
            return list(self.values)
        flat: list[Any] = self.values.ravel().tolist()
        return flat

    def binary(self) -> bytes:
        """Return the elements as bytes; texts are UTF-8, each behind its length."""
        if not isinstance(self.values, Sequence):
            return self.values.tobytes()
        texts = [text.encode() for text in self.values]
        return b"".join(part for text in texts for part in (_PREFIX.pack(len(text)), text))


def split_body(body: bytes, header_length: str | None) -> tuple[bytes, memoryview]:
    """Return the JSON of a body and the bytes behind it.

    Args:
        body: all of it.
        header_length: the value of the header `HEADER_LENGTH`; None: it is not there.

    Raises:
        RefusedError: 400, the length is no number, or the body is shorter.

    """
    if header_length is None:
        return body, memoryview(b"")
    if _LENGTH.fullmatch(header_length) is None:
        raise RefusedError(400, f"{HEADER_LENGTH}: {header_length[:40]!r} is no number of bytes")
    length = int(header_length)
    if length > len(body):
        raise RefusedError(
            400, f"{HEADER_LENGTH} is {length}, but the body has {len(body)} bytes only"
        )
    return body[:length], memoryview(body)[length:]


def single_element(data: memoryview) -> memoryview:
    """Return the element of a BYTES tensor of the shape [1].

    Raises:
        RefusedError: 400, the length before the element is not that of what follows.

    """
    if len(data) < _PREFIX.size:
        raise RefusedError(
            400, f"The binary data has {len(data)} bytes; an element begins with 4 for its length"
        )
    (length,) = _PREFIX.unpack_from(data)
    rest = len(data) - _PREFIX.size
    if length != rest:
        raise RefusedError(
            400,
            f"The binary data says that its element has {length} bytes, but {rest} bytes follow; "
            "the shape [1] is one element",
        )
    return data[_PREFIX.size :]


def joined(
    fields: Mapping[str, Any], outputs: Sequence[tuple[Tensor, bool]]
) -> tuple[bytes, int | None]:
    """Return the body of an answer, and the length of its JSON if bytes may follow.

    Args:
        fields: of the answer, without `outputs`.
        outputs: tensors, and whether each is sent as bytes.

    """
    described: list[dict[str, Any]] = []
    blobs: list[bytes] = []
    for tensor, binary in outputs:
        field: dict[str, Any]
        if binary:
            blobs.append(tensor.binary())
            field = {"parameters": {"binary_data_size": len(blobs[-1])}}
        else:
            field = {"data": tensor.data()}
        described.append(
            {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape, **field}
        )
    text = compact_json({**fields, "outputs": described}).encode()
    return b"".join([text, *blobs]), len(text) if blobs else None
