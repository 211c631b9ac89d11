"""The chunks of PNG files."""

from __future__ import annotations

import struct

__all__ = ["whole_chunks"]

_START = b"\x89PNG\r\n\x1a\n"
_LENGTH = struct.Struct(">I")
_AROUND = 12  # bytes of a chunk beside its content: length, type, checksum


def whole_chunks(data: bytes) -> bytes:
    """Return a PNG up to the first chunk that is not all there; other content as it is.

    OpenCV makes room for all that a chunk claims to hold, up to 4 GB, before it finds that the file
    is shorter.
    """
    if not data.startswith(_START):
        return data
    position = len(_START)
    while position + _LENGTH.size <= len(data):
        end = position + _AROUND + _LENGTH.unpack_from(data, position)[0]
        if end > len(data):
            return data[:position]
        position = end
    return data
