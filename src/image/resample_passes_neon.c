/* Passes: for arm64, whose NEON every one of them has.
 *
 * They follow the C version step by step; what is said there is not said again. NEON's loads and
 * stores take interleaved channels and pairs apart, and join them, by themselves. */
#include "image/resample_passes.h"

#if defined(__aarch64__) && defined(__ARM_NEON)

#include <arm_neon.h>

/* A function of this kind is compiled anew for each number of taps that a caller has as a constant.
 */
#define ALWAYS_INLINE inline __attribute__((always_inline))

static bool runs_here(void) {
    return true;
}

static inline int16x8_t to_samples(uint8x8_t values) {
    return vreinterpretq_s16_u16(vshll_n_u8(values, TT_PASS_SAMPLE_BITS));
}

/* The rounding shift adds the 2. */
static inline int16x8_t weigh(uint8x8_t colour, uint8x8_t alpha) {
    return vreinterpretq_s16_u16(vrshrq_n_u16(vmull_u8(colour, alpha), 2));
}

static void split_gray(const uint8_t *row, int width_px, int16_t *planes, int plane_px) {
    int x = 0;
    for (; x + 8 <= width_px; x += 8)
        vst1q_s16(planes + x, to_samples(vld1_u8(row + x)));
    tt_resample_passes_c.split[0](row + x, width_px - x, planes + x, plane_px);
}

static void split_gray_alpha(const uint8_t *row, int width_px, int16_t *planes, int plane_px) {
    int x = 0;
    for (; x + 8 <= width_px; x += 8) {
        uint8x8x2_t pixels = vld2_u8(row + 2 * (int64_t)x);
        vst1q_s16(planes + x, weigh(pixels.val[0], pixels.val[1]));
        vst1q_s16(planes + plane_px + x, to_samples(pixels.val[1]));
    }
    tt_resample_passes_c.split[1](row + 2 * (int64_t)x, width_px - x, planes + x, plane_px);
}

static void split_rgb(const uint8_t *row, int width_px, int16_t *planes, int plane_px) {
    int16_t *green = planes + plane_px;
    int16_t *blue = green + plane_px;
    int x = 0;
    for (; x + 8 <= width_px; x += 8) {
        uint8x8x3_t pixels = vld3_u8(row + 3 * (int64_t)x);
        vst1q_s16(planes + x, to_samples(pixels.val[0]));
        vst1q_s16(green + x, to_samples(pixels.val[1]));
        vst1q_s16(blue + x, to_samples(pixels.val[2]));
    }
    tt_resample_passes_c.split[2](row + 3 * (int64_t)x, width_px - x, planes + x, plane_px);
}

static void split_rgb_alpha(const uint8_t *row, int width_px, int16_t *planes, int plane_px) {
    int16_t *green = planes + plane_px;
    int16_t *blue = green + plane_px;
    int16_t *alpha = blue + plane_px;
    int x = 0;
    for (; x + 8 <= width_px; x += 8) {
        uint8x8x4_t pixels = vld4_u8(row + 4 * (int64_t)x);
        vst1q_s16(planes + x, weigh(pixels.val[0], pixels.val[3]));
        vst1q_s16(green + x, weigh(pixels.val[1], pixels.val[3]));
        vst1q_s16(blue + x, weigh(pixels.val[2], pixels.val[3]));
        vst1q_s16(alpha + x, to_samples(pixels.val[3]));
    }
    tt_resample_passes_c.split[3](row + 4 * (int64_t)x, width_px - x, planes + x, plane_px);
}

static ALWAYS_INLINE int32x4_t sum_taps(const int16_t *window, const int16_t *weights, int taps) {
    int32x4_t sum = vdupq_n_s32(0);
    for (int tap = 0; tap < taps; tap += 8) {
        int16x8_t samples = vld1q_s16(window + tap);
        int16x8_t factors = vld1q_s16(weights + tap);
        sum = vmlal_s16(sum, vget_low_s16(samples), vget_low_s16(factors));
        sum = vmlal_high_s16(sum, samples, factors);
    }
    return sum;
}

/* Returns 4 output pixels from x on, unrounded. Here and below, loops over a few vectors are
 * written out: at -O2 gcc would keep them as loops, and the vectors in memory. */
