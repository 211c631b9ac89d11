"""Paddle's newer form of a network as ONNX, which the faster engines read.

Needs the extra ``convert``. A network is converted once, in a process of its own, into a cache
that goes by the content of its files.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from fastocr import cache

__all__ = ["converted"]

# Opset 14 of ONNX: the engines read it, and it has all that the networks need.
_PROGRAM = "import sys, paddle2onnx; paddle2onnx.export(*sys.argv[1:], opset_version=14)"
_TIMEOUT_S = 600

_log = logging.getLogger("fastocr")
_told: set[str] = set()


def converted(network: Path) -> Path | None:
    """Return the ONNX form of an ``inference.json``, or None where it cannot be had.

    Why it cannot be had is logged, once for each network.
    """
    if importlib.util.find_spec("paddle2onnx") is None:
        _tell(
            network,
            logging.INFO,
            f"{network} runs with the Paddle engine; as ONNX it would take less time and memory: "
            "pip install 'fastocr[convert]' makes that form of it once",
        )
        return None
    parameters = network.with_suffix(".pdiparams")
    try:
        version = importlib.metadata.version("paddle2onnx")
        name = cache.key((network, parameters), version)
        target = cache.folder("converted") / f"{name}.onnx"
        if not target.is_file():
            _log.info("%s: converting to ONNX, once: %s", network, target)
            _convert(network, parameters, target)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        _tell(
            network,
            logging.WARNING,
            f"{network} could not be converted to ONNX and runs with the Paddle engine: {error}",
        )
        return None
    return target


def _tell(network: Path, level: int, message: str) -> None:
    if str(network) not in _told:
        _told.add(str(network))
        _log.log(level, "%s", message)


def _convert(network: Path, parameters: Path, target: Path) -> None:
    """Write `target`, whole or not at all, whoever else does it at the same time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / "network.onnx"
        # The interpreter's own path, so that the packages are those of this process.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, network.resolve(), parameters.resolve(), made],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
            env=environment,
            cwd=folder,
        )
        if done.returncode != 0 or not made.is_file():
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            raise RuntimeError(f"paddle2onnx failed (exit status {done.returncode}): {lines[-1]}")
        made.replace(target)
