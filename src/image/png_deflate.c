/* Deflate blocks: codes from counts, and everything of RFC 1951, 3.2.3 to 3.2.7 that is written:
 * blocks with codes of their own alone. A stored block would gain half a percent on noise only. */
#include "image/png_deflate.h"

#include <endian.h>
#include <string.h>

#include "image/png_huffman.h"

#define LENGTH_CODE_SYMBOLS 19
#define FIRST_LENGTH        257
#define PIECES_PER_CHECK    512 /* of the room: 48 bits each, at the most */

/* ---- symbols ---- */

/* Symbols of lengths and distances stand for ranges, which are halves of powers of two (distances)
 * or quarters of them (lengths), counted from one symbol's first: RFC 1951, 3.2.5. */
static int highest_bit(unsigned int value) {
    return 31 - __builtin_clz(value);
}

int tt_deflate_length_symbol(size_t length) {
    unsigned int above = (unsigned int)length - TT_DEFLATE_MATCH_MIN;
    if (length == TT_DEFLATE_MATCH_MAX)
        return 28;
    if (above < 8)
        return (int)above;
    int extra = highest_bit(above) - 2;
    return 4 * extra + (int)(above >> extra);
}

int tt_deflate_length_extra(int symbol) {
    return symbol < 8 || symbol == 28 ? 0 : symbol / 4 - 1;
}

int tt_deflate_distance_symbol(size_t distance) {
    unsigned int above = (unsigned int)distance - 1;
    if (above < 4)
        return (int)above;
    int extra = highest_bit(above) - 1;
    return 2 * extra + (int)(above >> extra);
}

int tt_deflate_distance_extra(int symbol) {
    return symbol < 4 ? 0 : symbol / 2 - 1;
}

static bool is_match(tt_piece piece) {
    return piece > 255;
}

static size_t match_length(tt_piece piece) {
    return piece >> 16;
}

static size_t match_distance(tt_piece piece) {
    return (piece & 0xffff) + 1;
}

/* ---- codes ---- */

static void make_lengths(struct tt_deflate_codes *codes) {
    codes->counts[TT_DEFLATE_END] = 1;
    tt_huffman_make_lengths(codes->lengths, codes->counts, TT_DEFLATE_SYMBOLS,
                            TT_HUFFMAN_LENGTH_MAX);
    tt_huffman_make_lengths(codes->distance_lengths, codes->distance_counts,
                            TT_DEFLATE_DISTANCE_SYMBOLS, TT_HUFFMAN_LENGTH_MAX);
}

void tt_deflate_count(struct tt_deflate_codes *codes, const tt_piece *pieces, size_t count) {
    memset(codes, 0, sizeof *codes);
    for (size_t i = 0; i < count; i++) {
        if (is_match(pieces[i])) {
            codes->counts[FIRST_LENGTH + tt_deflate_length_symbol(match_length(pieces[i]))]++;
            codes->distance_counts[tt_deflate_distance_symbol(match_distance(pieces[i]))]++;
        } else {
            codes->counts[pieces[i]]++;
        }
    }
    make_lengths(codes);
}

/* There are four tables, as equal neighbours would wait for each other's count in a single one. */
void tt_deflate_count_bytes(struct tt_deflate_codes *codes, const uint8_t *bytes, size_t count) {
    uint32_t tables[4][256] = {{0}};
    size_t i = 0;
    memset(codes, 0, sizeof *codes);
    for (; i + 4 <= count; i += 4) {
        tables[0][bytes[i]]++;
        tables[1][bytes[i + 1]]++;
        tables[2][bytes[i + 2]]++;
        tables[3][bytes[i + 3]]++;
    }
    for (; i < count; i++)
        tables[0][bytes[i]]++;
    for (int value = 0; value < 256; value++)
        codes->counts[value] =
            tables[0][value] + tables[1][value] + tables[2][value] + tables[3][value];
    make_lengths(codes);
}

uint64_t tt_deflate_bits(const struct tt_deflate_codes *codes) {
    uint64_t bits = 0;
    for (int i = 0; i < TT_DEFLATE_SYMBOLS; i++) {
        int extra = i < FIRST_LENGTH ? 0 : tt_deflate_length_extra(i - FIRST_LENGTH);
        bits += (uint64_t)codes->counts[i] * (uint64_t)(codes->lengths[i] + extra);
    }
    for (int i = 0; i < TT_DEFLATE_DISTANCE_SYMBOLS; i++)
        bits += (uint64_t)codes->distance_counts[i] *
                (uint64_t)(codes->distance_lengths[i] + tt_deflate_distance_extra(i));
    return bits;
}

/* ---- bits ---- */

