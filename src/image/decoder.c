/* Decoder: the one check that every reader makes of its header. */
#include "image/decoder.h"

enum tt_err tt_decoder_check_pixels(const struct tt_decoder *self, int64_t width_px,
                                    int64_t height_px) {
    /* The same as width * height <= max_pixels, but the product of two 32-bit sides may overflow.
     */
    if (width_px == 0 || height_px <= self->limits.max_pixels / width_px)
        return TT_OK;
    return tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                         "The picture is %lld x %lld pixels; at most %lld pixels in all are "
                         "accepted. Send a smaller picture.",
                         (long long)width_px, (long long)height_px,
                         (long long)self->limits.max_pixels);
}
