# SPDX-License-Identifier: GPL-2.0-only
"""Enumerations whose members are looked up as fast as other attributes of a class."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

import numpy as np

Kind = TypeVar("Kind", bound=type[Enum])


def with_plain_members(kind: Kind) -> Kind:
    """Make the members attributes of their class, as Python has them from 3.12 on.

    3.11 finds each by a function of its own, a microsecond; to judge a small run takes a thousand of them. The same function
    says twice of each member that is compared with an array that its class has no __array_ufunc__ of its own: here it has
    numpy's, which numpy takes for none.
    """
    for name, member in kind.__members__.items():
        type.__setattr__(kind, name, member)
    type.__setattr__(kind, "__array_ufunc__", np.ndarray.__array_ufunc__)
    return kind
