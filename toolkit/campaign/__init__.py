# SPDX-License-Identifier: GPL-2.0-only
"""One kernel against every malicious host action, at every kind of moment."""
