/* Passes: for x86-64 with SSE2, which every one of them has.
 *
 * They follow the C version step by step; what is said there is not said again. RGB is taken apart
 * and joined by the C version, as SSE2 has no shuffle of bytes. No access asks for alignment. */
#include "image/resample_passes.h"

#if defined(__x86_64__)

#include <emmintrin.h>

/* A function of this kind is compiled anew for each number of taps that a caller has as a constant.
 */
#define ALWAYS_INLINE inline __attribute__((always_inline))

static bool runs_here(void) {
    return true;
}

static inline __m128i load_128(const void *from) {
    return _mm_loadu_si128((const __m128i *)from);
}

static inline void store_128(void *to, __m128i value) {
    _mm_storeu_si128((__m128i *)to, value);
}

static void split_gray(const uint8_t *row, int width_px, int16_t *planes, int plane_px) {
    int x = 0;
    for (; x + 16 <= width_px; x += 16) {
        __m128i bytes = load_128(row + x);
        __m128i zero = _mm_setzero_si128();
        store_128(planes + x, _mm_slli_epi16(_mm_unpacklo_epi8(bytes, zero), TT_PASS_SAMPLE_BITS));
        store_128(planes + x + 8,
                  _mm_slli_epi16(_mm_unpackhi_epi8(bytes, zero), TT_PASS_SAMPLE_BITS));
    }
    tt_resample_passes_c.split[0](row + x, width_px - x, planes + x, plane_px);
}

/* A product of up to 255² fits in 16 bits as long as nothing takes it for signed. */
static inline __m128i weigh(__m128i colour, __m128i alpha) {
    return _mm_srli_epi16(_mm_add_epi16(_mm_mullo_epi16(colour, alpha), _mm_set1_epi16(2)), 2);
}

static void split_gray_alpha(const uint8_t *row, int width_px, int16_t *planes, int plane_px) {
    int x = 0;
    for (; x + 8 <= width_px; x += 8) {
        __m128i pixels = load_128(row + 2 * (int64_t)x);
        __m128i alpha = _mm_srli_epi16(pixels, 8);
        store_128(planes + x, weigh(_mm_and_si128(pixels, _mm_set1_epi16(255)), alpha));
        store_128(planes + plane_px + x, _mm_slli_epi16(alpha, TT_PASS_SAMPLE_BITS));
    }
    tt_resample_passes_c.split[1](row + 2 * (int64_t)x, width_px - x, planes + x, plane_px);
}

static void split_rgb(const uint8_t *row, int width_px, int16_t *planes, int plane_px) {
    tt_resample_passes_c.split[2](row, width_px, planes, plane_px);
}

/* Returns the lowest bytes of 8 pixels' lanes, as 16-bit ones. */
static inline __m128i pack_lowest(__m128i left, __m128i right) {
    const __m128i lowest = _mm_set1_epi32(255);
    return _mm_packs_epi32(_mm_and_si128(left, lowest), _mm_and_si128(right, lowest));
}

static void split_rgb_alpha(const uint8_t *row, int width_px, int16_t *planes, int plane_px) {
    int16_t *green = planes + plane_px;
    int16_t *blue = green + plane_px;
    int16_t *alpha = blue + plane_px;
    int x = 0;
    for (; x + 8 <= width_px; x += 8) {
        __m128i left = load_128(row + 4 * (int64_t)x);
        __m128i right = load_128(row + 4 * (int64_t)x + 16);
        __m128i opacity = pack_lowest(_mm_srli_epi32(left, 24), _mm_srli_epi32(right, 24));
        store_128(planes + x, weigh(pack_lowest(left, right), opacity));
        store_128(green + x,
                  weigh(pack_lowest(_mm_srli_epi32(left, 8), _mm_srli_epi32(right, 8)), opacity));
        store_128(blue + x,
                  weigh(pack_lowest(_mm_srli_epi32(left, 16), _mm_srli_epi32(right, 16)), opacity));
        store_128(alpha + x, _mm_slli_epi16(opacity, TT_PASS_SAMPLE_BITS));
    }
    tt_resample_passes_c.split[3](row + 4 * (int64_t)x, width_px - x, planes + x, plane_px);
}

