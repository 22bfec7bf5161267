/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk in the emulator's own memory: the file is mapped privately, so that what
 * the guest writes is gone with the emulator. A request is answered by a timer of
 * the guest's clock, on the vCPUs' thread. So the guest sees its interrupt at the
 * same instruction in every run, which no driver does that waits for the host.
 */
#include "qemu/osdep.h"
#include <sys/mman.h>
#include "qapi/error.h"
#include "qemu/coroutine.h"
#include "qemu/module.h"
#include "block/aio.h"
#include "block/block_int.h"
#include "compat.h"

/*
 * Guest time of a request. It stands for no device: it is long enough that the
 * guest goes on meanwhile, as it does with any disk.
 */
#define LATENCY_NS 100000

typedef struct Waiting {
    QLIST_ENTRY(Waiting) next;
    Coroutine *co;
    QEMUTimer *timer;
} Waiting;

typedef struct Disk {
    uint8_t *content;
    size_t size;
    QLIST_HEAD(, Waiting) waiting;
} Disk;

static int disk_open(BlockDriverState *bs, QDict *options, int flags,
                     Error **errp)
{
    const char *path = qdict_get_try_str(options, "filename");
    Disk *disk = bs->opaque;
    struct stat status;
    int file;

    QLIST_INIT(&disk->waiting);
    if (!path) {
        error_setg(errp, "disk: filename is missing");
        return -EINVAL;
    }
    file = qemu_open(path, O_RDONLY, errp);
    if (file < 0) {
        return -errno;
    }
    if (fstat(file, &status) || !status.st_size) {
        error_setg(errp, "disk: %s is empty", path);
        close(file);
        return -EINVAL;
    }
    disk->size = status.st_size;
    disk->content = mmap(NULL, disk->size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
                         file, 0);
    close(file);
    if (disk->content == MAP_FAILED) {
        error_setg_errno(errp, errno, "disk: cannot map %s", path);
        return -ENOMEM;
    }
    qdict_del(options, "filename");
    bs->supported_write_flags = BDRV_REQ_FUA;
    return 0;
}

static void disk_close(BlockDriverState *bs)
{
    Disk *disk = bs->opaque;

    munmap(disk->content, disk->size);
}

static void answer(Waiting *one)
{
    QLIST_REMOVE(one, next);
    timer_del(one->timer);
    aio_co_wake(one->co);
}

static void on_time(void *opaque)
{
    answer(opaque);
}

/* Before the guest runs and when it has stopped, its clock stands still. */
static void coroutine_fn wait_in_guest_time(Disk *disk)
{
    Waiting one = { .co = qemu_coroutine_self() };

    if (!runstate_is_running()) {
        return;
    }
    one.timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, on_time, &one);
    QLIST_INSERT_HEAD(&disk->waiting, &one, next);
    timer_mod(one.timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + LATENCY_NS);
    qemu_coroutine_yield();
    timer_free(one.timer);
}

static int coroutine_fn disk_read(BlockDriverState *bs, int64_t offset,
                                  int64_t bytes, QEMUIOVector *qiov,
                                  BdrvRequestFlags flags)
{
    Disk *disk = bs->opaque;

    wait_in_guest_time(disk);
    qemu_iovec_from_buf(qiov, 0, disk->content + offset, bytes);
    return 0;
}

static int coroutine_fn disk_write(BlockDriverState *bs, int64_t offset,
                                   int64_t bytes, QEMUIOVector *qiov,
                                   BdrvRequestFlags flags)
{
    Disk *disk = bs->opaque;

    wait_in_guest_time(disk);
    qemu_iovec_to_buf(qiov, 0, disk->content + offset, bytes);
    return 0;
}

static int64_t coroutine_fn disk_length(BlockDriverState *bs)
{
    Disk *disk = bs->opaque;

    return disk->size;
}

/* Whoever drains the disk waits for it, and no guest runs meanwhile. */
static void disk_drain(BlockDriverState *bs)
{
    Disk *disk = bs->opaque;
    Waiting *one, *next;

    QLIST_FOREACH_SAFE(one, &disk->waiting, next, next) {
        answer(one);
    }
}

static int disk_reopen(BDRVReopenState *state, BlockReopenQueue *queue,
                       Error **errp)
{
    return 0;
}

static BlockDriver disk_driver = {
    .format_name = "guest-disk",
    .protocol_name = "guest-disk",
    .instance_size = sizeof(Disk),
    .bdrv_open = disk_open,
    .bdrv_close = disk_close,
    .bdrv_co_getlength = disk_length,
    .bdrv_co_preadv = disk_read,
    .bdrv_co_pwritev = disk_write,
    .bdrv_drain_begin = disk_drain,
    .bdrv_reopen_prepare = disk_reopen,
};

static void disk_init(void)
{
    bdrv_register(&disk_driver);
}

block_init(disk_init);
