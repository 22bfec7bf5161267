# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's monitor protocol (QMP) on a Unix socket: commands, and events of the machine."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from acceptlab.toolkit.errors import MachineError

_PATIENCE = 60.0
"""Seconds that an answer may take."""


class Monitor:
    """One connection. Raises MachineError where the emulator does not answer, or refuses a command."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_PATIENCE)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("r")
        self._events: list[dict[str, Any]] = []
        self._next()  # the greeting
        self.command("qmp_capabilities")

    def command(self, name: str, **arguments: Any) -> Any:
        """Give a command and return its answer."""
        self._socket.sendall(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
        while True:
            message = self._next()
            if "error" in message:
                raise MachineError(f"the emulator refused {name}: {message['error']['desc']}")
            if "return" in message:
                return message["return"]
            self._events.append(message)

    def wait_for(self, event: str, **data: Any) -> None:
        """Return when the machine has reported an event with this data, now or before."""
        while True:
            message = self._events.pop(0) if self._events else self._next()
            found = message.get("data", {})
            if message.get("event") == event and data.items() <= found.items():
                return
            if event == "MIGRATION" and found.get("status") == "failed":
                why = self.command("query-migrate").get("error-desc", "no reason given")
                raise MachineError(f"the guest cannot be saved: {why}")

    def close(self) -> None:
        """End the connection."""
        self._lines.close()
        self._socket.close()

    def _next(self) -> dict[str, Any]:
        try:
            line = self._lines.readline()
        except OSError as error:
            raise MachineError(f"the emulator's monitor: {error}") from error
        if not line:
            raise MachineError("the emulator's monitor: the connection has ended")
        message: dict[str, Any] = json.loads(line)
        return message
