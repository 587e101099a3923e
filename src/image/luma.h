/* Luma: RGB to gray, the one formula of this room. */
#ifndef TINTYPE_IMAGE_LUMA_H
#define TINTYPE_IMAGE_LUMA_H

#include <stddef.h>
#include <stdint.h>

/* ITU-R BT.601-7, 2.5.1: 0.299 R + 0.587 G + 0.114 B, in 16-bit fixed point, rounded: the very
 * integers of libjpeg's and Pillow's conversions, so all paths to gray agree. The weights sum to
 * 65536, so white stays 255. */
static inline uint8_t tt_luma(uint8_t red, uint8_t green, uint8_t blue) {
    return (uint8_t)((red * 19595u + green * 38470u + blue * 7471u + 0x8000u) >> 16);
}

/* Converts width_px pixels of RGB (channels 3) or RGB and alpha (4) to gray or gray and alpha. `to`
 * may be `from`, as every pixel shrinks. */
static inline void tt_luma_row(uint8_t *to, const uint8_t *from, size_t width_px, int channels) {
    if (channels == 3) {
        for (size_t x = 0; x < width_px; x++)
            to[x] = tt_luma(from[3 * x], from[3 * x + 1], from[3 * x + 2]);
        return;
    }
    for (size_t x = 0; x < width_px; x++) {
        to[2 * x] = tt_luma(from[4 * x], from[4 * x + 1], from[4 * x + 2]);
        to[2 * x + 1] = from[4 * x + 3];
    }
}

#endif
