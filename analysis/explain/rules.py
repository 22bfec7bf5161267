# SPDX-License-Identifier: GPL-2.0-only
"""What the hardware's rule says about an event, given the state of the page before it.

Sources: AMD64 Architecture Programmer's Manual volume 2, section 15.36, and volume 3, PVALIDATE;
Intel TDX Module ABI, TDG.MEM.PAGE.ACCEPT and the secure-EPT entry states.
"""

from __future__ import annotations

from acceptlab.analysis.explain.life import ACCEPTED, HOST, Moment
from acceptlab.analysis.pages.transitions import Op
from acceptlab.analysis.trace.schema import Kind, label

_ACCEPT = {
    "snp": {
        ACCEPTED: "PVALIDATE of a page that is validated already succeeds with carry set; with "
        "carry clear the host put another page in its place (APM 3, PVALIDATE).",
        HOST: "A page that is not assigned to the guest cannot be validated: it exits to the "
        "host (APM 2, 15.36).",
        "": "PVALIDATE sets Validated in the RMP entry of an assigned page (APM 2, 15.36.6).",
    },
    "tdx": {
        ACCEPTED: "TDG.MEM.PAGE.ACCEPT of a mapped page answers PAGE_ALREADY_ACCEPTED; success "
        "means the host removed the page and added another (TDX Module ABI).",
        HOST: "A page that is not added raises an EPT violation to the host, which adds it "
        "(TDX Module ABI).",
        "": "TDG.MEM.PAGE.ACCEPT zeroes a PENDING page and maps it (TDX Module ABI).",
    },
}
_TOUCH = {
    "snp": "A private access needs a validated page: else #VC 0x404 (APM 2, 15.36.10).",
    "tdx": "A private access to a PENDING page raises #VE, or exits to the host when "
    "SEPT_VE_DISABLE is set (TDX Module ABI).",
}
_REMOVED = {
    "snp": "RMPUPDATE by the host clears Validated: the guest notices at its next access.",
    "tdx": "A page that the host removed and adds again is PENDING until it is accepted again.",
}


def rule_of(moment: Moment, platform: str) -> str:
    """The rule that applies, or an empty text."""
    kind = moment.event["kind"]
    if kind == label(Kind.ACCEPT):
        table = _ACCEPT[platform]
        return table.get(moment.before, table[""])
    if kind in (label(Kind.FAULT), label(Kind.STOP)):
        return _TOUCH[platform]
    if moment.op in (Op.REMOVE, Op.ASSIGN) and moment.before == ACCEPTED:
        return _REMOVED[platform]
    if kind == label(Kind.RESCIND) and platform == "snp":
        return "PVALIDATE 0 clears Validated; the host may then take the page (APM 2, 15.36.6)."
    if moment.op == Op.SHARE and moment.before == ACCEPTED and platform == "snp":
        return "Taking the page away clears Validated, whatever the guest did (APM 2, 15.36.5)."
    return ""
