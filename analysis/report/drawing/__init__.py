# SPDX-License-Identifier: GPL-2.0-only
"""Charts as SVG, for pages without scripts: what reports use of plotly's data model, and nothing else of it."""
