/* Resample: a box of a picture at another size, by two passes of weighted sums.
 *
 * Here: the passes and the ring of rows between them. Weights come from kernel.c; reductions too
 * strong for them go through shrink.c first.
 *
 * Each row pulled is turned into planes of 16-bit samples with 6 fraction bits, colour multiplied
 * by alpha; the horizontal pass writes them, resampled, into a ring that holds as many rows as the
 * vertical pass sums. The inner loops are plain ones that the compiler turns into vector code: the
 * number of taps is a multiple of a vector's lanes, and rows are padded to one.
 *
 * No sum overflows. A sample is at most 255 × 2^6 = 16320, and the absolute weights of one output
 * pixel sum to at most 2 × 2^14 while they sum to 2^14, so that what is positive among them is at
 * most 1.5 × 2^14. A horizontal sum is thus within ±1.5 × 2^14 × 16320 < 2^29, and its result
 * within ±24481, which is 16 bits; a vertical sum is within ±2 × 2^14 × 24481 + 2^19 < 2^30. */
#include "image/operations.h"

#include <math.h>
#include <string.h>

#include "image/kernel.h"

#define SAMPLE_BITS 6  /* fraction bits of a sample */
#define COLUMN_TAPS 8  /* 16-bit products a 128-bit vector takes at once */
#define ROW_TAPS    4  /* rows added up in one go */
#define ROW_PADDING 16 /* samples; every loop over a padded row is whole vectors */
#define RATIO_MAX   16 /* a stronger reduction is shrunk by whole factors first, */
#define RATIO_AFTER 8  /* to a ratio of not less than this */
#define PLANES_MAX  4

/* Half of an 8-bit step, in the scale of a vertical sum. */
#define SUM_HALF (1 << (TT_KERNEL_BITS + SAMPLE_BITS - 1))

struct resample {
    struct tt_row_source base;
    struct tt_row_source *in;
    struct tt_kernel columns; /* the horizontal pass; spans count from first_column */
    struct tt_kernel rows;    /* the vertical pass */
    int planes;
    bool has_alpha;             /* the last plane is alpha, the others are multiplied by it */
    int first_column;           /* of `in`; the columns left of it are not needed */
    int column_count;           /* of `in` that are */
    int plane_px;               /* length of one plane of the input row, padding included */
    int ring_px;                /* length of one plane of a ring row, padding included */
    int next_row;               /* of `in` to be pulled */
    int next_out;               /* row to be handed out */
    int16_t *plane[PLANES_MAX]; /* the input row */
    int16_t *ring; /* rows.taps × planes × ring_px; row r of `in` is in slot r % taps */
    int32_t *sums; /* planes × ring_px */
    uint8_t *out;  /* ring_px × planes */
};

/* What a size and a box come to: shared by the opener and by the count of its memory. */
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

static int pad_row(int length_px) {
    return (length_px + ROW_PADDING - 1) / ROW_PADDING * ROW_PADDING;
}

int64_t tt_resample_bytes(int in_width_px, int in_height_px, int channels,
                          const struct tt_row_box *box, int width_px, int height_px) {
    struct geometry plan = plan_geometry(in_width_px, in_height_px, box, width_px, height_px);
    const struct tt_row_box *part = &plan.box;
    int column_taps =
        tt_kernel_taps_max(plan.width_px, part->left, part->right, width_px, COLUMN_TAPS);
    int row_taps = tt_kernel_taps_max(plan.height_px, part->top, part->bottom, height_px, ROW_TAPS);
    int64_t ring_px = pad_row(width_px);
    int64_t bytes = tt_operation_bytes(1, sizeof(struct resample));

    if (plan.factor_x > 1 || plan.factor_y > 1)
        bytes += tt_shrink_bytes(in_width_px, channels, plan.factor_x);
    bytes += tt_kernel_bytes(plan.width_px, part->left, part->right, width_px, COLUMN_TAPS);
    bytes += tt_kernel_bytes(plan.height_px, part->top, part->bottom, height_px, ROW_TAPS);
    bytes += channels * tt_operation_bytes(pad_row(plan.width_px + column_taps), sizeof(int16_t));
    bytes += tt_operation_bytes(row_taps * channels * ring_px, sizeof(int16_t));
    bytes += tt_operation_bytes(channels * ring_px, sizeof(int32_t));
    bytes += tt_operation_bytes(channels * ring_px, 1);
    return bytes;
}

