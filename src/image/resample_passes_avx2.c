/* Passes: for x86-64 processors with AVX2.
 *
 * They follow the C version step by step; what is said there is not said again. No access asks for
 * alignment. Most instructions work on two halves of 128 bits apart; what crosses them is permuted.
 */
#include "image/resample_passes.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* The rest of the program is for every x86-64; only these functions are not. */
#define AVX2 __attribute__((target("avx2")))

/* A function of this kind is compiled anew for each number of taps that a caller has as a constant.
 */
#define ALWAYS_INLINE inline __attribute__((always_inline))

static bool runs_here(void) {
    return __builtin_cpu_supports("avx2") != 0;
}

AVX2 static inline __m128i load_128(const void *from) {
    return _mm_loadu_si128((const __m128i *)from);
}

AVX2 static inline void store_128(void *to, __m128i value) {
    _mm_storeu_si128((__m128i *)to, value);
}

AVX2 static inline __m256i load_256(const void *from) {
    return _mm256_loadu_si256((const __m256i *)from);
}

AVX2 static inline void store_256(void *to, __m256i value) {
    _mm256_storeu_si256((__m256i *)to, value);
}

/* The order 0 2 1 3 of quarters of 64 bits undoes a pack of two vectors, which is done half by
 * half. */
AVX2 static inline __m256i swap_middle(__m256i value) {
    return _mm256_permute4x64_epi64(value, 0xd8);
}

AVX2 static void split_gray(const uint8_t *row, int width_px, int16_t *planes, int plane_px) {
    int x = 0;
    for (; x + 16 <= width_px; x += 16)
        store_256(planes + x,
                  _mm256_slli_epi16(_mm256_cvtepu8_epi16(load_128(row + x)), TT_PASS_SAMPLE_BITS));
    tt_resample_passes_c.split[0](row + x, width_px - x, planes + x, plane_px);
}

AVX2 static inline __m256i weigh(__m256i colour, __m256i alpha) {
    __m256i product = _mm256_mullo_epi16(colour, alpha);
    return _mm256_srli_epi16(_mm256_add_epi16(product, _mm256_set1_epi16(2)), 2);
}

AVX2 static void split_gray_alpha(const uint8_t *row, int width_px, int16_t *planes, int plane_px) {
    int x = 0;
    for (; x + 16 <= width_px; x += 16) {
        __m256i pixels = load_256(row + 2 * (int64_t)x);
        __m256i alpha = _mm256_srli_epi16(pixels, 8);
        __m256i gray = _mm256_and_si256(pixels, _mm256_set1_epi16(255));
        store_256(planes + x, weigh(gray, alpha));
        store_256(planes + plane_px + x, _mm256_slli_epi16(alpha, TT_PASS_SAMPLE_BITS));
    }
    tt_resample_passes_c.split[1](row + 2 * (int64_t)x, width_px - x, planes + x, plane_px);
}

/* This takes 8 pixels at a time, 4 to a half; each byte goes to the upper one of a lane, which is 2
 * bits more than it shall be. 28 bytes are read, which the pixels after the 8 must have. */
AVX2 static void split_rgb(const uint8_t *row, int width_px, int16_t *planes, int plane_px) {
    const __m256i red_green = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(-1, 0, -1, 3, -1, 6, -1, 9, -1, 1, -1, 4, -1, 7, -1, 10));
    const __m256i blue_only = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(-1, 2, -1, 5, -1, 8, -1, 11, -1, -1, -1, -1, -1, -1, -1, -1));
    const int shift = 8 - TT_PASS_SAMPLE_BITS;
    int x = 0;
    for (; x + 10 <= width_px; x += 8) {
        const uint8_t *from = row + 3 * (int64_t)x;
        __m256i pixels =
            _mm256_inserti128_si256(_mm256_castsi128_si256(load_128(from)), load_128(from + 12), 1);
        __m256i both =
            swap_middle(_mm256_srli_epi16(_mm256_shuffle_epi8(pixels, red_green), shift));
        __m256i blue =
            swap_middle(_mm256_srli_epi16(_mm256_shuffle_epi8(pixels, blue_only), shift));
        store_128(planes + x, _mm256_castsi256_si128(both));
        store_128(planes + plane_px + x, _mm256_extracti128_si256(both, 1));
        store_128(planes + 2 * (int64_t)plane_px + x, _mm256_castsi256_si128(blue));
    }
    tt_resample_passes_c.split[2](row + 3 * (int64_t)x, width_px - x, planes + x, plane_px);
}

