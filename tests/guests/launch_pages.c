/* SPDX-License-Identifier: GPL-2.0-only */
/* The two pages that launch fills for an SNP guest, and whether the host answers as they say. */
#include "platform_snp.h"

/* SNP firmware ABI table 14 */
struct entry {
	u32 leaf, subleaf;
	u64 xcr0, xss;
	u32 reg[4];
	u64 reserved;
};

struct page {
	u32 count, reserved1;
	u64 reserved2;
	struct entry entry[];
};

static const struct page *cpuid_page = (const struct page *)PAPERS;
static const u64 *secrets = (const u64 *)(PAPERS + PAGE);

void case_cpuid(void)
{
	u32 i;

	say("count=%x", (u64)cpuid_page->count);
	for (i = 0; i < cpuid_page->count; i++) {
		const struct entry *e = &cpuid_page->entry[i];

		say("entry leaf=%x subleaf=%x xcr0=%x xss=%x eax=%x ebx=%x ecx=%x edx=%x",
		    (u64)e->leaf, (u64)e->subleaf, e->xcr0, e->xss, (u64)e->reg[0],
		    (u64)e->reg[1], (u64)e->reg[2], (u64)e->reg[3]);
	}
}

void case_host(void)
{
	u32 i;

	for (i = 0; i < cpuid_page->count; i++) {
		const struct entry *e = &cpuid_page->entry[i];

		ghcb_begin();
		ghcb_set(GHCB_RAX, e->leaf);
		ghcb_set(GHCB_RCX, e->subleaf);
		ghcb_exit(0x72, 0, 0);
		say("answer leaf=%x subleaf=%x eax=%x ebx=%x ecx=%x edx=%x", (u64)e->leaf,
		    (u64)e->subleaf, ghcb_get(GHCB_RAX), ghcb_get(GHCB_RBX), ghcb_get(GHCB_RCX),
		    ghcb_get(GHCB_RDX));
	}
}

void case_secrets(void)
{
	u64 others = 0;
	u32 i;

	for (i = 1; i < PAGE / 8; i++)
		others |= secrets[i];
	say("version=%x", secrets[0]);
	say("others=%x", others);
}

/* Nothing was asked for: an address of 0 means that there is no page, and not that it is there. */
void case_none(void)
{
	say("first=%x", read64(0));
}
