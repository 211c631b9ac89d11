"""The number of CPUs: affinity and quotas of control groups, version 1 and 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fastocr import cpus


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 16 CPUs; control groups are in this folder."""
    monkeypatch.setattr(cpus, "_CONTROLLERS", tmp_path)
    monkeypatch.setattr(cpus, "_MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_without_groups_affinity_counts(groups: Path) -> None:
    assert cpus.available_cpus() == 16


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000", 16),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("9900000 100000", 16),
        ("", 16),
    ],
)
def test_version_2(groups: Path, quota: str, expected: int) -> None:
    write(groups / "membership", "0::/a/b\n")
    write(groups / "a" / "b" / "cpu.max", f"{quota}\n")
    assert cpus.available_cpus() == expected


def test_the_least_quota_of_all_groups_around_counts(groups: Path) -> None:
    write(groups / "membership", "0::/a/b\n")
    write(groups / "a" / "b" / "cpu.max", "400000 100000\n")
    write(groups / "a" / "cpu.max", "300000 100000\n")
    write(groups / "cpu.max", "800000 100000\n")
    assert cpus.available_cpus() == 3


@pytest.mark.parametrize(("quota", "expected"), [("-1", 16), ("250000", 3)])
def test_version_1(groups: Path, quota: str, expected: int) -> None:
    write(groups / "membership", "5:memory:/x\n4:cpu,cpuacct:/a\n")
    write(groups / "cpu" / "a" / "cpu.cfs_quota_us", f"{quota}\n")
    write(groups / "cpu" / "a" / "cpu.cfs_period_us", "100000\n")
    assert cpus.available_cpus() == expected


def test_this_machine() -> None:
    assert 1 <= cpus.available_cpus() <= (os.cpu_count() or 1)
