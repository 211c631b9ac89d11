"""YAML from files that anybody may have written: what is damaged or hostile is told, not followed.

Parsing makes strings, numbers, lists and dictionaries, no other objects.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

__all__ = ["MOST_LEVELS", "DamagedYAMLError", "is_tree", "parse"]

# How deep sections may be nested, and how many entries all of them may have together, each counted
# wherever it is repeated. Official files have 6 levels, and dictionaries of 20 000 characters.
MOST_LEVELS = 64
_MOST_ENTRIES = 1_000_000


class DamagedYAMLError(ValueError):
    """A text that is no YAML, or more than a configuration; the message says why."""


def parse(data: bytes, *, strings: bool = False) -> Any:
    """Return what a YAML text holds; with `strings`, scalars are what is written.

    Raises:
        DamagedYAMLError: see there.

    """
    import yaml

    try:
        content = yaml.load(data, _loader(strings))
    except yaml.YAMLError as error:
        raise DamagedYAMLError(str(error)) from error
    except RecursionError:
        raise DamagedYAMLError(f"it is nested more than {MOST_LEVELS} levels deep") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # PyYAML lets through what its constructors meet: a date with a month 13, a number of more
        # digits than Python takes, a truth value of another word.
        raise DamagedYAMLError(f"a value cannot be read: {error}") from error
    if not is_tree(content):
        raise DamagedYAMLError(
            f"it is nested more than {MOST_LEVELS} levels deep, contains itself, or repeats parts "
            f"of itself to more than {_MOST_ENTRIES} entries"
        )
    return content


def is_tree(value: Any) -> bool:
    """Return whether lists and dictionaries have an end, and are of a size to be walked through."""
    try:
        return _entries(value, MOST_LEVELS, {}) <= _MOST_ENTRIES
    except RecursionError:
        return False


def _entries(value: Any, levels: int, known: dict[int, int]) -> int:
    """Count the entries at all levels; each object is looked at once, however often it is there."""
    if not isinstance(value, (dict, list, tuple)):
        return 0
    if levels == 0:
        raise RecursionError
    counted = known.get(id(value))
    if counted is None:
        inner = value.values() if isinstance(value, dict) else value
        counted = len(value) + sum(_entries(item, levels - 1, known) for item in inner)
        known[id(value)] = counted
    return counted


@lru_cache
def _loader(strings: bool) -> Any:
    import yaml

    fast, plain = ("CBaseLoader", "BaseLoader") if strings else ("CSafeLoader", "SafeLoader")
    base: Any = getattr(yaml, fast, None) or getattr(yaml, plain)

    class Loader(base):  # type: ignore[misc]
        """Notices a key that is there twice, of which the first would have no effect."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen = set()
            for key, _ in getattr(node, "value", ()):
                if not isinstance(key, yaml.ScalarNode):
                    continue
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        problem=f"the key {key.value!r} is there twice", problem_mark=key.start_mark
                    )
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    return Loader
