/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's unaccepted bitmap beside the true states of its pages. */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "cpu.h"
#include "guest.h"
#include "names.h"
#include "snapshot.h"
#include "model/page_run.h"

/* struct efi_unaccepted_memory (include/linux/efi.h) */
#define TABLE_SIZE_OFFSET 16
#define TABLE_BITMAP_OFFSET 24
#define BITMAP_BYTES_MAX (256 * 1024 * 1024ULL)     /* 4 PiB of units */

static void write_file(const char *path, const void *data, size_t size)
{
    g_autoptr(GError) error = NULL;

    if (!g_file_set_contents(path, data, size, &error)) {
        error_report("snapshot: %s; the run ends here", error->message);
        _exit(1);
    }
}

static void write_bitmap(EmulatedGuest *guest, const char *path)
{
    uint64_t table = guest->handoff.unaccepted_table;
    uint64_t *size = emulated_guest_ram(guest, table + TABLE_SIZE_OFFSET, 8);
    void *bitmap;

    if (!table || !size || le64_to_cpu(*size) > BITMAP_BYTES_MAX) {
        return;
    }
    bitmap = emulated_guest_ram(guest, table + TABLE_BITMAP_OFFSET,
                                le64_to_cpu(*size));
    if (bitmap) {
        write_file(path, bitmap, le64_to_cpu(*size));
    }
}

static void write_pages(EmulatedGuest *guest, const char *path)
{
    EmulatedGuestClass *gc = EMULATED_GUEST_GET_CLASS(guest);
    g_autoptr(GByteArray) runs = g_byte_array_new();
    uint64_t cursor = 0;
    struct page_run run;

    while (gc->next_run(guest, &cursor, &run)) {
        g_byte_array_append(runs, (const uint8_t *)&run, sizeof(run));
    }
    write_file(path, runs->data ? (char *)runs->data : "", runs->len);
}

static void take(EmulatedGuest *guest, const char *moment)
{
    g_autofree char *bitmap = NULL;
    g_autofree char *pages = NULL;
    struct acc_event event = {
        .kind = EVENT_BITMAP,
        .detail = guest->snapshots,
        .carry = EVENT_NO_CARRY,
    };

    if (!guest->snapshots_dir) {
        return;
    }
    bitmap = g_strdup_printf("%s/%04u-%s.bitmap", guest->snapshots_dir,
                             guest->snapshots, moment);
    pages = g_strdup_printf("%s/%04u-%s.pages", guest->snapshots_dir,
                            guest->snapshots, moment);
    write_bitmap(guest, bitmap);
    write_pages(guest, pages);
    guest_event(guest, NULL, event, 0);
    guest->snapshots++;
}

void snapshot_note(EmulatedGuest *guest, const struct acc_event *event)
{
    if (event->kind == EVENT_STAGE && event->detail != STAGE_DECOMPRESSOR) {
        take(guest, stage_name(event->detail));
    }
    if (event->kind == EVENT_END) {
        take(guest, "end");
    }
}
