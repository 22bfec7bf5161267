/* SPDX-License-Identifier: GPL-2.0-only */
/* Accesses that begin in one page and end in the next. */
#ifndef ACCEPTLAB_STRADDLE_H
#define ACCEPTLAB_STRADDLE_H

#include "guest.h"

/*
 * Bytes of a refused data access that lie in the page before the one that was
 * refused: TCG splits an access that straddles two pages. 0: none, or an
 * instruction whose operand is not understood here. To be called before the
 * vCPU's state is restored to the instruction.
 */
unsigned guest_access_bytes_before(EmulatedCpu *cpu,
                                   const GuestAccess *access);

#endif
