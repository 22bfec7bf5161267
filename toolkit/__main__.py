# SPDX-License-Identifier: GPL-2.0-only
"""`python -m acceptlab.toolkit` is `acceptlab`."""

from acceptlab.toolkit.cli.app import main

main()
