/* GIF codes: how often the codes of a picture begin anew. */
#ifndef TINTYPE_IMAGE_GIF_CODES_H
#define TINTYPE_IMAGE_GIF_CODES_H

#include <stdint.h>
#include <sys/types.h>

#include "image/decoder.h"
#include "tintype/err.h"

/* Looks through the codes of a frame of that many pixels, whose first byte (GIF89a, 22: the minimum
 * code size) is at offset in the decoder's file, and refuses one that clears the table of codes
 * more often than its pixels account for: giflib takes half a microsecond for each, and a clear
 * code has 3 bits. What is damaged is for giflib to tell. TT_ERR_PICTURE_TOO_COSTLY,
 * TT_ERR_NO_MEMORY, TT_ERR_STORAGE. */
enum tt_err tt_gif_codes_check(const struct tt_decoder *decoder, off_t offset, int64_t pixels);

#endif
