"""What the Paddle engine's library does not find out by itself."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

from fastocr import _core, cache
from fastocr.errors import ModelFormatError

__all__ = ["forms", "load_shared_libraries", "nvidia_gpus", "with_cache"]

# Those whose oneDNN runs all networks in the newer form, where they take less time.
_NEWER_FORM_RUNS = ("3.2.2",)
_GPUS = Path("/proc/driver/nvidia/gpus")
_TBB = "libtbb.so.12"


def load_shared_libraries() -> None:
    """Load what the packages of Paddle and OpenVINO both bring: OpenVINO's, which is newer.

    A process has one library of a name, and OpenVINO must not meet an older one than its own.
    """
    spec = importlib.util.find_spec("openvino")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        library = Path(folder) / "libs" / _TBB
        if library.is_file():
            ctypes.CDLL(str(library))
            return


def forms(version: str, *, bf16: bool, tensorrt: bool) -> tuple[str, ...]:
    """Return the forms of a network, the one to take first.

    Only the newer one runs in `bf16`, only the older one with `tensorrt`.
    """
    newer = not tensorrt and (bf16 or version in _NEWER_FORM_RUNS)
    return (".json", ".pdmodel") if newer else (".pdmodel", ".json")


def nvidia_gpus() -> tuple[str, ...]:
    """Return the models of the GPUs that NVIDIA's driver reports; empty without the driver."""
    models = []
    for file in sorted(_GPUS.glob("*/information")):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            title, _, value = line.partition(":")
            if title == "Model":
                models.append(value.strip())
    return tuple(models)


def with_cache(
    properties: Mapping[str, str],
    network: Path,
    shape_ranges: Sequence[_core.ShapeRange],
    version: str,
) -> dict[str, str]:
    """Return the engine's settings with a folder for what TensorRT compiles, if it is used.

    It goes by the files' content, the sizes, the version of Paddle and the GPUs, for which the
    network is compiled.

    Raises:
        ModelFormatError: a file of the network cannot be read.

    """
    if properties.get("use_tensorrt") != "YES" or "trt_cache_dir" in properties:
        return dict(properties)
    files = (network, network.with_suffix(".pdiparams"))
    sizes = [str((range_.least, range_.usual, range_.most)) for range_ in shape_ranges]
    try:
        name = cache.key(files, version, *sizes, *nvidia_gpus())
    except OSError as error:
        raise ModelFormatError(f"{error.filename}: {error.strerror}") from error
    return {**properties, "trt_cache_dir": str(cache.folder("tensorrt") / name)}
