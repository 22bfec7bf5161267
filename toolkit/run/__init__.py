# SPDX-License-Identifier: GPL-2.0-only
"""One run: options, command line, launch, and the run folder."""