/* Writes at most 16 bits at once, and needs room for eight bytes. Fewer than 8 bits are left over.
 */
static inline void flush_bits(struct tt_deflate_sink *sink) {
    uint64_t bits = htole64(sink->bits);
    memcpy(sink->bytes + sink->length, &bits, sizeof bits);
    sink->length += sink->bit_count / 8;
    sink->bits >>= sink->bit_count & 56u;
    sink->bit_count &= 7;
}

/* Up to 56 bits may be added between two flushes. */
static inline void add_bits(struct tt_deflate_sink *sink, uint64_t value, unsigned int count) {
    sink->bits |= value << sink->bit_count;
    sink->bit_count += count;
}

static void put_bits(struct tt_deflate_sink *sink, uint64_t value, unsigned int count) {
    add_bits(sink, value, count);
    flush_bits(sink);
}

void tt_deflate_align(struct tt_deflate_sink *sink) {
    sink->bit_count = (sink->bit_count + 7) & ~7u;
    flush_bits(sink);
}

/* A block goes on only with room for one description of codes, or for PIECES_PER_CHECK pieces, and
 * for what flush_bits writes. */
static enum tt_err make_room(struct tt_deflate_sink *sink) {
    if (sink->capacity - sink->length >= PIECES_PER_CHECK * 6 + 16)
        return TT_OK;
    return sink->drain(sink);
}

/* ---- the description of the codes (3.2.7) ---- */

/* Describes runs of equal lengths, each as a symbol and, above it, its extra bits. */
static int describe_lengths(const uint8_t *lengths, int count, uint16_t *runs) {
    int run_count = 0;
    for (int i = 0; i < count;) {
        int run = 1;
        while (i + run < count && lengths[i + run] == lengths[i])
            run++;
        i += run;
        int value = lengths[i - 1];
        if (value != 0) {
            runs[run_count++] = (uint16_t)value;
            run--;
        }
        while (run >= 3) {
            int most = value != 0 ? 6 : 138;
            int part = run < most ? run : most;
            int symbol = value != 0 ? 16 : part < 11 ? 17 : 18;
            unsigned int extra = (unsigned int)part - (symbol == 18 ? 11u : 3u);
            runs[run_count++] = (uint16_t)((unsigned int)symbol | extra << 8);
            run -= part;
        }
        for (; run > 0; run--)
            runs[run_count++] = (uint16_t)value;
    }
    return run_count;
}

static int used_symbols(const uint8_t *lengths, int count, int least) {
    while (count > least && lengths[count - 1] == 0)
        count--;
    return count;
}

static void put_codes(struct tt_deflate_sink *sink, const struct tt_deflate_codes *codes,
                      bool is_last) {
    static const uint8_t order[LENGTH_CODE_SYMBOLS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                       11, 4,  12, 3, 13, 2, 14, 1, 15};
    static const uint8_t extra_bits[3] = {2, 3, 7};
    int symbols = used_symbols(codes->lengths, TT_DEFLATE_SYMBOLS, FIRST_LENGTH);
    int distances = used_symbols(codes->distance_lengths, TT_DEFLATE_DISTANCE_SYMBOLS, 1);
    uint8_t all[TT_DEFLATE_SYMBOLS + TT_DEFLATE_DISTANCE_SYMBOLS];
    uint16_t runs[TT_DEFLATE_SYMBOLS + TT_DEFLATE_DISTANCE_SYMBOLS];
    uint32_t counts[LENGTH_CODE_SYMBOLS] = {0};
    uint8_t lengths[LENGTH_CODE_SYMBOLS];
    uint16_t length_codes[LENGTH_CODE_SYMBOLS];
    int listed = LENGTH_CODE_SYMBOLS;
    memcpy(all, codes->lengths, (size_t)symbols);
    memcpy(all + symbols, codes->distance_lengths, (size_t)distances);
    int run_count = describe_lengths(all, symbols + distances, runs);
    for (int i = 0; i < run_count; i++)
        counts[runs[i] & 255]++;
    tt_huffman_make_lengths(lengths, counts, LENGTH_CODE_SYMBOLS, 7);
    tt_huffman_make_codes(length_codes, lengths, LENGTH_CODE_SYMBOLS);
    while (listed > 4 && lengths[order[listed - 1]] == 0)
        listed--;
    put_bits(sink, (is_last ? 1 : 0) | 2 << 1, 3);
    put_bits(sink, (uint64_t)(symbols - 257) | (uint64_t)(distances - 1) << 5, 10);
    put_bits(sink, (uint64_t)(listed - 4), 4);
    for (int i = 0; i < listed; i++)
        put_bits(sink, lengths[order[i]], 3);
    for (int i = 0; i < run_count; i++) {
        int symbol = runs[i] & 255;
        put_bits(sink, length_codes[symbol], lengths[symbol]);
        if (symbol >= 16)
            put_bits(sink, runs[i] >> 8, extra_bits[symbol - 16]);
    }
}

