/* SPDX-License-Identifier: GPL-2.0-only */
/* Turns of vCPUs that depend on the guest alone, where no schedule has others. */
#ifndef ACCEPTLAB_TURNS_H
#define ACCEPTLAB_TURNS_H

/*
 * From now on, with -icount and one thread, a vCPU's turn ends when its
 * instructions are used up, when it halts, or when it gives way, and at no other
 * moment: QEMU's own order ends turns by whatever kicks the vCPUs, as its main
 * loop does when it gets to a timer, or when the machine is stopped and goes on.
 */
void turns_begin(void);

/*
 * Whether a vCPU other than the one that runs has something to execute: it does not
 * halt, nor does it wait in firmware (spin.h). One that waits has turns without an
 * instruction as long as another one has something to execute.
 */
bool turns_can_use(CPUState *cpu);

/* The running vCPU executes PAUSE while another can run: its turn ends. */
void turns_give_way(void);

#endif