/* Returns the lowest bytes of 16 pixels' lanes, as 16-bit ones. */
AVX2 static inline __m256i pack_lowest(__m256i left, __m256i right) {
    const __m256i lowest = _mm256_set1_epi32(255);
    return swap_middle(
        _mm256_packs_epi32(_mm256_and_si256(left, lowest), _mm256_and_si256(right, lowest)));
}

AVX2 static void split_rgb_alpha(const uint8_t *row, int width_px, int16_t *planes, int plane_px) {
    int16_t *green = planes + plane_px;
    int16_t *blue = green + plane_px;
    int16_t *alpha = blue + plane_px;
    int x = 0;
    for (; x + 16 <= width_px; x += 16) {
        __m256i left = load_256(row + 4 * (int64_t)x);
        __m256i right = load_256(row + 4 * (int64_t)x + 32);
        __m256i opacity = pack_lowest(_mm256_srli_epi32(left, 24), _mm256_srli_epi32(right, 24));
        store_256(planes + x, weigh(pack_lowest(left, right), opacity));
        store_256(
            green + x,
            weigh(pack_lowest(_mm256_srli_epi32(left, 8), _mm256_srli_epi32(right, 8)), opacity));
        store_256(
            blue + x,
            weigh(pack_lowest(_mm256_srli_epi32(left, 16), _mm256_srli_epi32(right, 16)), opacity));
        store_256(alpha + x, _mm256_slli_epi16(opacity, TT_PASS_SAMPLE_BITS));
    }
    tt_resample_passes_c.split[3](row + 4 * (int64_t)x, width_px - x, planes + x, plane_px);
}

AVX2 static ALWAYS_INLINE __m256i sum_taps(const int16_t *window, const int16_t *weights,
                                           int taps) {
    __m256i sum = _mm256_setzero_si256();
    int tap = 0;
    for (; tap + 16 <= taps; tap += 16)
        sum = _mm256_add_epi32(sum,
                               _mm256_madd_epi16(load_256(window + tap), load_256(weights + tap)));
    if (tap < taps)
        sum = _mm256_add_epi32(sum, _mm256_zextsi128_si256(_mm_madd_epi16(
                                        load_128(window + tap), load_128(weights + tap))));
    return sum;
}

/* Returns the two halves of left, added up, as the lower half, and those of right as the upper one,
 * and does the same within each half. A blend and one shuffle cost less than a horizontal add's two
 * shuffles. */
AVX2 static inline __m256i add_halves(__m256i left, __m256i right) {
    return _mm256_add_epi32(_mm256_blend_epi32(left, right, 0xf0),
                            _mm256_permute2x128_si256(left, right, 0x21));
}

AVX2 static inline __m256i add_quarters(__m256i left, __m256i right) {
    __m256d swapped = _mm256_shuffle_pd(_mm256_castsi256_pd(left), _mm256_castsi256_pd(right), 0x5);
    return _mm256_add_epi32(_mm256_blend_epi32(left, right, 0xcc), _mm256_castpd_si256(swapped));
}

/* Returns 8 output pixels from x on, unrounded. Here and below, loops over a few vectors are
 * written out: at -O2 gcc would keep them as loops, and the vectors in memory. */
AVX2 static ALWAYS_INLINE __m256i sum_columns(const struct tt_kernel *columns, int x,
                                              const int16_t *samples, int taps) {
    const struct tt_kernel_span *spans = columns->spans + x;
    const int16_t *weights = columns->weights + (int64_t)x * taps;
    __m256i sum0 = sum_taps(samples + spans[0].first, weights, taps);
    __m256i sum1 = sum_taps(samples + spans[1].first, weights + taps, taps);
    __m256i sum2 = sum_taps(samples + spans[2].first, weights + 2 * (int64_t)taps, taps);
    __m256i sum3 = sum_taps(samples + spans[3].first, weights + 3 * (int64_t)taps, taps);
    __m256i sum4 = sum_taps(samples + spans[4].first, weights + 4 * (int64_t)taps, taps);
    __m256i sum5 = sum_taps(samples + spans[5].first, weights + 5 * (int64_t)taps, taps);
    __m256i sum6 = sum_taps(samples + spans[6].first, weights + 6 * (int64_t)taps, taps);
    __m256i sum7 = sum_taps(samples + spans[7].first, weights + 7 * (int64_t)taps, taps);
    return _mm256_hadd_epi32(add_quarters(add_halves(sum0, sum4), add_halves(sum1, sum5)),
                             add_quarters(add_halves(sum2, sum6), add_halves(sum3, sum7)));
}

