# SPDX-License-Identifier: GPL-2.0-only
"""The kernel of a run: symbols, BTF, source lines, and what its functions mean."""
