/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Firmware as far as Linux's EFI stub needs it: enters the stub by the EFI handover protocol, and manages memory and
 * configuration tables until ExitBootServices. No devices, no variables, no console (UEFI 2.10, sections 4.4 and 7.2).
 */
typedef unsigned int u32;
typedef unsigned long u64;
typedef unsigned char u8;

#define EFIAPI __attribute__((ms_abi))
#define ERROR (1UL << 63)
#define UNSUPPORTED (ERROR | 3)
#define INVALID_PARAMETER (ERROR | 2)
#define BUFFER_TOO_SMALL (ERROR | 5)
#define OUT_OF_RESOURCES (ERROR | 9)
#define NOT_FOUND (ERROR | 14)
#define ACCESS_DENIED (ERROR | 15)

#define PAGE 4096UL
#define CONVENTIONAL 7
#define UNACCEPTED 15

struct guid {
	u64 low, high;
};

struct descriptor {
	u32 type, pad;
	u64 start, virtual, pages, attribute, reserved;
};

struct configuration {
	struct guid guid;
	u64 table;
};

struct system_table {
	u64 header[3], vendor, revision, consoles[6], runtime, boot, count;
	struct configuration *tables;
};

/* Filled in by efi_services.py; at SETTINGS of the file. */
struct {
	struct system_table *system;
	u64 stub;
	struct descriptor *map;
	u64 descriptors;
	u64 room;	/* descriptors that fit */
	u64 accepts_all_unless_asked;
	u64 seed;	/* of pool allocations: what firmware had allocated before */
} settings __attribute__((section(".settings"), used)) = { 0 };

static u64 map_key;
static u8 may_leave_unaccepted;

/* --- memory --- */

static u64 end_of(const struct descriptor *one)
{
	return one->start + one->pages * PAGE;
}

static void insert(u64 at, struct descriptor piece)
{
	u64 i;

	if (!piece.pages)
		return;
	for (i = settings.descriptors++; i > at; i--)
		settings.map[i] = settings.map[i - 1];
	settings.map[at] = piece;
}

/* Takes pages out of the free descriptor that they lie in. */
static u64 take(u64 at, u64 start, u64 pages, u32 type)
{
	struct descriptor whole = settings.map[at], before = whole, after = whole;

	if (settings.descriptors + 2 > settings.room)
		return OUT_OF_RESOURCES;
	before.pages = (start - whole.start) / PAGE;
	after.start = start + pages * PAGE;
	after.pages = (end_of(&whole) - after.start) / PAGE;
	settings.map[at].type = type;
	settings.map[at].start = start;
	settings.map[at].pages = pages;
	insert(at + 1, after);
	insert(at, before);
	map_key++;
	return 0;
}

enum { ANY_PAGES, MAX_ADDRESS, ADDRESS };

static EFIAPI u64 allocate_pages(u32 how, u32 type, u64 pages, u64 *address)
{
	u64 i, start, top = how == MAX_ADDRESS ? *address + 1 : 1UL << 32;

	for (i = settings.descriptors; i--;) {
		struct descriptor *one = &settings.map[i];
		u64 end = end_of(one) < top ? end_of(one) & -PAGE : top & -PAGE;

		if (one->type != CONVENTIONAL)
			continue;
		if (how == ADDRESS) {
			start = *address;
			end = end_of(one);
		} else {
			start = end - pages * PAGE;
		}
		/* Below 1 MiB is for the kernel's trampoline. */
		if (start < one->start || start + pages * PAGE > end || start < 1UL << 20 ||
		    end < pages * PAGE)
			continue;
		*address = start;
		return take(i, start, pages, type);
	}
	return how == ADDRESS ? NOT_FOUND : OUT_OF_RESOURCES;
}

/*
 * Pools as EDK II has them (MdeModulePkg/Core/Dxe/Mem/Pool.c), and as pool.py
 * makes them: a header before each block, several blocks to a page, whole
 * pages for what is large.
 */
#define POOL_HEAD 24UL
#define POOL_TAIL 16UL
#define BLOCK_SIZES 9
#define FREE_BLOCKS 256
#define POOL_TYPES 16

static const unsigned short block_sizes[BLOCK_SIZES] = { 64,  128,  192,  320, 512,
							 832, 1344, 2176, 3520 };

static struct free_block {
	u32 type, size;
	u64 address;
} free_blocks[FREE_BLOCKS];
static u32 count_of_free;
static u8 pool_is_used[POOL_TYPES];

static u32 number_below(u32 limit)
{
	settings.seed = settings.seed * 6364136223846793005UL + 1442695040888963407UL;
	return (u32)(settings.seed >> 33) % limit;
}

