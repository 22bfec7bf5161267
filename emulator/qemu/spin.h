/* SPDX-License-Identifier: GPL-2.0-only */
/* vCPUs that wait in firmware for memory to change, without a PAUSE. */
#ifndef ACCEPTLAB_SPIN_H
#define ACCEPTLAB_SPIN_H

#include "hw/core/cpu.h"

/*
 * Whether the vCPU, which does not execute now, can do nothing but load from memory
 * and compare until somebody else stores to that memory, as in firmware's mailbox
 * loops (edk2, OvmfPkg/TdxDxe/X64/ApRunLoop.nasm). No kernel is meant: false with
 * interrupts on, and in the upper half of the address space. A loop with a PAUSE
 * is not meant either, which gives way by itself. Nothing is remembered: the
 * answer is for this moment.
 */
bool spin_waits(CPUState *cs);

#endif
