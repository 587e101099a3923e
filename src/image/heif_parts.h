/* HEIF parts: how many pictures libheif would decode to show the primary one of a HEIC or AVIF. A
 * grid, an overlay or an auxiliary picture names others, and those may name others again. */
#ifndef TINTYPE_IMAGE_HEIF_PARTS_H
#define TINTYPE_IMAGE_HEIF_PARTS_H

#include <stdint.h>

#include "image/decoder.h"
#include "tintype/err.h"

/* The pictures that are decoded for the primary one, itself among them: one that is named twice is
 * decoded twice, and listed so. */
struct tt_heif_parts {
    uint32_t *ids; /* in the arena */
    int count;
};

/* A picture may have this many parts whatever its size, and one more for each 4096 pixels: the
 * smallest tile that ISO/IEC 23000-22, 7.3.11.4.2, allows is 64 x 64. */
#define TT_HEIF_PARTS_FREE      256
#define TT_HEIF_PIXELS_PER_PART 4096

/* Reads the references between the file's pictures, in bounded time and memory, and counts the
 * decodings that the primary picture takes. A file that is no HEIF has none.
 * TT_ERR_PICTURE_BROKEN for one that is a part of itself; TT_ERR_PICTURE_TOO_COSTLY for one whose
 * parts are nested too deep, or are more than any accepted picture may have; TT_ERR_NO_MEMORY,
 * TT_ERR_STORAGE. */
enum tt_err tt_heif_parts_read(struct tt_heif_parts *parts, const struct tt_decoder *decoder,
                               int64_t file_bytes);

/* Refuses a picture of that many pixels if its parts, which have part_pixels in all, are out of
 * proportion to it. TT_ERR_PICTURE_TOO_COSTLY. */
enum tt_err tt_heif_parts_check(const struct tt_heif_parts *parts, int64_t pixels,
                                int64_t part_pixels);

#endif
