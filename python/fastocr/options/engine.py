"""How networks are run: the engine of each model, its settings, its precision and its threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastocr import _core, checks, engines, pipeline_config
from fastocr.checks import ENGINE_ALIASES, REFERENCE_ENGINES, Check, reject
from fastocr.cpus import available_cpus
from fastocr.engines import EngineOptions
from fastocr.errors import InvalidOptionError, UnsupportedOptionError

__all__ = ["ENGINE_PARAMETERS", "engine_options"]

PRECISIONS = ("fp32", "int16", "int8", "bf16", "fp16")

# What only the Paddle engine has, as its own settings of the same name; the value that asks for
# nothing of other engines. oneDNN is on: so are their own kernels.
_PADDLE_CHECKS: dict[str, tuple[Check, Any]] = {
    "enable_mkldnn": (checks.switch, True),
    "mkldnn_cache_capacity": (checks.integer(0), None),
    "use_tensorrt": (checks.switch, False),
    "min_subgraph_size": (checks.integer(1), 3),
}
_CHECKS: dict[str, Check] = {
    "engine": checks.engine_name,
    "engine_config": checks.settings,
    "enable_hpi": checks.switch,
    "precision": checks.choice(PRECISIONS),
    "cpu_threads": checks.integer(1),
    "enable_cinn": checks.switch,
    **{name: check for name, (check, _) in _PADDLE_CHECKS.items()},
}
ENGINE_PARAMETERS = ("device", *_CHECKS)


def engine_options(
    given: Mapping[str, Any],
    device: _core.Device,
    config: Mapping[str, Any],
    roles: Sequence[str],
    report: Callable[[str], None],
) -> dict[str, EngineOptions]:
    """Return how the model of each of these steps is run.

    The constructor's arguments `given` stand for what the configuration says at its top level; its
    inner levels are more precise, and win over both.

    Raises:
        InvalidOptionError: a wrong type or value.
        UnsupportedOptionError: a value that this version cannot honour.

    """
    values = {
        name: check(name, given[name])
        for name, check in _CHECKS.items()
        if given.get(name) is not None
    }
    if values.get("enable_cinn"):
        raise UnsupportedOptionError(
            "enable_cinn=True is not supported: Paddle's library is used without the CINN "
            "compiler; leave it out or pass False"
        )
    top = _Wishes().narrowed("", config)
    top = top.narrowed("", {**values, "use_hpip": _hpi(values, report)})
    wishes = {role: _of_role(top, config, role) for role in roles}
    for role, wish in wishes.items():
        if wish.hpi and wish.engine != engines.AUTO:
            report(f"{pipeline_config.SECTIONS[role]}: `use_hpip` is ignored: `engine` is given")
        elif wish.hpi:
            _check_hpi_config(wish.plugin)
    chosen = {role: wish.engine_and_properties(device) for role, wish in wishes.items()}
    paddle = _paddle_settings(values, any(engine == "paddle" for engine, _ in chosen.values()))
    return {
        role: EngineOptions(
            engine=engine,
            precision=values.get("precision"),
            threads=values.get("cpu_threads") or available_cpus(),
            properties=_joined(properties, paddle) if engine == "paddle" else properties,
            device=device,
            hpi=bool(wishes[role].hpi) and wishes[role].engine == engines.AUTO,
        )
        for role, (engine, properties) in chosen.items()
    }


def _hpi(values: Mapping[str, Any], report: Callable[[str], None]) -> bool | None:
    """Return what the constructor says: an engine may be tuned only where fastocr chooses it."""
    value: bool | None = values.get("enable_hpi")
    if value and values.get("engine", engines.AUTO) != engines.AUTO:
        report("`enable_hpi` is ignored because `engine` is given")
        return False
    return value


def _paddle_settings(values: Mapping[str, Any], used: bool) -> dict[str, str]:
    given = {name: values[name] for name in _PADDLE_CHECKS if name in values}
    for name, value in given.items():
        if not used and value != _PADDLE_CHECKS[name][1]:
            raise UnsupportedOptionError(
                f"{name}={value!r} is a setting of the Paddle engine: pass engine='paddle' with it "
                "or leave it out"
            )
    return {name: _property_text(value) for name, value in given.items()}


def _joined(properties: dict[str, str], paddle: Mapping[str, str]) -> dict[str, str]:
    for name, value in paddle.items():
        if properties.get(name, value) != value:
            raise InvalidOptionError(f"`{name}` and engine_config[{name!r}] differ")
    return {**properties, **paddle}


# ---- levels of a configuration ------------------------------------------------------------------

_Named = tuple[str, Mapping[str, Any]]


def _named(section: str, level: Mapping[str, Any], key: str) -> list[_Named]:
    return [(f"{section}.{key}".lstrip("."), level[key])] if level.get(key) else []


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What the levels of a configuration say of a model's engine, from the outermost inwards.

    `settings` and `plugin` are the `engine_config` and `hpi_config` of each level, by their names.
    """

    engine: str = engines.AUTO
    hpi: bool | None = None
    settings: tuple[_Named, ...] = ()
    plugin: tuple[_Named, ...] = ()

    def narrowed(self, section: str, level: Mapping[str, Any]) -> _Wishes:
        """Return these wishes with what one more level says."""
        engine, hpi = level.get("engine"), level.get("use_hpip")
        settings = self.settings
        if engine is None and hpi is not None and section:
            engine = engines.AUTO
        if engine is not None and engine != self.engine:
            settings = tuple(entry for entry in settings if _buckets(entry[1]))
        return _Wishes(
            engine or self.engine,
            self.hpi if hpi is None else hpi,
            (*settings, *_named(section, level, "engine_config")),
            (*self.plugin, *_named(section, level, "hpi_config")),
        )

    def engine_and_properties(self, device: _core.Device) -> tuple[str, dict[str, str]]:
        """Return both; settings without an engine choose it, flat ones OpenVINO."""
        engine = self.engine
        if engine == engines.AUTO and device.kind == "gpu":
            engine = "paddle"  # The only engine that has GPUs.
        for name in ("openvino", "paddle") if engine == engines.AUTO else (engine,):
            properties: dict[str, str] = {}
            for origin, settings in self.settings:
                properties.update(_engine_properties(origin, settings, name))
            if properties:
                return name, properties
        return engine, {}


