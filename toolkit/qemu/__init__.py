# SPDX-License-Identifier: GPL-2.0-only
"""The emulator's source, build and cache."""