static ALWAYS_INLINE __m128i sum_taps(const int16_t *window, const int16_t *weights, int taps) {
    __m128i sum = _mm_setzero_si128();
    for (int tap = 0; tap < taps; tap += 8)
        sum = _mm_add_epi32(sum, _mm_madd_epi16(load_128(window + tap), load_128(weights + tap)));
    return sum;
}

/* Returns 4 output pixels from x on, unrounded. Here and below, loops over a few vectors are
 * written out: at -O2 gcc would keep them as loops, and the vectors in memory. */
static ALWAYS_INLINE __m128i sum_columns(const struct tt_kernel *columns, int x,
                                         const int16_t *samples, int taps) {
    const struct tt_kernel_span *spans = columns->spans + x;
    const int16_t *weights = columns->weights + (int64_t)x * taps;
    __m128i sum0 = sum_taps(samples + spans[0].first, weights, taps);
    __m128i sum1 = sum_taps(samples + spans[1].first, weights + taps, taps);
    __m128i sum2 = sum_taps(samples + spans[2].first, weights + 2 * (int64_t)taps, taps);
    __m128i sum3 = sum_taps(samples + spans[3].first, weights + 3 * (int64_t)taps, taps);
    __m128i left = _mm_add_epi32(_mm_unpacklo_epi32(sum0, sum1), _mm_unpackhi_epi32(sum0, sum1));
    __m128i right = _mm_add_epi32(_mm_unpacklo_epi32(sum2, sum3), _mm_unpackhi_epi32(sum2, sum3));
    return _mm_add_epi32(_mm_unpacklo_epi64(left, right), _mm_unpackhi_epi64(left, right));
}

