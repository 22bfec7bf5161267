# SPDX-License-Identifier: GPL-2.0-only
"""run.json: a JSON object with the keys of `RunInfo`, and back.

Keys that this version does not know are kept and written back. Addresses and sizes are numbers of bytes; ``"0x..."`` strings
are read too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.run.platform import NAMES as PLATFORMS
from acceptlab.analysis.run.run_info import (
    CLOCKS,
    FIRST,
    NOT_KNOWN,
    OUTCOMES,
    POLICY,
    SECOND,
    SOURCES,
    Bitmap,
    Blob,
    DefaultProbes,
    EventsInfo,
    Firmware,
    Handoff,
    Host,
    Kernel,
    KernelSupport,
    Machine,
    Probe,
    RunInfo,
    SecondKernel,
)
from acceptlab.analysis.run.typed_json import Json, TypedJson
from acceptlab.analysis.trace.coverage import check_names

FORMAT = 1
_OLD_HANDOFF = "hand_over"
"""The key, and with a dash the name in `absent`, of the boot handoff in run folders of version 0.1."""


def from_json(data: Mapping[str, Any]) -> RunInfo:
    """Check and convert a parsed run.json; raises BadInput naming the key that is wrong."""
    _check_format(data)
    data = _with_new_names(data)
    reader = TypedJson(data, "")
    info = RunInfo(
        platform=reader.one_of("platform", PLATFORMS),
        clock=reader.one_of("clock", CLOCKS),
        outcome=_known_or_null(data, reader, "outcome", OUTCOMES),
        reason=reader.text("reason"),
        source=reader.one_of("source", SOURCES, "emulator"),
        kernel=_kernel(reader.inner("kernel")),
        second=_second(reader.inner("second")),
        default_probes=_default_probes(reader.inner("default_probes")),
        kernel_support=_kernel_support(reader.inner("kernel_support")),
        series=reader.json_or_none("series"),
        command_line=reader.text("command_line"),
        initrd_sha256=reader.text("initrd_sha256"),
        machine=_machine(reader.inner("machine")),
        handoff=_handoff(reader.inner("handoff")),
        firmware=_firmware(reader.inner("firmware")),
        host=_host(reader.inner("host")),
        attacks=reader.texts("attacks"),
        hotplug=reader.texts("hotplug"),
        relaxations=reader.texts("relaxations"),
        probes=reader.each("probes", _probe),
        emulator=reader.json_or_none("emulator") or {},
        report=reader.json_or_none("report"),
        events=_events(reader.inner("events")),
        reproduce=reader.text("reproduce"),
        not_repeatable=reader.text("not_repeatable"),
        absent=check_names(reader.texts("absent")),
        other=reader.rest(but="format"),
    )
    _ = info.kaslr_offset, info.second_kaslr_offset
    return info


def to_json(info: RunInfo) -> Json:
    """Return the JSON object to write; `from_json` of it gives an equal RunInfo."""
    data = _plain(info)
    other = data.pop("other")
    return {"format": FORMAT, **data, **other}


def _known_or_null(
    data: Mapping[str, Any], reader: TypedJson, key: str, allowed: tuple[str, ...]
) -> str:
    """A required value, or null if not known."""
    if key in data and not reader.has(key):
        return NOT_KNOWN
    return reader.one_of(key, allowed)


def _check_format(data: Mapping[str, Any]) -> None:
    version = data.get("format")
    if version != FORMAT or isinstance(version, bool):
        raise BadInput(
            f"run format {version!r} is not supported by this version, which reads {FORMAT}; "
            "use the acceptlab that recorded it"
        )


def _plain(value: Any) -> Any:
    """Dataclasses to objects, ranges to [start, size] pairs."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if value == NOT_KNOWN:
        return None
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _kernel(reader: TypedJson) -> Kernel:
    return Kernel(
        reader.text("name"),
        reader.text("path"),
        reader.text("version"),
        reader.text("sha256"),
        reader.text("vmlinux"),
        reader.text("package"),
        reader.text("configuration"),
        reader.text("compiler"),
    )


