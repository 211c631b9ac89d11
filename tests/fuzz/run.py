"""Runs the fuzzers for some time and says what they reached; fails where one finds a defect.

    python tests/fuzz/run.py --seconds 120
    python tests/fuzz/run.py --seconds 3600 --only cpp --corpus fuzz-corpus --jobs 2

C++ fuzzers (`tests/fuzz/cpp`) are built with the CMake preset ``fuzz``, which needs Clang. Python's
(`tests/fuzz/python`) need atheris and an ordinary installation, ``pip install '.[fuzz]'``: an
editable one hides its modules from atheris. All share the time equally.
Each begins with the inputs that are kept in the tree; new ones go to ``--corpus``, by default a
folder that is deleted. What makes one fail is left in ``--findings``.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
INPUT_SECONDS = 20  # an input that takes longer is a finding
MEMORY_MB = 3000  # and one that takes more memory
LONGEST_INPUT = 2048
START_SECONDS = 300  # to load, to read the corpus and to write a finding


@dataclass(frozen=True)
class Fuzzer:
    """A program that takes libFuzzer's options, and the inputs that are kept for it."""

    name: str
    command: tuple[str, ...]
    corpus: Path


@dataclass(frozen=True)
class Outcome:
    """What a fuzzer did."""

    fuzzer: Fuzzer
    runs: int
    coverage: int
    inputs: int  # that reach something new, those that are kept included
    seconds: float
    failed: bool
    output: str


def program(name: str) -> str:
    """A program beside this Python or on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    found = shutil.which(name, path=path)
    if found is None:
        raise SystemExit(f"{name} is needed, beside {sys.executable} or on the path")
    return found


def build(folder: Path) -> None:
    """Build the C++ fuzzers in a folder."""
    program("clang++")
    cmake, ninja = program("cmake"), program("ninja")
    options = ["--preset", "fuzz", "-B", str(folder), f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    subprocess.run([cmake, *options], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    parallel = str(os.cpu_count() or 1)
    subprocess.run([cmake, "--build", folder, "--parallel", parallel], check=True, cwd=ROOT)


def cpp_fuzzers(folder: Path) -> Iterator[Fuzzer]:
    """Those that were built in a folder."""
    for source in sorted((HERE / "cpp").glob("*_fuzz.cc")):
        name = source.name.removesuffix("_fuzz.cc")
        built = folder / "tests" / "fuzz" / "cpp" / f"fastocr_fuzz_{name}"
        yield Fuzzer(f"cpp {name}", (str(built),), HERE / "cpp" / "corpus" / name)


def python_fuzzers() -> Iterator[Fuzzer]:
    """Those that run with this Python; each target has a folder with inputs."""
    script = HERE / "python" / "fuzz.py"
    for corpus in sorted(path for path in (HERE / "python" / "corpus").iterdir() if path.is_dir()):
        command = (sys.executable, str(script), corpus.name)
        yield Fuzzer(f"python {corpus.name}", command, corpus)


def run(fuzzer: Fuzzer, seconds: int, seed: int, corpus: Path, findings: Path) -> Outcome:
    """Run one for some time; its output is that of libFuzzer."""
    own = corpus / fuzzer.name.replace(" ", "-")
    own.mkdir(parents=True, exist_ok=True)
    prefix = f"{findings.resolve()}/{own.name}-"
    options = {
        "max_total_time": seconds,
        "seed": seed,
        "timeout": INPUT_SECONDS,
        "rss_limit_mb": MEMORY_MB,
        "max_len": LONGEST_INPUT,
        "artifact_prefix": prefix,
        "print_final_stats": 1,
    }
    flags = [f"-{name}={value}" for name, value in options.items()]
    folders = [str(own.resolve()), *([str(fuzzer.corpus)] if fuzzer.corpus.is_dir() else [])]
    begin = time.monotonic()
    failed, output = output_of([*fuzzer.command, *flags, *folders], seconds + START_SECONDS)
    return Outcome(
        fuzzer,
        last_number(r"stat::number_of_executed_units: (\d+)", output),
        last_number(r"cov: (\d+)", output),
        last_number(r"corp: (\d+)", output),
        time.monotonic() - begin,
        failed,
        output,
    )


def output_of(command: Sequence[str], seconds: int) -> tuple[bool, str]:
    """Whether a command fails, and what it says; one that does not end in time fails."""
    with tempfile.TemporaryFile() as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        try:
            failed = process.wait(seconds) != 0
            end = ""
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            failed, end = True, f"\nstill running after {seconds} seconds, so it was ended\n"
        file.seek(0)
        return failed, file.read().decode("utf-8", "replace") + end


def last_number(pattern: str, text: str) -> int:
    """The last match's number, 0 without one."""
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def report(outcomes: Sequence[Outcome]) -> str:
    """A table, and the end of what failed ones said."""
    lines = [
        "| fuzzer | seconds | runs | coverage | inputs | result |",
        "|---|---|---|---|---|---|",
    ]
    for o in outcomes:
        result = "**failed**" if o.failed else "passed"
        cells = (o.fuzzer.name, round(o.seconds), o.runs, o.coverage, o.inputs, result)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    for o in outcomes:
        if o.failed:
            lines += ["", f"{o.fuzzer.name}:", *o.output.splitlines()[-60:]]
    return "\n".join(lines)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Run the fuzzers for some time.")
    parser.add_argument("--seconds", type=int, required=True, help="of fuzzing, all together")
    parser.add_argument(
        "--seed", type=int, default=0, help="of what is tried; 0: another each time"
    )
    parser.add_argument("--only", choices=("all", "cpp", "python"), default="all")
    parser.add_argument("--name", action="append", help="only fuzzers with this in their names")
    parser.add_argument("--jobs", type=int, default=1, help="how many run at a time")
    parser.add_argument("--build", type=Path, help="the build folder of the C++ fuzzers")
    parser.add_argument("--corpus", type=Path, help="where new inputs are kept")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, run, report."""
    options = parse(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        fuzzers: list[Fuzzer] = []
        if options.only != "python":
            folder = options.build or Path(temporary) / "build"
            build(folder)
            fuzzers += cpp_fuzzers(folder.resolve())
        if options.only != "cpp":
            fuzzers += python_fuzzers()
        fuzzers = [f for f in fuzzers if not options.name or any(n in f.name for n in options.name)]
        if not fuzzers:
            raise SystemExit("no fuzzer has such a name")
        seconds = max(1, options.seconds * options.jobs // len(fuzzers))
        corpus = options.corpus or Path(temporary) / "corpus"
        options.findings.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(options.jobs) as pool:
            runs = [
                pool.submit(run, fuzzer, seconds, options.seed, corpus, options.findings)
                for fuzzer in fuzzers
            ]
            outcomes = [each.result() for each in runs]
        if not any(options.findings.iterdir()):
            options.findings.rmdir()
    print(report(outcomes))
    return 1 if any(outcome.failed for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
