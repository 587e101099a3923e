/* Huffman codes as Deflate has them (RFC 1951, 3.2.2): lengths from counts, codes from lengths. */
#ifndef TINTYPE_IMAGE_PNG_HUFFMAN_H
#define TINTYPE_IMAGE_PNG_HUFFMAN_H

#include <stdint.h>

#define TT_HUFFMAN_SYMBOLS_MAX 288
#define TT_HUFFMAN_LENGTH_MAX  15

/* Sets the length of each symbol's code, 0 where counts is 0; at most length_max, which is at least
 * enough for all symbols: symbols <= 2^length_max. A lone symbol, or none, still gives a whole code
 * of two symbols, as some readers want. The sum of counts is below 2^32; symbols is 2 to
 * TT_HUFFMAN_SYMBOLS_MAX. Without a limit in the way the lengths are the best there are. */
void tt_huffman_make_lengths(uint8_t *lengths, const uint32_t *counts, int symbols, int length_max);

/* Sets the canonical codes, each with its first bit lowest, as they are written. */
void tt_huffman_make_codes(uint16_t *codes, const uint8_t *lengths, int symbols);

#endif
