/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the printk ring without symbols. A data block of the ring is the id
 * of its record followed by text, aligned to 8 bytes (kernel/printk/
 * printk_ringbuffer.c), and ids count up by one: the chain of ids is the
 * proof that a match is no accident. It is anchored at the banner, which
 * every kernel prints first.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "guest.h"
#include "printk.h"

#define BANNER "Linux version "
#define TEXT_MAX 1024       /* PRINTK_MESSAGE_MAX is 2048 with prefix */
#define CHAIN_MIN 3         /* records in a row that make it a ring */

typedef struct Ring {
    const char *at;
    const char *end;
} Ring;

static uint64_t id_at(const char *at)
{
    uint64_t id;

    memcpy(&id, at, sizeof(id));
    return le64_to_cpu(id);
}

/* Length of the block whose successor carries the next id; 0: none. */
static size_t block_size(const Ring *ring, const char *at)
{
    uint64_t next = id_at(at) + 1;
    size_t size;

    for (size = 16; size < TEXT_MAX; size += 8) {
        if (at + size + 8 > ring->end) {
            return 0;
        }
        if (id_at(at + size) == next) {
            return size;
        }
    }
    return 0;
}

static bool is_ring(const Ring *ring)
{
    const char *at = ring->at;
    unsigned i;

    for (i = 0; i < CHAIN_MIN; i++) {
        size_t size = block_size(ring, at);

        if (!size) {
            return false;
        }
        at += size;
    }
    return true;
}

static bool search(Int128 start, Int128 size, const MemoryRegion *mr,
                   hwaddr offset, void *opaque)
{
    Ring *ring = opaque;
    const char *from, *end, *hit;

    if (!memory_region_is_ram((MemoryRegion *)mr) || ring->at) {
        return false;
    }
    from = (char *)memory_region_get_ram_ptr((MemoryRegion *)mr) + offset;
    /* The kernel's image lies low or where KASLR put it; sparse RAM beyond
     * 4 GiB of a range holds no image and would be faulted in for nothing. */
    end = from + MIN(int128_get64(size), 4ULL << 30);
    for (hit = from; (hit = memmem(hit, end - hit, BANNER, strlen(BANNER)));
         hit++) {
        Ring here = { hit - 8, end };

        if (hit - from >= 8 && !((uintptr_t)here.at & 7) && is_ring(&here)) {
            *ring = here;
            return true;
        }
    }
    return false;
}

QList *printk_tail(EmulatedGuest *guest, unsigned max)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    QList *list = qlist_new();
    Ring ring = { };
    size_t size;
    unsigned i;

    WITH_RCU_READ_LOCK_GUARD() {
        flatview_for_each_range(address_space_to_flatview(&guest->memory),
                                search, &ring);
    }
    while (ring.at && (size = block_size(&ring, ring.at))) {
        g_ptr_array_add(lines, g_strndup(ring.at + 8, size - 8));
        ring.at += size;
    }
    if (ring.at) {      /* the newest record has no successor to measure by */
        g_ptr_array_add(lines, g_strndup(ring.at + 8, strnlen(ring.at + 8,
                                                              TEXT_MAX)));
    }
    for (i = lines->len > max ? lines->len - max : 0; i < lines->len; i++) {
        g_autofree char *text = g_utf8_make_valid(lines->pdata[i], -1);

        qlist_append_str(list, text);
    }
    return list;
}
