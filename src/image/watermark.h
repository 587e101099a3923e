/* Watermark: what its two halves share, for watermark.c and watermark_text.c alone. */
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

/* What is laid over a result. */
struct tt_overlay {
    int left_px, top_px; /* in the result, which it never leaves */
    int width_px;        /* 0: nothing is drawn, the rest is not set */
    int height_px;
    int colours;      /* 1 gray, 3 RGB; alpha, straight, follows each pixel's */
    uint8_t *samples; /* width_px × height_px × (colours + 1); in the arena */
};

/* Where it may be drawn. */
struct tt_overlay_room {
    int width_px, height_px; /* 0 and less: nowhere */
};

#endif