static inline int16_t to_sample(int value) {
    return (int16_t)(value << SAMPLE_BITS);
}

/* Colour × alpha is 16 bits; a quarter of it has the scale that to_sample gives alpha, but for a
 * factor of 256 / 255, which join_alpha takes into account. */
static inline int16_t to_weighted_sample(int colour, int alpha) {
    return (int16_t)((colour * alpha + 2) >> 2);
}

static void split_gray(const uint8_t *restrict row, int count, int16_t *restrict gray) {
    for (int x = 0; x < count; x++)
        gray[x] = to_sample(row[x]);
}

static void split_gray_alpha(const uint8_t *restrict row, int count, int16_t *restrict gray,
                             int16_t *restrict alpha) {
    for (int x = 0; x < count; x++, row += 2) {
        gray[x] = to_weighted_sample(row[0], row[1]);
        alpha[x] = to_sample(row[1]);
    }
}

static void split_rgb(const uint8_t *restrict row, int count, int16_t *restrict red,
                      int16_t *restrict green, int16_t *restrict blue) {
    for (int x = 0; x < count; x++, row += 3) {
        red[x] = to_sample(row[0]);
        green[x] = to_sample(row[1]);
        blue[x] = to_sample(row[2]);
    }
}

static void split_rgb_alpha(const uint8_t *restrict row, int count, int16_t *restrict red,
                            int16_t *restrict green, int16_t *restrict blue,
                            int16_t *restrict alpha) {
    for (int x = 0; x < count; x++, row += 4) {
        red[x] = to_weighted_sample(row[0], row[3]);
        green[x] = to_weighted_sample(row[1], row[3]);
        blue[x] = to_weighted_sample(row[2], row[3]);
        alpha[x] = to_sample(row[3]);
    }
}

/* One row into planes. */
static void split_row(const struct resample *self, const uint8_t *row) {
    int16_t *const *plane = self->plane;
    int count = self->column_count;

    switch (self->planes) {
    case 1: split_gray(row, count, plane[0]); break;
    case 2: split_gray_alpha(row, count, plane[0], plane[1]); break;
    case 3: split_rgb(row, count, plane[0], plane[1], plane[2]); break;
    default: split_rgb_alpha(row, count, plane[0], plane[1], plane[2], plane[3]); break;
    }
}

/* Right shifts of negative sums round down, as they do in every compiler for this system. */
static inline void sum_columns(const struct tt_kernel *kernel, int taps,
                               const int16_t *restrict samples, int16_t *restrict out) {
    const int16_t *restrict weights = kernel->weights;

    for (int x = 0; x < kernel->size_px; x++) {
        const int16_t *window = samples + kernel->spans[x].first;
        int32_t sum = 1 << (TT_KERNEL_BITS - 1);

        for (int tap = 0; tap < taps; tap++)
            sum += window[tap] * weights[tap];
        out[x] = (int16_t)(sum >> TT_KERNEL_BITS);
        weights += taps;
    }
}

/* The horizontal pass of one plane. A number of taps the compiler knows saves a quarter of the
 * whole resampling's instructions at 16 taps, the usual case after a reduced decode. */
static void filter_columns(const struct tt_kernel *kernel, const int16_t *samples, int16_t *out) {
    if (kernel->is_copy) {
        memcpy(out, samples + kernel->spans[0].first, (size_t)kernel->size_px * sizeof *out);
        return;
    }
    switch (kernel->taps) {
    case 8: sum_columns(kernel, 8, samples, out); break;
    case 16: sum_columns(kernel, 16, samples, out); break;
    case 24: sum_columns(kernel, 24, samples, out); break;
    default: sum_columns(kernel, kernel->taps / COLUMN_TAPS * COLUMN_TAPS, samples, out); break;
    }
}

/* Pulls the next row of `in`; unless it lies above the window, into the ring with it. */
static enum tt_err pull_row(struct resample *self, int window_first) {
    const uint8_t *row;
    enum tt_err err = self->in->next(self->in, &row);
    int64_t slot = self->next_row % self->rows.taps;
    int16_t *ring_row = self->ring + slot * self->planes * self->ring_px;

