/* Base64 (RFC 4648, section 4) a piece at a time: it checks what libb64 would skip, then lets
 * libb64 decode. Nothing else uses libb64. */
#ifndef TINTYPE_WEB_BASE64_H
#define TINTYPE_WEB_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <b64/cdecode.h>

#include "tintype/err.h"

#define TT_BASE64_PREFIX_MAX_BYTES 255 /* of a "data:...;base64," prefix */

/* An output buffer needs this much beyond the length of the text: the bytes of "data" that were
 * held back until it was clear that no prefix begins (3), and the byte past its result that libb64
 * touches (1). */
#define TT_BASE64_SLACK_BYTES 4

struct tt_base64 {
    /* All private; see the source. */
    base64_decodestate state;
    uint64_t position;   /* characters of the text so far, for sentences */
    uint64_t characters; /* of the alphabet and padding, so far */
    int padding;         /* '=' so far: 0 to 2 */
    bool prefix_done;    /* none came, or it is over */
    size_t prefix_length;
    char prefix[TT_BASE64_PREFIX_MAX_BYTES];
};

void tt_base64_init(struct tt_base64 *base64);

/* Decodes text into bytes, which has room for length + TT_BASE64_SLACK_BYTES and does not overlap
 * text; *written tells how many. Spaces, tabs and line breaks are passed over, and so is one
 * "data:...;base64," prefix (RFC 2397) at the start. Bits that padding leaves over are ignored (RFC
 * 4648, 3.5 allows it). TT_ERR_BASE64, refused with a sentence that names the character and its
 * position, for one outside the alphabet, for padding in the middle, and for a data: prefix that is
 * not ";base64," or too long; *written is then not to be used. */
enum tt_err tt_base64_push(struct tt_base64 *base64, const char *text, size_t length,
                           uint8_t *bytes, size_t *written);

/* TT_ERR_BASE64 unless the characters make whole groups of four (missing padding included) and the
 * prefix, if there was one, is over. A text of the four letters "data" counts as such a prefix, cut
 * short: three bytes are no picture. */
enum tt_err tt_base64_end(const struct tt_base64 *base64);

#endif
