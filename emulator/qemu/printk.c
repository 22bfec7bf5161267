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
#define TEXT_MAX 2048       /* PRINTK_MESSAGE_MAX, kernel/printk/internal.h */
#define CHAIN_MIN 3         /* records in a row that make it a ring */

/* struct printk_info: seq u64, ts_nsec u64, text_len u16 ...; with the caller
 * and the device's name 88 bytes */
#define INFO_SIZE 88
#define INFO_TEXT_LEN 16
#define BEFORE_BANNER_MAX 64
#define INFO_REACH (64 << 20)   /* both arrays are in the kernel's image */

typedef struct Ring {
    const char *first;      /* the banner's block */
    const char *begin;      /* of the RAM that it was found in */
    const char *end;
    const char *infos;      /* of the banner and its successors, or NULL */
} Ring;

static uint64_t word_at(const char *at)
{
    return ldq_le_p(at);
}

/* Length of the block whose successor carries the next id; 0: none. */
static size_t block_size(const Ring *ring, const char *at)
{
    uint64_t next = word_at(at) + 1;
    size_t size;

    for (size = 16; size < TEXT_MAX; size += 8) {
        if (at + size + 8 > ring->end) {
            return 0;
        }
        if (word_at(at + size) == next) {
            return size;
        }
    }
    return 0;
}

static bool is_ring(const Ring *ring)
{
    const char *at = ring->first;
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

/* Records with consecutive numbers, and lengths that fit the blocks. A few
 * lines may precede the banner. */
static bool is_infos(const Ring *ring, const char *at)
{
    const char *block = ring->first;
    uint64_t seq = word_at(at);
    unsigned i;

    for (i = 0; i < CHAIN_MIN; i++) {
        size_t size = block_size(ring, block);
        uint16_t length = lduw_le_p(at + i * INFO_SIZE + INFO_TEXT_LEN);

        if (word_at(at + i * INFO_SIZE) != seq + i || !length ||
            length > size - 8) {
            return false;
        }
        block += size;
    }
    return true;
}

static const char *find_infos(const Ring *ring)
{
    const char *from = ring->first - ring->begin > INFO_REACH
                       ? ring->first - INFO_REACH : ring->begin;
    const char *to = ring->end - ring->first > INFO_REACH
                     ? ring->first + INFO_REACH : ring->end;
    const char *at;

    for (at = from; at + CHAIN_MIN * INFO_SIZE <= to; at += 8) {
        if (word_at(at) < BEFORE_BANNER_MAX &&
            word_at(at + INFO_SIZE) == word_at(at) + 1 &&
            is_infos(ring, at)) {
            return at;
        }
    }
    return NULL;
}

static bool search(Int128 start, Int128 size, const MemoryRegion *mr,
                   hwaddr offset, void *opaque)
{
    Ring *ring = opaque;
    const char *from, *end, *hit;

    if (!memory_region_is_ram((MemoryRegion *)mr) || ring->first) {
        return false;
    }
    from = (char *)memory_region_get_ram_ptr((MemoryRegion *)mr) + offset;
    /* Bounded: an image lies low, or where KASLR put it within 4 GiB of a
     * range; looking at all of a large sparse guest would fault it in. */
    end = from + MIN(int128_get64(size), 4ULL << 30);
    for (hit = from; (hit = memmem(hit, end - hit, BANNER, strlen(BANNER)));
         hit++) {
        Ring here = { hit - 8, from, end };

        if (hit - from >= 8 && !((uintptr_t)here.first & 7) &&
            is_ring(&here)) {
            here.infos = find_infos(&here);
            *ring = here;
            return true;
        }
    }
    return false;
}

/* Text of the n-th record after the banner; size: of its block. */
static char *record_text(const Ring *ring, const char *at, size_t size,
                         unsigned n)
{
    size_t length = size - 8;

    if (ring->infos && word_at(ring->infos + n * INFO_SIZE) ==
                       word_at(ring->infos) + n) {
        length = MIN(length, lduw_le_p(ring->infos + n * INFO_SIZE +
                                       INFO_TEXT_LEN));
    }
    return g_strndup(at + 8, length);
}

QList *printk_tail(EmulatedGuest *guest, unsigned max)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    QList *list = qlist_new();
    Ring ring = { };
    const char *at;
    size_t size;
    unsigned i;

    WITH_RCU_READ_LOCK_GUARD() {
        flatview_for_each_range(address_space_to_flatview(&guest->memory),
                                search, &ring);
    }
    for (at = ring.first; at && (size = block_size(&ring, at)); at += size) {
        g_ptr_array_add(lines, record_text(&ring, at, size, lines->len));
    }
    if (at) {   /* the newest record has no successor to measure it by */
        g_ptr_array_add(lines, record_text(&ring, at,
                                           strnlen(at + 8, TEXT_MAX) + 8,
                                           lines->len));
    }
    for (i = lines->len > max ? lines->len - max : 0; i < lines->len; i++) {
        g_autofree char *text = g_utf8_make_valid(lines->pdata[i], -1);

        qlist_append_str(list, text);
    }
    return list;
}
