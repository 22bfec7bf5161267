# SPDX-License-Identifier: GPL-2.0-only
"""A headless Chromium, driven over its debugging pipe with nothing but the standard library."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
TIMEOUT = 120.0


def chromium() -> str:
    """Path of Chromium; fails the test, rather than skipping it, where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path is not None, "this test needs Chromium: apt-get install chromium"
    return path


class Browser:
    """One Chromium with a profile of its own and one page."""

    def __init__(self, profile: Path) -> None:
        from_us, self._send = os.pipe()
        self._receive, to_us = os.pipe()
        # Chromium reads commands from descriptor 3 and writes answers to 4. Ours may be 3 or 4
        # themselves, so they go through high numbers first.
        keep = [os.dup2(one, 60 + index) for index, one in enumerate((from_us, to_us))]
        command = [chromium(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        shell = 'exec 3<&60 4>&61 60<&- 61>&-; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *command],
            pass_fds=keep,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for one in (from_us, to_us, *keep):
            os.close(one)
        self._buffer = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []
        self._session = self._attach()

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._send)
        os.close(self._receive)

    def call(self, method: str, session: bool = True, **params: Any) -> dict[str, Any]:
        """One command of the debugging protocol; its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self.events.append(answer)

    def open(self, page: Path, width: int, height: int = 900, dark: bool = False) -> None:
        """Load a file at a size of the window and wait until all plots are drawn."""
        self.events.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=page.resolve().as_uri())
        undrawn = (
            "document.readyState + document.querySelectorAll('.plot:not([data-drawn])').length"
        )
        deadline = time.monotonic() + TIMEOUT
        while self.value(undrawn) != "complete0":
            assert time.monotonic() < deadline, "the plots were not drawn in time"
            time.sleep(0.1)

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def complaints(self) -> list[str]:
        """Errors that the page raised or logged since it was opened."""
        self.value("0")
        found = []
        for event in self.events:
            params = event.get("params", {})
            method = event.get("method")
            if method == "Runtime.exceptionThrown":
                found.append(str(params["exceptionDetails"].get("text")))
            elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(str(params["entry"]["text"]))
            elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
                found.append(str(params["args"]))
        return found

    def requests(self) -> list[str]:
        """Addresses that the page asked for, itself and embedded data left out."""
        urls = [
            str(event["params"]["request"]["url"])
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith(("data:", "blob:"))][1:]

    def screenshot(self, path: Path) -> None:
        """The whole page as a PNG file."""
        height = int(self.value("document.documentElement.scrollHeight"))
        width = int(self.value("window.innerWidth"))
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _attach(self) -> str:
        created = self.call("Target.createTarget", session=False, url="about:blank")
        attached = self.call(
            "Target.attachToTarget", session=False, targetId=created["targetId"], flatten=True
        )
        self._session = str(attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self._session

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._receive], [], [], TIMEOUT)
            assert ready, "Chromium does not answer"
            data = os.read(self._receive, 1 << 20)
            assert data, "Chromium has ended"
            self._buffer += data
        message, self._buffer = self._buffer.split(b"\0", 1)
        return dict(json.loads(message))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A Chromium for the time of a block."""
    with Browser(profile) as one:
        yield one
