"""What `tools/build_wheels.py` decides and checks; it builds nothing here."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from fastocr import _core
from tests.conftest import ROOT
from tools import build_wheels
from tools.build_wheels import BuildError, Distributions, Interpreter

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomllib")

WHEEL = "fastocr-0.1.0-cp310-abi3-manylinux_2_28_x86_64.whl"
INFO = "fastocr-0.1.0.dist-info/"
GOOD = [
    *build_wheels.COMPILED,
    "fastocr/",
    "fastocr/__init__.py",
    "fastocr/serving/routes/ocr.py",
    "fastocr/_core.pyi",
    "fastocr/py.typed",
    "fastocr/serving/page/index.html",
    *(INFO + name for name in ("METADATA", "RECORD", "WHEEL", "licenses/LICENSE")),
]
MODULES = ["fastocr/__init__.py", "fastocr/serving/routes/ocr.py"]


@pytest.fixture(scope="module")
def project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


# --- interpreters ---------------------------------------------------------------------------------


def write_program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without Pythons: `bin` is its path, `pyenv` the folder of pyenv."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def test_versions_are_those_of_the_classifiers() -> None:
    text = '"Programming Language :: Python :: 3.9", "Programming Language :: Python :: 3.10",'
    text = (
        f'"Programming Language :: Python :: 3.11", "Programming Language :: Python :: 3", {text}'
    )
    assert build_wheels.supported_versions(text) == ["3.9", "3.10", "3.11"]


def test_interpreter_on_the_path_comes_first(machine: Path) -> None:
    write_program(machine / "pyenv" / "versions" / "3.12.1" / "bin" / "python3.12", "echo 3.12")
    found = write_program(machine / "bin" / "python3.12", "echo 3.12")
    assert build_wheels.find_interpreter("3.12") == Interpreter("3.12", found)


def test_newest_interpreter_of_pyenv(machine: Path) -> None:
    """Where the program on the path does not run, as those that pyenv puts there."""
    write_program(machine / "bin" / "python3.12", "echo no version is chosen; exit 127")
    versions = machine / "pyenv" / "versions"
    for name in ("3.12.9", "3.12.10", "3.12.11", "3.12-dev", "3.1.12", "3.13.0"):
        write_program(versions / name / "bin" / "python3.12", "echo 3.12")
    write_program(versions / "3.12.11" / "bin" / "python3.12", "exit 1")
    found = versions / "3.12.10" / "bin" / "python3.12"
    assert build_wheels.find_interpreter("3.12") == Interpreter("3.12", found)


def test_pyenv_tells_its_folder(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYENV_ROOT")
    assert build_wheels.pyenv_root() is None
    write_program(machine / "bin" / "pyenv", f"echo {machine}")
    assert build_wheels.pyenv_root() == machine


def test_interpreters_by_path_and_in_order(machine: Path) -> None:
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    other = write_program(machine / "bin" / "python3.9", "echo 3.9")
    found = build_wheels.find_interpreters([sys.executable, "3.9"])
    assert found == [Interpreter("3.9", other), Interpreter(here, Path(sys.executable))]


def test_missing_interpreters_are_named(machine: Path) -> None:
    write_program(machine / "bin" / "python3.12", "echo 3.12")
    with pytest.raises(BuildError, match=r"found for 3\.11, /nowhere/python: put python3\.N"):
        build_wheels.find_interpreters(["3.11", "3.12", "/nowhere/python"])


# --- checks ---------------------------------------------------------------------------------------


def test_contents() -> None:
    assert build_wheels.contents_problems(GOOD, MODULES) == []


@pytest.mark.parametrize(
    "name",
    [
        "fastocr.libs/libopenvino-1234.so.2641",
        "fastocr/engines/libtbb.so.12",
        "fastocr/_core.cpython-310-x86_64-linux-gnu.so",
        "fastocr/model.onnx",
        "tests/conftest.py",
        "fastocr-0.1.0.data/scripts/fastocr",
    ],
)
def test_what_must_not_be_in_a_wheel(name: str) -> None:
    problems = build_wheels.contents_problems([*GOOD, name], MODULES)
    assert problems == [f"{name} must not be in the wheel"]


@pytest.mark.parametrize("name", ["fastocr/engines/libfastocr_paddle.so", MODULES[1]])
def test_what_is_missing_in_a_wheel(name: str) -> None:
    problems = build_wheels.contents_problems(set(GOOD) - {name}, MODULES)
    assert problems == [f"{name} is missing in the wheel"]


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        (WHEEL, []),
        (WHEEL.replace("cp310", "cp311"), ["the tag is cp311-abi3, not cp310-abi3"]),
        (WHEEL.replace("abi3", "cp310"), ["the tag is cp310-cp310, not cp310-abi3"]),
        (
            WHEEL.replace("manylinux_2_28", "linux"),
            ["the platform is linux_x86_64, not one tag manylinux_2_N_x86_64"],
        ),
    ],
)
def test_tag(name: str, problems: list[str]) -> None:
    assert build_wheels.tag_problems(name, "3.10") == problems


def test_size() -> None:
    assert build_wheels.size_problems(5_000_000, None) == []
    assert build_wheels.size_problems(5_000_001, "debug symbols") == []
    (problem,) = build_wheels.size_problems(5_000_001, None)
    assert problem.startswith("the wheel has 5,000,001 bytes, over 5,000,000")


def test_sdist_contents() -> None:
    names = [*build_wheels.SDIST_NEEDS, "cpp/a.cc", "python/fastocr/__init__.py", "tests/a.py"]
    names = [f"fastocr-0.1.0/{name}" for name in names]
    assert build_wheels.sdist_problems(names) == []
    assert build_wheels.modules_of(names) == ["fastocr/__init__.py"]
    wrong = [name for name in names if "LICENSE" not in name and "/cpp/" not in name]
    wrong += ["fastocr-0.1.0/.git/config", "fastocr-0.1.0/python/fastocr/_core.abi3.so"]
    assert build_wheels.sdist_problems(wrong) == [
        "LICENSE is missing in the sdist",
        ".git/config must not be in the sdist",
        "python/fastocr/_core.abi3.so must not be in the sdist",
        "nothing of cpp/ is in the sdist",
    ]


def test_search_paths(tmp_path: Path) -> None:
    """Only the place of the package beside it, whatever the tools that repair wheels make of it."""
    right = build_wheels.COMPILED["fastocr/engines/libfastocr_openvino.so"]
    wheel = tmp_path / WHEEL
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in build_wheels.COMPILED:
            archive.writestr(name, b"")
    patchelf = f"case $2 in *openvino.so) echo '{right}';; *paddle.so) echo $PADDLE;; esac"
    tools = write_program(tmp_path / "patchelf", patchelf).with_name("python")
    assert list(build_wheels.search_path_problems(wheel, tools)) == []
    write_program(tmp_path / "patchelf", patchelf.replace("$PADDLE", "/build/paddle"))
    (problem,) = build_wheels.search_path_problems(wheel, tools)
    assert problem == (
        "fastocr/engines/libfastocr_paddle.so looks for libraries in '/build/paddle', not in ''"
    )


# --- two builds -----------------------------------------------------------------------------------


def make_wheel(path: Path, *files: tuple[str, str, int, int]) -> Path:
    """A wheel of files: name, text, year and mode."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text, year, mode in files:
            member = zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0))
            member.external_attr = mode << 16
            archive.writestr(member, text)
    return path


