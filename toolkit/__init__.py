# SPDX-License-Identifier: GPL-2.0-only
"""Everything that acts: commands, kernels, guests, the emulator's build and launch."""

__version__ = "0.1.0"
