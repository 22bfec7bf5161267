/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An emulated confidential guest: the abstract QOM object that the SNP and
 * the TDX guest derive from, and the state of each of its vCPUs.
 */
#ifndef ACCEPTLAB_GUEST_H
#define ACCEPTLAB_GUEST_H

#include "qemu/thread.h"
#include "exec/memory.h"
#include "qom/object.h"
#include "qom/object_interfaces.h"
#include "hooks.h"
#include "handoff.h"
#include "events.h"
#include "state.h"
#include "symbols.h"
#include "model/attack.h"
#include "model/event.h"
#include "model/page_run.h"
#include "compat.h"

#define TYPE_EMULATED_GUEST "emulated-guest"
OBJECT_DECLARE_TYPE(EmulatedGuest, EmulatedGuestClass, EMULATED_GUEST)

/* One access that a TLB fill is about to permit. */
typedef struct GuestAccess {
    vaddr gva;
    hwaddr gpa;
    enum access_kind kind;
    bool table_bit;         /* C-bit (SNP) or SHARED bit (TDX) as translated */
    bool paging;            /* CR0.PG: without it there is no table bit */
    bool probe;             /* a query: no fault, no fatal exit */
    uintptr_t retaddr;
} GuestAccess;

typedef enum FillVerdict {
    FILL_ALLOWED,
    FILL_CIPHERTEXT,        /* readable, but not what the guest wrote */
    FILL_REFUSED,           /* answer to a probe */
} FillVerdict;

/* What is pending between two instructions of one vCPU. */
struct EmulatedCpu {
    EmulatedGuest *guest;
    const EmulatedGuestClass *platform;     /* guest's class, at hand */
    CPUState *cs;
    uint16_t index;
    vaddr walk_gva;         /* what the page walk in progress is for */
    uintptr_t walk_retaddr;
    bool waiting;           /* a secondary vCPU that has not been started */
    bool host_halted;       /* halted by the host on the guest's request */
    bool host_acts;         /* the host uses the vCPU's MSR helpers */
    bool host_msr_failed;   /* and they refused the access */
    unsigned bytes_before;  /* of the access that is refused: straddle.h */
    uint64_t fault_gpa;     /* of the last fault of the guest */
    uint64_t fault_rip;
    unsigned same_faults;   /* how often it came, and nothing else of the vCPU */
};
typedef struct EmulatedCpu EmulatedCpu;
typedef struct TableWatch TableWatch;

struct EmulatedGuest {
    ConfidentialGuestSupport parent_obj;

    /* properties */
    char *handoff_file;
    char *events_file;
    char *report_file;
    char *snapshots_dir;
    char *probes_file;
    char *skip_list_file;
    char *attacks_file;
    char *hotplug_file;
    char *schedule;
    char *halt_at;
    char *peek;
    bool backing_4k;
    bool assign_in_advance;
    bool convert_in_place;
    bool convert_implicitly;
    bool hold;
    bool halt_pause;

    Handoff handoff;
    KernelSymbols symbols;
    QemuMutex lock;         /* page states, events, report */
    EventStream *events;
    EventStream *kernel_events;     /* what follows those of firmware, or NULL */
    EmulatedCpu *cpu;       /* [cpus] */
    unsigned cpus;
    enum stage stage;
    bool begun;             /* the machine runs: the handoff is loaded */
    uint64_t kernel_image;  /* where firmware has put the kernel */
    uint64_t exits;         /* VMGEXITs, TDVMCALLs */
    int64_t kernel_entered; /* when its EFI stub was entered, 0: not yet */
    bool second_kernel;     /* a kernel runs that the guest itself started */
    int64_t stage_clock[STAGE_SECOND_USERSPACE + 1];
    uint64_t kaslr_offset[2];   /* of the first kernel, and of a second */
    bool reported;          /* the report is written, or being written */
    bool ended;             /* no event is taken any more */
    unsigned snapshots;

    MemoryRegion cpu_view;  /* guest memory as the host sees it: RAM itself */
    MemoryRegion ciphertext;
    AddressSpace ram;
    MemoryRegion watched_view;  /* as vCPUs and devices see it: table-watch.c */
    AddressSpace memory;
    TableWatch *table_watch;    /* NULL: no table to watch */
};

struct EmulatedGuestClass {
    ConfidentialGuestSupportClass parent_class;

    /* bit of a page-table entry that separates private from shared memory */
    uint64_t table_bit;
    bool private_bit_value;     /* SNP: set means private; TDX: clear does */
    const char *platform;

