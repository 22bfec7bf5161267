# SPDX-License-Identifier: GPL-2.0-only
"""Which policy a kernel went by, by what it printed."""

from __future__ import annotations

import pytest

from acceptlab.toolkit.run.policy import Policy, policy_of

BANNER = "[    0.000000] Linux version 7.3.4+deb13-cloud-amd64 (x@y)\r\n"
MALFORMED = "[    0.012345] Malformed early option 'accept_memory'\r\n"
SERIES = (
    "[    0.012345] accept_memory=later: no such policy; memory is accepted when it is needed "
    "(there are lazy, eager)\r\n"
)


@pytest.mark.parametrize(
    ("words", "printed", "policy"),
    [
        ("accept_memory=lazy", "", Policy("lazy")),
        ("accept_memory=eager", "", Policy("eager")),
        ("quiet", "", Policy("lazy")),
        ("accept_memory=deferred", MALFORMED, Policy("lazy", "deferred")),
        ("accept_memory=deferred", "", Policy("deferred")),
        ("accept_memory=eager accept_memory=fault:4", MALFORMED, Policy("eager", "fault:4")),
        ("accept_memory=deferred accept_memory=eager", MALFORMED, Policy("eager")),
        ("accept_memory=fault accept_memory=deferred", MALFORMED * 2, Policy("lazy", "deferred")),
        ("accept_memory=lazy accept_memory=nonsense", MALFORMED, Policy("lazy", "nonsense")),
        ("accept_memory=lazy accept_memory=nonsense", "", Policy("lazy")),
        ("accept_memory=eager accept_memory=later", SERIES, Policy("lazy", "later")),
        ("accept_memory=later accept_memory=eager", SERIES, Policy("eager")),
        ("xaccept_memory=deferred", MALFORMED, Policy("lazy")),
    ],
)
def test_the_policy_by_what_the_kernel_printed(words: str, printed: str, policy: Policy) -> None:
    assert policy_of(f"console=ttyS0 {words} nokaslr", BANNER + printed) == policy


def test_what_a_second_kernel_refuses_is_its_own() -> None:
    console = BANNER + "ACCEPTLAB userspace\n" + BANNER + MALFORMED
    assert policy_of("accept_memory=deferred", console) == Policy("deferred")
    assert policy_of("accept_memory=deferred", MALFORMED + BANNER) == Policy("lazy", "deferred")
