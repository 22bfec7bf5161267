# SPDX-License-Identifier: GPL-2.0-only
"""The run folder: run.json and the paths of everything beside it.

run.json is a JSON object; ``RunInfo`` lists its keys. Keys that this version does not know are
kept and written back. Addresses and sizes are numbers of bytes; ``"0x..."`` strings are read too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from analysis.absent import check_names
from analysis.errors import BadInput
from analysis.files import sha256_of, write_text

FORMAT = 1
PLATFORMS = ("snp", "tdx")
CLOCKS = ("instructions", "ns")
OUTCOMES = (
    "userspace",
    "stopped",
    "terminated",
    "panic",
    "triple-fault",
    "timeout",
    "killed",
)
SOURCES = ("emulator", "ebpf", "ftrace", "perf")

POLICIES = ("lazy", "eager", "deferred", "fault")
"""Policies of accept_memory=: the first two of all kernels since 6.5, all of them of the series lazy-accept."""
_NAME = f"(?:{'|'.join(POLICIES)})"
POLICY = re.compile(rf"{_NAME}(?:\+{_NAME})*(?::[0-9]{{1,9}})?")
"""The kernel's word: a policy, or several joined by "+", and perhaps a number."""

Json = dict[str, Any]
Range = tuple[int, int]
"""(start, size) in bytes."""
T = TypeVar("T")


@dataclass(frozen=True)
class Blob:
    """Something that firmware left in memory for the kernel to read."""

    name: str
    start: int
    size: int


@dataclass(frozen=True)
class Bitmap:
    """Linux's table of unaccepted memory: where it is and what its bits stand for (bytes)."""

    table: int
    phys_base: int
    unit_size: int
    size: int


@dataclass(frozen=True)
class HandOver:
    """State of memory at the kernel's first instruction, as firmware would leave it.

    ``unaccepted`` is what the firmware's memory map calls unaccepted (type 15). ``bitmap`` is
    None when the kernel is not given the table.
    """

    ram: tuple[Range, ...] = ()
    accepted: tuple[Range, ...] = ()
    shared: tuple[Range, ...] = ()
    unaccepted: tuple[Range, ...] = ()
    blobs: tuple[Blob, ...] = ()
    bitmap: Bitmap | None = None


@dataclass(frozen=True)
class Kernel:
    """Which kernel ran. ``vmlinux`` names a file with symbols, if there is one."""

    name: str = ""
    path: str = ""
    version: str = ""
    sha256: str = ""
    vmlinux: str = ""


@dataclass(frozen=True)
class SecondKernel:
    """The kernel that the guest was to start itself; ``started_by`` is kexec or kdump."""

    started_by: str
    kernel: Kernel = Kernel()


@dataclass(frozen=True)
class KernelSupport:
    """Whether the kernel can be a guest of the platform, and accept memory; None: not known."""

    platform: bool | None = None
    unaccepted_memory: bool | None = None


@dataclass(frozen=True)
class Machine:
    """What the guest was given. ``memory`` in bytes; ``accept`` is a word of the kernel's accept_memory= parameter."""

    memory: int = 0
    cpus: int = 1
    accept: str = "lazy"
    seed: int | None = None
    kaslr: bool = False


@dataclass(frozen=True)
class Host:
    """Host policy: size of backing pages (2M, 4K), and when it assigns (demand, advance)."""

    backing: str = "2M"
    assign: str = "demand"


@dataclass(frozen=True)
class Probe:
    """A guest function that was watched; ``address`` is its link-time address."""

    name: str
    address: int


@dataclass(frozen=True)
class EventsInfo:
    """What the conversion of the event stream said. ``sha256`` is that of events.parquet."""

    count: int = 0
    complete: bool = False
    problem: str | None = None
    sha256: str = ""


