"""What a model's ``inference.yml`` says: its name, how pages become input, its dictionary.

Everything else that such a file may hold, such as how labels were encoded in training, is known by
name and has no effect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from fastocr import _core, checks, yaml_files
from fastocr.checks import Check, shown
from fastocr.errors import InvalidOptionError, ModelFormatError, ModelNotFoundError

__all__ = [
    "DOC_ORIENTATION",
    "TEXTLINE_ORIENTATION",
    "ClassificationParams",
    "ModelConfig",
    "ModelParams",
    "read_config",
]

# Operations without effect on the input of the network.
_IGNORED = frozenset({"DetLabelEncode", "KeepKeys", "MultiLabelEncode", "ToCHWImage"})
_LIMIT_TYPES = ("max", "min", "resize_long")
_POSTPROCESSES = (None, "DBPostProcess", "CTCLabelDecode")
# As for the parameters of the constructor that replace them.
_DETECTION_CHECKS: dict[str, Check] = {
    "thresh": checks.number(0),
    "box_thresh": checks.number(0),
    "unclip_ratio": checks.number(0, exclusive=True),
}
# The greatest value of a network's input; products of it with many weights are still finite.
_MOST_INPUT = 1e6


@dataclass(frozen=True, slots=True)
class ModelParams:
    """How a model wants its input, and what it says of its output; defaults are PP-OCR's.

    A detection model's input is ``(pixel * scale - mean) / std`` for each channel of a BGR page.
    `image_shape` is (channels, height, least width) of a recognition model's input.
    `max_candidates` is the number of contours that are looked at. The other values of detection are
    for callers that do not give them: the pipeline does, `fastocr.TextDetection` need not.
    `box_type` is "quad", or "poly" for outlines of any number of corners.
    """

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    scale: float = 1 / 255
    image_shape: tuple[int, int, int] = (3, 48, 320)
    max_candidates: int = 1000
    thresh: float = 0.3
    box_thresh: float = 0.6
    unclip_ratio: float = 2.0
    box_type: str = "quad"
    limit_side_len: int | None = None
    limit_type: str | None = None


_DEFAULTS = ModelParams()


@dataclass(frozen=True, slots=True)
class ClassificationParams:
    """How a classifier wants its input, and what its classes are called.

    `size` is (width, height) of the input. With `resize_short` an image is scaled to that shorter
    side and `size` is cut out of its middle; without, it is brought to `size`. The input is
    ``(pixel * scale - mean) / std`` for each channel in RGB order. `topk` is the number of classes
    in a result that is not asked for another number.
    """

    labels: tuple[str, ...]
    size: tuple[int, int]
    resize_short: int | None = None
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    scale: float = 1 / 255
    topk: int = 1

    def core_params(self) -> _core.ClassifierParams:
        """Return what the core needs of them."""
        return _core.ClassifierParams(
            size=self.size,
            resize_short=self.resize_short,
            mean=self.mean,
            std=self.std,
            scale=self.scale,
            classes=len(self.labels),
        )


# What the official models' files say, for models that come without one.
DOC_ORIENTATION = ClassificationParams(("0", "90", "180", "270"), (224, 224), resize_short=256)
TEXTLINE_ORIENTATION = ClassificationParams(("0_degree", "180_degree"), (160, 80))


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One file; `characters` is None for models that read nothing.

    `classification` is None for models that are no classifiers. `shape_ranges` are the sizes that
    the network's inputs are meant to have, for engines that compile it for them.
    """

    name: str | None
    params: ModelParams
    characters: tuple[str, ...] | None
    shape_ranges: tuple[_core.ShapeRange, ...] = ()
    classification: ClassificationParams | None = None


