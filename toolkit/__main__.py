# SPDX-License-Identifier: GPL-2.0-only
"""`python -m toolkit` is `acceptlab`."""

from toolkit.commands.app import main

main()