@dataclass(frozen=True)
class RunInfo:
    """The contents of run.json. ``absent`` names what this trace cannot show (analysis.absent).

    ``initrd_sha256`` is that of the initramfs that was handed over, empty where it is not known.
    """

    platform: str
    clock: str
    outcome: str
    reason: str = ""
    source: str = "emulator"
    kernel: Kernel = Kernel()
    second: SecondKernel | None = None
    kernel_support: KernelSupport = KernelSupport()
    series: Json | None = None
    command_line: str = ""
    initrd_sha256: str = ""
    machine: Machine = Machine()
    hand_over: HandOver = HandOver()
    host: Host = Host()
    attacks: tuple[str, ...] = ()
    relaxations: tuple[str, ...] = ()
    probes: tuple[Probe, ...] = ()
    emulator: Json = field(default_factory=dict)
    report: Json | None = None
    events: EventsInfo = EventsInfo()
    reproduce: str = ""
    absent: tuple[str, ...] = ()
    other: Json = field(default_factory=dict)

    @property
    def kaslr_offset(self) -> int:
        """What KASLR added to link-time addresses, as the emulator's report tells; else 0."""
        return _number((self.report or {}).get("kaslr_offset", 0), "report.kaslr_offset")

    @property
    def second_kaslr_offset(self) -> int:
        """The same for a kernel that the guest started itself."""
        key = "second_kaslr_offset"
        return _number((self.report or {}).get(key, 0), f"report.{key}")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunInfo:
        """Check and convert a parsed run.json; raises BadInput naming the key that is wrong."""
        _check_format(data)
        reader = _Reader(data, "")
        info = cls(
            platform=reader.one_of("platform", PLATFORMS),
            clock=reader.one_of("clock", CLOCKS),
            outcome=reader.one_of("outcome", OUTCOMES),
            reason=reader.text("reason"),
            source=reader.one_of("source", SOURCES, "emulator"),
            kernel=_kernel(reader.inner("kernel")),
            second=_second(reader.inner("second")),
            kernel_support=_kernel_support(reader.inner("kernel_support")),
            series=reader.json_or_none("series"),
            command_line=reader.text("command_line"),
            initrd_sha256=reader.text("initrd_sha256"),
            machine=_machine(reader.inner("machine")),
            hand_over=_hand_over(reader.inner("hand_over")),
            host=_host(reader.inner("host")),
            attacks=reader.texts("attacks"),
            relaxations=reader.texts("relaxations"),
            probes=reader.each("probes", _probe),
            emulator=reader.json_or_none("emulator") or {},
            report=reader.json_or_none("report"),
            events=_events(reader.inner("events")),
            reproduce=reader.text("reproduce"),
            absent=check_names(reader.texts("absent")),
            other=reader.rest(),
        )
        _ = info.kaslr_offset, info.second_kaslr_offset
        return info

    def to_json(self) -> Json:
        """The JSON object to write; ``from_json`` of it gives an equal RunInfo."""
        data = _plain(self)
        other = data.pop("other")
        return {"format": FORMAT, **data, **other}


class Run:
    """An opened run folder."""

    def __init__(self, path: Path, info: RunInfo) -> None:
        self.path = path
        self.info = info
        self.events_path = path / "events.parquet"
        self.console_path = path / "console.log"
        self.bitmap_dir = path / "bitmap"
        self.verdict_path = path / "verdict.json"

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """Read run.json of a folder; raises BadInput when there is none or it is not usable."""
        folder = Path(path)
        file = folder / "run.json"
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise BadInput(f"{folder} is not a run folder: it has no run.json") from error
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"cannot read {file}: {error}") from error
        except json.JSONDecodeError as error:
            raise BadInput(f"{file} is damaged: line {error.lineno}: {error.msg}") from error
        if not isinstance(data, dict):
            raise BadInput(f"{file} is not a run.json: it holds no JSON object")
        try:
            return cls(folder, RunInfo.from_json(data))
        except BadInput as error:
            raise BadInput(f"{file}: {error}") from error

    def verify_events(self) -> None:
        """Compare events.parquet with the checksum in run.json; raises BadInput if they differ.

        A recorder that is still at work, or was killed, has not written one: such a run is incomplete, and can be read.
        """
        if not self.events_path.exists():
            raise BadInput(f"{self.path} has no events.parquet: record the run again")
        expected = self.info.events.sha256
        if not expected and not self.info.events.complete and self.info.source != "emulator":
            return
        if not expected:
            raise BadInput(f"{self.path}/run.json has no checksum of events.parquet")
        if sha256_of(self.events_path) != expected:
            raise BadInput(
                f"{self.events_path} is truncated or edited: its checksum is not the one in "
                "run.json; record the run again"
            )


def write_run_json(folder: Path, info: RunInfo) -> None:
    """Write RUN/run.json, beside and renamed; the same ``info`` gives the same bytes."""
    text = json.dumps(info.to_json(), indent=2, sort_keys=True, ensure_ascii=False)
    write_text(folder / "run.json", text + "\n")


def _check_format(data: Mapping[str, Any]) -> None:
    version = data.get("format")
    if version != FORMAT or isinstance(version, bool):
        raise BadInput(
            f"this is run format {version!r}, this version reads format {FORMAT}; "
            "use the acceptlab that recorded it"
        )


