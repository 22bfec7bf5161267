# SPDX-License-Identifier: GPL-2.0-only
"""Dataclasses that share their methods. A dataclass compiles up to seven of its own: of all that the judge loads, a tenth of its start.

For records of which a run has few: to make one takes longer than to make a dataclass.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(cls=None, *, frozen=False):
        """Make a class a dataclass: fields(), replace(), asdict(), equality, hash and repr are those of one."""
        if cls is None:
            return lambda one: record(one, frozen=frozen)
        made = dataclass(init=False, repr=False, eq=False)(cls)
        for name, method in (_FROZEN if frozen else _METHODS).items():
            if name not in cls.__dict__:
                setattr(made, name, method)
        return made


def _init(self: Any, *values: Any, **named: Any) -> None:
    fields = type(self).__dataclass_fields__
    if len(values) == len(fields) and not named:
        self.__dict__.update(zip(fields, values, strict=True))
        if hasattr(self, "__post_init__"):
            self.__post_init__()
        return
    if len(values) > len(fields):
        raise TypeError(f"{_name(self)} takes {len(fields)} values, not {len(values)}")
    given = dict(zip(fields, values, strict=False))
    if wrong := [name for name in named if name in given or name not in fields]:
        raise TypeError(f"{_name(self)} has no field {wrong[0]}, or it is given twice")
    given |= named
    for name, field in fields.items():
        if name in given:
            value = given[name]
        elif field.default is not MISSING:
            value = field.default
        elif field.default_factory is not MISSING:
            value = field.default_factory()
        else:
            raise TypeError(f"{_name(self)} lacks {name}")
        object.__setattr__(self, name, value)
    if hasattr(self, "__post_init__"):
        self.__post_init__()


def _values(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, name) for name in type(self).__dataclass_fields__)


def _name(self: Any) -> str:
    return type(self).__qualname__


def _repr(self: Any) -> str:
    shown = zip(type(self).__dataclass_fields__, _values(self), strict=True)
    return f"{_name(self)}({', '.join(f'{name}={value!r}' for name, value in shown)})"


def _eq(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _refuse(self: Any, name: str, *_: Any) -> NoReturn:
    raise FrozenInstanceError(f"cannot change field {name!r} of {_name(self)}")


_METHODS = {"__init__": _init, "__repr__": _repr, "__eq__": _eq, "__hash__": None}
_FROZEN = {**_METHODS, "__hash__": _hash, "__setattr__": _refuse, "__delattr__": _refuse}
