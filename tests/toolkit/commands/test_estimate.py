# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab estimate` from recorded runs, without options."""

from __future__ import annotations

import json

import pytest

from acceptlab.toolkit.places import CHECKOUT
from tests.toolkit.in_process import in_process

RUN = str(CHECKOUT / "traces" / "tdx-lazy")


@pytest.mark.parametrize(("words", "backing"), [((), "4K"), (("--host-backing", "2M"), "2M")])
def test_a_host_maps_private_memory_by_4k_as_kvm_does(
    words: tuple[str, ...],
    backing: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = in_process(monkeypatch, capsys)("estimate", RUN, "--json", *words)
    assert code == 0, err
    assert json.loads(out)["target"]["backing"] == backing
