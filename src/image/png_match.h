/* Match finder: bytes to the pieces of Deflate, by chains of places with one hash (as zlib's). */
#ifndef TINTYPE_IMAGE_PNG_MATCH_H
#define TINTYPE_IMAGE_PNG_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/png_deflate.h"
#include "tintype/arena.h"

/* These are the bits that pieces cost, as far as the finder knows. */
struct tt_match_prices {
    uint8_t literals[256];
    uint8_t lengths[TT_DEFLATE_MATCH_MAX + 1]; /* extra bits included */
    uint8_t distances[TT_DEFLATE_DISTANCE_SYMBOLS];
};

/* Places count from the first byte ever given, so they stay when the window moves. What they say is
 * only a hint: every match is held against the window's bytes. */
struct tt_match_tables {
    /* The latest place of each hash of many bytes, plus one, 0 where there is none; from each place
     * back to the one before it with the same hash, 0 where that is too far. */
    uint32_t *heads;
    uint16_t *links;
    /* The latest place of each hash of few bytes, likewise. */
    uint32_t *short_heads;
    /* The masks are the sizes of the tables above, which are powers of two, less one. */
    uint32_t head_mask;
    uint32_t link_mask;
    uint32_t short_mask;
};

struct tt_match_finder {
    struct tt_match_tables tables;
    struct tt_match_prices prices;
    bool is_wide;
    bool has_begun;
    uint32_t first_place; /* ever given, once begun */
    uint32_t searches;    /* of chains, and of these the ones given up before their end */
    uint32_t given_up;
};

/* Takes the memory for length bytes, which are all that is searched or as many as are in reach;
 * prices are those of a block that nothing is known of. TT_ERR_NO_MEMORY. */
enum tt_err tt_match_init(struct tt_match_finder *finder, struct tt_arena *arena, size_t length);

/* Whether wide chains are worth a try, from what was searched with narrow ones since the finder
 * began or was last asked: length bytes, in count pieces. Narrow chains are of places with 8 equal
 * bytes, which in a smooth slope, nearly all zeros once filtered, are most places; wide ones
 * want 32. */
bool tt_match_asks_for_wide(struct tt_match_finder *finder, size_t length, size_t count);

/* Sets the width of chains from here on. Chains that are there already are no longer found. */
void tt_match_set_wide(struct tt_match_finder *finder, bool is_wide);

/* Sets prices by the codes of the block before, or of bytes like those that follow. */
void tt_match_set_prices(struct tt_match_finder *finder, const struct tt_deflate_codes *codes);

/* The pieces found so far are kept here. */
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
