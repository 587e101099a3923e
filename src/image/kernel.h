/* Kernel: the weights of resampling along one axis, as integers.
 *
 * Here: which pixels make up each output pixel, and by how much. Applying them is resample.c. */
#ifndef TINTYPE_IMAGE_KERNEL_H
#define TINTYPE_IMAGE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "tintype/arena.h"
#include "tintype/err.h"

#define TT_KERNEL_BITS 14 /* fraction bits of a weight */
#define TT_KERNEL_ONE  (1 << TT_KERNEL_BITS)

/* Pixels [first, first + count) make up one output pixel. first never falls from one output pixel
 * to the next. */
struct tt_kernel_span {
    int32_t first;
    int32_t count; /* 1 to taps */
};

struct tt_kernel {
    int size_px;  /* output pixels */
    int taps;     /* weights stored for each output pixel; a multiple of what was asked for */
    bool is_copy; /* one weight of TT_KERNEL_ONE each: the axis does not change */
    struct tt_kernel_span *spans; /* size_px */
    /* size_px × taps; for each output pixel count weights that sum to exactly TT_KERNEL_ONE, their
     * absolute values to at most 2 × TT_KERNEL_ONE, then zeros. */
    int16_t *weights;
};

/* Makes the weights that map [start, end) of in_px pixels to size_px pixels: Lanczos with three
 * lobes, stretched by the ratio when reducing, which is what prevents aliasing. taps will be a
 * multiple of taps_multiple. 0 <= start < end <= in_px. TT_ERR_NO_MEMORY, TT_ERR_INTERNAL. */
enum tt_err tt_kernel_open(struct tt_kernel *kernel, int in_px, double start, double end,
                           int size_px, int taps_multiple, struct tt_arena *arena);

#endif
