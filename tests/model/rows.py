# SPDX-License-Identifier: GPL-2.0-only
"""Vectors named after rows of the conformance specification (see ROWS.md)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Vector = Callable[[], None]


class Rows:
    """Collects vectors; `parameters` hands them to pytest under their row's name."""

    def __init__(self) -> None:
        self.vectors: dict[str, Vector] = {}

    def __call__(self, name: str) -> Callable[[Vector], Vector]:
        def add(vector: Vector) -> Vector:
            assert name not in self.vectors, f"two vectors for {name}"
            self.vectors[name] = vector
            return vector

        return add

    def parameters(self) -> list[object]:
        return [pytest.param(vector, id=name) for name, vector in self.vectors.items()]
