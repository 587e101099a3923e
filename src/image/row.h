/* Row source: the one interface between decoders, operations and encoders.
 *
 * A source has a size, a channel count, and hands out its rows from top to bottom, once. Decoders
 * are sources; an operation is a source that pulls from another; the encoder pulls the last one. So
 * a picture flows through in rows and is nowhere whole, unless its format forces that.
 *
 * Samples are 8 bits, interleaved: 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha; alpha is
 * straight (not premultiplied). Memory comes from the rendering's arena; only decoders hold
 * library handles, and whoever opened one closes it. */
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

static inline bool tt_row_has_alpha(const struct tt_row_source *source) {
    return source->channels == 2 || source->channels == 4;
}

/* A box in a source's own pixels; edges may lie within a pixel. */
struct tt_row_box {
    double left, top, right, bottom;
};

#endif
