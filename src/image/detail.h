/* Detail: whether a plane that was decoded with reduced transforms may stand for the picture.
 *
 * A reduced transform (libjpeg's 4, 2 or 1 of 8 samples a side) drops the higher coefficients of
 * each block, and a resampling of the full picture would have had a little of what they hold. How
 * much is estimated from what is left: the mean square of the second differences of the reduced
 * plane, times a factor that falls steeply with the ratio it is then resampled by.
 *
 * So it is for what is like photographs, where fine detail comes with coarser. It is not where all
 * detail is finer than the reduced plane can show: even rows of lines, or a print's screen of dots.
 * These alias there, which looks like soft detail and is taken for it: moiré, at 29 dB in the last
 * lines of the command below. So decodes are full unless image.reduced_decode says otherwise.
 *
 * Measured on photographs, dense and sparse text, line art and a zone plate, the largest factors,
 * by the ratio, where they leave less than 55 dB at all (`python3 tests/bench/detail_bench.py`):
 *
 *     decoded at    1.8       2.6       3.6       5.2
 *     1/8         0.0057    0.0023    0.0016    0.0015
 *     2/8         0.0090    0.0034    0.0013    0.0004
 *     4/8         0.0027    0.0005    0.0002    0.0000
 *
 * 50 dB are a mean square error of 0.65, of which the rounding of the result is 0.08; so the bounds
 * of detail.c are below 0.57 divided by these, but for the last of 1/8, which comes of pictures
 * with 54 dB. At 1.8 they are stricter than these pictures ask for: other text may need it.
 *
 * Soft pictures, most photographs, stay below them at the least ratio; text, line art and
 * photographs full of leaves do not, and are decoded again at twice the scale: as soon as what was
 * seen, a fraction mostly, is more than the whole picture may have. */
#ifndef TINTYPE_IMAGE_DETAIL_H
#define TINTYPE_IMAGE_DETAIL_H

#include <stdbool.h>

#include "image/row.h"
#include "tintype/arena.h"
#include "tintype/err.h"

/* The most that a plane of scale_eighths (1, 2 or 4) may have that is then resampled by ratio (1.8
 * or more) along the axis where that is less. */
double tt_detail_bound(int scale_eighths, double ratio);

/* Rows of `in` go through, one in four is measured. next fails with TT_ERR_INTERNAL, nothing noted,
 * once the detail of the whole is sure to be above most. TT_ERR_NO_MEMORY. */
enum tt_err tt_detail_open(struct tt_row_source **out, struct tt_row_source *in, double most,
                           struct tt_arena *arena);

/* Of a source that tt_detail_open gave: whether that is why it failed. */
bool tt_detail_is_exceeded(const struct tt_row_source *source);

/* The arena bytes that tt_detail_open takes. */
int64_t tt_detail_bytes(int width_px, int channels);

#endif
