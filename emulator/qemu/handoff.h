/* SPDX-License-Identifier: GPL-2.0-only */
/* The boot handoff file: memory and vCPUs at the first instruction, the kernel's
 * or firmware's. */
#ifndef ACCEPTLAB_HANDOFF_H
#define ACCEPTLAB_HANDOFF_H

#include "qapi/error.h"

#define HANDOFF_CODE_MAX 64

enum handoff_range_kind { RANGE_RAM, RANGE_ACCEPTED, RANGE_SHARED, RANGE_SLOT };

typedef struct HandoffRange {
    enum handoff_range_kind kind;
    uint64_t start;
    uint64_t size;
} HandoffRange;

typedef struct Handoff {
    HandoffRange *ranges;
    unsigned count;
    uint64_t memory_top;        /* end of the highest RAM range or slot */
    uint64_t unaccepted_table;  /* 0: the guest gets none */
    uint64_t unaccepted_table_size;     /* bytes; 0: not known */
    uint64_t cpuid_page;
    uint64_t secrets_page;
    uint64_t entry;
    uint64_t boot_params;
    uint64_t page_table;
    uint64_t stack;
    uint64_t gdt;
    uint64_t gdt_size;
    uint64_t ap_entry;
    /* With firmware in place of all that: */
    uint64_t firmware;          /* where its image lies */
    uint64_t firmware_size;     /* 0: no firmware */
    uint64_t td_hob;            /* what a TD's firmware is entered with */
    uint64_t kernel_size;       /* of the kernel's image in memory */
    uint64_t kernel_entry;      /* of its EFI stub, from the image's start */
    uint8_t kernel_code[HANDOFF_CODE_MAX];  /* the first bytes there */
    unsigned kernel_code_size;
} Handoff;

/* Reads the file; on error leaves errp with file, line and what is wrong. */
bool handoff_read(Handoff *handoff, const char *path, Error **errp);

#endif