def read_config(path: Path) -> ModelConfig:
    """Read an ``inference.yml``.

    Raises:
        ModelNotFoundError: the file does not exist.
        ModelFormatError: it is damaged, cannot be read, or asks for something that fastocr does not
            know.

    """
    config = _Config(path, _content(path))
    classification = config.classification()
    return ModelConfig(
        config.name(),
        config.params() if classification is None else ModelParams(),
        config.characters(),
        config.shape_ranges(),
        classification,
    )


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise ModelFormatError(f"{path} cannot be read: {error.strerror}") from error
    if content is None:
        raise ModelNotFoundError(f"{path} does not exist: {path.parent} is no model directory")
    return content


class _Config:
    """The file's content, with messages that name the file."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path = path
        try:
            # All scalars are strings: a dictionary may hold 1, true or ~ unquoted.
            self._config = yaml_files.parse(content, strings=True)
        except yaml_files.DamagedYAMLError as error:
            raise ModelFormatError(f"{path} is not valid YAML: {error}") from error
        if not isinstance(self._config, dict):
            raise ModelFormatError(f"{path} holds no mapping")

    def entry(self, section: str, key: str) -> Any:
        values = self._config.get(section)
        return values.get(key) if isinstance(values, dict) else None

    def name(self) -> str | None:
        value = self.entry("Global", "model_name")
        if value is not None and not isinstance(value, str):
            self._reject(f"Global.model_name is {shown(value)}, not a name")
        return value

    def characters(self) -> tuple[str, ...] | None:
        entries = self.entry("PostProcess", "character_dict")
        if not entries:
            return None
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            self._reject("character_dict is not a list of characters")
        return tuple(entries)

    def shape_ranges(self) -> tuple[_core.ShapeRange, ...]:
        configs = self.entry("Hpi", "backend_configs")
        paddle = configs.get("paddle_infer") if isinstance(configs, dict) else None
        inputs = paddle.get("trt_dynamic_shapes") if isinstance(paddle, dict) else None
        if not inputs:
            return ()
        if not isinstance(inputs, dict):
            self._reject("trt_dynamic_shapes is not a mapping of inputs to shapes")
        return tuple(self._shape_range(name, shapes) for name, shapes in inputs.items())

    def _shape_range(self, name: str, shapes: Any) -> _core.ShapeRange:
        if not isinstance(shapes, list) or len(shapes) != 3:
            self._reject(f"trt_dynamic_shapes of {name} are {shown(shapes)}, not three shapes")
        least, usual, most = (self._shape(name, shape) for shape in shapes)
        sides = list(zip(least, usual, most, strict=False))
        if len({len(least), len(usual), len(most)}) != 1 or not all(
            0 < low <= middle <= high for low, middle, high in sides
        ):
            self._reject(
                f"trt_dynamic_shapes of {name} are {shown(shapes)}: a least, a usual and a largest "
                "shape are expected"
            )
        return _core.ShapeRange(name, least, usual, most)

    def _shape(self, name: str, shape: Any) -> list[int]:
        if not isinstance(shape, list) or not shape:
            self._reject(f"trt_dynamic_shapes of {name} hold {shown(shape)}, not a shape")
        return [self._integer("trt_dynamic_shapes", side) for side in shape]

    def classification(self) -> ClassificationParams | None:
        arguments = self.entry("PostProcess", "Topk")
        if arguments is None:
            return None
        labels = arguments.get("label_list") if isinstance(arguments, dict) else None
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            self._reject("Topk has no label_list with the names of the classes")
        values: dict[str, Any] = {"topk": self._positive("topk", arguments.get("topk", 1))}
        operations = self._operations()
        for operation, arguments in operations.items():
            values.update(self._classifier_values(operation, arguments))
        if values.get("size") is None:
            self._reject("neither ResizeImage nor CropImage gives the size of the input")
        shorter = values.get("resize_short")
        if shorter is None and "CropImage" in operations:
            self._reject("CropImage needs resize_short of ResizeImage")
        if shorter is not None and shorter < max(values["size"]):
            self._reject(f"resize_short is {shorter}, less than the size of CropImage")
        return ClassificationParams(tuple(labels), **values)

    def _classifier_values(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "NormalizeImage":
            self._expect(operation, arguments, "channel_num", ("3",))
            return self._normalization(arguments)
        if operation == "ResizeImage":
            return self._classifier_size(arguments)
        if operation == "CropImage":
            return {"size": self._size("size of CropImage", arguments.get("size", "224"))}
        if operation == "DecodeImage":
            self._expect(operation, arguments, "channel_first", ("false", "False"))
            self._expect(operation, arguments, "img_mode", ("RGB",))
        elif operation != "ToCHWImage":
            self._reject(
                f"the operation {shown(operation)} in PreProcess.transform_ops is not known"
            )
        return {}

    def _classifier_size(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._expect("ResizeImage", arguments, "interpolation", ("LINEAR",))
        if "resize_short" in arguments:
            return {"resize_short": self._positive("resize_short", arguments["resize_short"])}
        return {"size": self._size("size of ResizeImage", arguments.get("size"))}

    def _size(self, key: str, value: Any) -> tuple[int, int]:
        """Return (width, height), which may be written as one number."""
        sides = value if isinstance(value, list) else [value, value]
        if len(sides) != 2:
            self._reject(f"{key} is {shown(value)}, not a width and a height")
        width, height = (self._positive(key, side) for side in sides)
        if max(width, height) > checks.MAX_SIDE:
            self._reject(
                f"{key} is {shown(value)}: sides of at most {checks.MAX_SIDE} are expected"
            )
        return width, height

    def params(self) -> ModelParams:
        name = self.entry("PostProcess", "name")
        if name not in _POSTPROCESSES:
            self._reject(f"PostProcess.name is {shown(name)}, which is not known")
        values: dict[str, Any] = self._postprocess()
        operations = self._operations()
        if operations and not operations.keys() & {"NormalizeImage", "RecResizeImg"}:
            values.update(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), scale=1.0)
        for operation, arguments in operations.items():
            values.update(self._input_values(operation, arguments))
        return ModelParams(**values)

    def _postprocess(self) -> dict[str, Any]:
        section = self._config.get("PostProcess")
        arguments = section if isinstance(section, dict) else {}
        self._expect("DBPostProcess", arguments, "use_dilation", ("false", "False"))
        self._expect("DBPostProcess", arguments, "score_mode", ("fast",))
        values: dict[str, Any] = {
            key: self._checked_number(key, arguments[key], check)
            for key, check in _DETECTION_CHECKS.items()
            if key in arguments
        }
        if "max_candidates" in arguments:
            values["max_candidates"] = self._positive("max_candidates", arguments["max_candidates"])
        if "box_type" in arguments:
            self._expect("DBPostProcess", arguments, "box_type", ("quad", "poly"))
            values["box_type"] = arguments["box_type"]
        return values

    def _operations(self) -> dict[str, Mapping[str, Any]]:
        operations = self.entry("PreProcess", "transform_ops") or []
        if not isinstance(operations, list):
            self._reject("PreProcess.transform_ops is not a list")
        result: dict[str, Mapping[str, Any]] = {}
        for operation in operations:
            if not isinstance(operation, dict) or len(operation) != 1:
                self._reject(f"{shown(operation)} in PreProcess.transform_ops is not one operation")
            ((name, arguments),) = operation.items()
            # Null is an empty string to the loader.
            result[name] = arguments if isinstance(arguments, dict) else {}
        return result

    def _input_values(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "NormalizeImage":
            return self._normalization(arguments)
        if operation == "RecResizeImg":
            return {"image_shape": self._image_shape(arguments.get("image_shape"))}
        if operation == "DetResizeForTest":
            return self._detection_limit(arguments)
        if operation == "DecodeImage":
            self._expect(operation, arguments, "channel_first", ("false", "False"))
            self._expect(operation, arguments, "img_mode", ("BGR",))
        elif operation not in _IGNORED:
            self._reject(
                f"the operation {shown(operation)} in PreProcess.transform_ops is not known"
            )
        return {}

    def _detection_limit(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        # The reference takes the length alone from `resize_long`, not the way of scaling.
        values: dict[str, Any] = {}
        if "resize_long" in arguments:
            values["limit_side_len"] = self._positive("resize_long", arguments["resize_long"])
        if "limit_type" in arguments:
            self._expect("DetResizeForTest", arguments, "limit_type", _LIMIT_TYPES)
            values["limit_type"] = arguments["limit_type"]
        return values

    def _normalization(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._expect("NormalizeImage", arguments, "order", ("hwc", ""))
        values: dict[str, Any] = {
            key: self._triple(key, arguments[key]) for key in ("mean", "std") if key in arguments
        }
        if not all(values.get("std", (1,))):
            self._reject("std of NormalizeImage is zero")
        if "scale" in arguments:
            values["scale"] = self._number("scale", arguments["scale"])
        self._check_factors(**values)
        return values

    def _check_factors(
        self,
        mean: Sequence[float] = _DEFAULTS.mean,
        std: Sequence[float] = _DEFAULTS.std,
        scale: float = _DEFAULTS.scale,
    ) -> None:
        """Check that the input of the network, of single precision, is finite for all pixels."""
        for average, deviation in zip(mean, std, strict=True):
            if max(abs(255 * scale), abs(average)) > _MOST_INPUT * abs(deviation):
                self._reject(
                    f"NormalizeImage: mean {average:g}, std {deviation:g} and scale {scale:g} make "
                    f"input beyond {_MOST_INPUT:g}"
                )

    def _expect(
        self, operation: str, arguments: Mapping[str, Any], key: str, allowed: tuple[str, ...]
    ) -> None:
        value = arguments.get(key, allowed[0])
        if value not in allowed:
            self._reject(
                f"{key} of {operation} is {shown(value)}; only {allowed[0]!r} is supported"
            )

    def _image_shape(self, value: Any) -> tuple[int, int, int]:
        if not isinstance(value, list) or len(value) != 3:
            self._reject(f"image_shape is {shown(value)}, not three numbers")
        channels, height, width = (self._integer("image_shape", side) for side in value)
        if channels != 3 or min(height, width) < 1 or max(height, width) > checks.MAX_SIDE:
            self._reject(
                f"image_shape is {shown(value)}: 3 channels and sides of at least 1 and at most "
                f"{checks.MAX_SIDE} are expected"
            )
        return channels, height, width

    def _triple(self, key: str, value: Any) -> tuple[float, ...]:
        if not isinstance(value, list) or len(value) != 3:
            self._reject(f"{key} is {shown(value)}, not three numbers")
        return tuple(self._number(key, part) for part in value)

    def _number(self, key: str, value: Any) -> float:
        """Return a number, which may be written as a quotient: ``1./255.``."""
        try:
            first, *divisors = (float(part) for part in value.split("/"))
            for divisor in divisors:
                first /= divisor
        except (AttributeError, ValueError, ZeroDivisionError):
            self._reject(f"{key} is {shown(value)}, not a number")
        if not math.isfinite(first):
            self._reject(f"{key} is {shown(value)}, not a finite number")
        return first

    def _checked_number(self, key: str, value: Any, check: Check) -> float:
        number = self._number(key, value)
        try:
            return float(check(key, number))
        except InvalidOptionError as error:
            self._reject(str(error))

    def _positive(self, key: str, value: Any) -> int:
        number = self._integer(key, value)
        if number < 1:
            self._reject(f"{key} is {shown(value)}: at least 1 is expected")
        return number

    def _integer(self, key: str, value: Any) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError):
            self._reject(f"{key} is {shown(value)}, not a number")
        if abs(number) >= 2**31:
            self._reject(f"{key} is {shown(value)}, which is too large")
        return number

    def _reject(self, why: str) -> NoReturn:
        raise ModelFormatError(f"{self._path}: {why}")
