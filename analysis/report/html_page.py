# SPDX-License-Identifier: GPL-2.0-only
"""The shell of every page: one file that needs nothing from anywhere, with its charts drawn by the script that it brings, or with none."""

from __future__ import annotations

from acceptlab.analysis.report.figures import Figures, asset
from acceptlab.analysis.report.html_text import escape

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:"
_SCRIPTS = "; script-src 'unsafe-inline'"


def whole_page(
    title: str,
    body: str,
    figures: Figures,
    *,
    styles: tuple[str, ...] = (),
    script: str = "",
) -> str:
    """The page around ``body``, which is HTML with all of ``figures`` in place; ``styles`` are files beside page.css, ``script`` is HTML before the charts'."""
    return _PAGE.format(
        policy=escape(_POLICY if figures.static else _POLICY + _SCRIPTS),
        title=escape(title),
        style="".join(asset(name).decode() for name in ("page.css", *styles)),
        body=body,
        scripts=script + figures.scripts(),
    )


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}
{scripts}
</body>
</html>
"""
