# SPDX-License-Identifier: GPL-2.0-only
"""What a campaign of malicious host actions found, as JSON and as text."""
