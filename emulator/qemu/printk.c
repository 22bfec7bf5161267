/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the printk ring without symbols. A data block of the ring is the id
 * of its record followed by text, aligned to 8 bytes (kernel/printk/
 * printk_ringbuffer.c), and ids count up by one: the chain of ids is the
 * proof that a match is no accident. It is anchored at the banner, which
 * every kernel prints first, or, where newer lines have taken its place, at
 * what a kernel says when it crashes.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "cpu.h"
#include "guest.h"
#include "printk.h"

#define TEXT_MAX 2048       /* PRINTK_MESSAGE_MAX, kernel/printk/internal.h */
#define CHAIN_MIN 3         /* records in a row that make it a ring, */
#define CHAIN_OF_INFOS 16   /* and descriptions that are compared with it */
/* The two highest bits of a word with an id are the record's state
 * (DESC_ID_MASK, kernel/printk/printk_ringbuffer.h). */
#define RECORD_ID_MASK (~0ULL >> 2)

/* struct printk_info: seq u64, ts_nsec u64, text_len u16 ...; with the caller
 * and the device's name 88 bytes, and 112 with CONFIG_PRINTK_EXECUTION_CTX */
static const size_t info_sizes[] = { 88, 112 };
#define INFO_TEXT_LEN 16
#define INFOS_MIN 128       /* CONFIG_LOG_BUF_SHIFT 12 and 25, PRB_AVGBITS 5 */
#define INFOS_MAX (1 << 20)
#define INFO_REACH (64 << 20)   /* both arrays are in the kernel's image */
#define WRAP_REACH (32 << 20)   /* CONFIG_LOG_BUF_SHIFT is 25 at most */

static const char banner[] = "Linux version ";
/* how lines begin that a kernel says when it is in trouble */
static const char *const trouble[] = {
    "Kernel panic - not syncing", "BUG: ", "Oops: ", "---[ end trace ",
};

#define KERNEL_TEXT 0xffffffff81000000ULL   /* without KASLR */
#define KERNEL_SIZE (256 << 20)     /* more than an image and its log buffer */

typedef struct Ring {
    const char *anchor;
    hwaddr kernel;          /* where only to look, (hwaddr)-1: everywhere */
    const char *begin;      /* of the RAM that it was found in */
    const char *end;
    GPtrArray *blocks;      /* oldest first; none: not found */
    const char *infos;      /* array of all records' descriptions, or NULL */
    size_t info_size;
    uint64_t first_seq;     /* number of the oldest record */
    uint64_t count;         /* of infos, a power of two */
} Ring;

static uint64_t word_at(const char *at)
{
    return ldq_le_p(at);
}

static uint64_t after(uint64_t id)
{
    return (id + 1) & RECORD_ID_MASK;
}

/* Length of the block whose successor carries the next id; 0: none. */
static size_t block_size(const Ring *ring, const char *at)
{
    uint64_t next = after(word_at(at));
    size_t size;

    for (size = 16; size < TEXT_MAX; size += 8) {
        if (ring->end - at < size + 8) {
            return 0;
        }
        if (word_at(at + size) == next) {
            return size;
        }
    }
    return 0;
}

/* The block before, or NULL; zeroed memory is none with the id 0. */
static const char *block_before(const Ring *ring, const char *at)
{
    uint64_t id = word_at(at);
    size_t size;

    for (size = 16; size < TEXT_MAX && at - ring->begin >= size; size += 8) {
        const char *before = at - size;

        if (after(word_at(before)) == id && (word_at(before) || before[8])) {
            return before;
        }
    }
    return NULL;
}

static bool has_chain(const Ring *ring, const char *at, unsigned links)
{
    size_t size;

    while (links--) {
        size = block_size(ring, at);
        if (!size) {
            return false;
        }
        at += size;
    }
    return true;
}

static const char *chain_start(const Ring *ring, const char *at)
{
    const char *before;

    while ((before = block_before(ring, at))) {
        at = before;
    }
    return at;
}

/*
 * A record that does not fit below the ring's end has its id there, and again,
 * with its text, at the ring's start (data_alloc()). From where the id at `at`
 * stands at the end of a chain: its place at the ring's start, or NULL.
 */
