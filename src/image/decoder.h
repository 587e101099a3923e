/* Decoder: what every format's reader has in common. Only codec.c and the readers look into it. */
#ifndef TINTYPE_IMAGE_DECODER_H
#define TINTYPE_IMAGE_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/row.h"
#include "tintype/arena.h"
#include "tintype/err.h"
#include "tintype/picture.h"

/* What the header says, before any memory for pixels is taken. */
struct tt_picture_header {
    enum tt_picture_format format;
    int width_px; /* as in the file, before orientation; at least 1, like the height */
    int height_px;
    int channels;    /* of the source when started in colour: 1 to 4, as in row.h */
    int orientation; /* 1 to 8, as Exif tag 0x0112 has it; 1 when the file does not say, or the
                        decoder applies what it says (HEIC, AVIF) */
    /* The ICC profile that the samples of a source started in colour are of, for tt_colour_open;
     * NULL when there is none, or the decoder has applied it (CMYK). In the arena. Not
     * checked: it may lie about all of itself. */
    const uint8_t *icc_profile;
    size_t icc_bytes; /* at most max_chunk_bytes */
};

/* The first member of each reader's own struct, so a pointer to one is a pointer to the other. */
struct tt_decoder {
    struct tt_row_source source; /* first: its `next` gets back from it to the reader */
    enum tt_err (*start)(struct tt_decoder *self, bool grayscale);
    enum tt_err (*finish)(struct tt_decoder *self);
    void (*close)(struct tt_decoder *self);
    int fd; /* the caller's */
    struct tt_arena *arena;
    struct tt_picture_limits limits;
    struct tt_picture_header header;
};

/* How large each format's own struct is, and how its header is read: fills self->header and the
 * functions. The memory is zeroed, with fd, arena and limits set; after a failure close is called
 * if it was set. Errors as for tt_decoder_open. */
struct tt_decoder_kind {
    size_t size_bytes;
    enum tt_err (*open)(struct tt_decoder *self);
};

extern const struct tt_decoder_kind tt_jpeg_decoder_kind;
extern const struct tt_decoder_kind tt_png_decoder_kind;
extern const struct tt_decoder_kind tt_webp_decoder_kind;
extern const struct tt_decoder_kind tt_gif_decoder_kind;
extern const struct tt_decoder_kind tt_heif_decoder_kind; /* HEIC and AVIF */

/* Holds the picture's size against max_pixels. TT_ERR_PICTURE_TOO_LARGE, with a sentence that gives
 * both numbers. */
enum tt_err tt_decoder_check_pixels(const struct tt_decoder *self, int64_t width_px,
                                    int64_t height_px);

#endif