    if (err != TT_OK)
        return err;
    self->next_row++;
    if (self->next_row <= window_first)
        return TT_OK;
    row += (int64_t)self->first_column * self->planes;
    split_row(self, row);
    for (int plane = 0; plane < self->planes; plane++)
        filter_columns(&self->columns, self->plane[plane],
                       ring_row + (int64_t)plane * self->ring_px);
    return TT_OK;
}

static void add_rows(int32_t *restrict sums, int length, const int16_t *const rows[ROW_TAPS],
                     const int16_t *weights) {
    const int16_t *restrict row0 = rows[0];
    const int16_t *restrict row1 = rows[1];
    const int16_t *restrict row2 = rows[2];
    const int16_t *restrict row3 = rows[3];
    const int16_t weight0 = weights[0];
    const int16_t weight1 = weights[1];
    const int16_t weight2 = weights[2];
    const int16_t weight3 = weights[3];

    length = length / ROW_PADDING * ROW_PADDING;
    for (int x = 0; x < length; x++)
        sums[x] += row0[x] * weight0 + row1[x] * weight1 + row2[x] * weight2 + row3[x] * weight3;
}

/* The vertical pass of all planes, into sums. Slots beyond a window's count hold older rows or
 * zeros; their weights are 0. */
static void filter_rows(struct resample *self) {
    const struct tt_kernel *kernel = &self->rows;
    int first = kernel->spans[self->next_out].first;
    const int16_t *weights = kernel->weights + (int64_t)self->next_out * kernel->taps;
    int length = self->planes * self->ring_px;

    for (int x = 0; x < length; x++)
        self->sums[x] = SUM_HALF;
    for (int tap = 0; tap < kernel->taps; tap += ROW_TAPS) {
        const int16_t *rows[ROW_TAPS];

        for (int i = 0; i < ROW_TAPS; i++)
            rows[i] = self->ring + (int64_t)((first + tap + i) % kernel->taps) * length;
        add_rows(self->sums, length, rows, weights + tap);
    }
}

static inline uint8_t clamp_sum(int32_t sum) {
    int32_t value = sum >> (TT_KERNEL_BITS + SAMPLE_BITS);

    value = value < 0 ? 0 : value;
    return (uint8_t)(value > 255 ? 255 : value);
}

static void join_plain(const int32_t *restrict sums, int planes, int ring_px,
                       uint8_t *restrict out) {
    int length = ring_px / ROW_PADDING * ROW_PADDING;

    if (planes == 1) {
        for (int x = 0; x < length; x++)
            out[x] = clamp_sum(sums[x]);
        return;
    }
    for (int plane = 0; plane < planes; plane++)
        for (int x = 0; x < length; x++)
            out[x * planes + plane] = clamp_sum(sums[(int64_t)plane * ring_px + x]);
}

/* A colour sum has the scale c × a / 4, an alpha sum a × 64: c = 256 × colour / alpha. The half
 * that both begin with, to round clamp_sum, must not be in a quotient. */
static void join_alpha(const struct resample *self) {
    int step = self->planes;
    const int32_t *alpha_sums = self->sums + (int64_t)(step - 1) * self->ring_px;

    for (int x = 0; x < self->base.width_px; x++) {
        uint8_t *pixel = self->out + (int64_t)x * step;
        uint8_t alpha = clamp_sum(alpha_sums[x]);
        float factor = alpha > 0 ? 256.0f / (float)(alpha_sums[x] - SUM_HALF) : 0;

        for (int plane = 0; plane < step - 1; plane++) {
            int32_t sum = self->sums[(int64_t)plane * self->ring_px + x] - SUM_HALF;
            float colour = (float)sum * factor + 0.5f;

            pixel[plane] = (uint8_t)(colour < 0 ? 0 : colour > 255 ? 255 : colour);
        }
        pixel[step - 1] = alpha;
    }
}

static enum tt_err next_resampled(struct tt_row_source *source, const uint8_t **row) {
    struct resample *self = (struct resample *)source;
    struct tt_kernel_span window = self->rows.spans[self->next_out];

