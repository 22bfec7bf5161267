# SPDX-License-Identifier: GPL-2.0-only
"""Everything that acts: commands, kernels, guests, the emulator's build and launch."""

from acceptlab.analysis.version import VERSION

__version__ = VERSION
