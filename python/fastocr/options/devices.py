"""Device strings."""

from __future__ import annotations

from typing import Any

from fastocr import _core, checks
from fastocr.errors import UnsupportedOptionError

__all__ = ["DEVICE_TYPES", "parse_devices"]

DEVICE_TYPES = (
    "cpu", "gpu", "xpu", "npu", "mlu", "gcu", "dcu", "iluvatar_gpu", "metax_gpu",
)  # fmt: skip


def parse_devices(name: str, value: Any) -> tuple[_core.Device, ...]:
    """Return the devices of a string; None is the CPU.

    A string lists devices, one replica of the pipeline for each: "cpu", "gpu:1", "gpu:0,1", which
    is short for "gpu:0,gpu:1", and "cpu,cpu".

    Raises:
        InvalidOptionError: not a device string.
        UnsupportedOptionError: a device that this version has no engine for.

    """
    if value is None:
        return (_core.Device(),)
    devices: list[_core.Device] = []
    kind = ""
    for part in checks.text(name, value).lower().split(","):
        word, colon, number = part.partition(":")
        if word.isdecimal() and kind not in ("", "cpu") and not colon:
            number = word
        else:
            kind, number = word, _id(name, value, word, number if colon else None)
        if not (number.isdecimal() and len(number) < 5):
            checks.reject(
                name, value, "device ids that are whole numbers, for example 'gpu:0' or 'gpu:0,1',"
            )
        devices.append(_device(name, value, kind, int(number)))
    if len({device.kind for device in devices}) > 1:
        raise UnsupportedOptionError(
            f"{name}={value!r} cannot be used: all devices of an object have to be of one kind"
        )
    return tuple(devices)


def _id(name: str, value: Any, kind: str, number: str | None) -> str:
    """Return the id of a device whose kind is given."""
    if kind not in DEVICE_TYPES:
        checks.reject(
            name, value, f"one of {', '.join(DEVICE_TYPES)}, optionally with ':' and an id"
        )
    if kind == "cpu" and number is not None:
        checks.reject(name, value, "'cpu' with no device id")
    return "0" if number is None else number


def _device(name: str, value: Any, kind: str, number: int) -> _core.Device:
    if kind not in ("cpu", "gpu"):
        raise UnsupportedOptionError(
            f"{name}={value!r} cannot be used: the engines of this version run on CPUs and on "
            f"NVIDIA's GPUs; pass {name}='cpu' or 'gpu:0'"
        )
    return _core.Device(kind, number)
