# SPDX-License-Identifier: GPL-2.0-only
"""docs/README.md leads to every page, once."""

from __future__ import annotations

from tests.docs.pages import first_cells, links, pages, text_of


def test_the_index_has_every_page_once() -> None:
    index = text_of("README.md")
    listed = [target for cell in first_cells(index) for target in links(cell)]
    assert sorted(listed) == [page for page in pages() if page != "README.md"]
