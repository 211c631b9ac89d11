"""What fastocr finds on this machine: what a report of a problem needs (``fastocr doctor``)."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from fastocr import __version__, _core, engines, model_store
from fastocr.cpus import available_cpus
from fastocr.engines.paddle import nvidia_gpus
from fastocr.errors import FastOCRError

__all__ = ["report"]

_PACKAGES = ("numpy", "opencv-python", "pillow", "pypdfium2", "PyYAML")


def report() -> Iterator[str]:
    """Yield the lines of the report.

    Every engine is loaded, so that it is known whether it works.
    """
    yield f"fastocr {__version__} in {Path(__file__).parent}"
    yield f"Python {platform.python_version()} in {sys.prefix}"
    yield f"system: {platform.platform()}"
    yield from _cpu()
    yield "devices:"
    yield "  cpu: usable"
    yield f"  gpu: {_gpu()}"
    yield "engines:"
    for name in _core.engine_names():
        yield f"  {name}: {_engine(name)}"
    yield "models:"
    for name in model_store.packaged_models():
        yield f"  {name}: {_model(name)}"
    yield "packages:"
    for name in _PACKAGES:
        yield f"  {name}: {_version(name)}"


def _cpu() -> Iterator[str]:
    forced = os.environ.get("FASTOCR_FORCE_ISA")
    why = f", forced by FASTOCR_FORCE_ISA={forced}" if forced else ""
    yield f"CPU: {platform.machine()}, {available_cpus()} of {os.cpu_count()} CPUs usable"
    yield f"kernels: {_core.active_isa()}{why} (of {', '.join(_core.available_isas())})"


def _engine(name: str) -> str:
    try:
        place = engines.describe(name)
        engines.load(name)
    except FastOCRError as error:
        return f"not usable: {error}"
    return f"usable, {place}"


def _gpu() -> str:
    gpus = ", ".join(nvidia_gpus()) or "none is reported by NVIDIA's driver"
    try:
        engines.load("paddle").check_device(_core.Device("gpu"))
    except FastOCRError as error:
        return f"{gpus}; {error}"
    return f"{gpus}; engine 'paddle' can use NVIDIA's"


def _model(name: str) -> str:
    try:
        return ", ".join(map(str, model_store.find_model(name, None).paths))
    except FastOCRError as error:
        return f"not found: {error}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
