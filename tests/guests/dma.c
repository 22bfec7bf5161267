/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices that reach into the guest's memory: fw_cfg's DMA, a virtio device's rings. */
#include "runtime.h"

#define FW_CFG_DMA_HIGH 0x514	/* QEMU docs/specs/fw_cfg */
#define FW_CFG_DMA_LOW 0x518
#define FW_CFG_ERROR 1u
#define FW_CFG_READ 2u
#define FW_CFG_SELECT 8u
#define FW_CFG_SIGNATURE 0u

static const u64 control_page = FRESH, shared_page = FRESH + PAGE, private_page = FRESH + 2 * PAGE,
		 next_page = FRESH + 3 * PAGE;

struct fw_cfg_access {
	u32 control, length;
	u64 address;
};

/* The signature "QEMU" to target; the control word afterwards */
static u64 fw_cfg_read(u64 control, u64 mapped, u64 target, u32 length)
{
	volatile struct fw_cfg_access *access = (volatile struct fw_cfg_access *)mapped;

	access->control = __builtin_bswap32(FW_CFG_SIGNATURE << 16 | FW_CFG_SELECT | FW_CFG_READ);
	access->length = __builtin_bswap32(length);
	access->address = __builtin_bswap64(target);
	port_write(FW_CFG_DMA_HIGH, 4, __builtin_bswap32(control >> 32));
	port_write(FW_CFG_DMA_LOW, 4, __builtin_bswap32((u32)control));
	return __builtin_bswap32(access->control);
}

static void prepare(void)
{
	accept(control_page, PAGE);
	make_shared(control_page, PAGE);
	accept(shared_page, PAGE);
	make_shared(shared_page, PAGE);
	accept(private_page, PAGE);
}

void case_shared(void)
{
	prepare();
	say("control=%x", fw_cfg_read(control_page, control_page + SHARED_ALIAS, shared_page, 4));
	say("data=%x", read64(shared_page + SHARED_ALIAS) & 0xffffffff);
}

void case_write_private(void)
{
	prepare();
	write64(private_page, 0x1122334455667788);
	say("control=%x", fw_cfg_read(control_page, control_page + SHARED_ALIAS, private_page, 4));
	say("data=%x", read64(private_page));
}

void case_write_unaccepted(void)
{
	prepare();
	say("control=%x", fw_cfg_read(control_page, control_page + SHARED_ALIAS, next_page, 4));
}

/* The device is to read what to do from private memory. */
void case_read_private(void)
{
	prepare();
	write64(shared_page + SHARED_ALIAS, 0);
	fw_cfg_read(private_page, private_page, shared_page, 4);
	say("data=%x", read64(shared_page + SHARED_ALIAS));
}

/* The first two bytes are in a shared page, the others in a private one. */
void case_write_across(void)
{
	prepare();
	write64(private_page, 0);
	say("control=%x", fw_cfg_read(control_page, control_page + SHARED_ALIAS,
				      private_page - 2, 4));
	say("data=%x", read64(private_page));
}

/* What was shared when the device looked first is private when it looks again. */
void case_after_conversion(void)
{
	prepare();
	fw_cfg_read(control_page, control_page + SHARED_ALIAS, shared_page, 4);
	say("private=%x", make_private(shared_page, PAGE));
	say("accept=%x", accept(shared_page, PAGE));
	write64(shared_page, 0x55);
	fw_cfg_read(control_page, control_page + SHARED_ALIAS, shared_page, 4);
	say("data=%x", read64(shared_page));
}

/* --- virtio 1.1: registers 4.2.2, split ring 2.6 ----------------------------------- */

#define VIRTIO_MMIO 0xfeb00000ull	/* QEMU hw/i386/microvm.h */
#define VIRTIO_MMIO_STEP 0x200
#define VIRTIO_SLOTS 24
#define DEVICE_DISK 2
#define DEVICE_RNG 4
#define DESCRIPTOR_NEXT 1
#define DESCRIPTOR_WRITE 2
#define NEEDS_RESET 64u		/* 2.1: the device gave up */

/* The device answers when the emulator's main loop gets to it, however busy the machine is; that it
 * cannot read its ring shows at once. */
#define UNTIL_IT_ANSWERS 20000000
#define A_MOMENT 20000

enum {
	DEVICE_ID = 0x008, DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SELECT = 0x024,
	QUEUE_SELECT = 0x030, QUEUE_SIZE = 0x038, QUEUE_READY = 0x044, QUEUE_NOTIFY = 0x050,
	STATUS = 0x070, QUEUE_DESCRIPTORS = 0x080, QUEUE_DRIVER = 0x090, QUEUE_DEVICE = 0x0a0,
};

struct descriptor {
	u64 address;
	u32 length;
	u16 flags, next;
};

static u64 find_device(u32 id)
{
	unsigned int slot;

	for (slot = 0; slot < VIRTIO_SLOTS; slot++)
		if (mmio_read(VIRTIO_MMIO + slot * VIRTIO_MMIO_STEP + DEVICE_ID, 4) == id)
			return VIRTIO_MMIO + slot * VIRTIO_MMIO_STEP;
	return 0;
}

