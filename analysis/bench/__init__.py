# SPDX-License-Identifier: GPL-2.0-only
"""The same workload on several kernels, such as the patches of a series: what each gains or costs, and how sure that is."""
