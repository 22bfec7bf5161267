# SPDX-License-Identifier: GPL-2.0-only
"""Where something measured it: how long acceptance took, who was kept waiting, and which vCPUs waited for each other."""
