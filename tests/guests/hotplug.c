/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest to which the host adds memory, at HOLE, and which gives it up again. */
#include "runtime.h"
#ifdef TDX
#include "platform_tdx.h"
#endif

#define REGISTERS 0xfea10000ull	/* emulator/qemu/hotplug.c */
#define PRESENT (REGISTERS + 0)
#define NOTIFY (REGISTERS + 4)
#define EJECT (REGISTERS + 8)
#define TRIES 100000

static const u64 at = HOLE + 3 * PAGE;

static void wait_for_memory(void)
{
	u64 tries = 0;

	while (!mmio_read(PRESENT, 4) && ++tries < TRIES)
		cpu_pause();
	say("present=%x", mmio_read(PRESENT, 4));
}

static void give_up(void)
{
	mmio_write(EJECT, 4, 1);
	say("after-eject=%x", mmio_read(PRESENT, 4));
}

static void accept_and_write(void)
{
	say("accept=%x", accept(HOLE, UNIT));
	say("write=%x", write8(at, 0x5a));
	say("read=%x", read8(at));
}

void case_accept_and_use(void)
{
	wait_for_memory();
	say("notify=%x", mmio_read(NOTIFY, 4));
	say("notify-again=%x", mmio_read(NOTIFY, 4));
	accept_and_write();
}

void case_use_unaccepted(void)
{
	wait_for_memory();
	say("read=%x", read8(at));
}

void case_use_after_eject(void)
{
	wait_for_memory();
	accept_and_write();
	give_up();
	say("read-again=%x", read8(at));
}

/* The memory comes back. The guest did not give up what it had accepted. */
void case_eject_and_accept_again(void)
{
	wait_for_memory();
	accept_and_write();
	give_up();
	wait_for_memory();
	say("again=%x", accept(HOLE, UNIT));
	say("read-again=%x", read8(at));
}

/* The same by a guest that gave its pages back first */
void case_give_back_eject_and_accept_again(void)
{
	wait_for_memory();
	accept_and_write();
#ifdef TDX
	say("back=%x", page_release(HOLE | 1));
#else
	say("back=%x", pvalidate(HOLE, 1, 0));
#endif
	give_up();
	wait_for_memory();
	say("again=%x", accept(HOLE, UNIT));
	say("read-again=%x", read8(at));
}

/* One page, the first, in place of the unit: it comes back as another one. */
static void accept_page_again(void)
{
	give_up();
	wait_for_memory();
	say("again=%x", accept(HOLE, PAGE));
	say("read-again=%x", read8(HOLE));
}

void case_eject_and_accept_page_again(void)
{
	wait_for_memory();
	say("accept=%x", accept(HOLE, PAGE));
	say("write=%x", write8(HOLE, 0x5a));
	accept_page_again();
}

void case_give_back_and_accept_page_again(void)
{
	wait_for_memory();
	say("accept=%x", accept(HOLE, PAGE));
	say("write=%x", write8(HOLE, 0x5a));
#ifdef TDX
	say("back=%x", page_release(HOLE));
#else
	say("back=%x", pvalidate(HOLE, 0, 0));
#endif
	accept_page_again();
}

/* As Linux gives up what it has: the page goes back to the host before the unplug. */
void case_share_and_accept_page_again(void)
{
	wait_for_memory();
	say("accept=%x", accept(HOLE, PAGE));
	say("write=%x", write8(HOLE, 0x5a));
	say("shared=%x", make_shared(HOLE, PAGE));
	accept_page_again();
}

/* A request to give the memory up, which comes after it was used */
void case_request(void)
{
	u64 tries = 0, notify;

	wait_for_memory();
	mmio_read(NOTIFY, 4);
	do {
		cpu_pause();
		notify = mmio_read(NOTIFY, 4);
	} while (!notify && ++tries < TRIES);
	say("notify=%x", notify);
	give_up();
}
