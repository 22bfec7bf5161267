# SPDX-License-Identifier: GPL-2.0-only
"""The command line with every command loaded, for what looks at all of it: tests, and checks of documents."""

from acceptlab.toolkit.cli.typer_app import whole_app

app = whole_app()
