/* Operations: row sources that pull from another row source and hand out something else.
 *
 * Here: resampling, orientation, flattening onto white. Decoding and encoding are in codec.h; what
 * size and which box are decided in plan.h.
 *
 * Each opener takes `in` over for reading (nobody else may pull from it afterwards), but owns
 * nothing that would need closing: all memory comes from the arena. Where there is nothing to do,
 * *out is `in` itself. *out is undefined after a failure. The opened sources fail with what `in`
 * fails with. */
#ifndef TINTYPE_IMAGE_OPERATIONS_H
#define TINTYPE_IMAGE_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/row.h"
#include "tintype/arena.h"
#include "tintype/err.h"

/* The longest side of a picture and of a result. It is libpng's own default limit (a JPEG's is
 * 65535) and keeps the sums of the resampler within 32 bits. */
#define TT_OPERATION_SIDE_MAX_PX 1000000

/* What count × size_bytes takes from an arena: padded to its alignment of 64. */
static inline int64_t tt_operation_bytes(int64_t count, size_t size_bytes) {
    return (count * (int64_t)size_bytes + 63) / 64 * 64;
}

/* Resamples the box of `in` to width_px × height_px: Lanczos with three lobes, antialiased, alpha
 * weighted. Sides are 1 to TT_OPERATION_SIDE_MAX_PX; the box lies within `in` and is not empty. An
 * axis along which nothing changes (whole pixels, same size) is copied. Rows of `in` below the
 * last one needed are not pulled. TT_ERR_NO_MEMORY; TT_ERR_INTERNAL for weights out of their
 * range, which no box gives. */
enum tt_err tt_resample_open(struct tt_row_source **out, struct tt_row_source *in,
                             const struct tt_row_box *box, int width_px, int height_px,
                             struct tt_arena *arena);

/* The arena bytes that tt_resample_open takes for a source of this size; never less than what it
 * really takes. Ranges as above. */
int64_t tt_resample_bytes(int in_width_px, int in_height_px, int channels,
                          const struct tt_row_box *box, int width_px, int height_px);

/* Means of blocks of factor_x × factor_y pixels, colour weighted by alpha, exact and rounded once.
 * The first block begins at the first pixel; blocks at the right and bottom edge are cut off there,
 * so the size is ceil(width / factor_x) × ceil(height / factor_y). Factors are 1 to
 * TT_SHRINK_FACTOR_MAX. TT_ERR_NO_MEMORY. */
enum tt_err tt_shrink_open(struct tt_row_source **out, struct tt_row_source *in, int factor_x,
                           int factor_y, struct tt_arena *arena);

/* A column's sum of factor_y products of colour and alpha (255² at most) must fit in 32 bits. */
#define TT_SHRINK_FACTOR_MAX 65536

/* The arena bytes that tt_shrink_open takes. */
int64_t tt_shrink_bytes(int in_width_px, int channels, int factor_x);

/* Turns and mirrors the picture as an Exif orientation of 1 to 8 asks for, so that the result's own
 * orientation is 1. All but 1 and 2 take memory for the whole picture. TT_ERR_NO_MEMORY. */
enum tt_err tt_orient_open(struct tt_row_source **out, struct tt_row_source *in, int orientation,
                           struct tt_arena *arena);

/* The arena bytes that tt_orient_open takes. */
int64_t tt_orient_bytes(int width_px, int height_px, int channels, int orientation);

/* Whether the orientation (1 to 8) swaps width and height. */
bool tt_orientation_swaps_sides(int orientation);

/* Lays a picture with alpha onto white: 2 channels become 1, 4 become 3. TT_ERR_NO_MEMORY. */
enum tt_err tt_flatten_open(struct tt_row_source **out, struct tt_row_source *in,
                            struct tt_arena *arena);

/* The arena bytes that tt_flatten_open takes at most. */
int64_t tt_flatten_bytes(int width_px);

#endif