def _second(reader: TypedJson) -> SecondKernel | None:
    if not reader.present():
        return None
    return SecondKernel(
        reader.one_of("started_by", ("kexec", "kdump")), _kernel(reader.inner("kernel"))
    )


def _default_probes(reader: TypedJson) -> DefaultProbes:
    return DefaultProbes(reader.texts("watched"), reader.texts_by_key("missing"))


def _kernel_support(reader: TypedJson) -> KernelSupport:
    return KernelSupport(
        reader.flag_or_none("platform"),
        reader.flag_or_none("unaccepted_memory"),
        reader.flag_or_none("symbols"),
    )


def _machine(reader: TypedJson) -> Machine:
    no_seed = (1 << 64) - 1
    seed = reader.number("seed", no_seed)
    return Machine(
        reader.number("memory"),
        reader.number("cpus", 1),
        reader.word("accept", POLICY, "") if reader.has("accept") else NOT_KNOWN,
        None if seed == no_seed else seed,
        reader.flag("kaslr"),
        reader.text("refused"),
    )


def _host(reader: TypedJson) -> Host:
    return Host(
        reader.one_of("backing", ("2M", "4K")) if reader.has("backing") else NOT_KNOWN,
        reader.one_of("assign", ("demand", "advance")) if reader.has("assign") else NOT_KNOWN,
        reader.text("policy") if reader.has("policy") else NOT_KNOWN,
    )


def _blob(reader: TypedJson) -> Blob:
    return Blob(reader.text("name"), reader.number("start"), reader.number("size"))


def _probe(reader: TypedJson) -> Probe:
    return Probe(
        reader.text("name"),
        reader.number("address"),
        reader.texts("arguments"),
        reader.one_of("kernel", ("", FIRST, SECOND), ""),
    )


def _with_new_names(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return run.json with today's names for what earlier releases called otherwise."""
    found = {"handoff" if key == _OLD_HANDOFF else key: value for key, value in data.items()}
    absent = found.get("absent")
    if isinstance(absent, list):
        old = _OLD_HANDOFF.replace("_", "-")
        found["absent"] = ["handoff" if one == old else one for one in absent]
    return found


def _handoff(reader: TypedJson) -> Handoff:
    bitmap = reader.inner("bitmap")
    return Handoff(
        ram=reader.ranges("ram"),
        accepted=reader.ranges("accepted"),
        shared=reader.ranges("shared"),
        unaccepted=reader.ranges("unaccepted"),
        nodes=reader.triples("nodes"),
        blobs=reader.each("blobs", _blob),
        bitmap=_bitmap(bitmap) if bitmap.present() else None,
    )


def _bitmap(reader: TypedJson) -> Bitmap:
    bitmap = Bitmap(
        reader.number("table"),
        reader.number("phys_base"),
        reader.number("unit_size", 2 << 20),
        reader.number("size"),
    )
    if bitmap.unit_size == 0 or bitmap.unit_size % 4096:
        raise BadInput(f"{reader.key('unit_size')} is not a multiple of 4096")
    return bitmap


def _firmware(reader: TypedJson) -> Firmware | None:
    if not reader.present():
        return None
    return Firmware(
        reader.text("name"),
        reader.text("path"),
        reader.text("package"),
        reader.text("version"),
        reader.text("sha256"),
        reader.number("size"),
        reader.flag_or_none("kernel_took_over"),
        reader.triples("memory_map"),
        reader.number("exits") if reader.has("exits") else None,
        _events(reader.inner("events")),
    )


def _events(reader: TypedJson) -> EventsInfo:
    return EventsInfo(
        reader.number("count"),
        reader.flag("complete"),
        reader.text("problem") or None,
        reader.text("sha256"),
    )
