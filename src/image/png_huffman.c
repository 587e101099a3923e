/* Huffman codes: lengths from counts, canonical codes from lengths. Nothing is written here. */
#include "image/png_huffman.h"

#include <stdlib.h>
#include <string.h>

/* A symbol in the lower bits, its count above: sorted by count, then symbol, so that every sorting
 * gives the same. */
#define SYMBOL_BITS 9

static int compare(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Replaces weights in rising order by the depths of their leaves in a Huffman tree. The tree is
 * built within the array (Moffat and Katajainen, "In-Place Calculation of Minimum-Redundancy
 * Codes", 1995), whose places hold an inner node's weight first, then its parent's place, then its
 * depth. There are at least two weights. */
static void weights_to_depths(uint32_t *nodes, int count) {
    int leaf = 0;
    int root = 0;
    for (int next = 0; next < count - 1; next++) {
        uint32_t sum = 0;
        for (int child = 0; child < 2; child++) {
            if (leaf >= count || (root < next && nodes[root] < nodes[leaf])) {
                sum += nodes[root];
                nodes[root++] = (uint32_t)next;
            } else {
                sum += nodes[leaf++];
            }
        }
        nodes[next] = sum;
    }
    nodes[count - 2] = 0;
    for (int next = count - 3; next >= 0; next--)
        nodes[next] = nodes[nodes[next]] + 1;

    int available = 1;
    uint32_t depth = 0;
    int inner = count - 2;
    int next = count - 1;
    while (available > 0) {
        int used = 0;
        for (; inner >= 0 && nodes[inner] == depth; inner--)
            used++;
        for (; available > used; available--)
            nodes[next--] = depth;
        available = 2 * used;
        depth++;
    }
}

/* Cuts depths, which fall from the first to the last, down to length_max, and lengthens the
 * longest codes below it until all fit again (Kraft's inequality); then shortens what has room. */
static void limit_depths(uint32_t *depths, int count, int length_max) {
    uint32_t whole = 1u << length_max;
    uint32_t taken = 0;
    for (int i = 0; i < count; i++) {
        if (depths[i] > (uint32_t)length_max)
            depths[i] = (uint32_t)length_max;
        taken += whole >> depths[i];
    }
    for (int i = 0; taken > whole; i = i + 1 < count ? i + 1 : 0) {
        if (depths[i] < (uint32_t)length_max) {
            depths[i]++;
            taken -= whole >> depths[i];
            i--; /* the least likely symbol takes all it can */
        }
    }
    for (int i = count - 1; i >= 0; i--) {
        while (depths[i] > 1 && taken + (whole >> depths[i]) <= whole) {
            taken += whole >> depths[i];
            depths[i]--;
        }
    }
}

void tt_huffman_make_lengths(uint8_t *lengths, const uint32_t *counts, int symbols,
                             int length_max) {
    uint64_t order[TT_HUFFMAN_SYMBOLS_MAX];
    uint32_t nodes[TT_HUFFMAN_SYMBOLS_MAX];
    int count = 0;
    memset(lengths, 0, (size_t)symbols);
    for (int symbol = 0; symbol < symbols; symbol++)
        if (counts[symbol] > 0)
            order[count++] = (uint64_t)counts[symbol] << SYMBOL_BITS | (uint64_t)symbol;
    if (count < 2) {
        int lone = count == 1 ? (int)(order[0] & ((1u << SYMBOL_BITS) - 1)) : 0;
        lengths[lone] = 1;
        lengths[lone == 0 ? 1 : 0] = 1;
        return;
    }
    qsort(order, (size_t)count, sizeof *order, compare);
    for (int i = 0; i < count; i++)
        nodes[i] = (uint32_t)(order[i] >> SYMBOL_BITS);
    weights_to_depths(nodes, count);
    if (nodes[0] > (uint32_t)length_max)
        limit_depths(nodes, count, length_max);
    for (int i = 0; i < count; i++)
        lengths[order[i] & ((1u << SYMBOL_BITS) - 1)] = (uint8_t)nodes[i];
}

static uint16_t reverse(uint32_t code, int length) {
    uint32_t reversed = 0;
    for (int i = 0; i < length; i++)
        reversed |= (code >> i & 1) << (length - 1 - i);
    return (uint16_t)reversed;
}

void tt_huffman_make_codes(uint16_t *codes, const uint8_t *lengths, int symbols) {
    uint32_t of_length[TT_HUFFMAN_LENGTH_MAX + 1] = {0};
    uint32_t next[TT_HUFFMAN_LENGTH_MAX + 1];
    uint32_t code = 0;
    for (int symbol = 0; symbol < symbols; symbol++)
        of_length[lengths[symbol]]++;
    of_length[0] = 0;
    next[0] = 0;
    for (int length = 1; length <= TT_HUFFMAN_LENGTH_MAX; length++) {
        code = (code + of_length[length - 1]) << 1;
        next[length] = code;
    }
    for (int symbol = 0; symbol < symbols; symbol++)
        codes[symbol] = reverse(next[lengths[symbol]]++, lengths[symbol]);
}
