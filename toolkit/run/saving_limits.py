# SPDX-License-Identifier: GPL-2.0-only
"""Which runs can be saved in their middle, and go on from there (saved_guest.py)."""

from __future__ import annotations

from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.run.declared_options import DeclaredOptions
from acceptlab.toolkit.run.schedule import parse_schedule


def obstacle(options: DeclaredOptions) -> str:
    """Return why a run with these options is never saved, nor goes on from a saved guest; "" where it can be.

    The emulator knows most of these itself (obstacle() in emulator/qemu/vmstate.c); other machines and devices are not tried.
    """
    limits = {
        "--platform plain": not PLATFORMS[options.platform].is_confidential,
        "--hardware": options.hardware,
        "--threads multi": options.threads == "multi",
        "--firmware": options.has_firmware,
        "--hotplug": bool(options.hotplug),
        "--machine q35": options.has_pci,
        "--device": bool(options.devices),
        "--root": bool(options.root),
        "--schedule": bool(parse_schedule(options.schedule)),
    }
    return next((name for name, there in limits.items() if there), "")
