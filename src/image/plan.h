/* Plan: what a rendering will do, decided from the picture's header before any pixel is read.
 *
 * Pure arithmetic: which part of the picture becomes which results of which sizes. What it refuses
 * costs nothing.
 *
 * Gray is the luma of the file's own values, whatever its ICC profile says: what a JPEG holds
 * already, and what the pipeline that is replaced (Pillow's convert("L")) gives. */
#ifndef TINTYPE_IMAGE_PLAN_H
#define TINTYPE_IMAGE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "image/codec.h"
#include "image/row.h"
#include "tintype/err.h"
#include "tintype/picture.h"

struct tt_plan_result {
    struct tt_row_box box; /* the part of the picture that becomes the result */
    int width_px;          /* what the box is resampled to, before orientation */
    int height_px;
    int channels; /* of the rows resampled: those decoded, or their luma */
};

struct tt_plan {
    bool grayscale; /* for tt_decoder_start: every result is gray */
    int channels;   /* of the rows decoded */
    int result_count;
    struct tt_plan_result results[TT_PICTURE_RESULTS_MAX];
};

/* Fills *plan for 1 to TT_PICTURE_RESULTS_MAX outputs. The sizes in their options hold for the
 * result after orientation. Sides are rounded to the nearest pixel, at least 1.
 * TT_ERR_PICTURE_TOO_LARGE, with the numbers, when the picture or a result is over max_pixels,
 * TT_OPERATION_SIDE_MAX_PX or what its format holds (a preset's result with its name). */
enum tt_err tt_plan_make(struct tt_plan *plan, const struct tt_picture_header *header,
                         const struct tt_picture_output *outputs, int output_count,
                         const struct tt_picture_limits *limits);

#endif
