/* Watermark ink: softening and mixing, bytes alone. Shapes are watermark_text.c's. */
#include "image/watermark_ink.h"

#define OUTLINE_ALPHA 210 /* of 255; looked at like the outline's width */

/* count samples, stride bytes apart; copy has room for count. */
static void soften(uint8_t *samples, int64_t stride, int count, int radius, uint8_t *copy) {
    int window = 2 * radius + 1;
    int sum = 0;
    for (int i = 0; i < count; i++)
        copy[i] = samples[i * stride];
    for (int i = -radius; i < count; i++) {
        sum += i + radius < count ? copy[i + radius] : 0;
        sum -= i - radius - 1 >= 0 ? copy[i - radius - 1] : 0;
        if (i >= 0)
            samples[i * stride] = (uint8_t)((sum + radius) / window);
    }
}

/* The mean is taken twice, so that the outline falls off evenly: McDonnell, "Box-Filtering
 * Techniques", 1981. */
enum tt_err tt_ink_soften_outlines(struct tt_overlay *overlay, int radius, struct tt_arena *arena) {
    int width_px = overlay->width_px;
    int height_px = overlay->height_px;
    uint8_t *copy = tt_arena_alloc(arena, (size_t)(width_px > height_px ? width_px : height_px));
    uint8_t *outlines = overlay->samples + TT_INK_OUTLINES;
    if (!copy)
        return TT_ERR_NO_MEMORY;
    for (int pass = 0; pass < 2; pass++) {
        for (int y = 0; y < height_px; y++)
            soften(outlines + (int64_t)y * width_px * 2, 2, width_px, radius, copy);
        for (int x = 0; x < width_px; x++)
            soften(outlines + (int64_t)x * 2, (int64_t)width_px * 2, height_px, radius, copy);
    }
    return TT_OK;
}

/* This is "source over": Porter and Duff, "Compositing Digital Images", 1984. */
void tt_ink_mix(struct tt_overlay *overlay) {
    int64_t count = (int64_t)overlay->width_px * overlay->height_px;
    uint8_t *pixel = overlay->samples;
    for (int64_t i = 0; i < count; i++, pixel += 2) {
        int letters = pixel[TT_INK_LETTERS] * 255;
        int outlines = (pixel[TT_INK_OUTLINES] * OUTLINE_ALPHA + 127) / 255;
        int alpha = letters + outlines * (255 - pixel[TT_INK_LETTERS]); /* of 255² */
        pixel[0] = (uint8_t)(alpha > 0 ? (letters * 255 + alpha / 2) / alpha : 0);
        pixel[1] = (uint8_t)((alpha + 127) / 255);
    }
}
