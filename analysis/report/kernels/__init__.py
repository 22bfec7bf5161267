# SPDX-License-Identifier: GPL-2.0-only
"""The same workload on several kernels: what each gains or costs."""