static void add_free(u32 type, u32 size, u64 address)
{
	/* A block that finds no room stays allocated. */
	if (count_of_free < FREE_BLOCKS)
		free_blocks[count_of_free++] = (struct free_block){ type, size, address };
}

/* Cuts what follows the first size bytes into free blocks, large ones first. */
static void carve(u32 type, u64 address, u64 whole, u64 size)
{
	int i;

	for (i = BLOCK_SIZES; i--;) {
		if (block_sizes[i] >= whole)
			continue;
		for (; size + block_sizes[i] <= whole; size += block_sizes[i])
			add_free(type, block_sizes[i], address + size);
	}
}

/* The newest block of the size; else the head of the smallest larger one, or of a page. */
static u64 allocate_block(u32 type, u32 size, u64 *address)
{
	struct free_block *best = 0, found;
	u64 status;
	u32 i;

	for (i = 0; i < count_of_free; i++) {
		struct free_block *one = &free_blocks[i];

		if (one->type == type && one->size >= size && (!best || one->size <= best->size))
			best = one;
	}
	if (best) {
		found = *best;
		for (i = best - free_blocks, count_of_free--; i < count_of_free; i++)
			free_blocks[i] = free_blocks[i + 1];
		*address = found.address;
		carve(type, found.address, found.size, size);
		return 0;
	}
	status = allocate_pages(ANY_PAGES, type, 1, address);
	if (!status)
		carve(type, *address, PAGE, size);
	return status;
}

static EFIAPI u64 allocate_pool(u32 type, u64 size, u64 *address)
{
	u64 status, scratch;
	u32 i;

	if (type < POOL_TYPES && !pool_is_used[type]) {
		pool_is_used[type] = 1;
		for (i = number_below(16); i--;)
			allocate_block(type, block_sizes[number_below(5)], &scratch);
	}
	size = ((size + 7) & -8UL) + POOL_HEAD + POOL_TAIL;
	for (i = 0; i < BLOCK_SIZES && block_sizes[i] < size; i++)
		;
	status = i < BLOCK_SIZES ?
			 allocate_block(type, block_sizes[i], address) :
			 allocate_pages(ANY_PAGES, type, (size + PAGE - 1) / PAGE, address);
	*address += POOL_HEAD;
	return status;
}

/* What is freed stays allocated: it is RAM to the kernel all the same. */
static EFIAPI u64 succeed(void)
{
	return 0;
}

static EFIAPI u64 get_memory_map(u64 *size, struct descriptor *map, u64 *key, u64 *each, u32 *version)
{
	u64 i, needed = settings.descriptors * sizeof(*map), room = *size;

	*size = needed;
	*each = sizeof(*map);
	*version = 1;
	*key = map_key;
	if (room < needed)
		return BUFFER_TOO_SMALL;
	for (i = 0; i < settings.descriptors; i++)
		map[i] = settings.map[i];
	return 0;
}

/* --- protocols, tables, the end --- */

static EFIAPI u64 allow_unaccepted_memory(void)
{
	may_leave_unaccepted = 1;
	return 0;
}

static struct {
	EFIAPI u64 (*allow)(void);
} acceptance;

static int same(const struct guid *a, u64 low, u64 high)
{
	return a->low == low && a->high == high;
}

static EFIAPI u64 locate_protocol(const struct guid *guid, void *registration, void **protocol)
{
	(void)registration;
	/* OVMF's for SEV-SNP: c5a010fe-38a7-4531-8a4a-0500d2fd1649. */
	if (!settings.accepts_all_unless_asked || !same(guid, 0x453138a7c5a010fe, 0x4916fdd200054a8a))
		return NOT_FOUND;
	acceptance.allow = allow_unaccepted_memory;
	*protocol = &acceptance;
	return 0;
}

static EFIAPI u64 not_found(void)
{
	return NOT_FOUND;
}

static EFIAPI u64 unsupported(void)
{
	return UNSUPPORTED;
}

static EFIAPI u64 install_configuration_table(const struct guid *guid, u64 table)
{
	struct configuration *tables = settings.system->tables;
	u64 i, count = settings.system->count;

	for (i = 0; i < count; i++) {
		if (same(guid, tables[i].guid.low, tables[i].guid.high))
			break;
	}
	if (table) {
		tables[i].guid = *guid;
		tables[i].table = table;
		settings.system->count += i == count;
		return 0;
	}
	if (i == count)
		return NOT_FOUND;
	tables[i] = tables[--settings.system->count];
	return 0;
}

