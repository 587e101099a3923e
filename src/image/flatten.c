/* Flatten: a picture with alpha onto white, for formats without alpha.
 *
 * Here: that one mixture. */
#include "image/operations.h"

struct flatten {
    struct tt_row_sink base;
    struct tt_row_sink *to;
    uint8_t *out;
};

/* This is "source over" on white: Porter and Duff, "Compositing Digital Images", 1984. */
static enum tt_err put_flattened(struct tt_row_sink *sink, const uint8_t *row) {
    struct flatten *self = (struct flatten *)sink;
    int colours = self->to->channels;
    uint8_t *out = self->out;
    for (int x = 0; x < sink->width_px; x++) {
        int alpha = row[colours];
        for (int colour = 0; colour < colours; colour++)
            *out++ = (uint8_t)((*row++ * alpha + 255 * (255 - alpha) + 127) / 255);
        row++;
    }
    return self->to->put(self->to, self->out);
}

enum tt_err tt_flatten_open(struct tt_row_sink **sink, struct tt_row_sink *to,
                            struct tt_arena *arena) {
    struct flatten *self = tt_arena_alloc(arena, sizeof *self);
    if (!self)
        return TT_ERR_NO_MEMORY;
    self->base = *to;
    self->base.channels = to->channels + 1;
    self->base.put = put_flattened;
    self->to = to;
    self->out = tt_arena_alloc_array(arena, (size_t)to->width_px, (size_t)to->channels);
    if (!self->out)
        return TT_ERR_NO_MEMORY;
    *sink = &self->base;
    return TT_OK;
}
