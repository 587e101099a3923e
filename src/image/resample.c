/* Resample: a box of a picture at another size, by two passes of weighted sums.
 *
 * Here: which rows go through which pass, and the ring of rows between the two. The passes
 * themselves are in resample_passes*.c, the weights in kernel.c; reductions too strong for them go
 * through shrink.c first.
 *
 * Each row put is split into planes of 16-bit samples; the horizontal pass writes them, resampled,
 * into a ring that holds as many rows as the vertical pass sums. A row of the result is made as
 * soon as its last one is there. */
#include "image/operations.h"

#include <math.h>

#include "image/kernel.h"
#include "image/resample_passes.h"

#define ROW_TAPS 1 /* taps of the vertical kernel need no multiple: pairs are made of them here */

/* A stronger reduction is shrunk by whole factors first, to a ratio of not less than RATIO_AFTER.
 * Up to RATIO_MAX the filter alone is no slower than a shrink and a filter. Block means are a poor
 * filter, which the real one hides the better, the more it has left to do. By the PSNR against the
 * filter in double precision, on noise with a photograph's spectrum, a photograph, a zone plate,
 * line art and text, a shrink to 8 loses up to 1.7 dB, and one to 16, at ratios from 65 to 95, up
 * to 0.1. */
#define RATIO_MAX   64
#define RATIO_AFTER 16

struct resampler {
    struct tt_row_sink base;
    struct tt_row_sink *to;
    const struct tt_resample_passes *passes;
    struct tt_shrinker *shrinker; /* NULL for none; "the source" below is what it gives */
    struct tt_kernel columns;     /* the horizontal pass; spans count from first_column */
    struct tt_kernel rows;        /* the vertical pass */
    int channels;
    bool is_crop;       /* nothing changes but the edges: rows are handed through */
    int first_column;   /* of the source; the columns left of it are not needed */
    int column_count;   /* of the source that are */
    int plane_px;       /* length of one plane of the source's row, padding included */
    int ring_px;        /* length of one plane of a ring row, padding included */
    int next_row;       /* of the source to be put */
    int next_out;       /* row of the result to be made */
    const uint8_t *row; /* of a crop: the last row put */
    int16_t *planes;    /* the source's row: channels × plane_px */
    int ring_rows;      /* rows of pairs */
    int16_t *ring;      /* ring_rows × channels × ring_px × 2; rows 2i and 2i + 1 of the source
                           are in row i % ring_rows */
    const int16_t **pairs; /* ring_rows: the window, as the vertical pass wants it */
    int16_t *weights;      /* ring_rows × 2: likewise */
    int32_t *sums;         /* channels × ring_px, where there is alpha; otherwise NULL */
    uint8_t *bytes;        /* the same of RGB; otherwise NULL */
    uint8_t *out;          /* ring_px × channels */
};

/* The geometry is what a size and a box come to. */
struct geometry {
    int factor_x, factor_y;  /* of the shrink before; 1 for none */
    int width_px, height_px; /* after it */
    struct tt_row_box box;   /* likewise */
};

static int shrink_factor(double ratio) {
    if (ratio <= RATIO_MAX)
        return 1;
    return (int)fmin(floor(ratio / RATIO_AFTER), TT_SHRINK_FACTOR_MAX);
}

static int ceil_divide(int value, int divisor) {
    return value / divisor + (value % divisor != 0);
}

static struct geometry plan_geometry(int in_width_px, int in_height_px,
                                     const struct tt_row_box *box, int width_px, int height_px) {
    struct geometry plan = {
        .factor_x = shrink_factor((box->right - box->left) / width_px),
        .factor_y = shrink_factor((box->bottom - box->top) / height_px),
    };
    plan.width_px = ceil_divide(in_width_px, plan.factor_x);
    plan.height_px = ceil_divide(in_height_px, plan.factor_y);
    plan.box = (struct tt_row_box){
        .left = box->left / plan.factor_x,
        .top = box->top / plan.factor_y,
        .right = box->right / plan.factor_x,
        .bottom = box->bottom / plan.factor_y,
    };
    return plan;
}

static bool needs_shrink(const struct geometry *plan) {
    return plan->factor_x > 1 || plan->factor_y > 1;
}

static int pad_row(int length_px) {
    return (length_px + TT_PASS_BLOCK_PX - 1) / TT_PASS_BLOCK_PX * TT_PASS_BLOCK_PX;
}

