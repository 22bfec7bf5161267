# SPDX-License-Identifier: GPL-2.0-only
"""Reports in every form."""

from __future__ import annotations

import json
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.measure.cost_profile import Price, Profile
from acceptlab.analysis.report import FORMATS, render, write
from acceptlab.analysis.report.figures import unpacked
from acceptlab.analysis.trace.schema import Kind
from tests.analysis.browser import browser
from tests.analysis.synthetic import MIB, Guest, booted


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    base = tmp_path_factory.mktemp("runs")
    broken = Guest()
    broken.boot()
    broken.event(Kind.FAULT, broken.layout.low + 56 * MIB + 8, 1, detail=0x101, vcpu=1)
    broken.work()
    broken.end()
    long_name = "a-run-with-a-name-that-is-longer-than-any-column-of-a-table"
    hostile = "acceptlab run '<script>alert(1)</script>' | tee *x* " + "--option " * 12
    return [
        booted().write(base / "snp"),
        booted(platform="tdx", accept="eager").write(base / "tdx"),
        broken.write(
            base / long_name,
            outcome="terminated",
            reason="general",
            reproduce=hostile,
            command_line="quiet",
        ),
        booted(backing="4K").write(base / "snp-4k"),
    ]


def test_a_report_writes_nothing_into_the_runs(runs: list[Path]) -> None:
    for form in FORMATS:
        render(runs[:1], form)
    assert not (runs[0] / "verdict.json").exists()


def test_a_verdict_of_another_time_is_not_repeated(tmp_path: Path) -> None:
    run = booted().write(tmp_path / "run")
    replay_run(run)
    data = json.loads((run / "verdict.json").read_text())
    data["headline"] = "Seen before."
    (run / "verdict.json").write_text(json.dumps(data))
    assert "Seen before." not in render([run], "text")


def test_the_same_runs_give_the_same_document(runs: list[Path]) -> None:
    for form in FORMATS:
        assert render(runs[2:3], form) == render(runs[2:3], form)


def test_text_fits_a_mail(runs: list[Path]) -> None:
    text = render(runs, "text")
    assert max(len(line) for line in text.splitlines()) <= 72
    assert "\t" not in text and not re.search(r" +$", text, re.M)


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Profile]:
    """A run with a probe that accepts much and long, and a profile with a price for it."""
    guest = Guest(probes=("accept_memory",), cpus=3)
    guest.boot()
    for number in range(20):
        guest.event(Kind.PROBE_ENTER, 1, 2, vcpu=number % 3, caller=0xFFFFFFFF81000000 + number)
        guest.clock += 10**11 * number
        guest.event(Kind.PROBE_RETURN, vcpu=number % 3)
    guest.end()
    prices = (Price("accept", "2M", 1, 213_000.0, "assumed", "an assumption " * 9),)
    profile = Profile("snp-made-up", "snp", "what it is " * 9, "whose " * 20, (), prices)
    return guest.write(tmp_path_factory.mktemp("priced") / "run"), profile


def test_latencies_and_modelled_times_fit_a_mail(priced: tuple[Path, Profile]) -> None:
    text = render([priced[0]], "text", profile=priced[1])
    assert max(len(line) for line in text.splitlines()) <= 72
    assert not re.search(r" +$", text, re.M)


def test_modelled_times_are_called_so(priced: tuple[Path, Profile]) -> None:
    text = render([priced[0]], "text", profile=priced[1])
    assert "Modelled, not measured" in text
    assert (
        json.loads(render([priced[0]], "json", profile=priced[1]))["runs"][0]["modelled"]["label"]
        == "modelled"
    )
    assert "odelled" not in render([priced[0]], "text")


def test_json_leads_back_to_the_run(priced: tuple[Path, Profile]) -> None:
    (run,) = json.loads(render([priced[0]], "json"))["runs"]
    about = json.loads((priced[0] / "run.json").read_text())
    assert run["source"]["command"] == about["reproduce"]
    assert run["source"]["events_sha256"] == about["events"]["sha256"]
    assert Path(run["source"]["run"]) == priced[0]
    assert run["latency"]["rows"][0]["distribution"]["count"] == 20


def test_text_says_what_was_found(runs: list[Path]) -> None:
    text = render(runs, "text")
    assert "I1: accessed a page it never accepted" in text
    assert re.search(r"verdict +clean +clean +findings", text)


def test_the_command_survives_its_wrapping(runs: list[Path]) -> None:
    text = render(runs[2:3], "text")
    command = text.split("To reproduce:\n")[-1].replace("\\\n", "")
    assert command.split() == json.loads((runs[2] / "run.json").read_text())["reproduce"].split()


def test_markdown_tables_are_whole(runs: list[Path]) -> None:
    document = render(runs, "markdown")
    tables = re.findall(r"(?:^\|.*\|$\n?)+", document, re.M)
    assert len(tables) == 2 + 4 * len(runs) + 2  # runs, facts, four a run, evidence and history
    for table in tables:
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(cells) == 1


def test_json_says_the_same_as_the_verdict(runs: list[Path]) -> None:
    document = json.loads(render(runs, "json"))
    verdicts = [replay_run(run, write=False).to_json() for run in runs]
    assert [one["verdict"] for one in document["runs"]] == verdicts
    assert [one["name"] for one in document["runs"]] == [run.name for run in runs]


def test_an_unknown_format_and_no_runs_are_one_line(runs: list[Path]) -> None:
    with pytest.raises(BadInput, match="unknown report format"):
        render(runs, "pdf")
    with pytest.raises(BadInput, match="at least one run"):
        render([], "text")


# --- the page ----------------------------------------------------------------------------------


