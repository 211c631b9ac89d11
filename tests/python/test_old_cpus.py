"""The core on a CPU without AVX: no instruction there that it does not have.

Kernels for newer CPUs are compiled with more instructions than the rest. If such an object defined
an inline function of its own, the linker could take it for all callers, on every CPU.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.python.conftest import check_emulated_cpp_tests, missing, output_of, program

# The first CPUs with SSE 4.2 and POPCNT, which numpy needs.
OLD_CPU = "Nehalem"
NEWER_KERNELS = re.compile(r"kernels_avx\w*\.cc\.o(bj)?$")
# In objdump's lines an operand, and the prefix of every instruction of AVX and AVX-512.
AVX = re.compile(r"%[yz]mm\d|\tv[a-z]")

# Prints the kernels in use, and what the upper part of a page says.
PAGE = """
import json, sys
import cv2
from fastocr import PaddleOCR, _core
ocr = PaddleOCR(engine="native", cpu_threads=1, use_doc_orientation_classify=False,
                use_doc_unwarping=False, use_textline_orientation=False)
page = ocr.predict(cv2.imread(sys.argv[1])[:110])[0]
print(json.dumps({"isas": _core.available_isas(), "isa": _core.active_isa(),
                  "texts": page["rec_texts"], "scores": page["rec_scores"],
                  "boxes": page["rec_boxes"].tolist()}))
"""

pytestmark = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="there is AVX on x86-64 only"
)


def binutils(name: str, *arguments: str | Path) -> str:
    tool = program(name) or missing(f"{name} (of binutils)", "tests of the objects")
    succeeded, output = output_of(tool, *arguments)
    assert succeeded, output
    return output


@pytest.fixture(scope="session")
def core_library(cpp_build: Path) -> Path:
    return cpp_build / "cpp" / "libfastocr_core.a"


def members(listing: str, header: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """The objects of a library in what a tool says of it, each by its name."""
    parts = header.split(listing)
    return zip(parts[1::2], parts[2::2], strict=True)


def test_newer_kernels_define_nothing_but_their_table(core_library: Path) -> None:
    listing = binutils("nm", "--demangle", "--defined-only", "--extern-only", core_library)
    defined = {
        name: [line.split(maxsplit=2) for line in symbols.splitlines() if line]
        for name, symbols in members(listing, re.compile(r"^(\S+\.o(?:bj)?):$", re.MULTILINE))
        if NEWER_KERNELS.search(name)
    }
    assert len(defined) == 3
    for name, symbols in defined.items():
        assert [(kind, what.rpartition("::")[0]) for _, kind, what in symbols] == [
            ("D", "fastocr::kernels")
        ], name


def test_all_else_has_no_avx(core_library: Path) -> None:
    listing = binutils("objdump", "--disassemble", "--no-show-raw-insn", core_library)
    header = re.compile(r"^(\S+\.o(?:bj)?): +file format .*$", re.MULTILINE)
    with_avx = {name for name, code in members(listing, header) if AVX.search(code)}
    assert {name for name in with_avx if not NEWER_KERNELS.search(name)} == set()
    assert len(with_avx) == 3  # else the pattern finds nothing


@pytest.fixture(scope="session")
def emulator() -> list[str]:
    """The command of such a CPU."""
    found = program("qemu-x86_64", "qemu-x86_64-static")
    return [found or missing("qemu-user", "tests on an old CPU"), "-cpu", OLD_CPU]


def test_cpp_tests_pass(emulator: list[str], cpp_build: Path) -> None:
    check_emulated_cpp_tests(cpp_build, *emulator)


def page(command: list[str], image: Path, **env: str) -> dict[str, object]:
    # numpy's OpenBLAS takes the emulated CPU for a newer one.
    done = subprocess.run(
        [*command, sys.executable, "-c", PAGE, image],
        env={**os.environ, "OPENBLAS_CORETYPE": "NEHALEM", **env},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_page_is_read(emulator: list[str], pages_dir: Path) -> None:
    image = pages_dir / "noise_background.png"
    emulated = page(emulator, image, FASTOCR_FORCE_ISA="")
    assert emulated.pop("isas") == ["portable"]
    expected = page([], image, FASTOCR_FORCE_ISA="portable")
    del expected["isas"]
    assert emulated == expected
    assert emulated["isa"] == "portable"
    assert emulated["texts"] == ["Bus ticket, zone 3", "valid until 23:59"]