static const char *after_wrap(const Ring *ring, const char *at,
                              const char *first)
{
    const char *from = first - ring->begin > WRAP_REACH
                       ? first - WRAP_REACH : ring->begin;

    for (; from < first; from += 8) {
        if (word_at(from) == word_at(at) && g_ascii_isprint(from[8]) &&
            has_chain(ring, from, 1)) {
            return from;
        }
    }
    return NULL;
}

/* The other way round: its place at the ring's end, or NULL. */
static const char *before_wrap(const Ring *ring, const char *first,
                               const char *last)
{
    const char *to = ring->end - last > WRAP_REACH ? last + WRAP_REACH
                                                   : ring->end;
    const char *at, *before;

    for (at = last + 8; to - at >= 8; at += 8) {
        if (word_at(at) == word_at(first) &&
            (before = block_before(ring, at)) && block_before(ring, before)) {
            return at;
        }
    }
    return NULL;
}

/* The blocks of a chain but the last one, which is returned. */
static const char *add_chain(Ring *ring, const char *at)
{
    size_t size;

    while ((size = block_size(ring, at))) {
        g_ptr_array_add(ring->blocks, (void *)at);
        at += size;
    }
    return at;
}

/* All blocks from the oldest to the newest one. */
static void collect(Ring *ring, const char *anchor)
{
    const char *first = anchor, *last = anchor, *other;
    size_t size;

    if (ring->anchor != banner) {
        while ((size = block_size(ring, last))) {
            last += size;
        }
        first = chain_start(ring, anchor);
        other = before_wrap(ring, first, last);
        if (other) {
            add_chain(ring, chain_start(ring, other));
        }
    }
    last = add_chain(ring, first);
    other = after_wrap(ring, last, first);
    if (other) {
        last = add_chain(ring, other);
    }
    g_ptr_array_add(ring->blocks, (void *)last);
}

/* Ids begin at the number of descriptions, a power of two, below 0, and numbers
 * at 0 (DESC0_ID()). That number, or 0 where seq is not that of the id. */
static uint64_t count_of_infos(uint64_t seq, uint64_t id)
{
    uint64_t count = (seq - id) & RECORD_ID_MASK;

    return is_power_of_2(count) && count >= INFOS_MIN && count <= INFOS_MAX
           ? count : 0;
}

static const char *info_of(const Ring *ring, unsigned n)
{
    return ring->infos +
           ((ring->first_seq + n) & (ring->count - 1)) * ring->info_size;
}

/* Records with consecutive numbers, and lengths that fit the blocks. */
static bool is_infos(const Ring *ring)
{
    unsigned i, checked = MIN(ring->blocks->len - 1, CHAIN_OF_INFOS);

    if (ring->infos < ring->begin) {
        return false;
    }
    for (i = 0; i < checked; i++) {
        size_t size = block_size(ring, ring->blocks->pdata[i]);
        const char *info = info_of(ring, i);
        uint16_t length;

        if (info + ring->info_size > ring->end ||
            word_at(info) != ring->first_seq + i) {
            return false;
        }
        length = lduw_le_p(info + INFO_TEXT_LEN);
        if ((!length && i < CHAIN_MIN) || (size && length > size - 8)) {
            return false;
        }
    }
    return true;
}

static bool find_infos(Ring *ring, size_t info_size)
{
    const char *first = ring->blocks->pdata[0];
    const char *from = first - ring->begin > INFO_REACH
                       ? first - INFO_REACH : ring->begin;
    const char *to = ring->end - first > INFO_REACH
                     ? first + INFO_REACH : ring->end;
    const char *at;

    ring->info_size = info_size;
    for (at = from; to - at >= info_size; at += 8) {
        ring->first_seq = word_at(at);
        ring->count = count_of_infos(ring->first_seq, word_at(first));
        if (ring->count) {
            ring->infos = at - (ring->first_seq & (ring->count - 1)) *
                               info_size;
            if (is_infos(ring)) {
                return true;
            }
        }
    }
    ring->infos = NULL;
    return false;
}

