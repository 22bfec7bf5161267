/* SPDX-License-Identifier: GPL-2.0-only */
/* What only SNP guests have: the GHCB MSR and the GHCB page (semantics.md 1.7 and 1.8). */
#ifndef CONFORMANCE_SNP_H
#define CONFORMANCE_SNP_H

#include "guest.h"

#define VC 29ull			/* vector of #VC */
#define NOT_VALIDATED 0x404ull		/* its error code: semantics.md 1.6.3 */
#define CF (1ull << 32)			/* in what pvalidate() returns */
#define PRIVATE 1ull			/* operations of a page state change: 1.8.5 */
#define SHARED 2ull

/* offsets in the GHCB page: 1.8.1 */
enum {
	GHCB_RAX = 0x1f8, GHCB_RCX = 0x308, GHCB_RDX = 0x310, GHCB_RBX = 0x318,
	GHCB_CODE = 0x390, GHCB_INFO1 = 0x398, GHCB_INFO2 = 0x3a0, GHCB_SCRATCH = 0x3a8,
	GHCB_VALID = 0x3f0, GHCB_BUFFER = 0x800, GHCB_VERSION = 0xffa, GHCB_USAGE = 0xffc,
};

#define EXIT_CPUID 0x72ull
#define EXIT_IOIO 0x7bull
#define EXIT_MMIO_READ 0x80000001ull
#define EXIT_MMIO_WRITE 0x80000002ull
#define EXIT_PSC 0x80000010ull
#define EXIT_FEATURES 0x8000fffdull

u64 ghcb_gpa(void);
volatile u8 *ghcb(void);
void ghcb_begin(void);
void ghcb_set(unsigned int offset, u64 value);
u64 ghcb_get(unsigned int offset);
void ghcb_exit(u64 code, u64 info1, u64 info2);
/* the response to a request of the MSR protocol */
u64 ghcb_msr(u64 request);
u64 msr_psc(u64 gpa, u64 operation);
/* the list of a page state change, in the GHCB page's buffer: its header, then entries */
volatile u64 *psc_list(void);
/* an exit with the list as it is, its last entry `end`; INFO2 */
u64 psc_exit(u64 end);

#endif