static ALWAYS_INLINE int32x4_t sum_columns(const struct tt_kernel *columns, int x,
                                           const int16_t *samples, int taps) {
    const struct tt_kernel_span *spans = columns->spans + x;
    const int16_t *weights = columns->weights + (int64_t)x * taps;
    int32x4_t sum0 = sum_taps(samples + spans[0].first, weights, taps);
    int32x4_t sum1 = sum_taps(samples + spans[1].first, weights + taps, taps);
    int32x4_t sum2 = sum_taps(samples + spans[2].first, weights + 2 * (int64_t)taps, taps);
    int32x4_t sum3 = sum_taps(samples + spans[3].first, weights + 3 * (int64_t)taps, taps);
    return vpaddq_s32(vpaddq_s32(sum0, sum1), vpaddq_s32(sum2, sum3));
}

static ALWAYS_INLINE void filter_taps(const struct tt_kernel *columns, int from,
                                      const int16_t *samples, int16_t *pairs, int half, int taps) {
    const uint32x4_t even = vdupq_n_u32(0xffff);
    int x = from;
    for (; x + 4 <= columns->size_px; x += 4) {
        int16_t *to = pairs + 2 * (int64_t)x;
        uint32x4_t sum = vreinterpretq_u32_s32(
            vrshrq_n_s32(sum_columns(columns, x, samples, taps), TT_KERNEL_BITS));
        if (half == 0)
            sum = vandq_u32(sum, even);
        else
            sum = vsliq_n_u32(vreinterpretq_u32_s16(vld1q_s16(to)), sum, 16);
        vst1q_s16(to, vreinterpretq_s16_u32(sum));
    }
    tt_resample_passes_c.filter_columns(columns, x, samples, pairs, half);
}

static void filter_columns(const struct tt_kernel *columns, int from, const int16_t *samples,
                           int16_t *pairs, int half) {
    switch (columns->taps) {
    case 8: filter_taps(columns, from, samples, pairs, half, 8); break;
    case 16: filter_taps(columns, from, samples, pairs, half, 16); break;
    case 24: filter_taps(columns, from, samples, pairs, half, 24); break;
    default: filter_taps(columns, from, samples, pairs, half, columns->taps); break;
    }
}

/* Computes 16 sums of the vertical pass, from sample x on. */
static inline void sum_block(const struct tt_pass_window *window, int x, int32x4_t sums[4]) {
    sums[0] = sums[1] = sums[2] = sums[3] = vdupq_n_s32(TT_PASS_SUM_HALF);
    for (int row = 0; row < window->count; row++) {
        const int16_t *pairs = window->pairs[row] + 2 * (int64_t)x;
        int16_t even = window->weights[2 * row];
        int16_t odd = window->weights[2 * row + 1];
        int16x8x2_t left = vld2q_s16(pairs);
        int16x8x2_t right = vld2q_s16(pairs + 16);
        sums[0] = vmlal_n_s16(sums[0], vget_low_s16(left.val[0]), even);
        sums[1] = vmlal_high_n_s16(sums[1], left.val[0], even);
        sums[2] = vmlal_n_s16(sums[2], vget_low_s16(right.val[0]), even);
        sums[3] = vmlal_high_n_s16(sums[3], right.val[0], even);
        sums[0] = vmlal_n_s16(sums[0], vget_low_s16(left.val[1]), odd);
        sums[1] = vmlal_high_n_s16(sums[1], left.val[1], odd);
        sums[2] = vmlal_n_s16(sums[2], vget_low_s16(right.val[1]), odd);
        sums[3] = vmlal_high_n_s16(sums[3], right.val[1], odd);
    }
}

/* Turns 8 values into bytes, clamped. */
static inline uint8x8_t pack_bytes(int32x4_t left, int32x4_t right) {
    return vqmovun_s16(vqmovn_high_s32(vqmovn_s32(left), right));
}

/* Turns 8 sums into bytes, clamped. */
static inline uint8x8_t clamp_sums(int32x4_t left, int32x4_t right) {
    return pack_bytes(vshrq_n_s32(left, TT_PASS_SUM_BITS), vshrq_n_s32(right, TT_PASS_SUM_BITS));
}

static void filter_rows(const struct tt_pass_window *window, int length, uint8_t *out) {
    for (int x = 0; x < length; x += 16) {
        int32x4_t sums[4];
        sum_block(window, x, sums);
        vst1_u8(out + x, clamp_sums(sums[0], sums[1]));
        vst1_u8(out + x + 8, clamp_sums(sums[2], sums[3]));
    }
}

