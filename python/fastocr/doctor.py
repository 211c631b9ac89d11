"""What a report of a problem needs: the build, and what fastocr finds on this machine.

``fastocr --version`` prints the first, ``fastocr doctor`` both.
"""

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

__all__ = ["build_facts", "report"]

_PACKAGES = ("numpy", "opencv-python", "pillow", "pypdfium2", "PyYAML")


def build_facts() -> Iterator[str]:
    """Yield what ``fastocr --version`` prints: the version first, alone on its line.

    No engine is loaded: one counts as there if its package is, in a version that fits.
    """
    yield f"fastocr {__version__}"
    yield f"build: commit {_core.COMMIT}, {_core.COMPILER}, {_core.BUILD_TYPE}, {_core.TARGET}"
    yield f"kernels: {_kernels()}"
    yield f"engines: {', '.join(filter(_is_there, _core.engine_names()))}"


def report() -> Iterator[str]:
    """Yield the lines of the report.

    Every engine is loaded, so that it is known whether it works.
    """
    version, build, *_ = build_facts()
    yield f"{version} in {Path(__file__).parent}"
    yield build
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
    yield f"CPU: {platform.machine()}, {available_cpus()} of {os.cpu_count()} CPUs usable"
    yield f"kernels: {_kernels()}"


def _kernels() -> str:
    forced = os.environ.get("FASTOCR_FORCE_ISA")
    why = f", forced by FASTOCR_FORCE_ISA={forced}" if forced else ""
    return f"{_core.active_isa()}{why} (of {', '.join(_core.available_isas())})"


def _is_there(engine: str) -> bool:
    try:
        engines.describe(engine)
    except FastOCRError:
        return False
    return True


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