static ALWAYS_INLINE void filter_taps(const struct tt_kernel *columns, int from,
                                      const int16_t *samples, int16_t *pairs, int half, int taps) {
    const __m128i even = _mm_set1_epi32(0xffff);
    int x = from;
    for (; x + 4 <= columns->size_px; x += 4) {
        __m128i sum = _mm_add_epi32(sum_columns(columns, x, samples, taps),
                                    _mm_set1_epi32(1 << (TT_KERNEL_BITS - 1)));
        if (half == 0)
            sum = _mm_and_si128(_mm_srli_epi32(sum, TT_KERNEL_BITS), even);
        else
            sum = _mm_or_si128(_mm_and_si128(load_128(pairs + 2 * (int64_t)x), even),
                               _mm_andnot_si128(even, _mm_slli_epi32(sum, 16 - TT_KERNEL_BITS)));
        store_128(pairs + 2 * (int64_t)x, sum);
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

static inline void add_pairs(__m128i *sums, const int16_t *pairs, __m128i weights) {
    *sums = _mm_add_epi32(*sums, _mm_madd_epi16(load_128(pairs), weights));
}

/* Computes 16 sums of the vertical pass, from sample x on. */
static inline void sum_block(const struct tt_pass_window *window, int x, __m128i sums[4]) {
    sums[0] = sums[1] = sums[2] = sums[3] = _mm_set1_epi32(TT_PASS_SUM_HALF);
    for (int row = 0; row < window->count; row++) {
        const int16_t *pairs = window->pairs[row] + 2 * (int64_t)x;
        __m128i weights = _mm_set1_epi32(tt_pass_weights(window, row));
        add_pairs(&sums[0], pairs, weights);
        add_pairs(&sums[1], pairs + 8, weights);
        add_pairs(&sums[2], pairs + 16, weights);
        add_pairs(&sums[3], pairs + 24, weights);
    }
}

static inline __m128i pack_bytes(const __m128i values[4]) {
    return _mm_packus_epi16(_mm_packs_epi32(values[0], values[1]),
                            _mm_packs_epi32(values[2], values[3]));
}

static void filter_rows(const struct tt_pass_window *window, int length, uint8_t *out) {
    for (int x = 0; x < length; x += 16) {
        __m128i sums[4];
        sum_block(window, x, sums);
        sums[0] = _mm_srai_epi32(sums[0], TT_PASS_SUM_BITS);
        sums[1] = _mm_srai_epi32(sums[1], TT_PASS_SUM_BITS);
        sums[2] = _mm_srai_epi32(sums[2], TT_PASS_SUM_BITS);
        sums[3] = _mm_srai_epi32(sums[3], TT_PASS_SUM_BITS);
        store_128(out + x, pack_bytes(sums));
    }
}

static void join_rgb(const uint8_t *planes, int plane_px, uint8_t *out) {
    tt_resample_passes_c.join_rgb(planes, plane_px, out);
}

static void sum_rows(const struct tt_pass_window *window, int length, int32_t *out) {
    for (int x = 0; x < length; x += 16) {
        __m128i sums[4];
        sum_block(window, x, sums);
        store_128(out + x, sums[0]);
        store_128(out + x + 4, sums[1]);
        store_128(out + x + 8, sums[2]);
        store_128(out + x + 12, sums[3]);
    }
}

/* Returns 256 / alpha where alpha is not rounded to 0. */
static inline __m128 alpha_factor(__m128i alpha_sum) {
    __m128i opaque =
        _mm_cmpgt_epi32(_mm_srai_epi32(alpha_sum, TT_PASS_SUM_BITS), _mm_setzero_si128());
    __m128 alpha = _mm_cvtepi32_ps(_mm_sub_epi32(alpha_sum, _mm_set1_epi32(TT_PASS_SUM_HALF)));
    return _mm_and_ps(_mm_castsi128_ps(opaque), _mm_div_ps(_mm_set1_ps(256), alpha));
}

static inline __m128i divide_colour(__m128i sum, __m128 factor) {
    __m128 colour = _mm_cvtepi32_ps(_mm_sub_epi32(sum, _mm_set1_epi32(TT_PASS_SUM_HALF)));
    colour = _mm_add_ps(_mm_mul_ps(colour, factor), _mm_set1_ps(0.5f));
    return _mm_cvttps_epi32(_mm_min_ps(_mm_max_ps(colour, _mm_setzero_ps()), _mm_set1_ps(255)));
}

static void join_gray_alpha(const int32_t *sums, int plane_px, uint8_t *out) {
    for (int x = 0; x < plane_px; x += 8, out += 16) {
        const int32_t *from = sums + x;
        __m128i alpha0 = load_128(from + plane_px);
        __m128i alpha1 = load_128(from + plane_px + 4);
        __m128i gray0 = divide_colour(load_128(from), alpha_factor(alpha0));
        __m128i gray1 = divide_colour(load_128(from + 4), alpha_factor(alpha1));
        __m128i gray = _mm_packs_epi32(gray0, gray1);
        __m128i alpha = _mm_packs_epi32(_mm_srai_epi32(alpha0, TT_PASS_SUM_BITS),
                                        _mm_srai_epi32(alpha1, TT_PASS_SUM_BITS));
        __m128i planar = _mm_packus_epi16(gray, alpha);
        store_128(out, _mm_unpacklo_epi8(planar, _mm_srli_si128(planar, 8)));
    }
}

static void join_rgb_alpha(const int32_t *sums, int plane_px, uint8_t *out) {
    for (int x = 0; x < plane_px; x += 4, out += 16) {
        const int32_t *from = sums + x;
        __m128i alpha_sum = load_128(from + 3 * (int64_t)plane_px);
        __m128 factor = alpha_factor(alpha_sum);
        __m128i red = divide_colour(load_128(from), factor);
        __m128i green = divide_colour(load_128(from + plane_px), factor);
        __m128i blue = divide_colour(load_128(from + 2 * (int64_t)plane_px), factor);
        __m128i alpha = _mm_srai_epi32(alpha_sum, TT_PASS_SUM_BITS);
        __m128i red_blue = _mm_packs_epi32(red, blue);
        __m128i green_alpha = _mm_packs_epi32(green, alpha);
        __m128i planar = _mm_packus_epi16(red_blue, green_alpha); /* rrrr bbbb gggg aaaa */
        __m128i pairs = _mm_unpacklo_epi8(planar, _mm_srli_si128(planar, 8)); /* rg ×4, ba ×4 */
        store_128(out, _mm_unpacklo_epi16(pairs, _mm_srli_si128(pairs, 8)));
    }
}

const struct tt_resample_passes tt_resample_passes_sse2 = {
    .name = "sse2",
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
