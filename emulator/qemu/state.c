/* SPDX-License-Identifier: GPL-2.0-only */
/* The row of bytes that is the emulation's state (see state.h). */
#include "qemu/osdep.h"
#include "state.h"

bool state_loads(const StateStream *stream)
{
    return stream->loads;
}

bool state_refused(const StateStream *stream)
{
    return stream->refused;
}

void state_refuse(StateStream *stream, const char *why, ...)
{
    va_list words;

    va_start(words, why);
    if (!stream->refused) {
        stream->refused = g_strdup_vprintf(why, words);
    }
    va_end(words);
}

void state_bytes(StateStream *stream, void *data, size_t size)
{
    if (!stream->loads) {
        g_byte_array_append(stream->bytes, data, size);
    } else if (stream->refused || size > stream->bytes->len - stream->at) {
        memset(data, 0, size);
        state_refuse(stream, "it is cut short");
    } else {
        memcpy(data, stream->bytes->data + stream->at, size);
        stream->at += size;
    }
}

void state_text(StateStream *stream, char **text)
{
    uint32_t size = !stream->loads && *text ? strlen(*text) + 1 : 0;

    STATE_FIELD(stream, size);
    if (stream->loads) {
        if (size > stream->bytes->len - stream->at) {
            state_refuse(stream, "it is cut short");
            size = 0;
        }
        *text = size ? g_malloc0(size + 1) : NULL;
    }
    if (size) {
        state_bytes(stream, *text, size);
    }
}

static int model_bytes(void *opaque, void *data, size_t size)
{
    StateStream *stream = opaque;

    state_bytes(stream, data, size);
    return stream->refused ? -1 : 0;
}

struct model_stream state_for_model(StateStream *stream)
{
    return (struct model_stream) { stream, model_bytes, stream->loads };
}