/* Returns in how many pairs a window of taps rows lies that begins with the second of a pair. */
static int count_pairs(int taps) {
    return taps / 2 + 1;
}

static bool has_alpha(int channels) {
    return channels % 2 == 0;
}

static int16_t *ring_row(const struct resampler *self, int pair) {
    return self->ring + (int64_t)(pair % self->ring_rows) * self->channels * self->ring_px * 2;
}

/* Runs the horizontal pass of one plane. */
static void filter_columns(const struct resampler *self, const int16_t *samples, int16_t *pairs,
                           int half) {
    const struct tt_kernel *columns = &self->columns;
    if (!columns->is_copy) {
        self->passes->filter_columns(columns, 0, samples, pairs, half);
        return;
    }
    samples += columns->spans[0].first;
    for (int x = 0; x < columns->size_px; x++)
        pairs[2 * x + half] = samples[x];
}

/* Splits row y and runs its horizontal pass. */
static void take_row(struct resampler *self, int y, const uint8_t *row) {
    row += (int64_t)self->first_column * self->channels;
    self->row = row;
    if (self->is_crop)
        return;
    self->passes->split[self->channels - 1](row, self->column_count, self->planes, self->plane_px);
    int16_t *pairs = ring_row(self, y / 2);
    for (int64_t plane = 0; plane < self->channels; plane++)
        filter_columns(self, self->planes + plane * self->plane_px,
                       pairs + plane * self->ring_px * 2, y % 2);
}

/* Returns the next window as pairs of rows: its weights are preceded by a 0 when it begins with the
 * second row of a pair, and followed by one when it ends with the first. What lies there in the
 * ring is an older row or zeros. */
static struct tt_pass_window find_window(const struct resampler *self) {
    struct tt_kernel_span span = self->rows.spans[self->next_out];
    const int16_t *weights = self->rows.weights + (int64_t)self->next_out * self->rows.taps;
    int lead = span.first % 2;
    int count = (lead + span.count + 1) / 2;
    self->weights[0] = 0;
    self->weights[2 * count - 1] = 0;
    for (int tap = 0; tap < span.count; tap++)
        self->weights[lead + tap] = weights[tap];
    for (int i = 0; i < count; i++)
        self->pairs[i] = ring_row(self, span.first / 2 + i);
    return (struct tt_pass_window){.pairs = self->pairs, .weights = self->weights, .count = count};
}

static void make_row(struct resampler *self) {
    const struct tt_resample_passes *passes = self->passes;
    struct tt_pass_window window = find_window(self);
    int length = self->channels * self->ring_px;
    switch (self->channels) {
    case 1: passes->filter_rows(&window, length, self->out); break;
    case 2:
        passes->sum_rows(&window, length, self->sums);
        passes->join_gray_alpha(self->sums, self->ring_px, self->out);
        break;
    case 3:
        passes->filter_rows(&window, length, self->bytes);
        passes->join_rgb(self->bytes, self->ring_px, self->out);
        break;
    default:
        passes->sum_rows(&window, length, self->sums);
        passes->join_rgb_alpha(self->sums, self->ring_px, self->out);
        break;
    }
}

/* Makes every row of the result whose window is complete. */
static enum tt_err put_results(struct resampler *self) {
    while (self->next_out < self->rows.size_px) {
        struct tt_kernel_span window = self->rows.spans[self->next_out];
        if (self->next_row < window.first + window.count)
            break;
        if (!self->is_crop)
            make_row(self);
        enum tt_err err = self->to->put(self->to, self->is_crop ? self->row : self->out);
        if (err != TT_OK)
            return err;
        self->next_out++;
    }
    return TT_OK;
}

static enum tt_err put_resampled(struct tt_row_sink *sink, const uint8_t *row) {
    struct resampler *self = (struct resampler *)sink;
    if (self->shrinker && !tt_shrinker_push(self->shrinker, row, &row))
        return TT_OK;
    int y = self->next_row++;
    if (y < self->rows.spans[self->next_out].first)
        return TT_OK;
    take_row(self, y, row);
    return put_results(self);
}

/* Columns that no window reaches are left out of the row that is split. */
static void drop_unused_columns(struct resampler *self) {
    struct tt_kernel_span *spans = self->columns.spans;
    struct tt_kernel_span last = spans[self->columns.size_px - 1];
    self->first_column = spans[0].first;
    self->column_count = last.first + last.count - self->first_column;
    for (int x = 0; x < self->columns.size_px; x++)
        spans[x].first -= self->first_column;
}