def make_sdist(path: Path, *files: tuple[str, str, int, int]) -> Path:
    """The same as a source distribution."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text, year, mode in files:
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = len(text), year, mode
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize(("make", "suffix"), [(make_wheel, ".whl"), (make_sdist, ".tar.gz")])
def test_differences(make: Any, suffix: str, tmp_path: Path) -> None:
    a, b = ("a.py", "1", 2020, 0o644), ("b.py", "2", 2020, 0o644)
    first = make(tmp_path / f"first{suffix}", a, b)

    def found(*files: tuple[str, str, int, int]) -> list[str]:
        return build_wheels.differences(first, make(tmp_path / f"second{suffix}", *files))

    assert build_wheels.differences(first, first) == []
    assert found(a) == ["b.py: in one of two only"]
    assert found(a, ("b.py", "3", 2020, 0o644)) == ["b.py: digest"]
    assert found(a, ("b.py", "2", 2021, 0o600)) == ["b.py: mode, time"]
    assert found(b, a) == ["the order of the files"]


def test_other_bytes_around_the_same_files(tmp_path: Path) -> None:
    file = ("a.py", "1" * 100, 2020, 0o644)
    first = make_wheel(tmp_path / "first.whl", file)
    second = make_wheel(tmp_path / "second.whl", file)
    with zipfile.ZipFile(second, "a") as archive:
        archive.comment = b"made elsewhere"
    assert build_wheels.differences(first, second) == [
        "the archives' own bytes, with the same files in them"
    ]


# --- the commit, the tests of what is installed ---------------------------------------------------


def test_what_is_built_is_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    monkeypatch.setattr(build_wheels, "ROOT", checkout)
    with pytest.raises(BuildError, match=r"is no checkout of Git"):
        build_wheels.checked_out()

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        date = {"GIT_COMMITTER_DATE": "1700000000 +0100"}
        subprocess.run(
            ["git", *identity, *arguments], cwd=checkout, env={**os.environ, **date}, check=True
        )

    git("init", "--quiet")
    (checkout / "kept").write_text("committed")
    git("add", "kept")
    git("commit", "--quiet", "-m", "first")
    commit = build_wheels.checked_out()
    assert capsys.readouterr().out == ""
    (checkout / "kept").write_text("changed")
    (checkout / "new").write_text("")
    assert build_wheels.checked_out() == commit
    assert "not committed" in capsys.readouterr().out
    # Another commit in the meantime is another build's.
    git("add", "new", "kept")
    git("commit", "--quiet", "-m", "second")
    umask = os.umask(0o077)
    try:
        assert build_wheels.export(commit, tmp_path / "sources") == "1700000000"
    finally:
        os.umask(umask)
    (kept,) = (tmp_path / "sources").iterdir()
    assert (kept.name, kept.read_text(), kept.stat().st_mode & 0o777) == (
        "kept", "committed", 0o644
    )  # fmt: skip


def test_tests_run_without_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the given arguments and the environment's Python, in an unpacked sdist."""
    sdist = make_sdist(
        tmp_path / "fastocr-0.1.0.tar.gz",
        ("fastocr-0.1.0/python/fastocr/__init__.py", "", 0, 0o644),
        ("fastocr-0.1.0/tests/conftest.py", "", 0, 0o644),
    )
    commands: list[tuple[str, ...]] = []
    run = build_wheels.run

    def record(*command: str | Path, cwd: Path | None = None, **options: Any) -> None:
        words = tuple(map(str, command))
        if words[0] == "tar":
            run(*command, cwd=cwd, **options)
        elif words[1:3] == ("-m", "pytest"):
            assert cwd is not None
            assert [path.name for path in cwd.iterdir()] == ["tests"]
            commands.append(words)
            raise BuildError("exit status 1")

    monkeypatch.setattr(build_wheels, "run", record)
    monkeypatch.setattr(build_wheels, "install", lambda python, wheel: None)
    built = Distributions(sdist, tmp_path / WHEEL)
    assert not build_wheels.run_tests(built, Interpreter("3.12", Path("python3.12")), ["-k", "a"])
    ((python, *arguments),) = commands
    assert python.endswith("environment/bin/python")
    assert arguments == ["-m", "pytest", "-k", "a"]