static void sum_rows(const struct tt_pass_window *window, int length, int32_t *out) {
    for (int x = 0; x < length; x += 16) {
        int32x4_t sums[4];
        sum_block(window, x, sums);
        vst1q_s32(out + x, sums[0]);
        vst1q_s32(out + x + 4, sums[1]);
        vst1q_s32(out + x + 8, sums[2]);
        vst1q_s32(out + x + 12, sums[3]);
    }
}

static void join_rgb(const uint8_t *planes, int plane_px, uint8_t *out) {
    for (int x = 0; x < plane_px; x += 16, out += 48) {
        const uint8_t *from = planes + x;
        vst3q_u8(out, ((uint8x16x3_t){{vld1q_u8(from), vld1q_u8(from + plane_px),
                                       vld1q_u8(from + 2 * (int64_t)plane_px)}}));
    }
}

/* Returns 256 / alpha where alpha is not rounded to 0. */
static inline float32x4_t alpha_factor(int32x4_t alpha_sum) {
    uint32x4_t opaque = vcgtzq_s32(vshrq_n_s32(alpha_sum, TT_PASS_SUM_BITS));
    float32x4_t alpha = vcvtq_f32_s32(vsubq_s32(alpha_sum, vdupq_n_s32(TT_PASS_SUM_HALF)));
    float32x4_t factor = vdivq_f32(vdupq_n_f32(256), alpha);
    return vreinterpretq_f32_u32(vandq_u32(opaque, vreinterpretq_u32_f32(factor)));
}

static inline int32x4_t divide_colour(int32x4_t sum, float32x4_t factor) {
    float32x4_t colour = vcvtq_f32_s32(vsubq_s32(sum, vdupq_n_s32(TT_PASS_SUM_HALF)));
    colour = vmulq_f32(colour, factor);
    colour = vaddq_f32(colour, vdupq_n_f32(0.5f));
    colour = vminq_f32(vmaxq_f32(colour, vdupq_n_f32(0)), vdupq_n_f32(255));
    return vcvtq_s32_f32(colour);
}

/* Multiplies 8 pixels' sums of one colour by the factors of their alphas. */
static inline uint8x8_t divide_colours(const int32_t *sums, float32x4_t left, float32x4_t right) {
    return pack_bytes(divide_colour(vld1q_s32(sums), left),
                      divide_colour(vld1q_s32(sums + 4), right));
}

static void join_gray_alpha(const int32_t *sums, int plane_px, uint8_t *out) {
    for (int x = 0; x < plane_px; x += 8, out += 16) {
        const int32_t *from = sums + x;
        int32x4_t alpha0 = vld1q_s32(from + plane_px);
        int32x4_t alpha1 = vld1q_s32(from + plane_px + 4);
        vst2_u8(out,
                ((uint8x8x2_t){{divide_colours(from, alpha_factor(alpha0), alpha_factor(alpha1)),
                                clamp_sums(alpha0, alpha1)}}));
    }
}

static void join_rgb_alpha(const int32_t *sums, int plane_px, uint8_t *out) {
    for (int x = 0; x < plane_px; x += 8, out += 32) {
        const int32_t *from = sums + x;
        int32x4_t alpha0 = vld1q_s32(from + 3 * (int64_t)plane_px);
        int32x4_t alpha1 = vld1q_s32(from + 3 * (int64_t)plane_px + 4);
        float32x4_t left = alpha_factor(alpha0);
        float32x4_t right = alpha_factor(alpha1);
        vst4_u8(out, ((uint8x8x4_t){{divide_colours(from, left, right),
                                     divide_colours(from + plane_px, left, right),
                                     divide_colours(from + 2 * (int64_t)plane_px, left, right),
                                     clamp_sums(alpha0, alpha1)}}));
    }
}

const struct tt_resample_passes tt_resample_passes_neon = {
    .name = "neon",
    .runs_here = runs_here,
    .split = {split_gray, split_gray_alpha, split_rgb, split_rgb_alpha},
    .filter_columns = filter_columns,
    .filter_rows = filter_rows,
    .sum_rows = sum_rows,
    .join_rgb = join_rgb,
    .join_gray_alpha = join_gray_alpha,
    .join_rgb_alpha = join_rgb_alpha,
};
#endif