/* ---- blocks ---- */

/* An entry has a code in its lower half and its length above, so that one look finds both. */
#define LENGTH_SHIFT 16

static void make_entries(uint32_t *entries, const uint8_t *lengths, int symbols) {
    uint16_t values[TT_DEFLATE_SYMBOLS];
    tt_huffman_make_codes(values, lengths, symbols);
    for (int i = 0; i < symbols; i++)
        entries[i] = values[i] | (uint32_t)lengths[i] << LENGTH_SHIFT;
}

static inline void add_entry(struct tt_deflate_sink *sink, uint32_t entry) {
    add_bits(sink, entry & 0xffff, entry >> LENGTH_SHIFT);
}

static inline void add_match(struct tt_deflate_sink *sink, const uint32_t *entries,
                             const uint32_t *distance_entries, tt_piece piece) {
    size_t length = match_length(piece);
    size_t distance = match_distance(piece);
    int symbol = tt_deflate_length_symbol(length);
    unsigned int extra = (unsigned int)tt_deflate_length_extra(symbol);
    add_entry(sink, entries[FIRST_LENGTH + symbol]);
    add_bits(sink, (length - TT_DEFLATE_MATCH_MIN) & ((1u << extra) - 1), extra);
    symbol = tt_deflate_distance_symbol(distance);
    extra = (unsigned int)tt_deflate_distance_extra(symbol);
    add_entry(sink, distance_entries[symbol]);
    add_bits(sink, (distance - 1) & ((1u << extra) - 1), extra);
}

static enum tt_err end_block(struct tt_deflate_sink *sink, const uint32_t *entries) {
    enum tt_err err = make_room(sink);
    if (err == TT_OK) {
        add_entry(sink, entries[TT_DEFLATE_END]);
        flush_bits(sink);
    }
    return err;
}

enum tt_err tt_deflate_block(struct tt_deflate_sink *sink, const struct tt_deflate_codes *codes,
                             const tt_piece *pieces, size_t count, bool is_last) {
    uint32_t entries[TT_DEFLATE_SYMBOLS];
    uint32_t distance_entries[TT_DEFLATE_DISTANCE_SYMBOLS];
    enum tt_err err = make_room(sink);
    if (err != TT_OK)
        return err;
    make_entries(entries, codes->lengths, TT_DEFLATE_SYMBOLS);
    make_entries(distance_entries, codes->distance_lengths, TT_DEFLATE_DISTANCE_SYMBOLS);
    put_codes(sink, codes, is_last);
    while (count > 0) {
        size_t part = count < PIECES_PER_CHECK ? count : PIECES_PER_CHECK;
        err = make_room(sink);
        if (err != TT_OK)
            return err;
        struct tt_deflate_sink local = *sink; /* its bits in registers */
        for (size_t i = 0; i < part; i++) {
            if (is_match(pieces[i]))
                add_match(&local, entries, distance_entries, pieces[i]);
            else
                add_entry(&local, entries[pieces[i]]);
            flush_bits(&local);
        }
        *sink = local;
        pieces += part;
        count -= part;
    }
    return end_block(sink, entries);
}

enum tt_err tt_deflate_block_bytes(struct tt_deflate_sink *sink,
                                   const struct tt_deflate_codes *codes, const uint8_t *bytes,
                                   size_t count, bool is_last) {
    uint32_t entries[TT_DEFLATE_SYMBOLS];
    enum tt_err err = make_room(sink);
    if (err != TT_OK)
        return err;
    make_entries(entries, codes->lengths, TT_DEFLATE_SYMBOLS);
    put_codes(sink, codes, is_last);
    while (count > 0) {
        size_t part = count < PIECES_PER_CHECK ? count : PIECES_PER_CHECK;
        size_t i = 0;
        err = make_room(sink);
        if (err != TT_OK)
            return err;
        struct tt_deflate_sink local = *sink; /* its bits in registers */
        for (; i + 3 <= part; i += 3) {
            for (size_t j = i; j < i + 3; j++)
                add_entry(&local, entries[bytes[j]]);
            flush_bits(&local);
        }
        for (; i < part; i++) {
            add_entry(&local, entries[bytes[i]]);
            flush_bits(&local);
        }
        *sink = local;
        bytes += part;
        count -= part;
    }
    return end_block(sink, entries);
}
