/* Orient: a picture turned and mirrored upright, as its Exif orientation asks for.
 *
 * Here: the eight orientations, of a canvas that rows are put on, and of a row source, which is a
 * canvas where it must be. It is the last step before encoding, where the picture is small: most
 * orientations need the last row first. */
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

struct tt_canvas {
    struct tt_row_source base; /* the upright rows */
    struct turn turn;
    int in_width_px, in_height_px;
    int next_put;
    int next_out;
    uint8_t *whole; /* all rows, as they were put */
    uint8_t *out;   /* NULL when those are rows of the result */
};

/* A row source upright: a row at a time when out is not NULL, and otherwise by way of canvas. */
struct orient {
    struct tt_row_source base;
    struct tt_row_source *in;
    struct tt_canvas *canvas;
    uint8_t *out;
};

bool tt_orientation_swaps_sides(int orientation) {
    return turns[orientation].swaps_sides;
}

/* Whether rows of the result are rows of the file, if maybe in another order. */
static bool keeps_rows(struct turn turn) {
    return !turn.swaps_sides && !turn.flips_x;
}

int64_t tt_canvas_bytes(int width_px, int height_px, int channels, int orientation) {
    struct turn turn = turns[orientation];
    int64_t row_px = turn.swaps_sides ? height_px : width_px;
    int64_t bytes = tt_operation_bytes(1, sizeof(struct tt_canvas)) +
                    tt_operation_bytes((int64_t)width_px * height_px * channels, 1);

    return keeps_rows(turn) ? bytes : bytes + tt_operation_bytes(row_px * channels, 1);
}

int64_t tt_orient_bytes(int width_px, int height_px, int channels, int orientation) {
    int64_t bytes = tt_operation_bytes(1, sizeof(struct orient));

    if (orientation == 1)
        return 0;
    if (orientation == 2)
        return bytes + tt_operation_bytes((int64_t)width_px * channels, 1);
    return bytes + tt_canvas_bytes(width_px, height_px, channels, orientation);
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

void tt_canvas_put(struct tt_canvas *canvas, const uint8_t *row) {
    size_t row_bytes = (size_t)canvas->in_width_px * (size_t)canvas->base.channels;

    memcpy(canvas->whole + (size_t)canvas->next_put++ * row_bytes, row, row_bytes);
}

static enum tt_err next_upright(struct tt_row_source *source, const uint8_t **row) {
    struct tt_canvas *self = (struct tt_canvas *)source;
    struct turn turn = self->turn;
    int channels = source->channels;
    int64_t row_bytes = (int64_t)self->in_width_px * channels;
    int64_t next = self->next_out++;
    int64_t last_y = self->in_height_px - 1;

    if (turn.swaps_sides) {
        int64_t x = turn.flips_x ? self->in_width_px - 1 - next : next;
        int64_t y = turn.flips_y ? last_y : 0;

        copy_pixels(self->out, self->whole + y * row_bytes + x * channels,
                    turn.flips_y ? -row_bytes : row_bytes, source->width_px, channels);
        *row = self->out;
        return TT_OK;
    }
    *row = self->whole + (turn.flips_y ? last_y - next : next) * row_bytes;
    if (turn.flips_x) {
        mirror_row(self->out, *row, source->width_px, channels);
        *row = self->out;
    }
    return TT_OK;
}

struct tt_row_source *tt_canvas_rows(struct tt_canvas *canvas) {
    return &canvas->base;
}

enum tt_err tt_canvas_open(struct tt_canvas **canvas, int width_px, int height_px, int channels,
                           int orientation, struct tt_arena *arena) {
    struct turn turn = turns[orientation];
    struct tt_canvas *self = tt_arena_alloc(arena, sizeof *self);

    if (self == NULL)
        return TT_ERR_NO_MEMORY;
    self->base = (struct tt_row_source){
        .width_px = turn.swaps_sides ? height_px : width_px,
        .height_px = turn.swaps_sides ? width_px : height_px,
        .channels = channels,
        .next = next_upright,
    };
    self->turn = turn;
    self->in_width_px = width_px;
    self->in_height_px = height_px;
    self->whole =
        tt_arena_alloc_array(arena, (size_t)width_px * (size_t)height_px, (size_t)channels);
    if (self->whole == NULL)
        return TT_ERR_NO_MEMORY;
    if (!keeps_rows(turn)) {
        self->out = tt_arena_alloc_array(arena, (size_t)self->base.width_px, (size_t)channels);
        if (self->out == NULL)
            return TT_ERR_NO_MEMORY;
    }
    *canvas = self;
    return TT_OK;
}

static enum tt_err next_mirrored(struct tt_row_source *source, const uint8_t **row) {
    struct orient *self = (struct orient *)source;
    const uint8_t *in_row;
    enum tt_err err = self->in->next(self->in, &in_row);

    if (err != TT_OK)
        return err;
    mirror_row(self->out, in_row, source->width_px, source->channels);
    *row = self->out;
    return TT_OK;
}

static enum tt_err next_of_canvas(struct tt_row_source *source, const uint8_t **row) {
    struct orient *self = (struct orient *)source;

    while (self->canvas->next_put < self->in->height_px) {
        const uint8_t *in_row;
        enum tt_err err = self->in->next(self->in, &in_row);

        if (err != TT_OK)
            return err;
        tt_canvas_put(self->canvas, in_row);
    }
    return next_upright(&self->canvas->base, row);
}

enum tt_err tt_orient_open(struct tt_row_source **out, struct tt_row_source *in, int orientation,
                           struct tt_arena *arena) {
    struct orient *self;
    enum tt_err err;

    *out = in;
    if (orientation == 1)
        return TT_OK;
    self = tt_arena_alloc(arena, sizeof *self);
    if (self == NULL)
        return TT_ERR_NO_MEMORY;
    self->in = in;
    *out = &self->base;
    if (orientation == 2) {
        self->base = *in;
        self->base.next = next_mirrored;
        self->out = tt_arena_alloc_array(arena, (size_t)in->width_px, (size_t)in->channels);
        return self->out != NULL ? TT_OK : TT_ERR_NO_MEMORY;
    }
    err = tt_canvas_open(&self->canvas, in->width_px, in->height_px, in->channels, orientation,
                         arena);
    if (err != TT_OK)
        return err;
    self->base = self->canvas->base;
    self->base.next = next_of_canvas;
    return TT_OK;
}
