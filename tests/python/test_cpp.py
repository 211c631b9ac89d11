"""Runs the C++ tests in `tests/cpp`, which need no Python and no engine."""

from __future__ import annotations


def test_cpp_tests_pass(run_ctest: tuple[bool, str]) -> None:
    succeeded, output = run_ctest
    assert succeeded, output
    assert "100% tests passed" in output
    assert "No tests were found" not in output
