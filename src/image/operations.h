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
#include "tintype/picture.h"

/* The longest side of a picture and of a result. It is libpng's own default limit (a JPEG's is
 * 65535) and keeps the sums of the resampler within 32 bits. */
#define TT_OPERATION_SIDE_MAX_PX 1000000

/* What count × size_bytes takes from an arena, padding included. */
static inline int64_t tt_operation_bytes(int64_t count, size_t size_bytes) {
    const int64_t step_bytes = TT_ARENA_STEP_BYTES;

    return (count * (int64_t)size_bytes + step_bytes - 1) / step_bytes * step_bytes;
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

/* The same, but its rows are pushed by the caller and not pulled: so that one decode can serve
 * several results. The shape of the source is in_width_px × in_height_px × channels. Push at most
 * in_height_px rows, each followed by pops until there is none; the row pushed is read no later
 * than by those pops, and a popped row is valid until the next push or pop. Rows pushed after the
 * last result's are ignored. The two give the very rows of tt_resample_open, and take what
 * tt_resample_bytes says. */
struct tt_resampler;
enum tt_err tt_resampler_open(struct tt_resampler **resampler, int in_width_px, int in_height_px,
                              int channels, const struct tt_row_box *box, int width_px,
                              int height_px, struct tt_arena *arena);
void tt_resampler_push(struct tt_resampler *resampler, const uint8_t *row);
bool tt_resampler_pop(struct tt_resampler *resampler, const uint8_t **row);

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

/* The arena bytes that tt_shrinker_open takes. */
int64_t tt_shrinker_bytes(int in_width_px, int channels, int factor_x);

/* Turns and mirrors the picture as an Exif orientation of 1 to 8 asks for, so that the result's own
 * orientation is 1. All but 1 and 2 take memory for the whole picture. TT_ERR_NO_MEMORY. */
enum tt_err tt_orient_open(struct tt_row_source **out, struct tt_row_source *in, int orientation,
                           struct tt_arena *arena);

/* A whole small picture that is put row by row as it lies in the file, and read upright: what
 * tt_orient_open does for most orientations, for a caller that has the rows at hand. Exactly
 * height_px puts, then rows are read from tt_canvas_rows. Takes tt_canvas_bytes. */
struct tt_canvas;
enum tt_err tt_canvas_open(struct tt_canvas **canvas, int width_px, int height_px, int channels,
                           int orientation, struct tt_arena *arena);
void tt_canvas_put(struct tt_canvas *canvas, const uint8_t *row);
struct tt_row_source *tt_canvas_rows(struct tt_canvas *canvas);
int64_t tt_canvas_bytes(int width_px, int height_px, int channels, int orientation);

/* The arena bytes that tt_orient_open takes. */
int64_t tt_orient_bytes(int width_px, int height_px, int channels, int orientation);

/* Whether the orientation (1 to 8) swaps width and height. */
bool tt_orientation_swaps_sides(int orientation);

/* Lays a picture with alpha onto white: 2 channels become 1, 4 become 3. TT_ERR_NO_MEMORY. */
enum tt_err tt_flatten_open(struct tt_row_source **out, struct tt_row_source *in,
                            struct tt_arena *arena);

/* The arena bytes that tt_flatten_open takes at most. */
int64_t tt_flatten_bytes(int width_px);

/* Converts rows to sRGB, alpha kept, by what tt_colour_transform_open (colour.h) made for samples
 * of their channels; NULL: *out is `in`. Several may share a transform. TT_ERR_NO_MEMORY. */
struct tt_colour_transform;
enum tt_err tt_colour_open(struct tt_row_source **out, struct tt_row_source *in,
                           const struct tt_colour_transform *transform, struct tt_arena *arena);

/* An upper bound of the arena bytes that tt_colour_open takes. */
int64_t tt_colour_bytes(int width_px);

/* Draws a watermark. watermark is what tt_watermark_load gave (image.h), NULL for nothing loaded;
 * *out is `in` where there is nothing to draw. What would not fit between the margins, which hold
 * on all four sides, is made smaller; text too small to read is left out (watermark_text.h).
 * TT_ERR_NO_MEMORY, TT_ERR_INTERNAL. */
struct tt_watermark;
enum tt_err tt_watermark_open(struct tt_row_source **out, struct tt_row_source *in,
                              const struct tt_watermark *watermark,
                              const struct tt_picture_watermark *wanted, struct tt_arena *arena);

/* An upper bound of the arena bytes that tt_watermark_open takes, and of FreeType's. */
int64_t tt_watermark_bytes(int width_px, int height_px, int channels,
                           const struct tt_picture_watermark *wanted);

#endif
