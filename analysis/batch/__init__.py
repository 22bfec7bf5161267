# SPDX-License-Identifier: GPL-2.0-only
"""Many run folders as one dataset: a row for each, with what it was, what came of it, and every invariant."""
