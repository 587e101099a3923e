/* Match finder: bytes to the pieces of Deflate, by chains of places with one hash (as zlib's). */
#ifndef TINTYPE_IMAGE_PNG_MATCH_H
#define TINTYPE_IMAGE_PNG_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "image/png_deflate.h"

#define TT_MATCH_HASH_BITS       14
#define TT_MATCH_SHORT_HASH_BITS 13
#define TT_MATCH_PLACES          TT_DEFLATE_DISTANCE_MAX

/* What pieces cost in bits, as the finder believes. */
struct tt_match_prices {
    uint8_t literals[256];
    uint8_t lengths[TT_DEFLATE_MATCH_MAX + 1]; /* extra bits included */
    uint8_t distances[TT_DEFLATE_DISTANCE_SYMBOLS];
};

/* Places count from the first byte ever given, so they stay when the window moves. What they say is
 * only a hint: every match is held against the window's bytes. */
struct tt_match_finder {
    /* The latest place of each hash of many bytes, plus one, 0 where there is none; from each place
     * back to the one before it with the same hash, 0 where that is too far. */
    uint32_t heads[1u << TT_MATCH_HASH_BITS];
    uint16_t links[TT_MATCH_PLACES];
    /* The latest place of each hash of few bytes, likewise. */
    uint32_t short_heads[1u << TT_MATCH_SHORT_HASH_BITS];
    struct tt_match_prices prices;
};

/* Forgets everything; prices are those of a block that nothing is known of. */
void tt_match_reset(struct tt_match_finder *finder);

/* Prices as in the codes of the block before. */
void tt_match_set_prices(struct tt_match_finder *finder, const struct tt_deflate_codes *codes);

/* Pieces found so far. */
struct tt_pieces {
    tt_piece *pieces;
    size_t count;
    size_t capacity;
};

/* Turns window[start, end) into pieces, added to those there are, until these are full; gives the
 * end of what it turned. window[0] has the place base, and bytes before start may be matched as far
 * as they were turned in earlier calls. After 2^32 places begin at 0 again. */
size_t tt_match_find(struct tt_match_finder *finder, struct tt_pieces *found, const uint8_t *window,
                     size_t start, size_t end, uint32_t base);

#endif
