# SPDX-License-Identifier: GPL-2.0-only
"""Reading what others recorded: one module per format, and what they share.

``opened`` decompresses, ``lines`` cuts text into lines, ``detect`` selects the reader of a file.
A reader's ``read(source, recorder)`` hands events to a ``recorder.Recorder`` as it goes, in bounded
memory. It raises ``damage.Damaged`` where the file cannot be followed any further: what was
recorded until then is kept, and the trace counts as incomplete. ``calls`` is what the formats that are
made inside a guest have in common: which call of which function is which event.
"""
