/* Watermark: what is loaded once to be drawn with, for watermark.c alone. */
#ifndef TINTYPE_IMAGE_WATERMARK_H
#define TINTYPE_IMAGE_WATERMARK_H

#include <stddef.h>
#include <stdint.h>

/* Loaded once (image.h) and only read afterwards. Memory from the heap. */
struct tt_watermark {
    uint8_t *font; /* the file's bytes, NULL for none; FreeType has opened them once */
    size_t font_bytes;
    uint8_t *image; /* RGBA, straight, NULL for none */
    int image_width_px;
    int image_height_px;
};

#endif
