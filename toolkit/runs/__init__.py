# SPDX-License-Identifier: GPL-2.0-only
"""Several runs: a cache of them, what each takes of this machine, and a scheduler."""
