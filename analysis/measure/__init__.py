# SPDX-License-Identifier: GPL-2.0-only
"""What acceptance cost in a run: operations, latencies, locks, and modelled times."""
