"""Compares fastocr's results with stored results of the official package.

    python -m bench.parity --images DIR --reference official.jsonl [--limit-side-len 960 ...]

The reference holds one JSON object a line with ``input_path`` (file name), ``dt_polys``,
``rec_texts`` and ``rec_scores``, made with the same detection parameters. Lines are matched
greedily, best polygon IoU first, from 0.9 up. All figures are shares of the matched lines, except
the first. Every difference is listed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bench.common import command_parser, make_ocr, parse_json_object

Polygon = npt.NDArray[np.float32]
MIN_IOU = 0.9
NEAR_PIXELS = 2.0


@dataclass(frozen=True)
class Line:
    """One text line of a result."""

    polygon: Polygon
    text: str
    score: float


@dataclass(frozen=True)
class Match:
    """A reference line and ours in the same place."""

    wanted: Line
    found: Line
    iou: float

    @property
    def distance(self) -> float:
        """Largest distance between two corners."""
        steps = np.linalg.norm(self.wanted.polygon - self.found.polygon, axis=1)
        return float(steps.max())


@dataclass
class Comparison:
    """Matched and unmatched lines of one image."""

    image: str
    matches: list[Match] = field(default_factory=list)
    missing: list[Line] = field(default_factory=list)
    extra: list[Line] = field(default_factory=list)


def lines_of(result: Any) -> list[Line]:
    """Lines of a result in either form."""
    triples = zip(result["dt_polys"], result["rec_texts"], result["rec_scores"], strict=True)
    return [Line(np.array(p, np.float32).reshape(4, 2), t, float(s)) for p, t, s in triples]


def polygon_iou(a: Polygon, b: Polygon) -> float:
    """Intersection over union of two quads; rounding may have dented them, so of their hulls."""
    hull_a, hull_b = cv2.convexHull(a), cv2.convexHull(b)
    common, _ = cv2.intersectConvexConvex(hull_a, hull_b)
    union = cv2.contourArea(hull_a) + cv2.contourArea(hull_b) - common
    if union <= 0:
        return float(np.array_equal(a, b))
    return float(common / union)


def boxes_touch(a: Polygon, b: Polygon) -> bool:
    """Whether the upright bounding boxes overlap: saves most polygon intersections."""
    return bool((a.min(axis=0) <= b.max(axis=0)).all() and (b.min(axis=0) <= a.max(axis=0)).all())


def match_lines(image: str, wanted: Sequence[Line], found: Sequence[Line]) -> Comparison:
    """Pairs lines greedily, best overlap first."""
    pairs = [
        (polygon_iou(a.polygon, b.polygon), i, j)
        for i, a in enumerate(wanted)
        for j, b in enumerate(found)
        if boxes_touch(a.polygon, b.polygon)
    ]
    result = Comparison(image)
    left, right = set(range(len(wanted))), set(range(len(found)))
    for iou, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if iou < MIN_IOU:
            break
        if i in left and j in right:
            left.remove(i)
            right.remove(j)
            result.matches.append(Match(wanted[i], found[j], iou))
    result.missing = [wanted[i] for i in sorted(left)]
    result.extra = [found[j] for j in sorted(right)]
    return result


def read_reference(path: Path) -> dict[str, list[Line]]:
    """Reference lines by image name."""
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(row) for row in file if row.strip()]
    return {Path(row["input_path"]).name: lines_of(row) for row in rows}


def best_overlap(line: Line, others: Sequence[Line]) -> float:
    """The IoU that was not enough."""
    return max((polygon_iou(line.polygon, other.polygon) for other in others), default=0.0)


def differences(comparison: Comparison) -> list[str]:
    """One sentence for every line that is not the same, matched ones first."""
    listed = []
    for match in comparison.matches:
        notes = []
        if match.wanted.text != match.found.text:
            notes.append(f"text {match.wanted.text!r} -> {match.found.text!r}")
        if match.distance > NEAR_PIXELS:
            notes.append(f"box of {match.wanted.text!r} moved {match.distance:.1f} px")
        if notes:
            listed.append(f"{'; '.join(notes)} (IoU {match.iou:.3f})")
    for line in comparison.missing:
        iou = best_overlap(line, comparison.extra)
        listed.append(f"missing {line.text!r} at {line.polygon.tolist()} (best IoU {iou:.3f})")
    for line in comparison.extra:
        iou = best_overlap(line, comparison.missing)
        listed.append(f"extra {line.text!r} at {line.polygon.tolist()} (best IoU {iou:.3f})")
    return [f"{comparison.image}: {entry}" for entry in listed]


def share(part: int, whole: int) -> str:
    """A percentage with its counts."""
    return f"{100 * part / whole if whole else 100.0:6.2f} % ({part} of {whole})"


def summary(comparisons: Sequence[Comparison]) -> str:
    """The figures over all images."""
    matches = [match for comparison in comparisons for match in comparison.matches]
    wanted = len(matches) + sum(len(comparison.missing) for comparison in comparisons)
    extra = sum(len(comparison.extra) for comparison in comparisons)
    same = sum(match.wanted.text == match.found.text for match in matches)
    exact = sum(match.distance == 0 for match in matches)
    near = sum(match.distance <= NEAR_PIXELS for match in matches)
    gaps = [abs(match.wanted.score - match.found.score) for match in matches]
    return "\n".join(
        [
            f"images                 {len(comparisons)}",
            f"lines found            {share(len(matches), wanted)}, {extra} extra",
            f"identical texts        {share(same, len(matches))}",
            f"boxes within {NEAR_PIXELS:.0f} px      {share(near, len(matches))}",
            f"identical boxes        {share(exact, len(matches))}",
            f"mean |score change|    {np.mean(gaps) if gaps else 0.0:.6f}",
        ]
    )


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = command_parser("parity", __doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of the images")
    parser.add_argument("--reference", type=Path, required=True, help="JSON lines")
    parser.add_argument("--limit-side-len", type=int, default=960)
    parser.add_argument("--limit-type", default="max", choices=("max", "min", "resize_long"))
    parser.add_argument("--unclip-ratio", type=float, default=2.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--options",
        type=parse_json_object,
        default={},
        metavar="JSON",
        help="more constructor arguments, such as a precision",
    )
    return parser


def arguments_of(options: argparse.Namespace) -> dict[str, Any]:
    """The constructor's arguments: the reference's parameters."""
    return {
        "text_det_limit_side_len": options.limit_side_len,
        "text_det_limit_type": options.limit_type,
        "text_det_unclip_ratio": options.unclip_ratio,
        "cpu_threads": options.threads,
        **options.options,
    }


def main() -> None:
    """Reads every image that the reference knows, then reports."""
    options = build_parser().parse_args()
    ocr = make_ocr(arguments_of(options))
    comparisons = []
    for name, wanted in read_reference(options.reference).items():
        path = options.images / name
        if not path.is_file():
            print(f"{name}: not in {options.images}, left out")
            continue
        found = lines_of(ocr.predict(str(path))[0])
        comparisons.append(match_lines(name, wanted, found))
    for comparison in comparisons:
        for entry in differences(comparison):
            print(entry)
    print(summary(comparisons))


if __name__ == "__main__":
    main()
