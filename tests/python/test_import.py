"""What importing and using the package does to the process, and what an installation holds."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fastocr
from fastocr import _core

RunPython = Callable[..., Any]

# Code for a child process.
ENVIRONMENT = """
import ctypes
def c_environment():
    # os.environ is a copy made at start-up: a library's setenv shows only here.
    block = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    entries, i = set(), 0
    while block[i] is not None:
        entries.add(block[i])
        i += 1
    return entries
"""


def child(run_python: RunPython, code: str, **env: str) -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = run_python("-c", code, env=env)
    assert done.returncode == 0, done.stderr
    return done


# --- import ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "packages"),
    [
        ("import fastocr", ["fastocr"]),
        ("from fastocr import PaddleOCR", ["fastocr", "nanobind_backend", "numpy"]),
    ],
)
def test_import_loads_little(run_python: RunPython, statement: str, packages: list[str]) -> None:
    """OpenCV, Pillow, PDFium, YAML and the engine are loaded when they are needed."""
    code = f"""
import sys
def top_level():
    return {{name.partition(".")[0] for name in sys.modules}}
# Modules of the interpreter's start: hooks of editable installs, coverage and the like.
before = top_level()
{statement}
print(*sorted(top_level() - before - set(sys.stdlib_module_names)))
"""
    assert child(run_python, code).stdout.split() == packages


def test_import_is_short(run_python: RunPython) -> None:
    """What takes long to load and is used seldom is loaded where it is used."""
    code = """
import sys, numpy, logging, pathlib
before = set(sys.modules)
from fastocr import PaddleOCR
print(*sorted(set(sys.modules) - before))
"""
    loaded = child(run_python, code).stdout.split()
    assert "fastocr.ocr" in loaded
    for name in (
        "email", "hashlib", "importlib.metadata", "numpy.typing", "subprocess", "tempfile",
        "concurrent.futures", "fastocr.conversion",
    ):  # fmt: skip
        assert name not in loaded


def test_names_are_there_before_they_are_loaded(run_python: RunPython) -> None:
    code = """
import fastocr
assert set(fastocr.__all__) <= set(dir(fastocr))
assert "PaddleOCR" not in vars(fastocr)
from fastocr import *
assert PaddleOCR is fastocr.PaddleOCR and OCRResult.__module__ == "fastocr.results"
try:
    fastocr.Nothing
except AttributeError as error:
    print(error)
"""
    message = "module 'fastocr' has no attribute 'Nothing'\n"
    assert child(run_python, code).stdout == message


def test_import_changes_nothing(run_python: RunPython) -> None:
    """Nothing is printed, and what belongs to the application stays as it was."""
    code = f"""{ENVIRONMENT}
import faulthandler, locale, logging, os, signal, sys, warnings
import numpy
def state():
    root = logging.getLogger()
    return {{
        "environ": dict(os.environ),
        "C environment": c_environment(),
        "handlers": list(root.handlers),
        "level": root.level,
        "filters": list(warnings.filters),
        "locale": locale.setlocale(locale.LC_ALL),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "path": list(sys.path),
        "print options": numpy.get_printoptions(),
        "excepthook": sys.excepthook,
    }}
before = state()
from fastocr import PaddleOCR
after = state()
assert {{k: v for k, v in after.items() if v != before[k]}} == {{}}
"""
    done = child(run_python, code)
    assert (done.stdout, done.stderr) == ("", "")


def test_package_logger(run_python: RunPython) -> None:
    code = """
import logging, fastocr
logger = logging.getLogger("fastocr")
assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]
assert logger.level == logging.NOTSET and logger.propagate
"""
    child(run_python, code)


# --- use ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["native", "openvino"])
def test_use_is_silent(run_python: RunPython, pages_dir: Path, engine: str) -> None:
    """Also with the switches open, which is worth a log record but not a line on the terminal.

    All of it: from a file, from an array, the closing and the end of the process.
    """
    page = str(pages_dir / "noise_background.png")
    code = f"""{ENVIRONMENT}
