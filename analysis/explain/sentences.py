# SPDX-License-Identifier: GPL-2.0-only
"""Events of a page as English sentences."""

from __future__ import annotations

from typing import Any

from acceptlab.analysis.explain.life import Moment
from acceptlab.analysis.trace.schema import (
    ACCESS_DETAIL_PRIVATE,
    CONVERT_IMPLICIT,
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
    "bitmap": "A snapshot of the bitmap was taken",
}
_HOST = {
    "assign": "The host assigned {what} to the guest",
    "remove": "The host removed {what}",
    "split": "The host split the large page here",
    "plug": "The host added the memory ({what})",
    "unplug": "The guest gave the memory up, and the host removed it ({what})",
}


def sentence(moment: Moment, unit: str) -> str:
    """One event: what, by which vCPU, when, and the state of the page; ``unit`` is the clock's."""
    event = moment.event
    change = ""
    if moment.after != moment.before:
        change = f"; state: {moment.before} -> {moment.after}"
    elif event["kind"] in ("accept", "rescind", "release", "convert", "fault", "stop"):
        change = f"; state: {moment.before}, unchanged"
    where = f"at {event['clock']:,} {unit}, {event['stage']}"
    return f"{_what(event, _place(moment))} ({where}){change}."


def _what(event: dict[str, Any], place: str) -> str:
    kind = str(event["kind"])
    block = _BLOCKS.get(event["size"], f"{event['size']:,} bytes around it")
    if kind in _FIXED:
        return _FIXED[kind]
    if kind in _HOST:
        return _HOST[kind].format(what=block)
    if kind == "convert" and event["detail"] & CONVERT_IMPLICIT:
        to = "private" if _to_private(event) else "shared"
        return (
            f"The host converted {block} to {to} at a {to} access of vCPU {event['vcpu']} "
            f"(implicit conversion){place}"
        )
    if kind == "attack":
        return f"Attack by the host: {_named(Attack, event['detail'])}"
    if kind == "dma-refused":
        return f"A device's {'write to' if event['detail'] else 'read of'} it was refused"
    return f"vCPU {event['vcpu']} {_act(event, kind, block)}{place}"


def _act(event: dict[str, Any], kind: str, block: str) -> str:
    """What a vCPU did, as a predicate."""
    if kind == "accept":
        return _tried(event, f"accepted {block}", f"accept {block}")
    if kind in ("rescind", "release"):
        return _tried(event, f"gave back {block}", f"give back {block}")
    if kind == "convert":
        to = "private" if _to_private(event) else "shared"
        return _tried(event, f"converted {block} to {to}", f"convert {block} to {to}")
    if kind in ("fault", "stop"):
        return _access(event, kind)
    if kind == "ciphertext":
        return "read ciphertext from it through a shared mapping"
    return f"caused an event '{kind}' on {block}"


def _to_private(event: dict[str, Any]) -> bool:
    return bool(event["detail"] & 0xFF == ConvertTo.PRIVATE)


def _tried(event: dict[str, Any], done: str, wanted: str) -> str:
    if event["result"]:
        return f"failed to {wanted} (result {event['result']:#x})"
    if event.get("carry", NO_CARRY) == 1:
        return f"{done} without effect (carry flag set)"
    return done


def _access(event: dict[str, Any], kind: str) -> str:
    access = _named(Access, event["detail"] & 0xFF)
    view = "private" if event["detail"] & ACCESS_DETAIL_PRIVATE else "shared"
    if kind == "fault":
        return f"took a fault on a {view} {access}"
    return f"caused a fatal exit ({_named(StopReason, event['result'])}) by a {view} {access}"


def _named(names: Any, value: int) -> str:
    try:
        return label(names(value))
    except ValueError:
        return f"number {value}"


def _place(moment: Moment) -> str:
    """The function of the event and its caller, as far as they are known."""
    place = ""
    if moment.who:
        place = f" in {moment.who}" + (f" ({moment.source})" if moment.source else "")
    if moment.called_from:
        place += f", called from {moment.called_from}"
    return place
