# SPDX-License-Identifier: GPL-2.0-only
"""The Typer commands, one module each."""
