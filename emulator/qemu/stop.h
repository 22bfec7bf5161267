/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of faults and fatal exits, and the end of a guest after one. */
#ifndef ACCEPTLAB_STOP_H
#define ACCEPTLAB_STOP_H

#include "guest.h"
#include "model/access.h"

/* Fault: the guest is notified by #VC 0x404 or #VE. The vCPU's state is up to
 * date. */
void guest_fault(EmulatedCpu *cpu, hwaddr gpa,
                 const struct access_fault *fault, enum access_kind kind,
                 bool private);

/* A shared read of what the guest owns. */
void guest_ciphertext(EmulatedCpu *cpu, hwaddr gpa, uintptr_t retaddr);

/* Fatal exit: only the host sees it, and ends the guest. */
G_NORETURN void guest_stop(EmulatedCpu *cpu, hwaddr gpa,
                           const struct access_fault *fault,
                           enum access_kind kind, bool private,
                           uintptr_t retaddr);

/* An exception that cannot be delivered, nor the double fault after it. */
G_NORETURN void guest_triple_fault(EmulatedCpu *cpu, uintptr_t retaddr);

/* The guest requests its end; code: as the platform has it. */
G_NORETURN void guest_terminate(EmulatedCpu *cpu, uint64_t code,
                                const char *why, uintptr_t retaddr);

#endif
