/* Overlay: what a watermark is once it is drawn, for the watermark*.c alone. */
#ifndef TINTYPE_IMAGE_OVERLAY_H
#define TINTYPE_IMAGE_OVERLAY_H

#include <stdint.h>

/* What is laid over a result. */
struct tt_overlay {
    int left_px, top_px; /* in the result, which it never leaves */
    int width_px;        /* 0: nothing is drawn, the rest is not set */
    int height_px;
    int colours;      /* 1 gray, 3 RGB; alpha, straight, follows each pixel's */
    uint8_t *samples; /* width_px × height_px × (colours + 1); in the arena */
};

/* An overlay is drawn within a room. */
struct tt_overlay_room {
    int width_px, height_px; /* 0 and less: nowhere */
};

#endif
