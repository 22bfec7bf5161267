# SPDX-License-Identifier: GPL-2.0-only
"""Typed values out of a JSON object that somebody may have written by hand: the key is named when one does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from acceptlab.analysis.bad_input import BadInput

Json = dict[str, Any]
Range = tuple[int, int]
"""(start, size) in bytes."""
T = TypeVar("T")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,16}")


def number_of(value: Any, key: str) -> int:
    """Return an address or a number of bytes, which may be a text such as 0x40000000; raises BadInput naming `key`.

    A text without 0x is refused: as it was written it may have been decimal.
    """
    if isinstance(value, str):
        value = int(value, 16) if _HEXADECIMAL.fullmatch(value) else None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 64:
        raise BadInput(f"{key} is not a number of bytes or an address")
    return value


class TypedJson:
    """Takes typed values out of one JSON object and names the key when one does not fit."""

    def __init__(self, data: Mapping[str, Any], where: str) -> None:
        self._data = data
        self._where = where
        self._seen = set[str]()

    def _get(self, key: str, default: Any) -> Any:
        self._seen.add(key)
        value = self._data.get(key)
        return default if value is None else value

    def has(self, key: str) -> bool:
        """Whether there is a value that is not null."""
        return self._get(key, None) is not None

    def key(self, key: str) -> str:
        """Return the key with the names of the objects around it."""
        return f"{self._where}{key}"

    def _typed(self, key: str, kind: type[T], default: T, what: str) -> T:
        value = self._get(key, default)
        if not isinstance(value, kind):
            raise BadInput(f"{self.key(key)} is not {what}")
        return value

    def text(self, key: str) -> str:
        return self._typed(key, str, "", "text")

    def flag(self, key: str) -> bool:
        return self._typed(key, bool, False, "true or false")

    def flag_or_none(self, key: str) -> bool | None:
        return None if self._get(key, None) is None else self.flag(key)

    def number(self, key: str, default: int = 0) -> int:
        return number_of(self._get(key, default), self.key(key))

    def word(self, key: str, form: re.Pattern[str], default: str) -> str:
        value = self._typed(key, str, default, "text")
        if not form.fullmatch(value):
            raise BadInput(f"{self.key(key)} is {value!r}, not a policy")
        return value

    def one_of(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        value = self._get(key, default)
        if value not in allowed:
            raise BadInput(f"{self.key(key)} is {value!r}, not one of {', '.join(allowed)}")
        return str(value)

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._typed(key, list, [], "a list")
        if not all(isinstance(value, str) for value in values):
            raise BadInput(f"{self.key(key)} is not a list of strings")
        return tuple(values)

    def texts_by_key(self, key: str) -> dict[str, str]:
        values = self._typed(key, dict, {}, "an object")
        if not all(isinstance(value, str) for value in values.values()):
            raise BadInput(f"{self.key(key)} is not an object of texts")
        return dict(values)

    def ranges(self, key: str) -> tuple[Range, ...]:
        values = self._typed(key, list, [], "a list")
        if not all(isinstance(value, list) and len(value) == 2 for value in values):
            raise BadInput(f"{self.key(key)} is not a list of [start, size]")
        name = self.key(key)
        return tuple((number_of(start, name), number_of(size, name)) for start, size in values)

    def triples(self, key: str) -> tuple[tuple[int, int, int], ...]:
        values = self._typed(key, list, [], "a list")
        if not all(isinstance(value, list) and len(value) == 3 for value in values):
            raise BadInput(f"{self.key(key)} is not a list of triples")
        name = self.key(key)
        return tuple(
            (number_of(start, name), number_of(size, name), number_of(kind, name))
            for start, size, kind in values
        )

    def each(self, key: str, convert: Callable[[TypedJson], T]) -> tuple[T, ...]:
        values = self._typed(key, list, [], "a list")
        if not all(isinstance(value, dict) for value in values):
            raise BadInput(f"{self.key(key)} is not a list of objects")
        return tuple(convert(TypedJson(value, f"{self.key(key)}.")) for value in values)

    def inner(self, key: str) -> TypedJson:
        return TypedJson(self._typed(key, dict, {}, "an object"), f"{self.key(key)}.")

    def json_or_none(self, key: str) -> Json | None:
        value = self._typed(key, dict, {}, "an object")
        return value or None

    def present(self) -> bool:
        return bool(self._data)

    def rest(self, but: str) -> Json:
        """Return the members that were not read, without the key `but`."""
        return {key: value for key, value in self._data.items() if key not in self._seen | {but}}