    while (self->next_row < window.first + window.count) {
        enum tt_err err = pull_row(self, window.first);

        if (err != TT_OK)
            return err;
    }
    filter_rows(self);
    if (self->has_alpha)
        join_alpha(self);
    else
        join_plain(self->sums, self->planes, self->ring_px, self->out);
    self->next_out++;
    *row = self->out;
    return TT_OK;
}

/* Nothing changes but the edges: rows are handed through. */
static enum tt_err next_cropped(struct tt_row_source *source, const uint8_t **row) {
    struct resample *self = (struct resample *)source;
    int wanted = self->rows.spans[self->next_out].first;

    for (; self->next_row <= wanted; self->next_row++) {
        enum tt_err err = self->in->next(self->in, row);

        if (err != TT_OK)
            return err;
    }
    self->next_out++;
    *row += (int64_t)self->first_column * self->planes;
    return TT_OK;
}

/* Keeps the columns no window reaches out of the row that is split. */
static void drop_unused_columns(struct resample *self) {
    struct tt_kernel_span *spans = self->columns.spans;
    struct tt_kernel_span last = spans[self->columns.size_px - 1];

    self->first_column = spans[0].first;
    self->column_count = last.first + last.count - self->first_column;
    for (int x = 0; x < self->columns.size_px; x++)
        spans[x].first -= self->first_column;
}

static enum tt_err alloc_rows(struct resample *self, struct tt_arena *arena) {
    size_t planes = (size_t)self->planes;
    size_t ring_px = (size_t)self->ring_px;

    for (size_t plane = 0; plane < planes; plane++) {
        self->plane[plane] = tt_arena_alloc_array(arena, (size_t)self->plane_px, sizeof(int16_t));
        if (self->plane[plane] == NULL)
            return TT_ERR_NO_MEMORY;
    }
    self->ring =
        tt_arena_alloc_array(arena, (size_t)self->rows.taps * planes * ring_px, sizeof *self->ring);
    self->sums = tt_arena_alloc_array(arena, planes * ring_px, sizeof *self->sums);
    self->out = tt_arena_alloc(arena, planes * ring_px);
    if (self->ring == NULL || self->sums == NULL || self->out == NULL)
        return TT_ERR_NO_MEMORY;
    return TT_OK;
}

static bool is_whole(const struct tt_row_box *box, const struct tt_row_source *in) {
    return box->left == 0 && box->top == 0 && box->right == in->width_px &&
           box->bottom == in->height_px;
}

enum tt_err tt_resample_open(struct tt_row_source **out, struct tt_row_source *in,
                             const struct tt_row_box *box, int width_px, int height_px,
                             struct tt_arena *arena) {
    struct geometry plan = plan_geometry(in->width_px, in->height_px, box, width_px, height_px);
    struct resample *self;
    enum tt_err err = TT_OK;

    *out = in;
    if (is_whole(box, in) && width_px == in->width_px && height_px == in->height_px)
        return TT_OK;
    self = tt_arena_alloc(arena, sizeof *self);
    if (self == NULL)
        return TT_ERR_NO_MEMORY;
    if (plan.factor_x > 1 || plan.factor_y > 1)
        err = tt_shrink_open(&in, in, plan.factor_x, plan.factor_y, arena);
    if (err != TT_OK)
        return err;
    self->base = (struct tt_row_source){.width_px = width_px,
                                        .height_px = height_px,
                                        .channels = in->channels,
                                        .next = next_resampled};
    self->in = in;
    self->planes = in->channels;
    self->has_alpha = tt_row_has_alpha(in);
    err = tt_kernel_open(&self->columns, in->width_px, plan.box.left, plan.box.right, width_px,
                         COLUMN_TAPS, arena);
    if (err != TT_OK)
        return err;
    err = tt_kernel_open(&self->rows, in->height_px, plan.box.top, plan.box.bottom, height_px,
                         ROW_TAPS, arena);
    if (err != TT_OK)
        return err;

    *out = &self->base;
    drop_unused_columns(self);
    if (self->columns.is_copy && self->rows.is_copy) {
        self->base.next = next_cropped;
        return TT_OK;
    }
    self->plane_px = pad_row(self->column_count + self->columns.taps);
    self->ring_px = pad_row(width_px);
    return alloc_rows(self, arena);
}
