"""Inference engines: finding the packages they need and loading their shared objects."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
from collections.abc import Mapping
from pathlib import Path

from fastocr import _core
from fastocr.errors import EngineUnavailableError, ModelFormatError

__all__ = ["AUTO", "load", "load_model"]

# Chooses an engine for each model.
AUTO = "auto"

# Engines that `AUTO` tries, fastest first, and the precisions of each, its default first. Only the
# native engine can read a line again in float where 16 bits leave it in doubt.
_PRECISIONS = {"native": ("int16", "fp32"), "openvino": ("fp32", "bf16", "fp16")}

_log = logging.getLogger("fastocr")


def load_model(
    engine: str,
    path: Path,
    *,
    precision: str | None,
    threads: int,
    streams: int,
    properties: Mapping[str, str],
    detach_classifier: bool = False,
) -> _core.Model:
    """Load a network with the engine of this name, or with the fastest one that can run it.

    Without a `precision` it has the engine's own: that of float, or as good. `properties` are the
    settings of a named engine; `AUTO` takes none.

    Raises:
        EngineUnavailableError, InvalidOptionError: as `load`.
        ModelFormatError: the engine cannot run the network; with `AUTO`, the last one cannot.
        UnsupportedOptionError: the engine does not have the precision.

    """
    choices = [engine]
    if engine == AUTO:
        choices = [name for name, has in _PRECISIONS.items() if precision in (None, *has)]

    def load_with(name: str) -> _core.Model:
        return load(name).load(
            str(path),
            precision=precision or _PRECISIONS[name][0],
            threads=threads,
            streams=streams,
            properties=dict(properties),
            detach_classifier=detach_classifier,
        )

    for name in choices[:-1]:
        try:
            return load_with(name)
        except ModelFormatError as error:
            _log.debug("%s; trying the next engine", error)
    return load_with(choices[-1])


def load(name: str) -> _core.Engine:
    """Load the engine `name`, once a process; later calls return the same engine.

    Raises:
        EngineUnavailableError: its package is missing or of another version than the one it was
            built for, or a library cannot be loaded.
        InvalidOptionError: there is no engine of this name.

    """
    requirements = _core.engine_requirements(name)
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
    return _core.load_engine(name, str(engine_library), str(dependency))


def _find_library(requirements: _core.EngineRequirements) -> Path:
    """Return the library, wherever the package lies on ``sys.path``; it is not imported."""
    spec = importlib.util.find_spec(requirements.package)
    remedy = f"pip install {requirements.package}=={requirements.version}"
    if spec is None or not spec.submodule_search_locations:
        raise EngineUnavailableError(
            f"engine {requirements.engine!r} needs the package {requirements.package!r}, which is "
            f"not installed: {remedy}"
        )
    folders = [Path(folder) for folder in spec.submodule_search_locations]
    for folder in folders:
        library = folder / requirements.library_folder / requirements.library
        if library.is_file():
            return library
    installed = _version_in(folders[0].parent, requirements.package)
    raise EngineUnavailableError(
        f"engine {requirements.engine!r} was built for {requirements.package} "
        f"{requirements.version}, but version {installed} is installed in {folders[0]} "
        f"({requirements.library} is not in it): {remedy}"
    )


def _version_in(folder: Path, package: str) -> str:
    """Return the version of the package that lies in `folder`, not of another one on the path."""
    found = importlib.metadata.distributions(name=package, path=[str(folder)])
    return next((distribution.version for distribution in found), "unknown")
