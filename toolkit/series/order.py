# SPDX-License-Identifier: GPL-2.0-only
"""Which mails of a thread are the series, and in which order: by [n/m], the newest whole version, without replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series.message import Message


@dataclass(frozen=True)
class Ordered:
    """The patches in order, the cover letter, and what a user has to know of the mails that were left out."""

    patches: list[Message]
    cover: Message | None
    notes: list[str] = field(default_factory=list)


def ordered(
    messages: Sequence[Message], where: str, version: int | None = None, by_name: bool = False
) -> Ordered:
    """Return the patches of a mailbox in the order that their subjects tell, and the cover letter.

    `version` is the requested N of [PATCH vN]; None: the newest complete one. `by_name`: the mails come in an order
    that somebody gave them, which holds where they do not count. Raises BadInputError when a patch is missing, there twice,
    damaged, or of another version.
    """
    mails = _once(messages)
    if len(mails) == 1 and mails[0].has_diff and mails[0].number != 0 and version is None:
        return _alone(mails[0], where)
    first_hand = [mail for mail in mails if not mail.is_reply]
    _refuse_empty(first_hand, where)
    counted = [
        mail
        for mail in first_hand
        if mail.number is not None and (mail.has_diff or mail.number == 0)
    ]
    uncounted = [mail for mail in first_hand if mail.number is None and mail.has_diff]
    if not any(mail.number for mail in counted) or (
        by_name and not _are_unique(counted, uncounted)
    ):
        return _as_they_come(first_hand, uncounted, where)
    notes = _left_out(uncounted, where)
    patches, cover, more = _of_version(counted, where, version)
    notes += more + _newer_replies(mails, patches)
    return Ordered(_sound(patches, where), cover, notes)


def _once(messages: Sequence[Message]) -> list[Message]:
    """Leave out the second copy of a mail, which archives of several lists have."""
    found: dict[object, Message] = {}
    for message in messages:
        found.setdefault(
            (message.id, message.patch, message.subject) if message.id else id(message), message
        )
    return list(found.values())


def _alone(mail: Message, where: str) -> Ordered:
    """A file that holds one patch is that patch, wherever its series has it."""
    notes = []
    if mail.number is not None and mail.total is not None and mail.total > 1:
        notes.append(f"{where} contains only patch {mail.number}/{mail.total}")
    return Ordered(_sound([mail], where), None, notes)


def _are_unique(counted: Sequence[Message], uncounted: Sequence[Message]) -> bool:
    places = [(mail.version, mail.number) for mail in counted]
    return not uncounted and len(set(places)) == len(places)


def _as_they_come(first_hand: Sequence[Message], patches: list[Message], where: str) -> Ordered:
    """Order patches that do not count in brackets: by (n/m) elsewhere in the subject if that is whole, else as they come."""
    cover = next((mail for mail in first_hand if mail.number == 0), None)
    patches = [mail for mail in first_hand if mail.has_diff and mail.number != 0]
    if not patches and cover is not None:
        raise BadInputError(
            f"{where} contains the cover letter of a series of {cover.total} patches, but no patch: "
            "`b4 am` fetches the whole thread"
        )
    loose = [mail.loose[0] for mail in patches if mail.loose]
    if sorted(loose) == list(range(1, len(patches) + 1)):
        patches.sort(key=lambda mail: mail.loose or (0, 0))
    return Ordered(_sound(patches, where), cover)


def _of_version(
    counted: Sequence[Message], where: str, version: int | None
) -> tuple[list[Message], Message | None, list[str]]:
    """Return patches and cover letter of one version, and a note where there are more."""
    versions = sorted({mail.version for mail in counted})
    with_patches = [one for one in versions if _patches_of(counted, one)]
    if version is not None and version not in with_patches:
        there = ", ".join(f"v{one}" for one in with_patches)
        raise BadInputError(f"{where} does not contain v{version}: it has {there}")
    whole = [one for one in with_patches if not _fault(counted, one, where)]
    taken = version if version is not None else max(whole or with_patches)
    fault = _fault(counted, taken, where)
    if fault:
        raise BadInputError(fault)
    notes = []
    if version is None and len(with_patches) > 1:
        others = [one for one in with_patches if one != taken]
        held = " and ".join(f"v{one} ({_held(counted, one)})" for one in with_patches)
        notes.append(
            f"{where} contains {held}: using v{taken}; --use-version {others[-1]} selects the other"
        )
    cover = next((one for one in counted if one.version == taken and one.number == 0), None)
    return _patches_of(counted, taken), cover, notes


def _patches_of(counted: Sequence[Message], version: int) -> list[Message]:
    found = [mail for mail in counted if mail.version == version and mail.number]
    return sorted(found, key=lambda mail: mail.number or 0)


def _held(counted: Sequence[Message], version: int) -> str:
    patches = _patches_of(counted, version)
    total = max(mail.total or 0 for mail in patches)
    if len(patches) == total:
        return f"{total} patch{'es' if total > 1 else ''}"
    return "only " + ", ".join(f"{mail.number}/{mail.total}" for mail in patches)


def _fault(counted: Sequence[Message], version: int, where: str) -> str:
    """Return why the patches of one version are no series, "" when they are one."""
    numbers = [mail.number or 0 for mail in _patches_of(counted, version)]
    totals = sorted({mail.total or 0 for mail in _patches_of(counted, version)})
    twice = [number for number in sorted(set(numbers)) if numbers.count(number) > 1]
    if twice:
        return f"{where} contains patch {twice[0]}/{totals[-1]} twice: give the mails of one series"
    if len(totals) > 1:
        return f"{where} contains patches of a series of {totals[0]} and of one of {totals[-1]}: give the mails of one"
    missing = [number for number in range(1, totals[-1] + 1) if number not in numbers]
    if missing:
        lacks = ", ".join(f"{number}/{totals[-1]}" for number in missing[:5])
        more = " and more" if len(missing) > 5 else ""
        return f"{where} lacks patch {lacks}{more}: `b4 am` fetches the whole thread"
    return ""


def _left_out(uncounted: Sequence[Message], where: str) -> list[str]:
    """Return notes on patches that answer a counted series and are not counted; one that answers nothing is refused."""
    odd = next((mail for mail in uncounted if not mail.answers), None)
    if odd is not None:
        raise BadInputError(f"{where}: only some patches are numbered n/m; {odd.subject!r} is not")
    return [f"{mail.file}: ignoring {mail.subject!r}, a reply to the series" for mail in uncounted]


def _newer_replies(mails: Sequence[Message], patches: Sequence[Message]) -> list[str]:
    """Return notes on replies that hold a patch: a newer version of one patch, or a reviewer's change."""
    version = patches[0].version if patches else 1
    notes = []
    for mail in mails:
        if not (mail.is_reply and mail.has_diff):
            continue
        place = f" of patch {mail.number}/{mail.total}" if mail.number else ""
        what = f"v{mail.version}" if mail.version > version else "a change"
        notes.append(f"{mail.file}: ignoring a reply that contains {what}{place} ({mail.subject})")
    return notes


def _refuse_empty(first_hand: Sequence[Message], where: str) -> None:
    empty = next((one for one in first_hand if one.number and not one.has_diff), None)
    if empty is not None:
        raise BadInputError(
            f"{where}: {empty.file}, patch {empty.number}/{empty.total} ({empty.subject}), is not a patch: it changes nothing"
        )


def _sound(patches: list[Message], where: str) -> list[Message]:
    """Return the patches; raise BadInputError for one that git cannot read."""
    for patch in patches:
        if patch.damage:
            raise BadInputError(damaged(patch, where))
    return patches


def damaged(patch: Message, where: str) -> str:
    """Return one line on a patch that its mailer damaged: what git says, why, and what to do."""
    why = "a mailer broke or joined its lines"
    if patch.is_flowed:
        why = "it was sent as format=flowed, so mailers change spaces and line ends"
    return (
        f"{where}: {patch.file} ({patch.subject}) is damaged, {why}: {patch.damage}. Get the original (`b4 am`, "
        "an attachment), or ask for it by git send-email (git-format-patch(1), MUA-specific hints)"
    )