def test_command_line() -> None:
    options = build_wheels.parse(["--test", "--python", "3.12", "--", "tests/a.py", "-k", "b"])
    assert (options.python, options.pytest) == (["3.12"], ["tests/a.py", "-k", "b"])
    with pytest.raises(SystemExit):
        build_wheels.parse(["--", "tests/a.py"])


def test_a_failure_is_said_in_words(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_wheels.main(["--python", "3.12"]) == 1
    assert capsys.readouterr().err.startswith("no interpreter found for 3.12:")


# --- what is written in several places ------------------------------------------------------------


def test_core_keeps_to_the_stable_abi() -> None:
    name = Path(_core.__file__).name
    assert name == ("_core.pyd" if sys.platform == "win32" else "_core.abi3.so")


def test_release_machine_builds_the_same(project: Any) -> None:
    """cibuildwheel's settings repeat what build_wheels.py and the build's requirements say."""
    settings = project["tool"]["cibuildwheel"]
    supported = build_wheels.supported_versions((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["tool"]["scikit-build"]["wheel"]["py-api"] == settings["build"][0][:5]
    assert settings["build"] == [f"cp{version.replace('.', '')}-*" for version in supported]
    excluded = re.findall(r"--exclude '([^']+)'", settings["linux"]["repair-wheel-command"])
    assert tuple(excluded) == build_wheels.EXCLUDED
    (override,) = settings["overrides"]
    commands = " ".join(override["before-build"])
    for requirement in project["build-system"]["requires"]:
        assert requirement in commands
