# SPDX-License-Identifier: GPL-2.0-only
"""Which of the platform's rules applies to an event, given the state of the page before it. The rules are in analysis/run/platform.py."""

from __future__ import annotations

from acceptlab.analysis.explain.life import ACCEPTED, HOST, Moment
from acceptlab.analysis.pages.transitions import Op
from acceptlab.analysis.run.platform import platform_of
from acceptlab.analysis.trace.schema import Kind, label


def rule_of(moment: Moment, platform: str) -> str:
    """The rule that applies, or an empty text."""
    rules = platform_of(platform).rules
    kind = moment.event["kind"]
    if kind == label(Kind.ACCEPT):
        special = {ACCEPTED: rules.accept_again, HOST: rules.accept_unassigned}
        return special.get(moment.before, rules.accept)
    if kind in (label(Kind.FAULT), label(Kind.STOP)):
        return rules.access
    if moment.op in (Op.REMOVE, Op.ASSIGN) and moment.before == ACCEPTED:
        return rules.remove
    if kind in (label(Kind.RESCIND), label(Kind.RELEASE)):
        return rules.rescind
    if moment.op == Op.SHARE and moment.before == ACCEPTED:
        return rules.share_accepted
    return ""