import logging, numpy
from fastocr import PaddleOCR
before = c_environment()
ocr = PaddleOCR(cpu_threads=2, engine={engine!r})
assert ocr.predict(numpy.full((60, 60, 3), 255, numpy.uint8))[0]["rec_texts"] == []
assert c_environment() == before
assert len(ocr.predict({page!r})[0]["rec_texts"]) == 4
assert logging.getLogger().handlers == []
"""
    done = child(run_python, code, PYTHONWARNINGS="default")
    assert (done.stdout, done.stderr) == ("", "")


def test_log_records_reach_the_application(run_python: RunPython, pages_dir: Path) -> None:
    """Those of Python, of the core and of an engine's library."""
    code = f"""
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, format="%(name)s %(levelname)s")
from fastocr import PaddleOCR
PaddleOCR(cpu_threads=2, engine="openvino").predict({str(pages_dir / "blank.png")!r})
"""
    done = child(run_python, code)
    assert "fastocr WARNING" in done.stdout.splitlines()
    assert "fastocr DEBUG" in done.stdout.splitlines()


# --- instruction sets -----------------------------------------------------------------------------


def texts_with(run_python: RunPython, page: Path, isa: str) -> Any:
    code = f"""
import json
from fastocr import PaddleOCR, _core
result = PaddleOCR(cpu_threads=2).predict({str(page)!r})[0]
polys = [poly.tolist() for poly in result["dt_polys"]]
print(json.dumps([_core.active_isa(), result["rec_texts"], polys]))
"""
    return json.loads(child(run_python, code, FASTOCR_FORCE_ISA=isa).stdout)


@pytest.mark.parametrize("isa", [*_core.available_isas(), ""])
def test_forced_instruction_set(
    run_python: RunPython, pages_dir: Path, ocr: fastocr.PaddleOCR, isa: str
) -> None:
    """The kernels of all sets give the same texts and boxes; an empty value chooses none."""
    page = pages_dir / "noise_background.png"
    (expected,) = ocr.predict(page)
    active, texts, polys = texts_with(run_python, page, isa)
    assert active == (isa or _core.available_isas()[-1])
    assert texts == expected["rec_texts"]
    assert polys == [poly.tolist() for poly in expected["dt_polys"]]


def test_unknown_instruction_set(run_python: RunPython, pages_dir: Path) -> None:
    """An exception of the package that names the variable, its value and what is allowed."""
    code = f"""
from fastocr import PaddleOCR, errors
try:
    PaddleOCR(cpu_threads=2).predict({str(pages_dir / "noise_background.png")!r})
except errors.InvalidOptionError as error:
    print(error)
"""
    message = child(run_python, code, FASTOCR_FORCE_ISA="sse9").stdout
    assert "sse9" in message
    assert "portable" in message
    assert "FASTOCR_FORCE_ISA" in message


# --- installation ---------------------------------------------------------------------------------


def test_version() -> None:
    assert fastocr.__version__ == importlib.metadata.version("fastocr")


def test_installed_files() -> None:
    compiled = Path(_core.__file__).parent
    assert (Path(fastocr.__file__).parent / "py.typed").is_file()
    assert (compiled / "engines" / _core.engine_requirements("openvino").engine_library).is_file()
    stub = (compiled / "_core.pyi").read_text(encoding="utf-8")
    compile(stub, "_core.pyi", "exec")
    for name in ("Pipeline", "PageParams", "load_engine"):
        assert name in stub


def test_stub_names_all_there_is() -> None:
    """The stub is made from the module, so that a missing name means that it is stale."""
    stub = (Path(_core.__file__).parent / "_core.pyi").read_text(encoding="utf-8")
    public = [name for name in vars(_core) if not name.startswith("_")]
    assert [name for name in public if name not in stub] == []


def test_console_script() -> None:
    (entry,) = [
        entry
        for entry in importlib.metadata.distribution("fastocr").entry_points
        if entry.group == "console_scripts"
    ]
    assert (entry.name, entry.value) == ("fastocr", "fastocr.cli:main")


def test_python_version_is_supported() -> None:
    required = importlib.metadata.metadata("fastocr")["Requires-Python"]
    assert required == ">=3.10"
    assert sys.version_info >= (3, 10)
