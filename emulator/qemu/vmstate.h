/* SPDX-License-Identifier: GPL-2.0-only */
/* The emulation's part of a machine that QEMU saves and loads. */
#ifndef ACCEPTLAB_VMSTATE_H
#define ACCEPTLAB_VMSTATE_H

struct EmulatedGuest;

/* The machine is complete: QEMU can save it from now on, or may not. */
void state_begin(struct EmulatedGuest *guest);

/* The machine is reset: when it is new, and before QEMU loads a saved one. */
void state_reset(void);

/* The machine is about to run. Ends the emulator if it was loaded without the
 * state of the emulation, or reset and not loaded: it would run in a world that
 * never was. */
void state_check(void);

#endif
