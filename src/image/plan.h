/* Plan: what a rendering will do, decided from the picture's header before any pixel is read.
 *
 * Pure arithmetic: which part of the picture, decoded at which scale, becomes a result of which
 * size, and how much memory that takes. What it refuses costs nothing. */
#ifndef TINTYPE_IMAGE_PLAN_H
#define TINTYPE_IMAGE_PLAN_H

#include <stdint.h>

#include "image/codec.h"
#include "image/row.h"
#include "tintype/err.h"
#include "tintype/picture.h"

struct tt_plan {
    int scale_eighths;     /* for tt_decoder_start */
    struct tt_row_box box; /* of the plane decoded at that scale */
    int width_px;          /* what the box is resampled to, before orientation */
    int height_px;
    int channels;         /* of the rows decoded and resampled */
    int64_t memory_bytes; /* an upper bound for the whole rendering */
};

/* Fills *plan. The sizes in options hold for the result after orientation. Sides are rounded to
 * the nearest pixel, at least 1. TT_ERR_PICTURE_TOO_LARGE, with the numbers, when the picture or
 * the result is over max_pixels or TT_OPERATION_SIDE_MAX_PX, or the memory over
 * max_memory_bytes. */
enum tt_err tt_plan_make(struct tt_plan *plan, const struct tt_picture_header *header,
                         const struct tt_picture_options *options,
                         const struct tt_picture_limits *limits);

#endif
