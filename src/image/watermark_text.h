/* Watermark text: one line of text as an overlay, white with a dark outline. For watermark.c alone.
 *
 * Characters stand one after the other, from left to right, kerned by the font's `kern` table
 * (positions of OpenType's GPOS are not known). Combining marks are not placed upon their letters,
 * letters are not joined or turned to right-to-left order: scripts that need shaping are out of
 * scope. Control and invisible formatting characters are left out; bytes that are not UTF-8 become
 * U+FFFD, one for each run; a character the font does not have is drawn as the font's own box. */
#ifndef TINTYPE_IMAGE_WATERMARK_TEXT_H
#define TINTYPE_IMAGE_WATERMARK_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "image/overlay.h"
#include "tintype/arena.h"
#include "tintype/err.h"

/* A shorter line is a smear, and not drawn: of DejaVu Sans, 7 px are just readable. */
#define TT_WATERMARK_LINE_MIN_PX 7

/* Tells whether the font can be drawn with. TT_ERR_CONFIG with the reason as the cause;
 * TT_ERR_NO_MEMORY for the arena's end. */
enum tt_err tt_watermark_font_check(const uint8_t *font, size_t font_bytes, struct tt_arena *arena);

/* Draws text (UTF-8, NUL-terminated; TT_PICTURE_WATERMARK_SIZE bytes are looked at at most) with a
 * line, from the font's ascender to its descender, of line_px; smaller where the room asks for it;
 * nothing where less than TT_WATERMARK_LINE_MIN_PX would be left, or nothing is visible. Fills
 * *overlay but for its place: one colour, and just as large as the ink. A glyph that is damaged is
 * left out. TT_ERR_NO_MEMORY; TT_ERR_INTERNAL for a font that tt_watermark_font_check refuses. */
enum tt_err tt_watermark_text_draw(struct tt_overlay *overlay, const uint8_t *font,
                                   size_t font_bytes, const char *text, double line_px,
                                   struct tt_overlay_room room, struct tt_arena *arena);

#endif
