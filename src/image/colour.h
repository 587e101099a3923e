/* Colour: an ICC profile made ready, once for all rows of its picture, to convert colours to sRGB.
 *
 * Rows are converted by tt_colour_open in operations.h; where they are of no kind that a row source
 * can hand out (CMYK), by tt_colour_transform_row. */
#ifndef TINTYPE_IMAGE_COLOUR_H
#define TINTYPE_IMAGE_COLOUR_H

#include <stddef.h>
#include <stdint.h>

#include "tintype/arena.h"
#include "tintype/err.h"

/* A pixel to convert consists of these samples, 8 bits each. The first four are row.h's channels.
 */
enum tt_colour_samples {
    TT_COLOUR_GRAY = 1,
    TT_COLOUR_GRAY_ALPHA,
    TT_COLOUR_RGB,
    TT_COLOUR_RGB_ALPHA,
    TT_COLOUR_CMYK, /* 255 is no ink, as in a JPEG */
};

struct tt_colour_transform;

/* Makes ready to convert such pixels from the profile's colours. *transform is NULL where there is
 * nothing to do: no profile, one that is sRGB itself, or one that makes no sense or is of other
 * samples, which viewers ignore as well. It lives as long as the arena, and needs no close; the
 * profile is not needed any more. TT_ERR_NO_MEMORY, also when the arena has not the
 * tt_colour_transform_bytes left that it may take. */
enum tt_err tt_colour_transform_open(struct tt_colour_transform **transform,
                                     const uint8_t *icc_profile, size_t icc_bytes,
                                     enum tt_colour_samples samples, struct tt_arena *arena);

/* Converts width_px pixels: gray to gray and RGB to RGB, each with its alpha unchanged; CMYK to
 * RGB. `to` must not overlap `from`. */
void tt_colour_transform_row(const struct tt_colour_transform *transform, uint8_t *to,
                             const uint8_t *from, int width_px);

/* tt_colour_transform_open takes at most so many arena bytes, 0 for no profile. It is held to them:
 * a profile that would need more counts as one that makes no sense. */
int64_t tt_colour_transform_bytes(size_t icc_bytes);

#endif
