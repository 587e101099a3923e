/* Detail: second differences of a plane, summed up while it passes, and how many of them it may
 * have. What follows from it is render.c's. */
#include "image/detail.h"

#include <string.h>

#include "image/operations.h"

#define ROWS_PER_MEASURE 4 /* three of them are looked at */

struct detail {
    struct tt_row_source base;
    struct tt_row_source *in;
    int next_row;
    uint8_t *first, *second; /* the two rows above the one at hand */
    uint64_t sum;
    double sum_max;
};

double tt_detail_bound(int scale_eighths, double ratio) {
    double growth = ratio / 1.8;

    switch (scale_eighths) {
    case 1: return 76 * growth * growth;
    case 2: return 55 * growth * growth * growth;
    default: return 110 * growth * growth * growth * growth;
    }
}

int64_t tt_detail_bytes(int width_px, int channels) {
    return tt_operation_bytes(1, sizeof(struct detail)) +
           2 * tt_operation_bytes((int64_t)width_px * channels, 1);
}

/* Each square is at most 510², so a row of TT_OPERATION_SIDE_MAX_PX × 4 samples takes 64 bits; 256
 * of them fit 32, which is what makes the inner loop vector code. */
static uint64_t sum_squares(const uint8_t *restrict left, const uint8_t *restrict middle,
                            const uint8_t *restrict right, size_t length) {
    uint64_t sum = 0;

    for (size_t start = 0; start < length; start += 256) {
        size_t end = length - start < 256 ? length : start + 256;
        uint32_t part = 0;

        for (size_t i = start; i < end; i++) {
            int difference = left[i] - 2 * middle[i] + right[i];

            part += (uint32_t)(difference * difference);
        }
        sum += part;
    }
    return sum;
}

static void measure(struct detail *self, const uint8_t *row) {
    size_t channels = (size_t)self->base.channels;
    size_t length = (size_t)self->base.width_px * channels;

    self->sum += sum_squares(self->first, self->second, row, length);
    if (self->base.width_px > 2)
        self->sum += sum_squares(row, row + channels, row + 2 * channels, length - 2 * channels);
}

static enum tt_err next_measured(struct tt_row_source *source, const uint8_t **row) {
    struct detail *self = (struct detail *)source;
    size_t length = (size_t)source->width_px * (size_t)source->channels;
    enum tt_err err = self->in->next(self->in, row);

    if (err != TT_OK)
        return err;
    switch (self->next_row++ % ROWS_PER_MEASURE) {
    case 0: memcpy(self->first, *row, length); break;
    case 1: memcpy(self->second, *row, length); break;
    case 2: measure(self, *row); break;
    default: break;
    }
    return tt_detail_is_exceeded(source) ? TT_ERR_INTERNAL : TT_OK;
}

enum tt_err tt_detail_open(struct tt_row_source **out, struct tt_row_source *in, double most,
                           struct tt_arena *arena) {
    struct detail *self = tt_arena_alloc(arena, sizeof *self);
    size_t length = (size_t)in->width_px * (size_t)in->channels;

    if (self == NULL)
        return TT_ERR_NO_MEMORY;
    self->base = (struct tt_row_source){.width_px = in->width_px,
                                        .height_px = in->height_px,
                                        .channels = in->channels,
                                        .next = next_measured};
    self->in = in;
    self->first = tt_arena_alloc(arena, length);
    self->second = tt_arena_alloc(arena, length);
    if (self->first == NULL || self->second == NULL)
        return TT_ERR_NO_MEMORY;
    /* Two differences of each sample, down and across. */
    self->sum_max = 2 * most * (double)length * in->height_px / ROWS_PER_MEASURE;
    *out = &self->base;
    return TT_OK;
}

bool tt_detail_is_exceeded(const struct tt_row_source *source) {
    const struct detail *self = (const struct detail *)source;

    return (double)self->sum > self->sum_max;
}