def _plain(value: Any) -> Any:
    """Dataclasses to objects, ranges to [start, size] pairs."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _number(value: Any, key: str) -> int:
    if isinstance(value, str):
        try:
            value = int(value, 16)
        except ValueError:
            value = None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 64:
        raise BadInput(f"{key} is not a number of bytes or an address")
    return value


class _Reader:
    """Takes typed values out of one JSON object and names the key when one does not fit."""

    def __init__(self, data: Mapping[str, Any], where: str) -> None:
        self._data = data
        self._where = where
        self._seen = {"format"}

    def _get(self, key: str, default: Any) -> Any:
        self._seen.add(key)
        value = self._data.get(key)
        return default if value is None else value

    def key(self, key: str) -> str:
        return f"{self._where}{key}"

    def _typed(self, key: str, kind: type[T], default: T, what: str) -> T:
        value = self._get(key, default)
        if not isinstance(value, kind):
            raise BadInput(f"{self.key(key)} is not {what}")
        return value

    def text(self, key: str) -> str:
        return self._typed(key, str, "", "text")

    def flag(self, key: str) -> bool:
        return self._typed(key, bool, False, "true or false")

    def flag_or_none(self, key: str) -> bool | None:
        return None if self._get(key, None) is None else self.flag(key)

    def number(self, key: str, default: int = 0) -> int:
        return _number(self._get(key, default), self.key(key))

    def word(self, key: str, form: re.Pattern[str], default: str) -> str:
        value = self._typed(key, str, default, "text")
        if not form.fullmatch(value):
            raise BadInput(f"{self.key(key)} is {value!r}, which no policy is called")
        return value

    def one_of(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        value = self._get(key, default)
        if value not in allowed:
            raise BadInput(f"{self.key(key)} is {value!r}, not one of {', '.join(allowed)}")
        return str(value)

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._typed(key, list, [], "a list")
        if not all(isinstance(value, str) for value in values):
            raise BadInput(f"{self.key(key)} is not a list of texts")
        return tuple(values)

    def ranges(self, key: str) -> tuple[Range, ...]:
        values = self._typed(key, list, [], "a list")
        if not all(isinstance(value, list) and len(value) == 2 for value in values):
            raise BadInput(f"{self.key(key)} is not a list of [start, size]")
        name = self.key(key)
        return tuple((_number(start, name), _number(size, name)) for start, size in values)

    def each(self, key: str, convert: Callable[[_Reader], T]) -> tuple[T, ...]:
        values = self._typed(key, list, [], "a list")
        if not all(isinstance(value, dict) for value in values):
            raise BadInput(f"{self.key(key)} is not a list of objects")
        return tuple(convert(_Reader(value, f"{self.key(key)}.")) for value in values)

    def inner(self, key: str) -> _Reader:
        return _Reader(self._typed(key, dict, {}, "an object"), f"{self.key(key)}.")

    def json_or_none(self, key: str) -> Json | None:
        value = self._typed(key, dict, {}, "an object")
        return value or None

    def present(self) -> bool:
        return bool(self._data)

    def rest(self) -> Json:
        return {key: value for key, value in self._data.items() if key not in self._seen}


def _kernel(reader: _Reader) -> Kernel:
    return Kernel(
        reader.text("name"),
        reader.text("path"),
        reader.text("version"),
        reader.text("sha256"),
        reader.text("vmlinux"),
    )


def _second(reader: _Reader) -> SecondKernel | None:
    if not reader.present():
        return None
    return SecondKernel(
        reader.one_of("started_by", ("kexec", "kdump")), _kernel(reader.inner("kernel"))
    )


def _kernel_support(reader: _Reader) -> KernelSupport:
    return KernelSupport(reader.flag_or_none("platform"), reader.flag_or_none("unaccepted_memory"))


def _machine(reader: _Reader) -> Machine:
    no_seed = (1 << 64) - 1
    seed = reader.number("seed", no_seed)
    return Machine(
        reader.number("memory"),
        reader.number("cpus", 1),
        reader.word("accept", POLICY, "lazy"),
        None if seed == no_seed else seed,
        reader.flag("kaslr"),
    )


def _host(reader: _Reader) -> Host:
    return Host(
        reader.one_of("backing", ("2M", "4K"), "2M"),
        reader.one_of("assign", ("demand", "advance"), "demand"),
    )


def _blob(reader: _Reader) -> Blob:
    return Blob(reader.text("name"), reader.number("start"), reader.number("size"))


def _probe(reader: _Reader) -> Probe:
    return Probe(reader.text("name"), reader.number("address"))


def _hand_over(reader: _Reader) -> HandOver:
    bitmap = reader.inner("bitmap")
    return HandOver(
        ram=reader.ranges("ram"),
        accepted=reader.ranges("accepted"),
        shared=reader.ranges("shared"),
        unaccepted=reader.ranges("unaccepted"),
        blobs=reader.each("blobs", _blob),
        bitmap=_bitmap(bitmap) if bitmap.present() else None,
    )


def _bitmap(reader: _Reader) -> Bitmap:
    bitmap = Bitmap(
        reader.number("table"),
        reader.number("phys_base"),
        reader.number("unit_size", 2 << 20),
        reader.number("size"),
    )
    if bitmap.unit_size == 0 or bitmap.unit_size % 4096:
        raise BadInput(f"{reader.key('unit_size')} is not a multiple of 4096")
    return bitmap


def _events(reader: _Reader) -> EventsInfo:
    return EventsInfo(
        reader.number("count"),
        reader.flag("complete"),
        reader.text("problem") or None,
        reader.text("sha256"),
    )