def _of_role(top: _Wishes, config: Mapping[str, Any], role: str) -> _Wishes:
    section = pipeline_config.SECTIONS[role]
    wishes = top
    if section.startswith(pipeline_config.DOC_PREPROCESSOR):
        wishes = wishes.narrowed(
            pipeline_config.DOC_PREPROCESSOR,
            pipeline_config.lookup(config, pipeline_config.DOC_PREPROCESSOR, {}),
        )
    return wishes.narrowed(section, pipeline_config.lookup(config, section, {}))


def _check_hpi_config(levels: Sequence[_Named]) -> None:
    """Refuse what the reference's plugin would do with it; `engine` and its settings do it here."""
    for name, config in levels:
        if any(value is not None and value is not True for value in config.values()):
            raise UnsupportedOptionError(
                f"{name}={config!r} is not supported: name the engine by `engine`, and its "
                "settings by `engine_config`"
            )


# ---- settings of an engine ----------------------------------------------------------------------


def _buckets(config: Mapping[str, Any]) -> list[str]:
    """Return the names of engines among the keys."""
    known = (*_core.engine_names(), *REFERENCE_ENGINES, *ENGINE_ALIASES)
    return [key for key in config if key in known]


def _engine_properties(name: str, config: Mapping[str, Any], engine: str) -> dict[str, str]:
    """Return the engine's own settings: flat, or in a bucket named like the engine."""
    buckets = _buckets(config)
    if buckets and len(buckets) != len(config):
        reject(name, config, "a dictionary of settings, flat or by engine name,")
    config = {ENGINE_ALIASES.get(key, key): value for key, value in config.items()}
    if engine != "native" and config.get("native"):
        reject(name, config, "a dictionary without settings of 'native', which has none")
    settings = config.get(engine, {}) if buckets else config
    if not isinstance(settings, Mapping) or not all(isinstance(key, str) for key in settings):
        reject(name, config, f"a dictionary with string keys under {engine!r}")
    return {key: _property_text(value) for key, value in settings.items()}


def _property_text(value: Any) -> str:
    return ("YES" if value else "NO") if isinstance(value, bool) else str(value)