static bool search(Int128 start, Int128 size, const MemoryRegion *mr,
                   hwaddr offset, void *opaque)
{
    Ring *ring = opaque;
    const char *hit, *block;
    unsigned i;

    if (!memory_region_is_ram((MemoryRegion *)mr) || ring->blocks->len) {
        return false;
    }
    ring->begin = (char *)memory_region_get_ram_ptr((MemoryRegion *)mr) +
                  offset;
    /* Bounded: looking at all of a large sparse guest would fault it in. */
    ring->end = ring->begin + MIN(int128_get64(size), 4ULL << 30);
    if (ring->kernel != (hwaddr)-1) {
        uint64_t at = ring->kernel - int128_get64(start);

        if (ring->kernel < int128_get64(start) || at >= int128_get64(size)) {
            return false;
        }
        ring->end = ring->begin + MIN(int128_get64(size), at + KERNEL_SIZE);
        ring->begin += at;
    }
    for (hit = ring->begin;
         (hit = memmem(hit, ring->end - hit, ring->anchor,
                       strlen(ring->anchor)));
         hit++) {
        block = hit - 8;
        if (hit - ring->begin < 8 || ((uintptr_t)block & 7) ||
            (ring->anchor == banner && !has_chain(ring, block, CHAIN_MIN))) {
            continue;
        }
        collect(ring, block);
        if (ring->blocks->len <= CHAIN_MIN) {
            g_ptr_array_set_size(ring->blocks, 0);
            continue;
        }
        for (i = 0; i < ARRAY_SIZE(info_sizes); i++) {
            if (find_infos(ring, info_sizes[i])) {
                return true;
            }
        }
        return true;
    }
    return false;
}

/*
 * Length of a text whose description was not found: the kernel takes the level
 * (two bytes) off the beginning by moving the text, so that its last two bytes
 * stand there twice, and behind them the newline that it counts out as well
 * (printk_sprint(), kernel/printk/printk.c).
 */
static size_t length_without_leftover(const char *text, size_t length)
{
    if (length && text[length - 1] == '\n') {
        length--;
    }
    if (length >= 4 && !memcmp(text + length - 2, text + length - 4, 2)) {
        length -= 2;
    }
    return length;
}

/* Text of the n-th block, as long as its record's description says; else up
 * to its NUL, or the next block. */
static char *record_text(const Ring *ring, unsigned n)
{
    const char *at = ring->blocks->pdata[n];
    size_t size = block_size(ring, at);
    size_t length = size ? size - 8
                         : strnlen(at + 8, MIN(TEXT_MAX, ring->end - at - 8));
    const char *info = ring->infos ? info_of(ring, n) : NULL;

    if (info && info + ring->info_size <= ring->end &&
        word_at(info) == ring->first_seq + n) {
        length = MIN(length, lduw_le_p(info + INFO_TEXT_LEN));
    } else {
        length = length_without_leftover(at + 8, strnlen(at + 8, length));
    }
    return g_strndup(at + 8, length);
}

static void find_from(EmulatedGuest *guest, Ring *ring, hwaddr kernel)
{
    FlatView *view = address_space_to_flatview(&guest->memory);
    unsigned i;

    ring->kernel = kernel;
    ring->anchor = banner;
    flatview_for_each_range(view, search, ring);
    for (i = 0; i < ARRAY_SIZE(trouble) && !ring->blocks->len; i++) {
        ring->anchor = trouble[i];
        flatview_for_each_range(view, search, ring);
    }
}

/* In the low part of each range first: a log buffer may lie outside of the
 * image. Then in the image, which KASLR may have put anywhere. */
static void find_ring(EmulatedCpu *cpu, Ring *ring)
{
    EmulatedGuest *guest = cpu->guest;
    uint64_t text = KERNEL_TEXT + guest->kaslr_offset[guest->second_kernel];
    MemTxAttrs attrs;
    hwaddr image;

    find_from(guest, ring, (hwaddr)-1);
    if (ring->blocks->len) {
        return;
    }
    image = cpu_get_phys_page_attrs_debug(cpu->cs, text, &attrs);
    if (image != (hwaddr)-1) {
        find_from(guest, ring, image);
    }
}

QList *printk_tail(EmulatedCpu *cpu, unsigned max)
{
    g_autoptr(GPtrArray) blocks = g_ptr_array_new();
    Ring ring = { .blocks = blocks };
    QList *list = qlist_new();
    unsigned i;

    RCU_READ_LOCK_GUARD();
    find_ring(cpu, &ring);
    for (i = blocks->len > max ? blocks->len - max : 0; i < blocks->len; i++) {
        g_autofree char *raw = record_text(&ring, i);
        g_autofree char *text = g_utf8_make_valid(raw, -1);

        qlist_append_str(list, text);
    }
    return list;
}
