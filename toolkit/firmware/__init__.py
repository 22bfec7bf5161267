# SPDX-License-Identifier: GPL-2.0-only
"""The state that firmware and the EFI stub leave behind at a kernel's first instruction."""
