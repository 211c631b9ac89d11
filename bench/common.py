"""What the measurements share: images, options, statistics, tables and facts on the machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.peers import SWITCHES_OFF

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")

Column = tuple[str, str, str]  # title, key of a row, format

# Command line


def command_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The parser of ``python -m bench.NAME``, without options."""
    return argparse.ArgumentParser(
        prog=f"python -m bench.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def parse_json_object(text: str) -> dict[str, Any]:
    """A JSON object, such as ``{"precision": "fp32"}``."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not a JSON object")
    return value


def parse_option(text: str) -> tuple[str, dict[str, Any]]:
    """``LABEL:JSON``, for example ``fastocr:{"precision": "bf16"}``."""
    label, colon, arguments = text.partition(":")
    if not label or not colon or label.startswith("{"):
        raise argparse.ArgumentTypeError(f"{text!r} is not LABEL:JSON")
    return label, parse_json_object(arguments)


def collect_images(sources: Sequence[Path]) -> list[Path]:
    """Image files, those of a folder in the order of their names."""
    images: list[Path] = []
    for source in sources:
        if source.is_dir():
            images += sorted(f for f in source.iterdir() if f.suffix.lower() in SUFFIXES)
        elif source.is_file():
            images.append(source)
        else:
            raise SystemExit(f"no file or folder {str(source)!r}")
    names = Counter(image.name for image in images)
    doubles = [name for name, count in names.items() if count > 1]
    if doubles or not images:
        raise SystemExit(f"images with the same name: {doubles}" if doubles else "no images")
    return [image.resolve() for image in images]


def log(message: str) -> None:
    """Progress, kept apart from the report on standard output."""
    print(message, file=sys.stderr, flush=True)


# Figures


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie, between neighbours linearly."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def format_table(columns: Sequence[Column], rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table; "-" where a figure is missing or None."""
    cells = [[title for title, _, _ in columns]]
    for row in rows:
        cells.append(
            ["-" if row.get(key) is None else form.format(row[key]) for _, key, form in columns]
        )
    widths = [max(len(line[k]) for line in cells) for k in range(len(columns))]
    padded = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in cells
    ]
    lines = [f"| {' | '.join(line)} |" for line in padded]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def write_json(target: Path, report: dict[str, Any]) -> None:
    """Writes a report for people and programs."""
    target.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def publish(text: str, report: dict[str, Any], options: argparse.Namespace) -> None:
    """Prints the text; writes it to ``--markdown`` and the report to ``--json`` where given."""
    print(text)
    if options.json:
        write_json(options.json, report)
    if options.markdown:
        options.markdown.write_text(text + "\n", encoding="utf-8")


# Machine


def cpu_info() -> dict[str, str]:
    """The first processor's fields of /proc/cpuinfo, empty where there is none."""
    source = Path("/proc/cpuinfo")
    if not source.exists():
        return {}
    block = source.read_text().split("\n\n")[0]
    pairs = (line.split(":", 1) for line in block.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def machine_facts() -> dict[str, Any]:
    """What a reader needs to know to judge the figures."""
    info = cpu_info()
    present = set(info.get("flags", "").split())
    return {
        "cpu": info.get("model name", platform.processor()),
        "cpu_family_model": f"{info.get('cpu family', '?')}/{info.get('model', '?')}",
        "cores": os.cpu_count(),
        "flags": {flag: flag in present for flag in CPU_FLAGS},
        "platform": platform.platform(),
    }


def describe_machine(facts: dict[str, Any]) -> str:
    """The facts in one line."""
    flags = " ".join(flag for flag, present in facts["flags"].items() if present)
    return f"{facts['cpu']}, {facts['cores']} cores, {flags}"


def system_cpu_seconds() -> tuple[float, float] | None:
    """CPU time of all processes, and time stolen by other virtual machines, since the boot."""
    source = Path("/proc/stat")
    if not source.exists():
        return None
    ticks = [int(field) for field in source.read_text().split("\n", 1)[0].split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = ticks[:8]
    rate = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / rate, steal / rate


def own_cpu_seconds() -> float:
    """CPU time of this process and of the children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class OtherLoad:
    """Tells how busy others kept the machine between the construction and `report`.

    Children of this process must have ended by then, or they count as others.
    """

    def __init__(self) -> None:
        self._average = os.getloadavg()
        self._begin = time.monotonic()
        self._system = system_cpu_seconds()
        self._own = own_cpu_seconds()

    def report(self) -> dict[str, Any]:
        """Seconds of CPU time; the share is of all CPUs over the whole time."""
        seconds = time.monotonic() - self._begin
        found: dict[str, Any] = {"load_average_before": self._average, "seconds": seconds}
        now = system_cpu_seconds()
        if self._system is None or now is None:
            return found
        own = own_cpu_seconds() - self._own
        others = max(0.0, now[0] - self._system[0] - own)
        stolen = now[1] - self._system[1]
        capacity = seconds * (os.cpu_count() or 1)
        return {
            **found,
            "own_cpu_seconds": own,
            "other_cpu_seconds": others,
            "stolen_cpu_seconds": stolen,
            "other_share": (others + stolen) / capacity,
        }


def describe_load(load: dict[str, Any]) -> str:
    """The report in one line."""
    average = " ".join(f"{value:.2f}" for value in load["load_average_before"])
    text = f"load average before: {average}; run of {load['seconds']:.0f} s"
    if "other_share" not in load:
        return text
    return (
        f"{text}, other processes used {load['other_cpu_seconds']:.1f} CPU s and "
        f"{load['stolen_cpu_seconds']:.1f} s were stolen: {load['other_share']:.1%} of the CPUs"
    )


# fastocr


def make_ocr(arguments: dict[str, Any]) -> Any:
    """fastocr without orientation steps; imported here, so that --help answers at once."""
    from fastocr import PaddleOCR

    return PaddleOCR(**SWITCHES_OFF | arguments)


def fastocr_facts() -> dict[str, str]:
    """Version and kernels in use."""
    import fastocr
    from fastocr import _core

    return {"version": fastocr.__version__, "kernels": _core.active_isa()}
