# SPDX-License-Identifier: GPL-2.0-only
"""A series checked patch by patch: what each patch newly breaks, and nothing that was there before it."""
