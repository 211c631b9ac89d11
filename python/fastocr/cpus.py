"""How many CPUs there are for this process: its affinity, and the quota of its container."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

__all__ = ["available_cpus"]

_CONTROLLERS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def available_cpus() -> int:
    """Return how many CPUs this process may use, at least 1.

    A quota of one and a half CPUs (``docker run --cpus``, ``CPUQuota=`` of systemd, limits of
    Kubernetes) counts as two.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, min([count, *map(math.ceil, _quotas(_MEMBERSHIP, _CONTROLLERS))]))


def _quotas(membership: Path, controllers: Path) -> Iterator[float]:
    """Yield the quotas of the control groups that a process is in, and of those around them."""
    for line in _text(membership).splitlines():
        _, names, place = line.split(":", 2)
        if names and "cpu" not in names.split(","):
            continue
        # In a container the group of the container may be shown as the root.
        for group in (PurePosixPath(place), *PurePosixPath(place).parents):
            root = controllers if not names else controllers / "cpu"
            yield from _quota(root / group.relative_to("/"), version_2=not names)


def _quota(group: Path, *, version_2: bool) -> Iterator[float]:
    if version_2:
        words = _text(group / "cpu.max").split()
    else:
        words = [_text(group / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    try:
        quota, period = (int(word) for word in words)
    except ValueError:
        return  # none there, or "max": there is no limit
    if quota > 0 and period > 0:
        yield quota / period


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""
