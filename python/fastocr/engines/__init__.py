"""Inference engines: finding the packages they need and loading their shared objects."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fastocr import _core
from fastocr.engines import paddle
from fastocr.errors import (
    EngineUnavailableError,
    InvalidOptionError,
    ModelFormatError,
    UnsupportedOptionError,
)
from fastocr.processes import Home

__all__ = ["AUTO", "EngineOptions", "check", "describe", "forms", "load", "load_model"]

# Chooses an engine for each model.
AUTO = "auto"

# The precisions of each engine, its default first; for the native engine's see there. Only it can
# read a line again in float where 16 bits leave it in doubt. `AUTO` tries the engines in this
# order.
_PRECISIONS = {
    "native": ("int16", "fp32", "int8"),
    "openvino": ("fp32", "bf16", "fp16"),
    "paddle": ("fp32", "bf16", "fp16"),
}

# The forms of a network that each engine reads, the best one first; of Paddle's two, see there.
_FORMATS = {
    "native": (".onnx",),
    "openvino": (".onnx", ".pdmodel"),
    "paddle": (".pdmodel", ".json"),
}

# Where each engine with a library of its own was loaded: such libraries keep threads.
_homes: dict[str, Home] = {}

_log = logging.getLogger("fastocr")


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How networks are run: on `threads` CPU threads, with the engine's own `properties`.

    Without a `precision`, engines have their own: that of float, or as good. With `hpi`, an engine
    may compile networks for the device where it can.
    """

    engine: str
    precision: str | None
    threads: int
    properties: Mapping[str, str]
    device: _core.Device = field(default_factory=_core.Device)
    hpi: bool = False

    def wants_tensorrt(self) -> bool:
        """Return whether TensorRT is asked for, or to be used where it can be."""
        return self.properties.get("use_tensorrt", "YES" if self.hpi else "NO") == "YES"


def load_model(
    options: EngineOptions,
    files: Sequence[Path],
    *,
    shape_ranges: Sequence[_core.ShapeRange] = (),
    streams: int = 1,
    detach_classifier: bool = False,
    detach_sampling: bool = False,
) -> _core.Model:
    """Load a network with the chosen engine, or with the fastest one that can run it.

    `files` hold the same network in different forms. The `properties` are the settings of a named
    engine; `AUTO` takes none.

    Raises:
        EngineUnavailableError, InvalidOptionError: as `load`.
        ModelFormatError: the engine cannot run the network, or reads none of the files; with
            `AUTO`, the last one cannot.
        UnsupportedOptionError: the engine does not have the precision or the device.

    """
    engine, precision = options.engine, options.precision
    if engine == AUTO:
        files = _with_onnx(files)
    choices = [engine] if engine != AUTO else _automatic(files, precision)

    def load_with(name: str) -> _core.Model:
        loader = _load_for(name, options.device)
        loader.check_device(options.device)
        version = _installed_version(_core.engine_requirements(name)) if name == "paddle" else ""
        file = _file_for(name, files, options, version)
        *tries, last = _properties(name, options, file, shape_ranges, version)

        def load_as(properties: Mapping[str, str]) -> _core.Model:
            return loader.load(
                str(file),
                precision=precision or _default_precision(name, hpi=options.hpi),
                threads=options.threads,
                streams=streams,
                properties=dict(properties),
                detach_classifier=detach_classifier,
                detach_sampling=detach_sampling,
                device=options.device,
                shape_ranges=list(shape_ranges),
            )

        for properties in tries:
            try:
                return load_as(properties)
            except UnsupportedOptionError as error:
                _log.warning("enable_hpi=True: %s", error)
        return load_as(last)

    for name in choices[:-1]:
        try:
            return load_with(name)
        except ModelFormatError as error:
            _log.debug("%s; trying the next engine", error)
    return load_with(choices[-1])


def forms(engine: str) -> tuple[str, ...]:
    """Return the suffixes of the network files that an engine reads; with `AUTO`, that any does.

    Raises:
        InvalidOptionError: there is no engine of this name.

    """
    if engine == AUTO:
        return tuple(dict.fromkeys(form for formats in _FORMATS.values() for form in formats))
    if engine not in _FORMATS:
        raise InvalidOptionError(
            f"engine {engine!r} is not known; known are {', '.join(map(repr, (AUTO, *_FORMATS)))}"
        )
    return _FORMATS[engine]


def check(options: EngineOptions) -> None:
    """Check that an engine that is named can be had, before a model is looked for.

    Raises:
        EngineUnavailableError: as `load`.
        UnsupportedOptionError: it does not have the device.

    """
    if options.engine != AUTO:
        _load_for(options.engine, options.device).check_device(options.device)


def _load_for(name: str, device: _core.Device) -> _core.Engine:
    try:
        return load(name)
    except EngineUnavailableError as error:
        if device.kind == "cpu":
            raise
        raise EngineUnavailableError(
            f"device {device.name!r} needs paddlepaddle-gpu of a supported version: {error}"
        ) from error


def _properties(
    engine: str,
    options: EngineOptions,
    file: Path,
    shape_ranges: Sequence[_core.ShapeRange],
    version: str,
) -> Iterator[dict[str, str]]:
    """Yield the settings to load a network with, the last ones without ifs and buts."""
    given = dict(options.properties)
    if engine != "paddle":
        yield given
        return

    def with_cache(properties: dict[str, str]) -> dict[str, str]:
        return paddle.with_cache(properties, file, shape_ranges, version)

    # TensorRT takes the older form only, of known sizes.
    able = options.device.kind == "gpu" and file.suffix == ".pdmodel" and len(shape_ranges) == 1
    if able and options.hpi and "use_tensorrt" not in given:
        yield with_cache({**given, "use_tensorrt": "YES"})
        given.pop("min_subgraph_size", None)
    yield with_cache(given)


