/* Shrink: means of blocks of whole pixels, the cheap first step of a strong reduction.
 *
 * Here: sums of rows into columns, then of columns into blocks. What is left of the reduction is
 * resample.c's. */
#include "image/operations.h"

#include <string.h>

struct tt_shrinker {
    int in_width_px, channels;
    int out_width_px;
    int factor_x, factor_y;
    int rows_left;  /* of the source, to be pushed */
    int rows_added; /* so many rows are in sums */
    uint32_t *sums; /* of each column, channels interleaved; colour is multiplied by alpha */
    uint8_t *out;
};

static int64_t block_count(int length_px, int factor) {
    return (length_px + (int64_t)factor - 1) / factor;
}

static bool has_alpha(const struct tt_shrinker *self) {
    return self->channels % 2 == 0;
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

/* Ties go to the even value: rounded up, they would make blocks of 2 × 2 brighter by an eighth. */
static uint8_t divide_rounded(uint64_t sum, uint64_t count) {
    uint64_t twice = 2 * sum + count;
    uint64_t quotient = twice / (2 * count);
    if (quotient * 2 * count == twice)
        quotient -= quotient % 2;
    return (uint8_t)quotient;
}

static inline void sum_channels(const uint32_t *sums, int width_px, int channels,
                                uint64_t total[4]) {
    for (int x = 0; x < width_px; x++)
        for (int channel = 0; channel < channels; channel++)
            total[channel] += *sums++;
}

/* Sums up one block, whose column sums begin at sums. A number of channels that the compiler knows
 * is three times as fast. */
static void sum_block(const uint32_t *sums, int width_px, int channels, uint64_t total[4]) {
    switch (channels) {
    case 1: sum_channels(sums, width_px, 1, total); break;
    case 2: sum_channels(sums, width_px, 2, total); break;
    case 3: sum_channels(sums, width_px, 3, total); break;
    default: sum_channels(sums, width_px, 4, total); break;
    }
}

/* Computes the means of one block of width_px × height_px pixels. */
static void average_block(const struct tt_shrinker *self, const uint32_t *sums, int width_px,
                          int height_px, uint8_t *pixel) {
    int channels = self->channels;
    uint64_t count = (uint64_t)width_px * (uint64_t)height_px;
    uint64_t total[4] = {0};
    sum_block(sums, width_px, channels, total);
    if (!has_alpha(self)) {
        for (int channel = 0; channel < channels; channel++)
            pixel[channel] = divide_rounded(total[channel], count);
        return;
    }
    uint64_t weight = total[channels - 1];
    for (int channel = 0; channel < channels - 1; channel++)
        pixel[channel] = weight > 0 ? divide_rounded(total[channel], weight) : 0;
    pixel[channels - 1] = divide_rounded(weight, count);
}

static void average_row(struct tt_shrinker *self) {
    for (int x = 0; x < self->out_width_px; x++) {
        int left = x * self->factor_x;
        int columns_left = self->in_width_px - left;
        average_block(self, self->sums + (int64_t)left * self->channels,
                      columns_left < self->factor_x ? columns_left : self->factor_x,
                      self->rows_added, self->out + (int64_t)x * self->channels);
    }
}

bool tt_shrinker_push(struct tt_shrinker *self, const uint8_t *row, const uint8_t **out) {
    int64_t length = (int64_t)self->in_width_px * self->channels;
    if (self->rows_added == 0)
        memset(self->sums, 0, (size_t)length * sizeof *self->sums);
    if (has_alpha(self))
        add_alpha(self->sums, row, length, self->channels);
    else
        add_plain(self->sums, row, length);
    self->rows_added++;
    self->rows_left--;
    if (self->rows_added < self->factor_y && self->rows_left > 0)
        return false;
    average_row(self);
    self->rows_added = 0;
    *out = self->out;
    return true;
}

enum tt_err tt_shrinker_open(struct tt_shrinker **shrinker, int in_width_px, int in_height_px,
                             int channels, int factor_x, int factor_y, struct tt_arena *arena) {
    struct tt_shrinker *self = tt_arena_alloc(arena, sizeof *self);
    if (!self)
        return TT_ERR_NO_MEMORY;
    *self = (struct tt_shrinker){
        .in_width_px = in_width_px,
        .channels = channels,
        .out_width_px = (int)block_count(in_width_px, factor_x),
        .factor_x = factor_x,
        .factor_y = factor_y,
        .rows_left = in_height_px,
    };
    self->sums =
        tt_arena_alloc_array(arena, (size_t)in_width_px * (size_t)channels, sizeof *self->sums);
    self->out = tt_arena_alloc(arena, (size_t)self->out_width_px * (size_t)channels);
    if (!self->sums || !self->out)
        return TT_ERR_NO_MEMORY;
    *shrinker = self;
    return TT_OK;
}
