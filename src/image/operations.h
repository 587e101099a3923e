/* Operations: row sinks that make something else of their rows and put it into another sink.
 *
 * Here: resampling, orientation, colours, watermarks, flattening onto white. Decoding and encoding
 * are in codec.h; what size and which box are decided in plan.h.
 *
 * A chain is opened from its end: each opener gets the sink behind it, `to`, whose size and
 * channels say what the operation has to make, and sets *sink to the one that takes the rows going
 * in. Where there is nothing to do, *sink is `to` itself; sink may point to `to`. Nothing needs
 * closing, as all memory comes from the arena. *sink is undefined after a failure. */
#ifndef TINTYPE_IMAGE_OPERATIONS_H
#define TINTYPE_IMAGE_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/row.h"
#include "tintype/arena.h"
#include "tintype/err.h"
#include "tintype/picture.h"

/* The longest side of a picture and of a result. It is libpng's own default limit (a JPEG's is
 * 65535) and keeps the sums of the resampler within 32 bits. */
#define TT_OPERATION_SIDE_MAX_PX 1000000

/* Resamples the box of rows of in_width_px × in_height_px to the size of `to`: Lanczos with three
 * lobes, antialiased, alpha weighted. Sides are 1 to TT_OPERATION_SIDE_MAX_PX; the box lies within
 * the picture and is not empty. An axis along which nothing changes (whole pixels, same size) is
 * copied. (*sink)->height_px may be less than in_height_px: rows below the last one that counts are
 * not taken. TT_ERR_NO_MEMORY; TT_ERR_INTERNAL for weights out of their range, which no box
 * gives. */
enum tt_err tt_resample_open(struct tt_row_sink **sink, struct tt_row_sink *to, int in_width_px,
                             int in_height_px, const struct tt_row_box *box,
                             struct tt_arena *arena);

/* Means of blocks of factor_x × factor_y pixels, colour weighted by alpha, exact and rounded once,
 * ties to even. The first block begins at the first pixel; blocks at the right and bottom edge are
 * cut off there, so the size is ceil(width / factor_x) × ceil(height / factor_y). Factors are 1 to
 * TT_SHRINK_FACTOR_MAX. TT_ERR_NO_MEMORY. */
struct tt_shrinker;
enum tt_err tt_shrinker_open(struct tt_shrinker **shrinker, int in_width_px, int in_height_px,
                             int channels, int factor_x, int factor_y, struct tt_arena *arena);

/* Takes the next of in_height_px rows. True when it was the last of its blocks: then *out is their
 * row, valid until the next push. */
bool tt_shrinker_push(struct tt_shrinker *shrinker, const uint8_t *row, const uint8_t **out);

/* A column's sum of factor_y products of colour and alpha (255² at most) must fit in 32 bits. */
#define TT_SHRINK_FACTOR_MAX 65536

/* Turns and mirrors the picture as an Exif orientation of 1 to 8 asks for, so that what `to` gets
 * is upright. All orientations but 1 and 2 keep the whole picture in memory, as most need its last
 * row first. TT_ERR_NO_MEMORY. */
enum tt_err tt_orient_open(struct tt_row_sink **sink, struct tt_row_sink *to, int orientation,
                           struct tt_arena *arena);

/* Whether the orientation (1 to 8) swaps width and height. */
bool tt_orientation_swaps_sides(int orientation);

/* Lays a picture with alpha onto white: takes 2 channels where `to` takes 1, and 4 where `to` takes
 * 3. TT_ERR_NO_MEMORY. */
enum tt_err tt_flatten_open(struct tt_row_sink **sink, struct tt_row_sink *to,
                            struct tt_arena *arena);

/* Converts rows to sRGB, alpha kept, by what tt_colour_transform_open (colour.h) made for samples
 * of their channels; for NULL there is nothing to do. Several may share a transform.
 * TT_ERR_NO_MEMORY. */
struct tt_colour_transform;
enum tt_err tt_colour_open(struct tt_row_sink **sink, struct tt_row_sink *to,
                           const struct tt_colour_transform *transform, struct tt_arena *arena);

/* Draws a watermark. watermark is what tt_watermark_load gave (image.h), NULL for nothing loaded.
 * A watermark that would not fit between the margins, which hold on all four sides, is made
 * smaller; text too small to read is left out (watermark_text.h). TT_ERR_NO_MEMORY,
 * TT_ERR_INTERNAL. */
struct tt_watermark;
enum tt_err tt_watermark_open(struct tt_row_sink **sink, struct tt_row_sink *to,
                              const struct tt_watermark *watermark,
                              const struct tt_picture_watermark *wanted, struct tt_arena *arena);

#endif
