/* Flatten: a picture with alpha onto white, for formats without alpha.
 *
 * Here: that one mixture. */
#include "image/operations.h"

struct flatten {
    struct tt_row_source base;
    struct tt_row_source *in;
    uint8_t *out;
};

int64_t tt_flatten_bytes(int width_px) {
    return tt_operation_bytes(1, sizeof(struct flatten)) +
           tt_operation_bytes((int64_t)width_px * 3, 1);
}

/* Source over white: Porter and Duff, "Compositing Digital Images", 1984. */
static enum tt_err next_flattened(struct tt_row_source *source, const uint8_t **row) {
    struct flatten *self = (struct flatten *)source;
    int colours = source->channels;
    uint8_t *out = self->out;
    const uint8_t *in;
    enum tt_err err = self->in->next(self->in, &in);

    if (err != TT_OK)
        return err;
    for (int x = 0; x < source->width_px; x++) {
        int alpha = in[colours];

        for (int colour = 0; colour < colours; colour++)
            *out++ = (uint8_t)((*in++ * alpha + 255 * (255 - alpha) + 127) / 255);
        in++;
    }
    *row = self->out;
    return TT_OK;
}

enum tt_err tt_flatten_open(struct tt_row_source **out, struct tt_row_source *in,
                            struct tt_arena *arena) {
    struct flatten *self;
    int colours = in->channels - 1;

    *out = in;
    if (!tt_row_has_alpha(in))
        return TT_OK;
    self = tt_arena_alloc(arena, sizeof *self);
    if (self == NULL)
        return TT_ERR_NO_MEMORY;
    self->base = (struct tt_row_source){.width_px = in->width_px,
                                        .height_px = in->height_px,
                                        .channels = colours,
                                        .next = next_flattened};
    self->in = in;
    self->out = tt_arena_alloc(arena, (size_t)in->width_px * (size_t)colours);
    if (self->out == NULL)
        return TT_ERR_NO_MEMORY;
    *out = &self->base;
    return TT_OK;
}
