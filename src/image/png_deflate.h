/* Deflate blocks (RFC 1951): pieces, which are literal bytes and matches, to bits.
 *
 * Here: counting pieces, making a block's codes, writing it, what it costs. Which pieces stand for
 * a picture's bytes is decided elsewhere. */
#ifndef TINTYPE_IMAGE_PNG_DEFLATE_H
#define TINTYPE_IMAGE_PNG_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tintype/err.h"

#define TT_DEFLATE_MATCH_MIN    3
#define TT_DEFLATE_MATCH_MAX    258
#define TT_DEFLATE_DISTANCE_MAX 32768

#define TT_DEFLATE_SYMBOLS          286
#define TT_DEFLATE_END              256
#define TT_DEFLATE_DISTANCE_SYMBOLS 30

/* A piece is a literal byte; or a match, whose length is above 16 bits of distance - 1. */
typedef uint32_t tt_piece;

static inline tt_piece tt_piece_match(size_t length, size_t distance) {
    return (tt_piece)(length << 16 | (distance - 1));
}

/* A block has two codes, one of literals and lengths and one of distances. */
struct tt_deflate_codes {
    uint32_t counts[TT_DEFLATE_SYMBOLS]; /* of literals, the end, lengths */
    uint32_t distance_counts[TT_DEFLATE_DISTANCE_SYMBOLS];
    uint8_t lengths[TT_DEFLATE_SYMBOLS];
    uint8_t distance_lengths[TT_DEFLATE_DISTANCE_SYMBOLS];
};

/* Sets everything from pieces, or from plain bytes; at most 2^24 of them. */
void tt_deflate_count(struct tt_deflate_codes *codes, const tt_piece *pieces, size_t count);
void tt_deflate_count_bytes(struct tt_deflate_codes *codes, const uint8_t *bytes, size_t count);

/* Returns how many bits what was counted takes, without the description of the codes. */
uint64_t tt_deflate_bits(const struct tt_deflate_codes *codes);

/* These return a match's length symbol, counted from the first one, and its extra bits; and
 * likewise the distance's. */
int tt_deflate_length_symbol(size_t length);
int tt_deflate_length_extra(int symbol);
int tt_deflate_distance_symbol(size_t distance);
int tt_deflate_distance_extra(int symbol);

/* A sink is where bits go. drain is called when bytes is nearly full; it takes the first length of
 * them, and its failure ends the block. */
struct tt_deflate_sink {
    uint8_t *bytes;
    size_t length;
    size_t capacity; /* at least TT_DEFLATE_SINK_MIN_BYTES */
    uint64_t bits;   /* not yet bytes, first bit lowest */
    unsigned int bit_count;
    enum tt_err (*drain)(struct tt_deflate_sink *self);
};

#define TT_DEFLATE_SINK_MIN_BYTES 8192

/* Writes one block of what was counted. Errors are drain's. */
enum tt_err tt_deflate_block(struct tt_deflate_sink *sink, const struct tt_deflate_codes *codes,
                             const tt_piece *pieces, size_t count, bool is_last);
enum tt_err tt_deflate_block_bytes(struct tt_deflate_sink *sink,
                                   const struct tt_deflate_codes *codes, const uint8_t *bytes,
                                   size_t count, bool is_last);

/* Adds zero bits up to a whole byte. There is always room for them. */
void tt_deflate_align(struct tt_deflate_sink *sink);

#endif
