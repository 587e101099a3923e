/* Detail: whether a plane that was decoded with reduced transforms may stand for the picture.
 *
 * A reduced transform (libjpeg's 4, 2 or 1 of 8 samples a side) drops the higher coefficients of
 * each block, and a resampling of the full picture would have had a little of what they hold. How
 * much shows in what is left: the mean square of the second differences of the reduced plane, times
 * a factor that falls with the square of the ratio it is then resampled by, bounds the error.
 * Measured on 22 pictures, photographs, dense and sparse text, line art and a zone plate, at each
 * scale: the mean square error is at most 0.0075 × detail × (1.8 / ratio)², and mostly a third of
 * that. So a bound of TT_DETAIL_PER_RATIO × ratio² keeps 50 dB, which is 0.65, and 0.08 of it are
 * the result's rounding.
 *
 * Soft pictures, most photographs, stay below it at the least ratio; text, line art and photographs
 * full of leaves do not, and are decoded again at twice the scale: as soon as what was seen, a
 * fraction mostly, is more than the whole picture may have. */
#ifndef TINTYPE_IMAGE_DETAIL_H
#define TINTYPE_IMAGE_DETAIL_H

#include <stdbool.h>

#include "image/row.h"
#include "tintype/arena.h"
#include "tintype/err.h"

#define TT_DETAIL_PER_RATIO 23.5 /* 76 at a ratio of 1.8 */

/* Rows of `in` go through, one in four is measured. next fails with TT_ERR_INTERNAL, nothing noted,
 * once the detail of the whole is sure to be above most. TT_ERR_NO_MEMORY. */
enum tt_err tt_detail_open(struct tt_row_source **out, struct tt_row_source *in, double most,
                           struct tt_arena *arena);

/* Of a source that tt_detail_open gave: whether that is why it failed. */
bool tt_detail_is_exceeded(const struct tt_row_source *source);

/* The arena bytes that tt_detail_open takes. */
int64_t tt_detail_bytes(int width_px, int channels);

#endif
