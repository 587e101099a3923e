/* Passes: the inner loops of the resampler, once in plain C and once for each vector unit.
 *
 * Here: what a pass does, for all of its versions. They agree bit by bit: which one runs is a
 * question of speed alone. When which pass runs is resample.c's.
 *
 * A row goes this way: split turns it into planes of 16-bit samples; filter_columns resamples each
 * plane into half of a row of pairs; filter_rows sums up pairs of rows into bytes, or sum_rows into
 * sums where alpha is to be divided out; join_* interleaves the channels again.
 *
 * A pair is one sample of an even row and, beside it, the one below: the two products a vector unit
 * adds at once.
 *
 * No sum overflows. A sample is at most 255 × 2^6 = 16320, and the absolute weights of one output
 * pixel sum to at most 2 × 2^14 while they sum to 2^14 (kernel.h), so that what is positive among
 * them is at most 1.5 × 2^14. A horizontal sum is thus within ±1.5 × 2^14 × 16320 < 2^29, and its
 * result within ±24481, which is 16 bits; a vertical sum is within ±2 × 2^14 × 24481 + 2^19 < 2^30.
 */
#ifndef TINTYPE_IMAGE_RESAMPLE_PASSES_H
#define TINTYPE_IMAGE_RESAMPLE_PASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "image/kernel.h"

#define TT_PASS_SAMPLE_BITS 6 /* fraction bits of a sample */

/* A vertical sum has so many bits below the point. It begins with half of an 8-bit step, so that a
 * shift rounds it. */
#define TT_PASS_SUM_BITS (TT_KERNEL_BITS + TT_PASS_SAMPLE_BITS)
#define TT_PASS_SUM_HALF (1 << (TT_PASS_SUM_BITS - 1))

/* Taps of a horizontal kernel are a multiple of this: the products of a 128-bit vector. */
#define TT_PASS_TAPS 8

/* Planes, rows of pairs and results are padded to whole multiples of this many samples, so that
 * loops over them have no remainder. Padding is written, and read, but means nothing. */
#define TT_PASS_BLOCK_PX 32

/* A window is the rows that make up one row of the result. */
struct tt_pass_window {
    const int16_t *const *pairs; /* count rows of pairs */
    const int16_t *weights;      /* count × 2, of the even row and of the odd one */
    int count;
};

/* Returns both weights of a row of pairs as one lane of 32 bits, in the order of memory. */
static inline int32_t tt_pass_weights(const struct tt_pass_window *window, int row) {
    int32_t both;

    memcpy(&both, window->weights + 2 * (int64_t)row, sizeof both);
    return both;
}

struct tt_resample_passes {
    const char *name;
    /* Returns whether this processor has what the version needs. */
    bool (*runs_here)(void);

    /* By channels - 1: width_px pixels of an interleaved row into as many planes, each plane_px
     * after the one before. Exactly the pixels are read, but whole blocks may be written. A sample
     * is value × 2^6; colour beside alpha is (colour × alpha + 2) / 4 instead, which has that scale
     * but for a factor of 255 / 256. */
    void (*split[4])(const uint8_t *row, int width_px, int16_t *planes, int plane_px);

    /* The horizontal pass of one plane, from output pixel `from` on. half is 0 for an even row,
     * which also clears what is beside it, and 1 for an odd one. samples may be read to the
     * kernel's taps past the start of its last span. */
    void (*filter_columns)(const struct tt_kernel *columns, int from, const int16_t *samples,
                           int16_t *pairs, int half);

    /* The vertical pass, for length samples, whole blocks: rounded and clamped to bytes; or the
     * sums themselves, with the half they begin with. */
    void (*filter_rows)(const struct tt_pass_window *window, int length, uint8_t *out);
    void (*sum_rows)(const struct tt_pass_window *window, int length, int32_t *sums);

    /* Three planes of plane_px bytes into RGB. */
    void (*join_rgb)(const uint8_t *planes, int plane_px, uint8_t *out);

    /* The sums of one colour and alpha, or of three and alpha, each plane_px after the one before,
     * into pixels: colour is divided by alpha, and 0 where alpha is. */
    void (*join_gray_alpha)(const int32_t *sums, int plane_px, uint8_t *out);
    void (*join_rgb_alpha)(const int32_t *sums, int plane_px, uint8_t *out);
};

/* Returns the index-th of the versions that run on this processor, the fastest first and plain C
 * last; NULL past that. */
const struct tt_resample_passes *tt_resample_passes_at(size_t index);

/* These are for the passes' own files and their test. Each is there where the architecture is. */
extern const struct tt_resample_passes tt_resample_passes_c;
extern const struct tt_resample_passes tt_resample_passes_sse2;
extern const struct tt_resample_passes tt_resample_passes_avx2;
extern const struct tt_resample_passes tt_resample_passes_neon;

#endif
