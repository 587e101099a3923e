/* Orient: a picture turned and mirrored upright, as its Exif orientation asks for.
 *
 * Here: the eight orientations. It is the last step before encoding, where the picture is small:
 * most orientations need the last row first. */
#include "image/operations.h"

#include <string.h>

/* A result's pixel (x, y) is found at (x, y), or at (y, x) when sides are swapped; then a flip
 * counts that coordinate from the far end. Exif 2.3, 4.6.4 A, tag 0x0112: where row 0 and column 0
 * of the file belong in the upright picture. */
static const struct turn {
    bool swaps_sides, flips_x, flips_y;
} turns[] = {
    [1] = {false, false, false}, /* row 0 top, column 0 left */
    [2] = {false, true, false},  /* top, right */
    [3] = {false, true, true},   /* bottom, right */
    [4] = {false, false, true},  /* bottom, left */
    [5] = {true, false, false},  /* left, top */
    [6] = {true, false, true},   /* right, top */
    [7] = {true, true, true},    /* right, bottom */
    [8] = {true, true, false},   /* left, bottom */
};

struct orient {
    struct tt_row_source base;
    struct tt_row_source *in;
    struct turn turn;
    int next_out;
    uint8_t *whole; /* all rows of `in`; NULL when a row at a time is enough */
    uint8_t *out;
};

bool tt_orientation_swaps_sides(int orientation) {
    return turns[orientation].swaps_sides;
}

static bool needs_whole(struct turn turn) {
    return turn.swaps_sides || turn.flips_y;
}

int64_t tt_orient_bytes(int width_px, int height_px, int channels, int orientation) {
    struct turn turn = turns[orientation];
    int64_t row_px = turn.swaps_sides ? height_px : width_px;
    int64_t bytes;

    if (orientation == 1)
        return 0;
    bytes = tt_operation_bytes(1, sizeof(struct orient)) + tt_operation_bytes(row_px * channels, 1);
    if (needs_whole(turn))
        bytes += tt_operation_bytes((int64_t)width_px * height_px * channels, 1);
    return bytes;
}

static enum tt_err pull_whole(struct orient *self) {
    size_t row_bytes = (size_t)self->in->width_px * (size_t)self->in->channels;

    for (int y = 0; y < self->in->height_px; y++) {
        const uint8_t *row;
        enum tt_err err = self->in->next(self->in, &row);

        if (err != TT_OK)
            return err;
        memcpy(self->whole + (size_t)y * row_bytes, row, row_bytes);
    }
    return TT_OK;
}

/* Copies count pixels to out, read from pixel on at every stride bytes. */
static void copy_pixels(uint8_t *restrict out, const uint8_t *restrict pixel, int64_t stride,
                        int count, int channels) {
    for (int i = 0; i < count; i++) {
        for (int channel = 0; channel < channels; channel++)
            *out++ = pixel[i * stride + channel];
    }
}

static enum tt_err next_oriented(struct tt_row_source *source, const uint8_t **row) {
    struct orient *self = (struct orient *)source;
    struct turn turn = self->turn;
    int channels = source->channels;
    int64_t row_bytes = (int64_t)self->in->width_px * channels;
    int64_t last_x = self->in->width_px - 1;
    int64_t last_y = self->in->height_px - 1;
    const uint8_t *rows = self->whole;
    enum tt_err err = TT_OK;
    int64_t x = 0, y = 0, stride;

    if (rows == NULL)
        err = self->in->next(self->in, &rows);
    else if (self->next_out == 0)
        err = pull_whole(self);
    if (err != TT_OK)
        return err;

    /* Where the row begins in `in`, and which way it goes there. */
    if (turn.swaps_sides) {
        x = turn.flips_x ? last_x - self->next_out : self->next_out;
        y = turn.flips_y ? last_y : 0;
        stride = turn.flips_y ? -row_bytes : row_bytes;
    } else {
        x = turn.flips_x ? last_x : 0;
        if (self->whole != NULL)
            y = turn.flips_y ? last_y - self->next_out : self->next_out;
        stride = turn.flips_x ? -channels : channels;
    }
    copy_pixels(self->out, rows + y * row_bytes + x * channels, stride, source->width_px, channels);
    self->next_out++;
    *row = self->out;
    return TT_OK;
}

enum tt_err tt_orient_open(struct tt_row_source **out, struct tt_row_source *in, int orientation,
                           struct tt_arena *arena) {
    struct turn turn = turns[orientation];
    struct orient *self;

    *out = in;
    if (orientation == 1)
        return TT_OK;
    self = tt_arena_alloc(arena, sizeof *self);
    if (self == NULL)
        return TT_ERR_NO_MEMORY;
    self->base = (struct tt_row_source){
        .width_px = turn.swaps_sides ? in->height_px : in->width_px,
        .height_px = turn.swaps_sides ? in->width_px : in->height_px,
        .channels = in->channels,
        .next = next_oriented,
    };
    self->in = in;
    self->turn = turn;
    self->out = tt_arena_alloc_array(arena, (size_t)self->base.width_px, (size_t)in->channels);
    if (self->out == NULL)
        return TT_ERR_NO_MEMORY;
    if (needs_whole(turn)) {
        self->whole = tt_arena_alloc_array(arena, (size_t)in->width_px * (size_t)in->height_px,
                                           (size_t)in->channels);
        if (self->whole == NULL)
            return TT_ERR_NO_MEMORY;
    }
    *out = &self->base;
    return TT_OK;
}