AVX2 static ALWAYS_INLINE void filter_taps(const struct tt_kernel *columns, int from,
                                           const int16_t *samples, int16_t *pairs, int half,
                                           int taps) {
    int x = from;
    for (; x + 8 <= columns->size_px; x += 8) {
        int16_t *to = pairs + 2 * (int64_t)x;
        __m256i sum = _mm256_add_epi32(sum_columns(columns, x, samples, taps),
                                       _mm256_set1_epi32(1 << (TT_KERNEL_BITS - 1)));
        if (half == 0)
            sum =
                _mm256_and_si256(_mm256_srli_epi32(sum, TT_KERNEL_BITS), _mm256_set1_epi32(0xffff));
        else
            sum =
                _mm256_blend_epi16(load_256(to), _mm256_slli_epi32(sum, 16 - TT_KERNEL_BITS), 0xaa);
        store_256(to, sum);
    }
    tt_resample_passes_c.filter_columns(columns, x, samples, pairs, half);
}

AVX2 static void filter_columns(const struct tt_kernel *columns, int from, const int16_t *samples,
                                int16_t *pairs, int half) {
    switch (columns->taps) {
    case 8: filter_taps(columns, from, samples, pairs, half, 8); break;
    case 16: filter_taps(columns, from, samples, pairs, half, 16); break;
    case 24: filter_taps(columns, from, samples, pairs, half, 24); break;
    default: filter_taps(columns, from, samples, pairs, half, columns->taps); break;
    }
}

AVX2 static inline void add_pairs(__m256i *sums, const int16_t *pairs, __m256i weights) {
    *sums = _mm256_add_epi32(*sums, _mm256_madd_epi16(load_256(pairs), weights));
}

/* Computes 32 sums of the vertical pass, from sample x on. */
AVX2 static inline void sum_block(const struct tt_pass_window *window, int x, __m256i sums[4]) {
    sums[0] = sums[1] = sums[2] = sums[3] = _mm256_set1_epi32(TT_PASS_SUM_HALF);
    for (int row = 0; row < window->count; row++) {
        const int16_t *pairs = window->pairs[row] + 2 * (int64_t)x;
        __m256i weights = _mm256_set1_epi32(tt_pass_weights(window, row));
        add_pairs(&sums[0], pairs, weights);
        add_pairs(&sums[1], pairs + 16, weights);
        add_pairs(&sums[2], pairs + 32, weights);
        add_pairs(&sums[3], pairs + 48, weights);
    }
}

/* Turns 32 values into bytes; the packs leave groups of 4 that alternate between the halves. */
AVX2 static inline __m256i pack_bytes(const __m256i values[4]) {
    __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(values[0], values[1]),
                                        _mm256_packs_epi32(values[2], values[3]));
    return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

AVX2 static void filter_rows(const struct tt_pass_window *window, int length, uint8_t *out) {
    for (int x = 0; x < length; x += 32) {
        __m256i sums[4];
        sum_block(window, x, sums);
        sums[0] = _mm256_srai_epi32(sums[0], TT_PASS_SUM_BITS);
        sums[1] = _mm256_srai_epi32(sums[1], TT_PASS_SUM_BITS);
        sums[2] = _mm256_srai_epi32(sums[2], TT_PASS_SUM_BITS);
        sums[3] = _mm256_srai_epi32(sums[3], TT_PASS_SUM_BITS);
        store_256(out + x, pack_bytes(sums));
    }
}

AVX2 static void sum_rows(const struct tt_pass_window *window, int length, int32_t *out) {
    for (int x = 0; x < length; x += 32) {
        __m256i sums[4];
        sum_block(window, x, sums);
        store_256(out + x, sums[0]);
        store_256(out + x + 8, sums[1]);
        store_256(out + x + 16, sums[2]);
        store_256(out + x + 24, sums[3]);
    }
}

/* This joins 16 pixels at a time, three vectors. As 3 × 11 = 33 is 1 more than a multiple of 16,
 * the bytes of one plane that go to three different vectors never want the same place in them: each
 * plane is shuffled once, and then chosen from, place by place. */
