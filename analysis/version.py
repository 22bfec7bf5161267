# SPDX-License-Identifier: GPL-2.0-only
"""The release of acceptlab, as every report names it; pyproject.toml has the same."""

VERSION = "0.1.0"
