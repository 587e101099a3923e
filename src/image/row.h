/* Rows: the two interfaces that a picture passes through, one in each direction.
 *
 * A decoder is a source: it has a size and a channel count, and hands out its rows from top to
 * bottom, once. From there on rows are pushed: the resampler, each operation and each encoder is a
 * sink, and all but the encoders put what they make into the sink behind them. So a picture flows
 * through in rows and is nowhere whole, unless its format or its orientation forces that.
 *
 * Samples are 8 bits, interleaved: 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha; alpha is
 * straight (not premultiplied). Memory comes from the rendering's arena; decoders and encoders also
 * hold library handles, and whoever opened one closes it. */
#ifndef TINTYPE_IMAGE_ROW_H
#define TINTYPE_IMAGE_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "tintype/arena.h"
#include "tintype/err.h"

struct tt_row_source {
    int width_px;
    int height_px;
    int channels; /* 1 to 4, as above */
    /* Sets *row to the next row (width_px × channels bytes), valid until the next call. Called at
     * most height_px times, never again after a failure. */
    enum tt_err (*next)(struct tt_row_source *self, const uint8_t **row);
};

/* Its size and channels are those of the rows it takes, whatever it makes of them. */
struct tt_row_sink {
    int width_px;
    int height_px; /* how many rows it takes; with the last one its work is done */
    int channels;
    /* Takes the next row, which is the caller's again afterwards. Called at most height_px times,
     * never again after a failure. Fails as its own work does, or as the sink behind it does. */
    enum tt_err (*put)(struct tt_row_sink *self, const uint8_t *row);
};

static inline bool tt_row_has_alpha(int channels) {
    return channels == 2 || channels == 4;
}

/* A box in a picture's own pixels; edges may lie within a pixel. */
struct tt_row_box {
    double left, top, right, bottom;
};

#endif
