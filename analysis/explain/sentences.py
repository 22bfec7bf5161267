# SPDX-License-Identifier: GPL-2.0-only
"""Events of a page as English sentences."""

from __future__ import annotations

from typing import Any

from acceptlab.analysis.explain.life import Moment
from acceptlab.analysis.trace.schema import (
    ACCESS_DETAIL_PRIVATE,
    NO_CARRY,
    PAGE_SIZE,
    UNIT_SIZE,
    Access,
    Attack,
    ConvertTo,
    StopReason,
    label,
)

_BLOCKS = {PAGE_SIZE: "the page", UNIT_SIZE: "the 2 MiB block around it"}
_FIXED = {
    "ram": "It is RAM of the guest from the start",
    "launch": "It was accepted before the first instruction (by firmware)",
    "ciphertext": "It was read through a shared mapping, which gives ciphertext",
    "bitmap": "The bitmap was looked at",
}
_HOST = {
    "assign": "The host assigned {what} to the guest",
    "remove": "The host took {what} away",
    "split": "The host split the large page here",
}


def sentence(moment: Moment, unit: str) -> str:
    """One event: what, by whom, when, and what it left; ``unit`` is what the clock counts."""
    event = moment.event
    change = ""
    if moment.after != moment.before:
        change = f"; it was {moment.before}, and is {moment.after} now"
    elif event["kind"] in ("accept", "rescind", "release", "convert", "fault", "stop"):
        change = f"; it was {moment.before}, and still is"
    where = f"at {event['clock']:,} {unit}, {event['stage']}"
    return f"{_what(event)}{_by(moment)} ({where}){change}."


def _what(event: dict[str, Any]) -> str:
    kind = str(event["kind"])
    block = _BLOCKS.get(event["size"], f"{event['size']:,} bytes around it")
    if kind in _FIXED:
        return _FIXED[kind]
    if kind in _HOST:
        return _HOST[kind].format(what=block)
    if kind in ("accept", "rescind", "release"):
        return _tried(event, f"{'Accepted' if kind == 'accept' else 'Gave back'} {block}")
    if kind == "convert":
        to = "private" if event["detail"] == ConvertTo.PRIVATE else "shared"
        return _tried(event, f"Asked the host to make {block} {to}")
    if kind in ("fault", "stop"):
        return _access(event, kind)
    if kind == "attack":
        return f"A hostile host acted: {_named(Attack, event['detail'])}"
    if kind == "dma-refused":
        return f"A device {'wrote to' if event['detail'] else 'read'} it and was refused"
    return f"An event '{kind}' touched {block}"


def _tried(event: dict[str, Any], act: str) -> str:
    if event["result"]:
        return f"{act}, but was refused (result {event['result']:#x})"
    if event.get("carry", NO_CARRY) == 1:
        return f"{act}, which changed nothing (carry set)"
    return act


def _access(event: dict[str, Any], kind: str) -> str:
    access = _named(Access, event["detail"] & 0xFF)
    view = "private" if event["detail"] & ACCESS_DETAIL_PRIVATE else "shared"
    if kind == "fault":
        return f"A {view} {access} faulted, and the guest was told"
    reason = _named(StopReason, event["result"])
    return f"A {view} {access} stopped the guest ({reason}); only the host was told"


def _named(names: Any, value: int) -> str:
    try:
        return label(names(value))
    except ValueError:
        return f"number {value}"


def _by(moment: Moment) -> str:
    if moment.event["kind"] in ("ram", "launch", "assign", "remove", "split", "attack"):
        return ""
    by = f" by vCPU {moment.event['vcpu']}"
    if moment.who:
        by += f" in {moment.who}" + (f" ({moment.source})" if moment.source else "")
    if moment.called_from:
        by += f", called from {moment.called_from}"
    return by
