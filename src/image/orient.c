/* Orient: a picture turned and mirrored upright, as its Exif orientation asks for.
 *
 * Here: the eight orientations. Rows that are only mirrored pass through one by one; for the other
 * orientations they wait on a canvas until the last one is there. That comes after the resampling,
 * where the picture is small. */
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
    struct tt_row_sink base;
    struct tt_row_sink *to;
    struct turn turn;
    int rows_put;
    uint8_t *canvas; /* all rows, as they were put; NULL where none has to wait */
    uint8_t *out;    /* one upright row; NULL where the canvas has them as they are */
};

bool tt_orientation_swaps_sides(int orientation) {
    return turns[orientation].swaps_sides;
}

/* Whether rows of the result are rows of the file, if maybe in another order. */
static bool keeps_rows(struct turn turn) {
    return !turn.swaps_sides && !turn.flips_x;
}

static inline void copy_pixels_of(uint8_t *restrict out, const uint8_t *restrict pixel,
                                  int64_t stride, int count, int channels) {
    for (int i = 0; i < count; i++, pixel += stride)
        for (int channel = 0; channel < channels; channel++)
            *out++ = pixel[channel];
}

/* Copies count pixels to out, read from pixel on at every stride bytes. A number of channels that
 * the compiler knows makes it up to five times as fast. */
static void copy_pixels(uint8_t *out, const uint8_t *pixel, int64_t stride, int count,
                        int channels) {
    switch (channels) {
    case 1: copy_pixels_of(out, pixel, stride, count, 1); break;
    case 2: copy_pixels_of(out, pixel, stride, count, 2); break;
    case 3: copy_pixels_of(out, pixel, stride, count, 3); break;
    default: copy_pixels_of(out, pixel, stride, count, 4); break;
    }
}

static void mirror_row(uint8_t *out, const uint8_t *row, int width_px, int channels) {
    copy_pixels(out, row + (int64_t)(width_px - 1) * channels, -channels, width_px, channels);
}

static enum tt_err put_mirrored(struct tt_row_sink *sink, const uint8_t *row) {
    struct orient *self = (struct orient *)sink;
    mirror_row(self->out, row, sink->width_px, sink->channels);
    return self->to->put(self->to, self->out);
}

/* Returns row y of the upright picture, made out of the whole canvas. */
static const uint8_t *upright_row(const struct orient *self, int64_t y) {
    struct turn turn = self->turn;
    int channels = self->base.channels;
    int64_t row_bytes = (int64_t)self->base.width_px * channels;
    int64_t last_y = self->base.height_px - 1;
    if (turn.swaps_sides) {
        int64_t from_x = turn.flips_x ? self->base.width_px - 1 - y : y;
        int64_t from_y = turn.flips_y ? last_y : 0;
        copy_pixels(self->out, self->canvas + from_y * row_bytes + from_x * channels,
                    turn.flips_y ? -row_bytes : row_bytes, self->to->width_px, channels);
        return self->out;
    }
    const uint8_t *row = self->canvas + (turn.flips_y ? last_y - y : y) * row_bytes;
    if (!turn.flips_x)
        return row;
    mirror_row(self->out, row, self->base.width_px, channels);
    return self->out;
}

static enum tt_err put_on_canvas(struct tt_row_sink *sink, const uint8_t *row) {
    struct orient *self = (struct orient *)sink;
    size_t row_bytes = (size_t)sink->width_px * (size_t)sink->channels;
    memcpy(self->canvas + (size_t)self->rows_put++ * row_bytes, row, row_bytes);
    if (self->rows_put < sink->height_px)
        return TT_OK;
    enum tt_err err = TT_OK;
    for (int y = 0; y < self->to->height_px && err == TT_OK; y++)
        err = self->to->put(self->to, upright_row(self, y));
    return err;
}

static enum tt_err take_memory(struct orient *self, bool needs_canvas, struct tt_arena *arena) {
    size_t channels = (size_t)self->base.channels;
    if (needs_canvas)
        self->canvas = tt_arena_alloc_array(
            arena, (size_t)self->base.width_px * (size_t)self->base.height_px, channels);
    if (!keeps_rows(self->turn))
        self->out = tt_arena_alloc_array(arena, (size_t)self->to->width_px, channels);
    bool has_all = (self->canvas || !needs_canvas) && (self->out || keeps_rows(self->turn));
    return has_all ? TT_OK : TT_ERR_NO_MEMORY;
}

enum tt_err tt_orient_open(struct tt_row_sink **sink, struct tt_row_sink *to, int orientation,
                           struct tt_arena *arena) {
    bool needs_canvas = orientation != 2;
    if (orientation == 1) {
        *sink = to;
        return TT_OK;
    }
    struct orient *self = tt_arena_alloc(arena, sizeof *self);
    if (!self)
        return TT_ERR_NO_MEMORY;
    self->turn = turns[orientation];
    self->to = to;
    self->base = (struct tt_row_sink){
        .width_px = self->turn.swaps_sides ? to->height_px : to->width_px,
        .height_px = self->turn.swaps_sides ? to->width_px : to->height_px,
        .channels = to->channels,
        .put = needs_canvas ? put_on_canvas : put_mirrored,
    };
    *sink = &self->base;
    return take_memory(self, needs_canvas, arena);
}
