# SPDX-License-Identifier: GPL-2.0-only
"""Guests: the image of memory at a kernel's first instruction, and what runs in the guest afterwards."""
