"""The process that reads PDF files for another one: ``python -m fastocr.pdf.child FD MEMORY``.

Messages are JSON objects; contents of files and pixels follow as bytes. The process ends with the
connection.
"""

from __future__ import annotations

import json
import resource
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fastocr.errors import InputError
from fastocr.pdf.document import Document, Scales

__all__ = ["main"]


class _Reader:
    """Answers requests about one document at a time."""

    def __init__(self) -> None:
        self._document: Document | None = None
        self._failure = ""

    def open(self, name: str, password: str | None, data: bytes) -> None:
        """Open a document in the place of the last one; a failure is what later requests get."""
        self.close()
        try:
            self._document = Document(name, data, password)
        except InputError as error:
            self._failure = str(error)

    def close(self) -> None:
        """Free the document."""
        document, self._document = self._document, None
        if document is not None:
            document.close()

    def answer(self, request: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """Return the answer, and the bytes that belong to it."""
        if self._document is None:
            return {"error": self._failure}, None
        if request["do"] == "count":
            return {"count": self._document.count}, None
        try:
            pixels = self._document.render(request["index"], Scales(*request["scales"]))
        except InputError as error:
            return {"error": str(error)}, None
        size = {"width": pixels.width, "height": pixels.height, "stride": pixels.stride}
        return {"data": True, **size}, pixels.data


def _limit_memory(limit: int) -> None:
    """Bound the address space to what there is now and `limit` bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    total = pages * resource.getpagesize() + limit
    resource.setrlimit(resource.RLIMIT_AS, (total, total))


def main(descriptor: int, memory: int) -> None:
    """Answer requests until the connection ends."""
    import pypdfium2  # noqa: F401  # before memory is limited

    if memory:
        _limit_memory(memory)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection = Connection(descriptor)
    reader = _Reader()
    connection.send_bytes(b"{}")
    while True:
        try:
            request = json.loads(connection.recv_bytes())
            if request["do"] == "open":
                reader.open(request["name"], request["password"], connection.recv_bytes())
                continue
            if request["do"] == "close":
                reader.close()
                continue
        except EOFError:
            return
        reply, data = reader.answer(request)
        connection.send_bytes(json.dumps(reply).encode())
        if data is not None:
            connection.send_bytes(data)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
