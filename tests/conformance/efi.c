/* SPDX-License-Identifier: GPL-2.0-only */
/* Started by firmware (UEFI 2.10): its services are ended at once. Runs on firmware's stack and tables. */
#include "guest.h"

#define EFI __attribute__((ms_abi))
#define ERROR (1ull << 63)

struct guid {
	u32 a;
	u16 b, c;
	u8 d[8];
};

struct boot_services {
	u64 header[3], before[4];
	u64 (EFI *get_memory_map)(u64 *size, void *map, u64 *key, u64 *entry, u32 *version);
	u64 pools[2], events[6], protocols[3];
	u64 (EFI *handle_protocol)(void *handle, const struct guid *guid, void **interface);
	u64 more[5], images[4];
	u64 (EFI *exit_boot_services)(void *handle, u64 key);
};

struct system_table {
	u64 header[3];
	void *vendor;
	u64 revision, console[6], runtime;
	struct boot_services *boot;
	u64 entries;
	struct {
		struct guid guid;
		u64 table;
	} *table;
};

struct loaded_image {
	u64 before[6];
	u32 options_size;
	const u16 *options;
};

static const struct guid loaded_image_guid = {
	0x5b1b31a1, 0x9562, 0x11d2, { 0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b }
};
static const struct guid acpi_guid = {
	0x8868e871, 0xe4f1, 0x11d3, { 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81 }
};

/* kept in .data, which start() does not clear */
static char command_line[256] __attribute__((section(".data"))) = "";
static struct boot found __attribute__((section(".data"))) = { 0 };
static u8 memory_map[0x10000];

static int same(const struct guid *one, const struct guid *other)
{
	const u8 *a = (const u8 *)one, *b = (const u8 *)other;
	size_t i;

	for (i = 0; i < sizeof(*one); i++)
		if (a[i] != b[i])
			return 0;
	return 1;
}

static void read_options(void *handle, struct boot_services *boot)
{
	struct loaded_image *image = NULL;
	u32 i;

	if (boot->handle_protocol(handle, &loaded_image_guid, (void **)&image) || !image)
		return;
	for (i = 0; i < image->options_size / 2 && i < sizeof(command_line) - 1; i++)
		command_line[i] = image->options[i] < 128 ? image->options[i] : '?';
}

/* 0: firmware's services have ended */
u32 leave_firmware(void *handle, struct system_table *system)
{
	u64 size, key, entry, i;
	u32 version, tries;

	read_options(handle, system->boot);
	for (i = 0; i < system->entries; i++)
		if (same(&system->table[i].guid, &acpi_guid))
			found.rsdp = system->table[i].table;
	for (tries = 0; tries < 3; tries++) {
		size = sizeof(memory_map);
		if (system->boot->get_memory_map(&size, memory_map, &key, &entry, &version))
			return 1;
		if (!system->boot->exit_boot_services(handle, key))
			return 0;
	}
	return 1;
}

void from_firmware(void)
{
	found.command_line = command_line;
	start(&found);
}

/* Linux Documentation/arch/x86/zero-page.rst, boot.rst */
void from_boot_params(const u8 *parameters)
{
	u32 low, high;

	memcpy(&found.rsdp, parameters + 0x70, 8);
	memcpy(&low, parameters + 0x228, 4);
	memcpy(&high, parameters + 0xc8, 4);
	found.command_line = low || high ? (const char *)((u64)high << 32 | low) : command_line;
	start(&found);
}