class Outline(HTMLParser):
    """Headings, table parts, identifiers and references of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.bare_headers = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "th" and "scope" not in found:
            self.bare_headers += 1
        self.links += [found[name] for name in ("href", "src") if name in found]


@pytest.fixture(scope="module")
def page(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write(render(runs, "html"), path)
    return path


def test_the_page_needs_nothing_from_elsewhere(page: Path) -> None:
    outline = Outline()
    outline.feed(page.read_text())
    assert all(link.startswith(("#", "data:")) for link in outline.links)
    assert unpacked(page.read_text(), "plotly-code").count("plotly.js (cartesian") == 1


def test_the_page_is_fit_for_screen_readers(page: Path) -> None:
    outline = Outline()
    outline.feed(page.read_text())
    assert outline.headings[0] == 1 and outline.headings.count(1) == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(deeper <= above + 1 for above, deeper in steps)
    assert outline.tags.count("caption") == outline.tags.count("table") > 0
    assert outline.bare_headers == 0
    assert len(outline.ids) == len(set(outline.ids))
    targets = {link[1:] for link in outline.links if link.startswith("#")}
    assert targets <= set(outline.ids)


def test_text_from_a_run_stays_text(page: Path) -> None:
    assert "<script>alert(1)" not in page.read_text()
    assert "&lt;script&gt;alert(1)" in page.read_text()


def test_every_run_tells_where_its_numbers_come_from(runs: list[Path], page: Path) -> None:
    text = page.read_text()
    for number, run in enumerate(runs):
        about = json.loads((run / "run.json").read_text())
        place = text.split(f'<h3 id="run-{number}-source">')[1].split("</section>")[0]
        assert str(run) in place and about["events"]["sha256"] in place
        assert escape(about["reproduce"]) in place
        assert f'href="#run-{number}-source"' in text and f'href="#run-{number}"' in text


@pytest.mark.processes
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_shows_latencies(
    priced: tuple[Path, Profile], width: int, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    write(render([priced[0]], "html", profile=priced[1]), page)
    with browser(tmp_path / "profile") as one:
        one.open(page, width)
        assert one.complaints() == []
        assert one.value("document.scrollingElement.scrollWidth") <= width
        captions = one.value(
            "Array.from(document.querySelectorAll('figure')).filter(f => f.querySelector("
            "'.scatterlayer path.js-line, .heatmaplayer image, .barlayer path')).map("
            "f => f.querySelector('figcaption').textContent)"
        )
        assert any("Duration of calls" in caption for caption in captions)
        assert any(", in instructions" in caption for caption in captions)


@pytest.mark.processes
def test_the_keyboard_reaches_everything_in_order(page: Path, tmp_path: Path) -> None:
    """Tab goes first to the way past the links, and never leaves the order of the page."""
    with browser(tmp_path / "profile") as one:
        one.open(page, 1280)
        reached = []
        for _ in range(20):
            for kind in ("keyDown", "keyUp"):
                one.call(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key="Tab",
                    code="Tab",
                    windowsVirtualKeyCode=9,
                )
            reached.append(
                one.value(
                    "[document.activeElement.className || document.activeElement.tagName, "
                    "document.activeElement.getBoundingClientRect().top + window.scrollY]"
                )
            )
        assert reached[0][0] == "skip"
        assert "scroll" in [name for name, _ in reached]
        tops = [top for _, top in reached[1:]]
        assert tops == sorted(tops)


@pytest.mark.processes
def test_text_has_enough_contrast(page: Path, tmp_path: Path) -> None:
    """WCAG 2 AA: 4.5 to 1, on both grounds."""
    script = """(() => {
      const light = c => { const v = c.map(x => x / 255).map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
        return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
      const rgb = t => t.match(/[\\d.]+/g).map(Number);
      const ground = e => { while (e) { const c = rgb(getComputedStyle(e).backgroundColor);
        if (c.length < 4 || c[3] > 0) return c; e = e.parentElement; } return [255, 255, 255]; };
      let least = 99;
      for (const e of document.querySelectorAll('p, th, td, li, a, h1, h2, h3, caption, figcaption, dt, dd, summary, .badge, code')) {
        const a = light(rgb(getComputedStyle(e).color)), b = light(ground(e));
        least = Math.min(least, (Math.max(a, b) + .05) / (Math.min(a, b) + .05)); }
      return least; })()"""
    with browser(tmp_path / "profile") as one:
        for dark in (False, True):
            one.open(page, 1280, dark=dark)
            assert one.value(script) >= 4.5


@pytest.mark.processes
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, False), (400, True)])
def test_a_browser_shows_the_page(page: Path, width: int, dark: bool, tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as one:
        one.open(page, width, dark=dark)
        assert one.complaints() == []
        assert one.requests() == []
        assert one.value("document.scrollingElement.scrollWidth") <= width
        drawn = one.value(
            "Array.from(document.querySelectorAll('.plot')).map(p => p.querySelectorAll("
            "'.scatterlayer path.js-line, .heatmaplayer image, .barlayer path').length)"
        )
        assert len(drawn) == 2 + 3 * 4 and min(drawn) > 0
        narrow = one.value(
            "Array.from(document.querySelectorAll('.plot .main-svg'))"
            ".every(s => s.getBoundingClientRect().right <= window.innerWidth)"
        )
        assert narrow is True
        one.screenshot(tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 20_000


@pytest.mark.processes
def test_a_browser_reports_a_broken_page(page: Path, tmp_path: Path) -> None:
    """What the test above relies on: errors, requests and overflow are noticed."""
    broken = tmp_path / "broken.html"
    broken.write_text(
        "<p style='width:900px'>wide</p><img src='missing.png'><script>nothing_there()</script>"
    )
    with browser(tmp_path / "profile") as one:
        one.open(broken, 400)
        assert one.complaints()
        assert one.requests()
        assert one.value("document.scrollingElement.scrollWidth") > 400
