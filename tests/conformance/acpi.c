/* SPDX-License-Identifier: GPL-2.0-only */
/* Power-off by the registers that the FADT names (ACPI 6.4, 5.2.9 and 4.8.3). */
#include "guest.h"

#define HW_REDUCED_ACPI (1u << 20)
#define SLEEP_S5 (5 << 2 | 1 << 5)	/* SLP_TYP as QEMU's hardware-reduced machines have it, SLP_EN */
#define SLEEP_S5_PM1 (1 << 13)		/* SLP_EN; SLP_TYP of S5 is 0 on QEMU's q35 and pc */

static u32 load32(u64 gpa)
{
	u32 value;

	memcpy(&value, (void *)gpa, sizeof(value));
	return value;
}

static u64 load64(u64 gpa)
{
	u64 value;

	memcpy(&value, (void *)gpa, sizeof(value));
	return value;
}

static u64 find_fadt(u64 rsdp)
{
	int wide = ((u8 *)rsdp)[15] >= 2;
	u64 table = wide ? load64(rsdp + 24) : load32(rsdp + 16);
	u32 step = wide ? 8 : 4, length, i;

	if (!table)
		return 0;
	length = load32(table + 4);
	for (i = 36; i + step <= length; i += step) {
		u64 one = wide ? load64(table + i) : load32(table + i);

		if (load32(one) == 0x50434146)	/* "FACP" */
			return one;
	}
	return 0;
}

void power_off(u64 rsdp)
{
	u64 fadt = rsdp ? find_fadt(rsdp) : 0;

	if (fadt && load32(fadt + 112) & HW_REDUCED_ACPI)
		mmio_write8(load64(fadt + 248), SLEEP_S5);
	else if (fadt)
		port_write(load32(fadt + 64), 2, SLEEP_S5_PM1);
	give_up();
}
