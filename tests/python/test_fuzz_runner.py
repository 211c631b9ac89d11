"""What runs the fuzzers, with programs that pass for fuzzers."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

FAKE = """
import sys
folder = next(a for a in sys.argv if not a.startswith("-") and a != sys.argv[0])
print("#7 DONE cov: 12 ft: 30 corp: 5/60b")
print("stat::number_of_executed_units: 1234")
print("ran for", *[a for a in sys.argv if a.startswith("-max_total_time")])
sys.exit({status})
"""


@pytest.fixture(scope="module")
def runner() -> Any:
    spec = importlib.util.spec_from_file_location("fuzz_run", ROOT / "tests" / "fuzz" / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["fuzz_run"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["fuzz_run"]


def fakes(runner: Any, folder: Path, **statuses: int) -> list[Any]:
    made = []
    for name, status in statuses.items():
        script = folder / f"{name}.py"
        script.write_text(FAKE.format(status=status), encoding="utf-8")
        made.append(runner.Fuzzer(name, (sys.executable, str(script)), folder / "none"))
    return made


@pytest.mark.parametrize("status", [0, 77])
def test_outcome(
    runner: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: int,
) -> None:
    found = fakes(runner, tmp_path, good=0, other=status)
    monkeypatch.setattr(runner, "python_fuzzers", lambda: iter(found))
    options = ["--seconds", "20", "--only", "python", "--findings", str(tmp_path / "findings")]
    assert runner.main(options) == (1 if status else 0)
    output = capsys.readouterr().out
    assert "| good | 0 | 1234 | 12 | 5 | passed |" in output
    assert ("| other | 0 | 1234 | 12 | 5 | **failed** |" in output) == bool(status)
    # The time is shared; what a failed one said is shown.
    assert ("ran for -max_total_time=10" in output) == bool(status)
    assert not (tmp_path / "findings").exists()


def test_names(
    runner: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(runner, "python_fuzzers", lambda: fakes(runner, tmp_path, one=0, two=1))
    options = ["--seconds", "1", "--only", "python", "--findings", str(tmp_path / "findings")]
    assert runner.main([*options, "--name", "one"]) == 0
    assert "two" not in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"no fuzzer has such a name"):
        runner.main([*options, "--name", "three"])


def test_every_fuzzer_is_built_and_has_inputs(runner: Any) -> None:
    sources = (ROOT / "tests" / "fuzz" / "cpp" / "CMakeLists.txt").read_text(encoding="utf-8")
    built = set(sources.split("set(fuzzers ", 1)[1].split(")", 1)[0].split())
    fuzzers = list(runner.cpp_fuzzers(Path("build")))
    assert {fuzzer.name.removeprefix("cpp ") for fuzzer in fuzzers} == built
    for fuzzer in fuzzers:
        assert any(fuzzer.corpus.iterdir()), fuzzer.name
    kept = [path for path in (ROOT / "tests" / "fuzz").rglob("corpus/*/*") if path.is_file()]
    assert sum(path.stat().st_size for path in kept) < 200_000