/* SNP firmware would accept everything now if it was not told to leave that; ours does not go on then. */
static EFIAPI u64 exit_boot_services(void *handle, u64 key)
{
	(void)handle;
	if (settings.accepts_all_unless_asked && !may_leave_unaccepted)
		return ACCESS_DENIED;
	return key == map_key ? 0 : INVALID_PARAMETER;
}

/* Numbered as in the table of boot services, without its header. */
static u64 boot_services[3 + 44];
static u64 console[9];

static void offer(u64 number, const void *service)
{
	boot_services[3 + number] = (u64)service;
}

/* One by one: a table of addresses would need somebody to relocate it. */
static void serve(void)
{
	u64 i;

	for (i = 0; i < 44; i++)
		offer(i, unsupported);
	offer(2, allocate_pages);
	offer(3, succeed);			/* FreePages */
	offer(4, get_memory_map);
	offer(5, allocate_pool);
	offer(6, succeed);			/* FreePool */
	offer(19, not_found);			/* LocateHandle */
	offer(20, not_found);			/* LocateDevicePath */
	offer(21, install_configuration_table);
	offer(26, exit_boot_services);
	offer(29, succeed);			/* SetWatchdogTimer */
	offer(37, locate_protocol);
	for (i = 0; i < 9; i++)
		console[i] = (u64)succeed;
	settings.system->boot = (u64)boot_services;
	settings.system->consoles[3] = (u64)console;	/* ConOut */
	settings.system->consoles[5] = (u64)console;	/* StdErr */
}

/* --- CPUID under SEV-SNP: by the GHCB's MSR protocol, as the stub asks before it knows of CPUID's own page --- */

#define VC_VECTOR 29
#define VC_CPUID 0x72
#define GHCB_MSR 0xc0010130

static struct {
	u64 low, high;
} idt[VC_VECTOR + 1];

static u32 ask_for_cpuid(u32 function, u32 which)
{
	u64 request = (u64)function << 32 | which << 30 | 4;
	u32 low = request, high = request >> 32;

	asm volatile("wrmsr\n\trep; vmmcall\n\trdmsr" : "+a"(low), "+d"(high) : "c"(GHCB_MSR) : "memory");
	return high;
}

struct registers {
	u64 rdx, rcx, rbx, rax, error, rip;
};

__attribute__((used)) void handle_vc(struct registers *of)
{
	u32 function = of->rax;

	while (of->error != VC_CPUID)
		asm volatile("hlt");
	of->rax = ask_for_cpuid(function, 0);
	of->rbx = ask_for_cpuid(function, 1);
	of->rcx = ask_for_cpuid(function, 2);
	of->rdx = ask_for_cpuid(function, 3);
	of->rip += 2;
}

/* Hidden: else the linker, which takes us for not relocatable, makes its address a constant. */
__attribute__((visibility("hidden"))) void vc_entry(void);

asm(".globl vc_entry\n"
    "vc_entry:\n"
    "	pushq %rax\n	pushq %rbx\n	pushq %rcx\n	pushq %rdx\n"
    "	movq %rsp, %rax\n"
    "	pushq %rsi\n	pushq %rdi\n	pushq %r8\n	pushq %r9\n	pushq %r10\n	pushq %r11\n	pushq %rbp\n"
    "	movq %rax, %rdi\n"
    "	movq %rsp, %rbp\n	andq $-16, %rsp\n"
    "	call handle_vc\n"
    "	movq %rbp, %rsp\n"
    "	popq %rbp\n	popq %r11\n	popq %r10\n	popq %r9\n	popq %r8\n	popq %rdi\n	popq %rsi\n"
    "	popq %rdx\n	popq %rcx\n	popq %rbx\n	popq %rax\n"
    "	addq $8, %rsp\n"
    "	iretq\n");

static void catch_vc(void)
{
	u64 at = (u64)vc_entry;
	struct {
		unsigned short limit;
		u64 base;
	} __attribute__((packed)) where = { sizeof(idt) - 1, (u64)idt };

	idt[VC_VECTOR].low = (at & 0xffff) | 0x10UL << 16 | 0x8eUL << 40 | (at >> 16 & 0xffff) << 48;
	idt[VC_VECTOR].high = at >> 32;
	asm volatile("lidt %0" : : "m"(where));
}

__attribute__((used, noreturn)) void start(void *boot_params)
{
	void (*stub)(void *handle, struct system_table *system, void *boot_params) =
		(void *)settings.stub;

	serve();
	if (settings.accepts_all_unless_asked)
		catch_vc();
	stub(0, settings.system, boot_params);
	for (;;)
		asm volatile("hlt");
}

/* Entered like a kernel: RSI has the zero page. */
asm(".pushsection .entry, \"ax\"\n"
    "	movq %rsi, %rdi\n"
    "	call start\n"
    ".popsection\n");
