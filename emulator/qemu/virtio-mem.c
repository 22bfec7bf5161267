/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio-mem device (virtio 1.2, section 5.15) whose memory is a slot of the
 * boot handoff. QEMU's own device has no memory that is private to a guest; here a
 * block that is plugged is RAM that nobody accepted, as that of a host with
 * guest_memfd. Requests are carried out on the vCPU's thread, at its notification.
 */
#include "qemu/osdep.h"
#include "qemu/bitmap.h"
#include "qemu/iov.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/qdev-properties.h"
#include "hw/virtio/virtio.h"
#include "standard-headers/linux/virtio_mem.h"
#include "standard-headers/linux/virtio_ids.h"
#include "guest.h"
#include "memory-slots.h"

#define TYPE_GUEST_MEM "guest-virtio-mem-device"
OBJECT_DECLARE_SIMPLE_TYPE(GuestMem, GUEST_MEM)

#define BLOCK (2 * MiB)
#define QUEUE_SIZE 128
#define NO_STATE (-1)

struct GuestMem {
    VirtIODevice parent_obj;
    VirtQueue *queue;
    uint32_t number;        /* of the slot */
    MemorySlot *slot;
    unsigned long *plugged; /* a bit for each block */
    uint64_t plugged_size;
    uint64_t requested_size;
};

static uint64_t block_of(const GuestMem *mem, uint64_t address)
{
    return (address - mem->slot->start) / BLOCK;
}

/* Whether a request's range is one of whole blocks of the device. */
static bool is_range(const GuestMem *mem, uint64_t address, uint64_t blocks)
{
    const MemorySlot *slot = mem->slot;

    return blocks && address >= slot->start &&
           QEMU_IS_ALIGNED(address, BLOCK) &&
           address - slot->start < slot->size &&
           blocks * BLOCK <= slot->size - (address - slot->start);
}

/* How many of the blocks are plugged. */
static uint64_t count(const GuestMem *mem, uint64_t address, uint64_t blocks)
{
    uint64_t first = block_of(mem, address), found = 0, i;

    for (i = first; i < first + blocks; i++) {
        found += test_bit(i, mem->plugged);
    }
    return found;
}

static int plug(GuestMem *mem, uint64_t address, uint64_t blocks)
{
    uint64_t size = blocks * BLOCK;

    if (!is_range(mem, address, blocks) || count(mem, address, blocks)) {
        return VIRTIO_MEM_RESP_ERROR;
    }
    if (mem->plugged_size + size > mem->requested_size) {
        return VIRTIO_MEM_RESP_NACK;
    }
    if (!memory_slot_plug(emulated_guest_of_machine(), mem->slot, address,
                          size)) {
        return VIRTIO_MEM_RESP_BUSY;
    }
    bitmap_set(mem->plugged, block_of(mem, address), blocks);
    mem->plugged_size += size;
    return VIRTIO_MEM_RESP_ACK;
}

/* A host that ignores the request says that it did what it did not. */
static void remove_blocks(GuestMem *mem, uint64_t address, uint64_t blocks)
{
    memory_slot_unplug(emulated_guest_of_machine(), mem->slot, address,
                       blocks * BLOCK);
    if (!mem->slot->ignores) {
        bitmap_clear(mem->plugged, block_of(mem, address), blocks);
    }
    mem->plugged_size -= blocks * BLOCK;
}

static int unplug(GuestMem *mem, uint64_t address, uint64_t blocks)
{
    if (!is_range(mem, address, blocks) ||
        count(mem, address, blocks) != blocks) {
        return VIRTIO_MEM_RESP_ERROR;
    }
    remove_blocks(mem, address, blocks);
    return VIRTIO_MEM_RESP_ACK;
}

static int unplug_all(GuestMem *mem)
{
    uint64_t total = mem->slot->size / BLOCK;
    unsigned long first = find_first_bit(mem->plugged, total), end;

    while (first < total) {
        end = find_next_zero_bit(mem->plugged, total, first);
        remove_blocks(mem, mem->slot->start + first * BLOCK, end - first);
        first = find_next_bit(mem->plugged, total, end);
    }
    return VIRTIO_MEM_RESP_ACK;
}

static int state(const GuestMem *mem, uint64_t address, uint64_t blocks,
                 int *found)
{
    uint64_t there;

    if (!is_range(mem, address, blocks)) {
        return VIRTIO_MEM_RESP_ERROR;
    }
    there = count(mem, address, blocks);
    *found = there == blocks ? VIRTIO_MEM_STATE_PLUGGED :
             there ? VIRTIO_MEM_STATE_MIXED : VIRTIO_MEM_STATE_UNPLUGGED;
    return VIRTIO_MEM_RESP_ACK;
}