    /* build the page states of the boot handoff */
    void (*start)(EmulatedGuest *guest, Error **errp);
    /* bring a vCPU into the state in which firmware would leave it */
    void (*reset_cpu)(EmulatedCpu *cpu);
    FillVerdict (*check)(EmulatedCpu *cpu, const GuestAccess *access);
    /* whether a device may reach the page */
    bool (*dma_allowed)(EmulatedGuest *guest, hwaddr gpa);
    void (*insn)(EmulatedCpu *cpu, enum ConfidentialInsn insn,
                 uint32_t insn_len, uintptr_t retaddr);
    void (*reflect)(EmulatedCpu *cpu, uint32_t svm_exit, uint64_t info,
                    uint32_t insn_len, uintptr_t retaddr);
    bool (*cpuid)(EmulatedCpu *cpu);
    bool (*rdmsr)(EmulatedCpu *cpu, uint32_t msr, uint64_t *value);
    bool (*wrmsr)(EmulatedCpu *cpu, uint32_t msr, uint64_t value);
    /* one line about a page, for reports, as snprintf */
    int (*describe)(EmulatedGuest *guest, hwaddr gpa, char *text, size_t size);
    /* next run of pages in one state, *cursor 0 at first; false at the end */
    bool (*next_run)(EmulatedGuest *guest, uint64_t *cursor,
                     struct page_run *run);
    /* a malicious host action (model/attack.h); false: impossible now */
    bool (*attack)(EmulatedGuest *guest, enum attack attack, uint64_t number);
    /* of an act on calls: calls that it has yet to disturb */
    uint32_t (*attack_left)(EmulatedGuest *guest, enum attack attack);
    /* memory comes or goes (hotplug.c); false: impossible now */
    bool (*plug)(EmulatedGuest *guest, hwaddr gpa, hwaddr size);
    bool (*unplug)(EmulatedGuest *guest, hwaddr gpa, hwaddr size, bool keep);
    /*
     * How a malicious host gives another page at a replug. It keeps the first
     * one of a unit that was unplugged and kept (drop_others; NULL: it cannot),
     * gives another one at the plug, and puts the first one back when the guest
     * has accepted it; or else, as where the guest gave the first one back, it
     * replaces the page that the guest has accepted by a new one.
     */
    void (*drop_others)(EmulatedGuest *guest, hwaddr gpa);
    enum attack swap_at_plug;
    enum attack swap_back;
    enum attack replace;
    uint64_t (*accepted_bytes)(EmulatedGuest *guest);
    /* saves or loads page states and vCPUs (state.h) */
    void (*state)(EmulatedGuest *guest, StateStream *stream);
};

/* The confidential guest of this machine, or NULL. */
EmulatedGuest *emulated_guest_of_machine(void);

/* Above every address that a guest may use, below TCG's 52 bits: a page of
 * what a shared read of private memory sees. */
#define EMULATED_GUEST_CIPHERTEXT (1ULL << 51)

/* Guest memory as vCPUs and the host see it (memory.c). */
void emulated_guest_init_memory(EmulatedGuest *guest);
void emulated_guest_fill_ciphertext(EmulatedGuest *guest);

/* All properties are set: read the files, prepare the start (start.c). */
void emulated_guest_complete(UserCreatable *uc, Error **errp);

/* Host's pointer to guest RAM, NULL where [gpa, gpa + size) is not one. */
void *emulated_guest_ram(EmulatedGuest *guest, hwaddr gpa, hwaddr size);

/* A converted page is other memory now: zeros if shared, else nothing that the
 * guest ever wrote. */
void emulated_guest_lose_content(EmulatedGuest *guest, hwaddr gpa,
                                 hwaddr size, bool shared);

/* Zeroed memory for page states; parts without an access cost nothing. */
void *emulated_guest_state_memory(size_t size);

/* Take access away from every vCPU that has it in its TLB. */
void emulated_guest_flush(EmulatedGuest *guest);

/* The vCPU that this thread executes, else the first. */
EmulatedCpu *emulated_cpu_running(EmulatedGuest *guest);

/* Where the vCPU stands, when the executing block was entered at retaddr. */
uint64_t emulated_cpu_rip(EmulatedCpu *cpu, uintptr_t retaddr);

/* Reads guest memory at a linear address for reports; true if it is there. */
bool emulated_cpu_peek(EmulatedCpu *cpu, vaddr gva, void *to, size_t size);

/* Stage detection on an instruction fetch (stages.c). */
void emulated_guest_fetch(EmulatedCpu *cpu, vaddr gva, hwaddr gpa,
                          uintptr_t retaddr);

/*
 * The guest ends here: write the report and stop the machine. Does not
 * return to the guest. why: one line.
 */
G_NORETURN void emulated_guest_end(EmulatedCpu *cpu, const char *outcome,
                                   const char *why, hwaddr gpa,
                                   uintptr_t retaddr);
/* The same, for a caller that holds guest->lock. */
G_NORETURN void emulated_guest_end_locked(EmulatedCpu *cpu, const char *outcome,
                                          const char *why, hwaddr gpa,
                                          uintptr_t retaddr);
/* A report of a guest that has not ended. Caller holds guest->lock. */
void emulated_guest_report_so_far(EmulatedCpu *cpu, const char *outcome,
                                  const char *why, hwaddr gpa);
/* The same for an end that the machine itself requested (shutdown). */
void emulated_guest_report(EmulatedGuest *guest, EmulatedCpu *cpu,
                           const char *outcome, const char *why, hwaddr gpa);

/*
 * Ends the run at the very instruction by which the guest switched the machine
 * off, rather than whenever the main loop comes to it: runs stay repeatable.
 * Called with the iothread lock, held since before the access: without it the
 * main loop could take the request in between, and the vCPU would run on.
 */
void emulated_guest_end_if_off(EmulatedCpu *cpu);

/* DMA guard (dma.c): put it between devices and RAM. */
void emulated_guest_guard_dma(EmulatedGuest *guest);

#endif
