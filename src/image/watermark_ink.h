/* Watermark ink: what becomes of a text's coverage. For watermark_text.c alone. */
#ifndef TINTYPE_IMAGE_WATERMARK_INK_H
#define TINTYPE_IMAGE_WATERMARK_INK_H

#include "image/overlay.h"
#include "tintype/arena.h"
#include "tintype/err.h"

/* While a text is drawn, the two bytes of a pixel of its overlay are these coverages, 0 to 255. */
enum tt_ink_layer { TT_INK_LETTERS, TT_INK_OUTLINES };

/* Softens the outlines by means of 2 × radius + 1 pixels, twice along each axis, so they spread by
 * 2 × radius; beyond the overlay's edges there is nothing. radius is 1 to 16384. Takes the longer
 * side's bytes. TT_ERR_NO_MEMORY. */
enum tt_err tt_ink_soften_outlines(struct tt_overlay *overlay, int radius, struct tt_arena *arena);

/* Makes white letters over black outlines that let a little of the ground through, from coverages
 * to gray and alpha, in place. */
void tt_ink_mix(struct tt_overlay *overlay);

#endif
