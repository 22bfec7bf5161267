# SPDX-License-Identifier: GPL-2.0-only
"""What a call of accept_memory() asks for: a start, and an end or a size (kernel_facts.REQUESTS).

The event of a probe has the two arguments as they were given; this is the one place that decides what the second is. What a kernel says of
itself in its BTF decides, else its release, else the calls: one whose second argument is below its first has a size there, for a range does not
end before it begins. A run in which no call shows that is taken to have ends; that is a guess, since a size may be above a low
start, and it is the only one. The platforms' hooks behind accept_memory() have (start, end) in every kernel.

Needs Python alone: it is used in small guests, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from acceptlab.analysis.kernel.kernel_facts import ACCEPT_MEMORY, END, HOOKS, REQUESTS, SIZE
from acceptlab.analysis.kernel.versions import in_force, version_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FUNCTION = ACCEPT_MEMORY


def arguments(function: str, release: str, told: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the first two arguments of a function in a kernel of this release; none where nothing tells.

    ``told`` are those of all its parameters in the kernel's BTF.
    """
    hook = next((one for one in in_force(HOOKS) if one.name == function), None)
    if hook is not None:
        return hook.arguments
    if function != FUNCTION:
        return ()
    if len(told) > 1 and told[1] in (END, SIZE):
        return tuple(told[:2])
    version = version_of(release)
    found = in_force(REQUESTS, version) if version else ()
    return found[0].arguments if found else ()


def second(function: str, recorded: Iterable[str], release: str) -> str:
    """Return END or SIZE for the second argument of a probe, "" where only its calls can tell.

    ``recorded`` are the names that the run's recorder gave the arguments, ``release`` is that of the run's kernel.
    """
    names = tuple(recorded)
    if function == FUNCTION and len(names) > 1 and names[1] in (END, SIZE):
        return names[1]
    return (*arguments(function, release), "", "")[1]


def shows_size(start: npt.NDArray[np.uint64], second: npt.NDArray[np.uint64]) -> bool:
    """Return whether one of these calls shows that the second argument is a size."""
    return bool((second < start).any())