def _default_precision(engine: str, *, hpi: bool) -> str:
    """Return the fastest precision that gives the texts of float; with `hpi`, as good ones."""
    if engine != "native":
        return _PRECISIONS[engine][0]
    if hpi and _core.has_fast_int8():
        return "int8"
    return "int16" if _core.prefers_int16() else "fp32"


def _with_onnx(files: Sequence[Path]) -> Sequence[Path]:
    """Return the files, and the ONNX form of a network that only Paddle could read."""
    if any(file.suffix != ".json" for file in files):
        return files
    from fastocr import conversion

    made = map(conversion.converted, files)
    return [*files, *(file for file in made if file is not None)]


def _automatic(files: Sequence[Path], precision: str | None) -> list[str]:
    """Return the engines to try: Paddle's package is an extra, so only where no other will do."""
    able = [
        name for name, formats in _FORMATS.items() if any(file.suffix in formats for file in files)
    ]
    own = [name for name in able if name != "paddle"] or able
    return [name for name in own if precision in (None, *_PRECISIONS[name])] or own


def _file_for(engine: str, files: Sequence[Path], options: EngineOptions, version: str) -> Path:
    formats = _FORMATS[engine]
    if engine == "paddle":
        formats = paddle.forms(
            version,
            bf16=options.precision == "bf16",
            tensorrt=options.device.kind == "gpu" and options.wants_tensorrt(),
        )
    for suffix in formats:
        for file in files:
            if file.suffix == suffix:
                return file
    raise ModelFormatError(
        f"engine {engine!r} reads inference{' or inference'.join(_FORMATS[engine])}, but the model "
        f"is {' or '.join(map(str, files))}: give a directory that holds one, or another engine"
    )


def load(name: str) -> _core.Engine:
    """Load the engine `name`, once a process; later calls return the same engine.

    Raises:
        EngineUnavailableError: it is not there for this platform, its package is missing or of
            another version than the one it was built for, or a library cannot be loaded.
        InvalidOptionError: there is no engine of this name.
        WrongProcessError: it was loaded before this process was forked.

    """
    requirements = _requirements(name)
    _core.set_log_callback(_log.log)
    if not requirements.package:
        return _core.load_engine(name, "", "")
    # Beside the compiled core, not beside this file: in an editable install they differ.
    engine_library = Path(_core.__file__).parent / "engines" / requirements.engine_library
    if not engine_library.is_file():
        raise EngineUnavailableError(
            f"engine {name!r}: {engine_library} is missing; reinstall fastocr"
        )
    dependency = _find_library(requirements)
    if name == "paddle":
        paddle.load_shared_libraries()
    engine = _core.load_engine(name, str(engine_library), str(dependency))
    _homes.setdefault(name, Home(f"engine {name!r}")).check()
    return engine


def describe(name: str) -> str:
    """Say where the engine `name` comes from: its package, version and folder.

    Raises:
        EngineUnavailableError, InvalidOptionError: as `load`.

    """
    requirements = _requirements(name)
    if not requirements.package:
        return "part of fastocr"
    package = _find_library(requirements).parents[1]
    return f"{requirements.package} {_installed_version(requirements)} in {package}"


def _requirements(name: str) -> _core.EngineRequirements:
    requirements = _core.engine_requirements(name)
    if requirements.missing:
        raise EngineUnavailableError(
            f"engine {name!r} is not part of fastocr for {_core.TARGET}: {requirements.missing}; "
            "use engine='native' or engine='openvino'"
        )
    return requirements


def _installed_version(requirements: _core.EngineRequirements) -> str:
    package = _find_library(requirements).parents[1]
    return _version_in(package.parent, requirements.distributions)


def _find_library(requirements: _core.EngineRequirements) -> Path:
    """Return the library, wherever the package lies on ``sys.path``; it is not imported."""
    spec = importlib.util.find_spec(requirements.package)
    wanted = " or ".join(requirements.versions)
    remedy = f"pip install {requirements.distributions[0]}=={requirements.versions[0]}"
    if spec is None or not spec.submodule_search_locations:
        raise EngineUnavailableError(
            f"engine {requirements.engine!r} needs the package {requirements.package!r}, which is "
            f"not installed: {remedy}"
        )
    folders = [Path(folder) for folder in spec.submodule_search_locations]
    installed = _version_in(folders[0].parent, requirements.distributions)
    why = f"no {requirements.library} is in it"
    for folder in folders:
        library = folder / requirements.library_folder / requirements.library
        if not library.is_file():
            continue
        if requirements.library_names_version or installed in requirements.versions:
            return library
        why = "which was not tried"
    raise EngineUnavailableError(
        f"engine {requirements.engine!r} was built for {requirements.package} {wanted}, but "
        f"version {installed} is installed in {folders[0]} ({why}): {remedy}"
    )


def _version_in(folder: Path, distributions: Sequence[str]) -> str:
    """Return the version of the package that lies in `folder`, not of another one on the path."""
    import importlib.metadata

    for name in distributions:
        for distribution in importlib.metadata.distributions(name=name, path=[str(folder)]):
            return distribution.version
    return "unknown"
