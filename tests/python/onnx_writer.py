"""Writes small ONNX networks, without a package for it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

OPSET = 16
IR_VERSION = 8
_TYPES = {np.dtype(np.float32): 1, np.dtype(np.int64): 7, np.dtype(np.float16): 10}


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _attribute(name: str, value: Any) -> bytes:
    head = _bytes(1, name)
    if isinstance(value, str):
        return head + _bytes(4, value) + _number(20, 3)
    if isinstance(value, int):
        return head + _number(3, value) + _number(20, 2)
    if isinstance(value, float):
        return head + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    return head + b"".join(_number(8, item) for item in value) + _number(20, 7)


def _value_info(name: str, dtype: Any, shape: Sequence[int] | None) -> bytes:
    tensor = _number(1, _TYPES[np.dtype(dtype)])
    if shape is not None:
        sides = [
            _number(1, side) if side >= 0 else _bytes(2, f"side{i}") for i, side in enumerate(shape)
        ]
        tensor += _bytes(2, b"".join(_bytes(1, side) for side in sides))
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor))


class OnnxNetwork:
    """A graph that grows node by node; values are known by their names."""

    def __init__(self, input_shape: Sequence[int], dtype: Any = np.float32) -> None:
        """Begin with one input, ``image``; -1 stands for a size that may change."""
        self._dtype = dtype
        self._input = _value_info("image", dtype, input_shape)
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def constant(self, value: Any, dtype: Any = None) -> str:
        """Add a tensor; return its name."""
        array = np.asarray(value, dtype=dtype)
        name = f"constant{len(self._constants)}"
        parts = [_number(1, side) for side in array.shape]
        parts += [_number(2, _TYPES[array.dtype]), _bytes(8, name), _bytes(9, array.tobytes())]
        self._constants.append(b"".join(parts))
        return name

    def node(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """Add an operation; return the name of its output."""
        name = f"value{len(self._nodes)}"
        parts = [_bytes(1, value) for value in inputs]
        parts += [_bytes(2, name), _bytes(3, name), _bytes(4, operation)]
        parts += [_bytes(5, _attribute(key, value)) for key, value in attributes.items()]
        self._nodes.append(b"".join(parts))
        return name

    def save(self, path: Path, *outputs: str) -> Path:
        """Write the network with these values as its outputs; return `path`."""
        graph = [_bytes(1, node) for node in self._nodes]
        graph += [_bytes(2, "network")]
        graph += [_bytes(5, constant) for constant in self._constants]
        graph += [_bytes(11, self._input)]
        graph += [_bytes(12, _value_info(output, self._dtype, None)) for output in outputs]
        opset = _bytes(1, "") + _number(2, OPSET)
        path.write_bytes(_number(1, IR_VERSION) + _bytes(7, b"".join(graph)) + _bytes(8, opset))
        return path