static void set_queue_address(u64 device, unsigned int at, u64 address)
{
	mmio_write(device + at, 4, (u32)address);
	mmio_write(device + at + 4, 4, address >> 32);
}

/*
 * Has a device do what its descriptors say; ring: GPA of a page with descriptors
 * at 0, available ring at 0x400, used ring at 0x800. The used index.
 */
static u64 virtio_do(u64 device, u64 ring, u64 mapped, unsigned int patience)
{
	volatile u16 *available = (volatile u16 *)(mapped + 0x400);
	volatile u16 *used = (volatile u16 *)(mapped + 0x800);
	unsigned int wait;

	say("device=%x", device);
	mmio_write(device + STATUS, 4, 0);
	mmio_write(device + STATUS, 4, 1 | 2);			/* acknowledge, driver */
	mmio_write(device + DRIVER_FEATURES_SELECT, 4, 1);
	mmio_write(device + DRIVER_FEATURES, 4, 1 | 2);	/* version 1, access platform */
	mmio_write(device + STATUS, 4, 1 | 2 | 8);		/* features ok */
	mmio_write(device + QUEUE_SELECT, 4, 0);
	mmio_write(device + QUEUE_SIZE, 4, 8);
	set_queue_address(device, QUEUE_DESCRIPTORS, ring);
	set_queue_address(device, QUEUE_DRIVER, ring + 0x400);
	set_queue_address(device, QUEUE_DEVICE, ring + 0x800);
	available[0] = 0;
	available[2] = 0;
	available[1] = 1;
	used[1] = 0;
	mmio_write(device + QUEUE_READY, 4, 1);
	mmio_write(device + STATUS, 4, 1 | 2 | 8 | 4);		/* driver ok */
	mmio_write(device + QUEUE_NOTIFY, 4, 0);
	for (wait = 0; wait < patience && !used[1]; wait++)
		if (mmio_read(device + STATUS, 4) & NEEDS_RESET)
			break;
	return used[1];
}

/* One buffer of 64 bytes for the random number generator to fill. */
static u64 virtio_fill(u64 ring, u64 mapped, u64 buffer, unsigned int patience)
{
	volatile struct descriptor *descriptor = (volatile struct descriptor *)mapped;

	*descriptor = (struct descriptor){ buffer, 64, DESCRIPTOR_WRITE, 0 };
	return virtio_do(find_device(DEVICE_RNG), ring, mapped, patience);
}

/* Virtio 1.1, 5.2.6: a header, the buffer, and a byte for the status; header and status are in the shared control page. */
#define DISK_HEADER 0xc00
#define DISK_STATUS 0xc10

/* The first sector for the disk to write to `buffer`. */
static u64 disk_read(u64 buffer, unsigned int patience)
{
	u64 mapped = control_page + SHARED_ALIAS;
	volatile struct descriptor *descriptor = (volatile struct descriptor *)mapped;

	memset((void *)(mapped + DISK_HEADER), 0, 16);		/* VIRTIO_BLK_T_IN, sector 0 */
	*(volatile u8 *)(mapped + DISK_STATUS) = 0xff;
	descriptor[0] = (struct descriptor){ control_page + DISK_HEADER, 16, DESCRIPTOR_NEXT, 1 };
	descriptor[1] = (struct descriptor){ buffer, 512, DESCRIPTOR_NEXT | DESCRIPTOR_WRITE, 2 };
	descriptor[2] = (struct descriptor){ control_page + DISK_STATUS, 1, DESCRIPTOR_WRITE, 0 };
	return virtio_do(find_device(DEVICE_DISK), control_page, mapped, patience);
}

static u64 any_byte(u64 mapped)
{
	u64 seen = 0;
	unsigned int i;

	for (i = 0; i < 64; i += 8)
		seen |= *(volatile u64 *)(mapped + i);
	return seen != 0;
}

void case_virtio_shared(void)
{
	prepare();
	say("used=%x", virtio_fill(control_page, control_page + SHARED_ALIAS, shared_page,
				  UNTIL_IT_ANSWERS));
	say("filled=%x", any_byte(shared_page + SHARED_ALIAS));
}

void case_virtio_private_buffer(void)
{
	prepare();
	memset((void *)private_page, 0, PAGE);
	virtio_fill(control_page, control_page + SHARED_ALIAS, private_page, UNTIL_IT_ANSWERS);
	say("filled=%x", any_byte(private_page));
}

void case_virtio_private_ring(void)
{
	prepare();
	say("used=%x", virtio_fill(private_page, private_page, shared_page, A_MOMENT));
	say("filled=%x", any_byte(shared_page + SHARED_ALIAS));
}

void case_disk_shared(void)
{
	prepare();
	say("used=%x", disk_read(shared_page, UNTIL_IT_ANSWERS));
	say("read=%x", *(volatile u64 *)(shared_page + SHARED_ALIAS));
}

void case_disk_private_buffer(void)
{
	prepare();
	memset((void *)private_page, 0, PAGE);
	disk_read(private_page, UNTIL_IT_ANSWERS);
	say("filled=%x", any_byte(private_page));
}
