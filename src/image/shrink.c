/* Shrink: means of blocks of whole pixels, the cheap first step of a strong reduction.
 *
 * Here: sums of rows into columns, then of columns into blocks. What is left of the reduction is
 * resample.c's. */
#include "image/operations.h"

#include <string.h>

struct shrink {
    struct tt_row_source base;
    struct tt_row_source *in;
    int factor_x, factor_y;
    int next_row;   /* of `in` to be pulled */
    uint32_t *sums; /* of each column, channels interleaved; colour is multiplied by alpha */
    uint8_t *out;
};

static int64_t block_count(int length_px, int factor) {
    return (length_px + (int64_t)factor - 1) / factor;
}

int64_t tt_shrink_bytes(int in_width_px, int channels, int factor_x) {
    return tt_operation_bytes(1, sizeof(struct shrink)) +
           tt_operation_bytes((int64_t)in_width_px * channels, sizeof(uint32_t)) +
           tt_operation_bytes(block_count(in_width_px, factor_x) * channels, 1);
}

static void add_plain(uint32_t *restrict sums, const uint8_t *restrict row, int64_t length) {
    for (int64_t i = 0; i < length; i++)
        sums[i] += row[i];
}

static void add_alpha(uint32_t *restrict sums, const uint8_t *restrict row, int64_t length,
                      int channels) {
    for (int64_t i = 0; i < length; i += channels) {
        uint32_t alpha = row[i + channels - 1];

        for (int channel = 0; channel < channels - 1; channel++)
            sums[i + channel] += row[i + channel] * alpha;
        sums[i + channels - 1] += alpha;
    }
}

static uint8_t divide_rounded(uint64_t sum, uint64_t count) {
    return (uint8_t)((sum + count / 2) / count);
}

/* The means of one block of width_px × height_px pixels, whose column sums begin at sums. */
static void average_block(const struct shrink *self, const uint32_t *sums, int width_px,
                          int height_px, uint8_t *pixel) {
    int channels = self->base.channels;
    uint64_t count = (uint64_t)width_px * (uint64_t)height_px;
    uint64_t total[4] = {0};

    for (int x = 0; x < width_px; x++)
        for (int channel = 0; channel < channels; channel++)
            total[channel] += *sums++;
    if (tt_row_has_alpha(&self->base)) {
        uint64_t weight = total[channels - 1];

        for (int channel = 0; channel < channels - 1; channel++)
            pixel[channel] = weight > 0 ? divide_rounded(total[channel], weight) : 0;
        pixel[channels - 1] = divide_rounded(weight, count);
    } else {
        for (int channel = 0; channel < channels; channel++)
            pixel[channel] = divide_rounded(total[channel], count);
    }
}

static enum tt_err next_shrunk(struct tt_row_source *source, const uint8_t **row) {
    struct shrink *self = (struct shrink *)source;
    int channels = source->channels;
    int64_t length = (int64_t)self->in->width_px * channels;
    int rows_left = self->in->height_px - self->next_row;
    int height_px = rows_left < self->factor_y ? rows_left : self->factor_y;

    memset(self->sums, 0, (size_t)length * sizeof *self->sums);
    for (int y = 0; y < height_px; y++) {
        const uint8_t *in_row;
        enum tt_err err = self->in->next(self->in, &in_row);

        if (err != TT_OK)
            return err;
        if (tt_row_has_alpha(source))
            add_alpha(self->sums, in_row, length, channels);
        else
            add_plain(self->sums, in_row, length);
    }
    self->next_row += height_px;
    for (int x = 0; x < source->width_px; x++) {
        int left = x * self->factor_x;
        int columns_left = self->in->width_px - left;

        average_block(self, self->sums + (int64_t)left * channels,
                      columns_left < self->factor_x ? columns_left : self->factor_x, height_px,
                      self->out + (int64_t)x * channels);
    }
    *row = self->out;
    return TT_OK;
}

enum tt_err tt_shrink_open(struct tt_row_source **out, struct tt_row_source *in, int factor_x,
                           int factor_y, struct tt_arena *arena) {
    struct shrink *self = tt_arena_alloc(arena, sizeof *self);
    int width_px = (int)block_count(in->width_px, factor_x);
    int height_px = (int)block_count(in->height_px, factor_y);

    if (self == NULL)
        return TT_ERR_NO_MEMORY;
    self->base = (struct tt_row_source){.width_px = width_px,
                                        .height_px = height_px,
                                        .channels = in->channels,
                                        .next = next_shrunk};
    self->in = in;
    self->factor_x = factor_x;
    self->factor_y = factor_y;
    self->sums = tt_arena_alloc_array(arena, (size_t)in->width_px * (size_t)in->channels,
                                      sizeof *self->sums);
    self->out = tt_arena_alloc(arena, (size_t)width_px * (size_t)in->channels);
    if (self->sums == NULL || self->out == NULL)
        return TT_ERR_NO_MEMORY;
    *out = &self->base;
    return TT_OK;
}
