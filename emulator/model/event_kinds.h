/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every kind of event, once. From this list come the constants EVENT_*
 * (event.h), the names in reports and the calls of the trace-events
 * guest_<name> (emulator/qemu). Tests hold Kind of analysis/schema.py and
 * emulator/qemu/trace-events to it. Numbers are part of recorded runs: never
 * renumbered.
 */
#ifndef ACCEPTLAB_EVENT_KINDS_H
#define ACCEPTLAB_EVENT_KINDS_H

/* KIND(number, CONSTANT, trace_event) */
#define EVENT_KINDS(KIND)                                                                      \
	/* state of memory at the kernel's first instruction, one per range */                 \
	KIND(1, RAM, ram)		/* [gpa, gpa + size) is RAM of the guest */            \
	KIND(2, LAUNCH, launch)		/* accepted before the first instruction */            \
	/* what the guest does */                                                              \
	KIND(3, ACCEPT, accept)		/* PVALIDATE 1, TDG.MEM.PAGE.ACCEPT */                 \
	KIND(4, RESCIND, rescind)	/* PVALIDATE 0 */                                      \
	KIND(5, CONVERT, convert)	/* PSC, MapGPA; detail: enum convert_to */             \
	KIND(6, RMPADJUST, rmpadjust)	/* detail: RDX as given */                             \
	/* what the host does */                                                               \
	KIND(7, ASSIGN, assign)		/* RMPUPDATE to guest, MEM.PAGE.AUG */                 \
	KIND(8, REMOVE, remove)		/* RMPUPDATE to host, MEM.PAGE.REMOVE */               \
	KIND(9, SPLIT, split)		/* PSMASH, MEM.PAGE.DEMOTE */                          \
	KIND(10, ATTACK, attack)	/* an injected malicious action; detail: enum attack */ \
	/* what goes wrong */                                                                  \
	KIND(11, FAULT, fault)		/* the guest is notified; detail: event.h */           \
	KIND(12, STOP, stop)		/* fatal exit: only the host sees it; detail: event.h */ \
	KIND(13, DMA_REFUSED, dma_refused)	/* detail: 0 device read, 1 device write */    \
	KIND(14, CIPHERTEXT, ciphertext)	/* C=0 (shared) read of a guest-owned page */  \
	KIND(15, TERMINATE, terminate)	/* the guest requests its end; detail: code */         \
	/* how the run goes on */                                                              \
	KIND(16, AP_START, ap_start)	/* detail: index of the vCPU that is started */        \
	KIND(17, STAGE, stage)		/* detail: enum stage that begins */                   \
	KIND(18, BITMAP, bitmap)	/* detail: number of the snapshot */                   \
	KIND(19, PROBE_ENTER, probe_enter)	/* detail: index of the probe; gpa, size: RDI, RSI */ \
	/* detail: index of the probe; result: RAX; size: instructions that the                \
	 * vCPU itself executed in the call, 0 where that was not counted */                   \
	KIND(20, PROBE_RETURN, probe_return)                                                   \
	KIND(21, END, end)		/* last record of a complete stream; detail: records before it */ \
	KIND(22, RELEASE, release)	/* TDG.MEM.PAGE.RELEASE: the guest gives a page back */ \
	/* the table of unaccepted memory (struct efi_unaccepted_memory) */                    \
	/* detail: 1 from here on stores to [gpa, gpa + size) are events, 0 no more */         \
	KIND(23, TABLE_WATCH, table_watch)                                                     \
	/* a store that changed the table; result: what was there, detail: what is there,      \
	 * both of size bytes, little endian */                                                \
	KIND(24, TABLE_STORE, table_store)                                                     \
	/* memory that comes and goes while the guest runs */                                  \
	KIND(25, PLUG, plug)		/* [gpa, gpa + size) is RAM from here on, as at RAM */ \
	KIND(26, UNPLUG, unplug)	/* the guest gave it up; no RAM any more */

#endif
