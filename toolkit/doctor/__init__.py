# SPDX-License-Identifier: GPL-2.0-only
"""What this machine can do, one check each, and what to do about the rest."""
