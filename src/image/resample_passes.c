/* Passes: plain C, for every machine, and as the measure of the others.
 *
 * The loops over blocks are plain enough for the compiler to turn into vector code. Shifts of
 * negative sums round down, as they do in every compiler for this system. */
#include "image/resample_passes.h"

static bool runs_everywhere(void) {
    return true;
}

static inline int16_t to_sample(int value) {
    return (int16_t)(value << TT_PASS_SAMPLE_BITS);
}

static inline int16_t to_weighted_sample(int colour, int alpha) {
    return (int16_t)((colour * alpha + 2) >> 2);
}

static void split_gray(const uint8_t *restrict row, int width_px, int16_t *restrict planes,
                       int plane_px) {
    (void)plane_px;
    for (int x = 0; x < width_px; x++)
        planes[x] = to_sample(row[x]);
}

static void split_gray_alpha(const uint8_t *restrict row, int width_px, int16_t *restrict planes,
                             int plane_px) {
    int16_t *alpha = planes + plane_px;
    for (int x = 0; x < width_px; x++, row += 2) {
        planes[x] = to_weighted_sample(row[0], row[1]);
        alpha[x] = to_sample(row[1]);
    }
}

static void split_rgb(const uint8_t *restrict row, int width_px, int16_t *restrict planes,
                      int plane_px) {
    int16_t *green = planes + plane_px;
    int16_t *blue = green + plane_px;
    for (int x = 0; x < width_px; x++, row += 3) {
        planes[x] = to_sample(row[0]);
        green[x] = to_sample(row[1]);
        blue[x] = to_sample(row[2]);
    }
}

static void split_rgb_alpha(const uint8_t *restrict row, int width_px, int16_t *restrict planes,
                            int plane_px) {
    int16_t *green = planes + plane_px;
    int16_t *blue = green + plane_px;
    int16_t *alpha = blue + plane_px;
    for (int x = 0; x < width_px; x++, row += 4) {
        planes[x] = to_weighted_sample(row[0], row[3]);
        green[x] = to_weighted_sample(row[1], row[3]);
        blue[x] = to_weighted_sample(row[2], row[3]);
        alpha[x] = to_sample(row[3]);
    }
}

static inline void filter_taps(const struct tt_kernel *columns, int from,
                               const int16_t *restrict samples, int16_t *restrict pairs, int half,
                               int taps) {
    const int16_t *restrict weights = columns->weights + (int64_t)from * taps;

    for (int x = from; x < columns->size_px; x++, weights += taps) {
        const int16_t *window = samples + columns->spans[x].first;
        int32_t sum = 1 << (TT_KERNEL_BITS - 1);
        for (int tap = 0; tap < taps; tap++)
            sum += window[tap] * weights[tap];
        pairs[2 * x + half] = (int16_t)(sum >> TT_KERNEL_BITS);
        if (half == 0)
            pairs[2 * x + 1] = 0;
    }
}

/* A number of taps that the compiler knows spares a loop. 16 are the usual case, that of a
 * reduction to between a half and a third. */
static void filter_columns(const struct tt_kernel *columns, int from, const int16_t *samples,
                           int16_t *pairs, int half) {
    int taps = columns->taps / TT_PASS_TAPS * TT_PASS_TAPS;
    switch (taps) {
    case 8: filter_taps(columns, from, samples, pairs, half, 8); break;
    case 16: filter_taps(columns, from, samples, pairs, half, 16); break;
    case 24: filter_taps(columns, from, samples, pairs, half, 24); break;
    default: filter_taps(columns, from, samples, pairs, half, taps); break;
    }
}

/* Runs the vertical pass of one block, from sample x on. */
static inline void sum_block(const struct tt_pass_window *window, int x, int32_t *restrict sums) {
    for (int i = 0; i < TT_PASS_BLOCK_PX; i++)
        sums[i] = TT_PASS_SUM_HALF;
    for (int row = 0; row < window->count; row++) {
        const int16_t *restrict pairs = window->pairs[row] + 2 * (int64_t)x;
        int16_t even = window->weights[2 * row];
        int16_t odd = window->weights[2 * row + 1];

        for (int i = 0; i < TT_PASS_BLOCK_PX; i++)
            sums[i] += pairs[2 * i] * even + pairs[2 * i + 1] * odd;
    }
}

static inline uint8_t clamp_sum(int32_t sum) {
    int32_t value = sum >> TT_PASS_SUM_BITS;
    value = value < 0 ? 0 : value;
    return (uint8_t)(value > 255 ? 255 : value);
}

static void filter_rows(const struct tt_pass_window *window, int length, uint8_t *restrict out) {
    for (int x = 0; x < length; x += TT_PASS_BLOCK_PX) {
        int32_t sums[TT_PASS_BLOCK_PX];
        sum_block(window, x, sums);
        for (int i = 0; i < TT_PASS_BLOCK_PX; i++)
            out[x + i] = clamp_sum(sums[i]);
    }
}

static void sum_rows(const struct tt_pass_window *window, int length, int32_t *sums) {
    for (int x = 0; x < length; x += TT_PASS_BLOCK_PX)
        sum_block(window, x, sums + x);
}

static void join_rgb(const uint8_t *restrict planes, int plane_px, uint8_t *restrict out) {
    for (int x = 0; x < plane_px; x++) {
        *out++ = planes[x];
        *out++ = planes[plane_px + x];
        *out++ = planes[2 * plane_px + x];
    }
}

/* A colour sum has the scale c × a / 4, an alpha sum a × 64: c = 256 × colour / alpha. The half
 * that both begin with must not be in a quotient. Floats are exact enough, and the same on every
 * machine as long as no product is fused with a sum: hence a statement for each. */
static inline void join_alpha(const int32_t *restrict sums, int plane_px, int colours,
                              uint8_t *restrict out) {
    const int32_t *alpha_sums = sums + (int64_t)colours * plane_px;
    for (int x = 0; x < plane_px; x++) {
        uint8_t alpha = clamp_sum(alpha_sums[x]);
        float factor = alpha > 0 ? 256.0f / (float)(alpha_sums[x] - TT_PASS_SUM_HALF) : 0;
        for (int plane = 0; plane < colours; plane++) {
            int32_t sum = sums[(int64_t)plane * plane_px + x] - TT_PASS_SUM_HALF;
            float colour = (float)sum * factor;
            colour += 0.5f;
            *out++ = (uint8_t)(colour < 0 ? 0 : colour > 255 ? 255 : colour);
        }
        *out++ = alpha;
    }
}

static void join_gray_alpha(const int32_t *sums, int plane_px, uint8_t *out) {
    join_alpha(sums, plane_px, 1, out);
}

static void join_rgb_alpha(const int32_t *sums, int plane_px, uint8_t *out) {
    join_alpha(sums, plane_px, 3, out);
}

const struct tt_resample_passes tt_resample_passes_c = {
    .name = "c",
    .runs_here = runs_everywhere,
    .split = {split_gray, split_gray_alpha, split_rgb, split_rgb_alpha},
    .filter_columns = filter_columns,
    .filter_rows = filter_rows,
    .sum_rows = sum_rows,
    .join_rgb = join_rgb,
    .join_gray_alpha = join_gray_alpha,
    .join_rgb_alpha = join_rgb_alpha,
};