static enum tt_err alloc_rows(struct resampler *self, struct tt_arena *arena) {
    size_t channels = (size_t)self->channels;
    size_t ring_px = (size_t)self->ring_px;
    size_t ring_rows = (size_t)self->ring_rows;
    self->planes =
        tt_arena_alloc_array(arena, channels * (size_t)self->plane_px, sizeof *self->planes);
    self->ring =
        tt_arena_alloc_array(arena, ring_rows * channels * ring_px, 2 * sizeof *self->ring);
    self->pairs = tt_arena_alloc_array(arena, ring_rows, sizeof *self->pairs);
    self->weights = tt_arena_alloc_array(arena, ring_rows, 2 * sizeof *self->weights);
    self->out = tt_arena_alloc(arena, channels * ring_px);
    if (!self->planes || !self->ring || !self->pairs || !self->weights || !self->out)
        return TT_ERR_NO_MEMORY;
    if (has_alpha(self->channels))
        self->sums = tt_arena_alloc_array(arena, channels * ring_px, sizeof *self->sums);
    else if (self->channels == 3)
        self->bytes = tt_arena_alloc(arena, channels * ring_px);
    return self->channels > 1 && !self->sums && !self->bytes ? TT_ERR_NO_MEMORY : TT_OK;
}

static enum tt_err open_kernels(struct resampler *self, const struct geometry *plan,
                                struct tt_arena *arena) {
    enum tt_err err = tt_kernel_open(&self->columns, plan->width_px, plan->box.left,
                                     plan->box.right, self->to->width_px, TT_PASS_TAPS, arena);
    if (err == TT_OK)
        err = tt_kernel_open(&self->rows, plan->height_px, plan->box.top, plan->box.bottom,
                             self->to->height_px, ROW_TAPS, arena);
    return err;
}

/* Returns how many rows are taken: up to the end of the last window, in rows before any shrinking.
 */
static int count_taken_rows(const struct resampler *self, const struct geometry *plan,
                            int in_height_px) {
    struct tt_kernel_span last = self->rows.spans[self->rows.size_px - 1];
    int64_t taken = (int64_t)(last.first + last.count) * plan->factor_y;
    return taken < in_height_px ? (int)taken : in_height_px;
}

static enum tt_err open_resampler(struct resampler *self, int in_width_px, int in_height_px,
                                  const struct tt_row_box *box, struct tt_arena *arena) {
    struct geometry plan =
        plan_geometry(in_width_px, in_height_px, box, self->to->width_px, self->to->height_px);
    enum tt_err err = TT_OK;
    if (needs_shrink(&plan))
        err = tt_shrinker_open(&self->shrinker, in_width_px, in_height_px, self->channels,
                               plan.factor_x, plan.factor_y, arena);
    if (err == TT_OK)
        err = open_kernels(self, &plan, arena);
    if (err != TT_OK)
        return err;
    self->base = (struct tt_row_sink){
        .width_px = in_width_px,
        .height_px = count_taken_rows(self, &plan, in_height_px),
        .channels = self->channels,
        .put = put_resampled,
    };
    drop_unused_columns(self);
    self->is_crop = self->columns.is_copy && self->rows.is_copy;
    if (self->is_crop)
        return TT_OK;
    self->plane_px = pad_row(self->column_count + self->columns.taps);
    self->ring_px = pad_row(self->to->width_px);
    self->ring_rows = count_pairs(self->rows.taps);
    return alloc_rows(self, arena);
}

enum tt_err tt_resample_open(struct tt_row_sink **sink, struct tt_row_sink *to, int in_width_px,
                             int in_height_px, const struct tt_row_box *box,
                             struct tt_arena *arena) {
    bool is_whole =
        box->left == 0 && box->top == 0 && box->right == in_width_px && box->bottom == in_height_px;
    if (is_whole && to->width_px == in_width_px && to->height_px == in_height_px) {
        *sink = to;
        return TT_OK;
    }
    struct resampler *self = tt_arena_alloc(arena, sizeof *self);
    if (!self)
        return TT_ERR_NO_MEMORY;
    self->to = to;
    self->passes = tt_resample_passes_at(0);
    self->channels = to->channels;
    *sink = &self->base;
    return open_resampler(self, in_width_px, in_height_px, box, arena);
}