static int carry_out(GuestMem *mem, const struct virtio_mem_req *request,
                     int *found)
{
    uint64_t address = le64_to_cpu(request->u.plug.addr);
    uint64_t blocks = le16_to_cpu(request->u.plug.nb_blocks);

    switch (le16_to_cpu(request->type)) {
    case VIRTIO_MEM_REQ_PLUG:
        return plug(mem, address, blocks);
    case VIRTIO_MEM_REQ_UNPLUG:
        return unplug(mem, address, blocks);
    case VIRTIO_MEM_REQ_UNPLUG_ALL:
        return unplug_all(mem);
    case VIRTIO_MEM_REQ_STATE:
        return state(mem, address, blocks, found);
    default:
        return VIRTIO_MEM_RESP_ERROR;
    }
}

static void answer(GuestMem *mem, VirtQueueElement *element)
{
    struct virtio_mem_req request;
    struct virtio_mem_resp response = { };
    int found = NO_STATE;
    size_t done;

    if (iov_to_buf(element->out_sg, element->out_num, 0, &request,
                   sizeof(request)) != sizeof(request)) {
        virtio_error(VIRTIO_DEVICE(mem), "virtio-mem: a request is too short");
        return;
    }
    response.type = cpu_to_le16(carry_out(mem, &request, &found));
    if (found != NO_STATE) {
        response.u.state.state = cpu_to_le16(found);
    }
    done = iov_from_buf(element->in_sg, element->in_num, 0, &response,
                        sizeof(response));
    virtqueue_push(mem->queue, element, done);
    virtio_notify(VIRTIO_DEVICE(mem), mem->queue);
}

static void on_requests(VirtIODevice *vdev, VirtQueue *queue)
{
    VirtQueueElement *element;

    while ((element = virtqueue_pop(queue, sizeof(*element)))) {
        answer(GUEST_MEM(vdev), element);
        g_free(element);
    }
}

/* The host requests that so much be plugged. */
static void resize(void *opaque, uint64_t size)
{
    GuestMem *mem = opaque;

    mem->requested_size = MIN(size, mem->slot->size);
    virtio_notify_config(VIRTIO_DEVICE(mem));
}

static void get_config(VirtIODevice *vdev, uint8_t *data)
{
    GuestMem *mem = GUEST_MEM(vdev);
    struct virtio_mem_config config = {
        .block_size = cpu_to_le64(BLOCK),
        .addr = cpu_to_le64(mem->slot->start),
        .region_size = cpu_to_le64(mem->slot->size),
        .usable_region_size = cpu_to_le64(mem->slot->size),
        .plugged_size = cpu_to_le64(mem->plugged_size),
        .requested_size = cpu_to_le64(mem->requested_size),
    };

    memcpy(data, &config, sizeof(config));
}

static uint64_t get_features(VirtIODevice *vdev, uint64_t features,
                             Error **errp)
{
    return features | BIT_ULL(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE);
}

/* The handoff, which has the slot's size, is read after the devices are made. */
static void set_status(VirtIODevice *vdev, uint8_t status)
{
    GuestMem *mem = GUEST_MEM(vdev);

    if (!mem->plugged) {
        mem->plugged = bitmap_new(mem->slot->size / BLOCK + 1);
    }
}

static void realize(DeviceState *dev, Error **errp)
{
    GuestMem *mem = GUEST_MEM(dev);

    mem->slot = memory_slot(mem->number);
    if (!mem->slot || !emulated_guest_of_machine()) {
        error_setg(errp, "virtio-mem: no slot %u, or no confidential guest",
                   mem->number);
        return;
    }
    mem->slot->resize = resize;
    mem->slot->resizer = mem;
    virtio_init(VIRTIO_DEVICE(dev), VIRTIO_ID_MEM,
                sizeof(struct virtio_mem_config));
    mem->queue = virtio_add_queue(VIRTIO_DEVICE(dev), QUEUE_SIZE, on_requests);
}

static void unrealize(DeviceState *dev)
{
    GuestMem *mem = GUEST_MEM(dev);

    virtio_del_queue(VIRTIO_DEVICE(dev), 0);
    virtio_cleanup(VIRTIO_DEVICE(dev));
    g_free(mem->plugged);
}

static const Property properties[] = {
    DEFINE_PROP_UINT32("slot", GuestMem, number, 0),
};

static void guest_mem_class_init(ObjectClass *oc, void *data)
{
    VirtioDeviceClass *vdc = VIRTIO_DEVICE_CLASS(oc);

    device_class_set_props(DEVICE_CLASS(oc), properties);
    vdc->realize = realize;
    vdc->unrealize = unrealize;
    vdc->get_features = get_features;
    vdc->get_config = get_config;
    vdc->set_status = set_status;
}

static const TypeInfo guest_mem_type = {
    .name = TYPE_GUEST_MEM,
    .parent = TYPE_VIRTIO_DEVICE,
    .instance_size = sizeof(GuestMem),
    .class_init = guest_mem_class_init,
};

static void register_types(void)
{
    type_register_static(&guest_mem_type);
}

type_init(register_types);