AVX2 static void join_rgb(const uint8_t *planes, int plane_px, uint8_t *out) {
    const __m128i place_red = _mm_setr_epi8(0, 11, 6, 1, 12, 7, 2, 13, 8, 3, 14, 9, 4, 15, 10, 5);
    const __m128i place_green = _mm_alignr_epi8(place_red, place_red, 15);
    const __m128i place_blue = _mm_alignr_epi8(place_red, place_red, 14);
    const __m128i third0 = _mm_setr_epi8(-1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1);
    const __m128i third1 = _mm_setr_epi8(0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0);
    const __m128i third2 = _mm_setr_epi8(0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0, 0, -1, 0);
    for (int x = 0; x < plane_px; x += 16, out += 48) {
        const uint8_t *from = planes + x;
        __m128i red = _mm_shuffle_epi8(load_128(from), place_red);
        __m128i green = _mm_shuffle_epi8(load_128(from + plane_px), place_green);
        __m128i blue = _mm_shuffle_epi8(load_128(from + 2 * (int64_t)plane_px), place_blue);
        store_128(out, _mm_blendv_epi8(_mm_blendv_epi8(red, green, third1), blue, third2));
        store_128(out + 16, _mm_blendv_epi8(_mm_blendv_epi8(red, green, third0), blue, third1));
        store_128(out + 32, _mm_blendv_epi8(_mm_blendv_epi8(red, green, third2), blue, third0));
    }
}

/* Returns 256 / alpha where alpha is not rounded to 0. */
AVX2 static inline __m256 alpha_factor(__m256i alpha_sum) {
    __m256i opaque =
        _mm256_cmpgt_epi32(_mm256_srai_epi32(alpha_sum, TT_PASS_SUM_BITS), _mm256_setzero_si256());
    __m256 alpha =
        _mm256_cvtepi32_ps(_mm256_sub_epi32(alpha_sum, _mm256_set1_epi32(TT_PASS_SUM_HALF)));
    return _mm256_and_ps(_mm256_castsi256_ps(opaque), _mm256_div_ps(_mm256_set1_ps(256), alpha));
}

AVX2 static inline __m256i divide_colour(__m256i sum, __m256 factor) {
    __m256 colour = _mm256_cvtepi32_ps(_mm256_sub_epi32(sum, _mm256_set1_epi32(TT_PASS_SUM_HALF)));
    colour = _mm256_add_ps(_mm256_mul_ps(colour, factor), _mm256_set1_ps(0.5f));
    colour = _mm256_min_ps(_mm256_max_ps(colour, _mm256_setzero_ps()), _mm256_set1_ps(255));
    return _mm256_cvttps_epi32(colour);
}

AVX2 static void join_gray_alpha(const int32_t *sums, int plane_px, uint8_t *out) {
    const __m256i interleave = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
    for (int x = 0; x < plane_px; x += 16, out += 32) {
        const int32_t *from = sums + x;
        __m256i alpha0 = load_256(from + plane_px);
        __m256i alpha1 = load_256(from + plane_px + 8);
        __m256i gray0 = divide_colour(load_256(from), alpha_factor(alpha0));
        __m256i gray1 = divide_colour(load_256(from + 8), alpha_factor(alpha1));
        __m256i gray = swap_middle(_mm256_packs_epi32(gray0, gray1));
        __m256i alpha =
            swap_middle(_mm256_packs_epi32(_mm256_srai_epi32(alpha0, TT_PASS_SUM_BITS),
                                           _mm256_srai_epi32(alpha1, TT_PASS_SUM_BITS)));
        store_256(out, _mm256_shuffle_epi8(_mm256_packus_epi16(gray, alpha), interleave));
    }
}

AVX2 static void join_rgb_alpha(const int32_t *sums, int plane_px, uint8_t *out) {
    const __m256i interleave = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    for (int x = 0; x < plane_px; x += 8, out += 32) {
        const int32_t *from = sums + x;
        __m256i alpha_sum = load_256(from + 3 * (int64_t)plane_px);
        __m256 factor = alpha_factor(alpha_sum);
        __m256i red = divide_colour(load_256(from), factor);
        __m256i green = divide_colour(load_256(from + plane_px), factor);
        __m256i blue = divide_colour(load_256(from + 2 * (int64_t)plane_px), factor);
        __m256i alpha = _mm256_srai_epi32(alpha_sum, TT_PASS_SUM_BITS);
        __m256i planar =
            _mm256_packus_epi16(_mm256_packs_epi32(red, green), _mm256_packs_epi32(blue, alpha));
        store_256(out, _mm256_shuffle_epi8(planar, interleave));
    }
}

const struct tt_resample_passes tt_resample_passes_avx2 = {
    .name = "avx2",
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
