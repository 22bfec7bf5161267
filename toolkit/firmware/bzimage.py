# SPDX-License-Identifier: GPL-2.0-only
"""Linux's bzImage: its setup header (Documentation/arch/x86/boot.rst, boot protocol 2.12 and later)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.unaccepted_table import GUID as UNACCEPTED_GUID

HEADER_OFFSET = 0x1F1
"""Where the setup header begins, in the file and in the zero page alike."""

ENTRY_64 = 0x200
"""The 64-bit entry point, from the start of the protected-mode part."""

_SECTOR = 512
_BOOT_FLAG = 0xAA55
_MAGIC = b"HdrS"
_XLF_KERNEL_64 = 1 << 0
_XLF_ABOVE_4G = 1 << 1
_MIN_PROTOCOL = 0x020C  # the first one with xloadflags


@dataclass(frozen=True)
class BzImage:
    """A kernel file, taken apart. Sizes and addresses in bytes."""

    path: Path
    version: str
    """What ``uname -r`` and the build's stamp will say; empty if the file lacks it."""
    protocol: int
    header: bytes
    """The setup header, from HEADER_OFFSET on, as long as the file says that it is."""
    payload: bytes
    """The protected-mode part: what is loaded, padded to what ``syssize`` promises."""
    init_size: int
    """Bytes from the load address on that the kernel uses before it knows of memory."""
    pref_address: int
    alignment: int
    relocatable: bool
    above_4g: bool
    cmdline_size: int
    initrd_addr_max: int
    knows_unaccepted: bool
    """Whether the kernel's EFI stub and decompressor know of unaccepted memory."""


def read_bzimage(path: Path) -> BzImage:
    """Read a 64-bit kernel.

    Raises BadInputError for a file that is missing, no kernel, a 32-bit kernel, too old or cut short.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: cannot read the kernel: {error.strerror}") from error
    return parse_bzimage(data, path)


def parse_bzimage(data: bytes, path: Path) -> BzImage:
    """Take the bytes of a kernel file apart; see ``read_bzimage``."""
    _check_is_kernel(data, path)
    (protocol,) = struct.unpack_from("<H", data, 0x206)
    if protocol < _MIN_PROTOCOL:
        raise BadInputError(
            f"{path}: boot protocol {protocol >> 8}.{protocol & 255:02d} has no 64-bit entry; use Linux 3.8 or later"
        )
    # The jump at 0x200 leads over the header: its distance is the header's length.
    header_end = 0x202 + data[0x201]
    if header_end < 0x264:
        raise BadInputError(f"{path}: the setup header is damaged; copy the kernel file again")
    (xloadflags,) = struct.unpack_from("<H", data, 0x236)
    if not xloadflags & _XLF_KERNEL_64:
        raise BadInputError(
            f"{path}: a 32-bit kernel (no 64-bit entry point); use an x86-64 kernel"
        )
    (alignment,) = struct.unpack_from("<I", data, 0x230)
    (pref_address, init_size) = struct.unpack_from("<QI", data, 0x258)
    if not init_size or not pref_address or alignment & (alignment - 1) or alignment < 4096:
        raise BadInputError(f"{path}: the setup header is damaged; copy the kernel file again")
    return BzImage(
        path=path,
        version=_version(data),
        protocol=protocol,
        header=data[HEADER_OFFSET:header_end],
        payload=_payload(data, path),
        init_size=init_size,
        pref_address=pref_address,
        alignment=alignment,
        relocatable=bool(data[0x234]),
        above_4g=bool(xloadflags & _XLF_ABOVE_4G),
        cmdline_size=struct.unpack_from("<I", data, 0x238)[0],
        initrd_addr_max=struct.unpack_from("<I", data, 0x22C)[0],
        knows_unaccepted=_knows_unaccepted(data),
    )


def _check_is_kernel(data: bytes, path: Path) -> None:
    if not data:
        raise BadInputError(f"{path}: empty file; give a bzImage (vmlinuz)")
    if data[:4] == b"\x7fELF":
        raise BadInputError(
            f"{path}: an ELF file, not a bzImage; give arch/x86/boot/bzImage of that build"
        )
    is_boot_sector = len(data) >= 0x200 and struct.unpack_from("<H", data, 0x1FE)[0] == _BOOT_FLAG
    if is_boot_sector and len(data) < 0x268:
        raise BadInputError(
            f"{path}: truncated within the setup header; copy the kernel file again"
        )
    if not is_boot_sector or data[0x202:0x206] != _MAGIC:
        raise BadInputError(
            f"{path}: not a kernel (no Linux boot header); give a bzImage (vmlinuz)"
        )


def _payload(data: bytes, path: Path) -> bytes:
    start = ((data[HEADER_OFFSET] or 4) + 1) * _SECTOR
    size = 16 * struct.unpack_from("<I", data, 0x1F4)[0]
    payload_offset, payload_length = struct.unpack_from("<II", data, 0x248)
    # A signed kernel is longer than syssize says; an honest one can be up to 15 bytes shorter.
    missing = max(size - 15, payload_offset + payload_length) - (len(data) - start)
    if missing > 0 or size < ENTRY_64:
        raise BadInputError(
            f"{path}: truncated: {max(missing, 1)} bytes of the kernel are missing; copy the file again"
        )
    return data[start : start + size].ljust(size, b"\0")


def _knows_unaccepted(data: bytes) -> bool:
    """Look for the table's GUID: stub and decompressor are not compressed, and hold it as two 8-byte constants."""
    guid = UNACCEPTED_GUID.bytes_le
    return guid[:8] in data and guid[8:] in data


def _version(data: bytes) -> str:
    (pointer,) = struct.unpack_from("<H", data, 0x20E)
    if not pointer or pointer + 0x200 >= len(data):
        return ""
    text = data[pointer + 0x200 : pointer + 0x400].split(b"\0", 1)[0]
    return text.decode("ascii", "replace")
