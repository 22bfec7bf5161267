# SPDX-License-Identifier: GPL-2.0-only
# Devices of the emulator: a machine without firmware, and what a guest of a
# cloud has (virtio), no more.
CONFIG_MICROVM=y
CONFIG_Q35=y
CONFIG_ISAPC=n
CONFIG_SERIAL=y
CONFIG_SERIAL_ISA=y
CONFIG_VIRTIO_MMIO=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_BLK=y
CONFIG_VIRTIO_RNG=y
CONFIG_VIRTIO_SERIAL=y
CONFIG_VIRTIO_NET=n
CONFIG_GENERIC_LOADER=y
