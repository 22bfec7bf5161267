# SPDX-License-Identifier: GPL-2.0-only
"""The same workload on several kernels, with several seeds, and what each kernel gains or costs."""
