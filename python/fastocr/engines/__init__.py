"""Inference engines: finding the packages they need and loading their shared objects."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
from pathlib import Path

from fastocr import _core
from fastocr.errors import EngineUnavailableError

__all__ = ["load"]

_log = logging.getLogger("fastocr")


def load(name: str) -> _core.Engine:
    """Load the engine `name`, once a process; later calls return the same engine.

    Raises:
        EngineUnavailableError: its package is missing or of another version than the one it was
            built for, or a library cannot be loaded.
        InvalidOptionError: there is no engine of this name.

    """
    requirements = _core.engine_requirements(name)
    _core.set_log_callback(_log.log)
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
