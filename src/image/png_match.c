/* Match finder: hash chains, and a parse that puts a match off by a byte when the next one saves
 * more. Whether a match is better than its literals is judged by their prices in the block before:
 * so text gets its short matches, and noise is left alone. */
#include "image/png_match.h"

#include <endian.h>
#include <string.h>

#define HASHED_BYTES 8  /* of a chain: so its places are few, and most are long matches */
#define SHORT_BYTES  4  /* the least match; one place is looked at where no chain led to a match */
#define CHAIN_MAX    16 /* places looked at for each byte */
#define LAZY_LENGTH  16 /* no better match is hoped for */
#define EDGE_BYTES   64 /* of a match: places within, farther from its ends, are not kept */
#define PRICED_BYTES 16 /* of a match's literals; the others are priced like these */
#define SKIP_SHIFT   5  /* after 2^5 bytes without a match every second is looked up, and so on */

/* In a block nothing is known of: literals near 7 bits, and matches as zlib's fixed codes are. */
#define LITERAL_PRICE  7
#define LENGTH_PRICE   6
#define DISTANCE_PRICE 5
#define UNUSED_EXTRA   2 /* a symbol that the block before had not, above its longest */

struct match {
    size_t length; /* 0: none */
    size_t distance;
    int saves; /* bits */
};

void tt_match_reset(struct tt_match_finder *finder) {
    struct tt_match_prices *prices = &finder->prices;

    memset(finder->heads, 0, sizeof finder->heads);
    memset(finder->short_heads, 0, sizeof finder->short_heads);
    memset(prices->literals, LITERAL_PRICE, sizeof prices->literals);
    for (size_t length = TT_DEFLATE_MATCH_MIN; length <= TT_DEFLATE_MATCH_MAX; length++)
        prices->lengths[length] =
            (uint8_t)(LENGTH_PRICE + tt_deflate_length_extra(tt_deflate_length_symbol(length)));
    for (int i = 0; i < TT_DEFLATE_DISTANCE_SYMBOLS; i++)
        prices->distances[i] = (uint8_t)(DISTANCE_PRICE + tt_deflate_distance_extra(i));
}

static int price(const uint8_t *lengths, int symbol, int unused) {
    return lengths[symbol] != 0 ? lengths[symbol] : unused;
}

void tt_match_set_prices(struct tt_match_finder *finder, const struct tt_deflate_codes *codes) {
    struct tt_match_prices *prices = &finder->prices;

    for (int i = 0; i < 256; i++)
        prices->literals[i] = (uint8_t)price(codes->lengths, i, LITERAL_PRICE + 4);
    for (size_t length = TT_DEFLATE_MATCH_MIN; length <= TT_DEFLATE_MATCH_MAX; length++) {
        int symbol = tt_deflate_length_symbol(length);
        prices->lengths[length] =
            (uint8_t)(price(codes->lengths, TT_DEFLATE_END + 1 + symbol, LENGTH_PRICE + 2) +
                      tt_deflate_length_extra(symbol));
    }
    for (int i = 0; i < TT_DEFLATE_DISTANCE_SYMBOLS; i++)
        prices->distances[i] =
            (uint8_t)(price(codes->distance_lengths, i, DISTANCE_PRICE + UNUSED_EXTRA) +
                      tt_deflate_distance_extra(i));
}

static inline uint32_t load_32(const uint8_t *bytes) {
    uint32_t value;

    memcpy(&value, bytes, sizeof value);
    return value;
}

static inline uint64_t load_64(const uint8_t *bytes) {
    uint64_t value;

    memcpy(&value, bytes, sizeof value);
    return value;
}

/* Two runs of equal bytes, at most most long. */
static size_t common_length(const uint8_t *a, const uint8_t *b, size_t most) {
    size_t length = 0;

    while (length + 8 <= most && load_64(a + length) == load_64(b + length))
        length += 8;
    while (length < most && a[length] == b[length])
        length++;
    return length;
}

/* The order of a word's bytes changes which places share a hash, so it is fixed. The factors are
 * Knuth's: powers of two over the golden ratio. */
static inline uint32_t short_hash(const uint8_t *bytes) {
    return le32toh(load_32(bytes)) * 2654435761u >> (32 - TT_MATCH_SHORT_HASH_BITS);
}

static inline uint32_t hash(const uint8_t *bytes) {
    return (uint32_t)(le64toh(load_64(bytes)) * 0x9e3779b97f4a7c15u >> (64 - TT_MATCH_HASH_BITS));
}

/* Where to look, as places plus one; 0: nowhere. */
struct leads {
    uint32_t latest; /* the first of a chain */
    uint32_t short_latest;
};

/* Keeps a place; gives the latest before it with its hashes. */
static inline struct leads keep(struct tt_match_finder *finder, const uint8_t *bytes,
                                uint32_t place) {
    uint32_t *head = &finder->heads[hash(bytes)];
    uint32_t *short_head = &finder->short_heads[short_hash(bytes)];
    struct leads leads = {*head, *short_head};
    uint32_t back = place + 1 - *head;

    finder->links[place % TT_MATCH_PLACES] =
        *head != 0 && back < TT_MATCH_PLACES ? (uint16_t)back : 0;
    *head = place + 1;
    *short_head = place + 1;
    return leads;
}

/* What a match saves over its literals. */
static int saved_bits(const struct tt_match_prices *prices, const uint8_t *bytes, size_t length,
                      size_t distance) {
    size_t priced = length < PRICED_BYTES ? length : PRICED_BYTES;
    int literals = 0;

    for (size_t i = 0; i < priced; i++)
        literals += prices->literals[bytes[i]];
    if (length > PRICED_BYTES)
        literals = literals * (int)length / PRICED_BYTES;
    return literals - prices->lengths[length] -
           prices->distances[tt_deflate_distance_symbol(distance)];
}

/* The length of the match so far back, when it is longer than length, which is at least
 * SHORT_BYTES - 1; else 0. */
static inline size_t longer(const uint8_t *bytes, size_t distance, size_t length, size_t most) {
    const uint8_t *earlier = bytes - distance;

    if (earlier[length] != bytes[length] || load_32(earlier) != load_32(bytes))
        return 0;
    size_t found = common_length(earlier, bytes, most);
    return found > length ? found : 0;
}

/* The longest match at window[at], and of equals the nearest; none when it saves nothing. */
static inline struct match longest(const struct tt_match_finder *finder, const uint8_t *window,
                                   size_t at, size_t most, uint32_t base, struct leads leads) {
    const uint8_t *bytes = window + at;
    uint32_t place = base + (uint32_t)at;
    size_t farthest = at < TT_MATCH_PLACES ? at : TT_MATCH_PLACES - 1;
    size_t length = SHORT_BYTES - 1;
    size_t best = 0; /* its distance */
    size_t distance = leads.latest != 0 ? place + 1 - leads.latest : SIZE_MAX;

    if (most > TT_DEFLATE_MATCH_MAX)
        most = TT_DEFLATE_MATCH_MAX;
    for (int looked = 0; looked < CHAIN_MAX && distance <= farthest; looked++) {
        size_t found = longer(bytes, distance, length, most);

        if (found != 0) {
            length = found;
            best = distance;
            if (length == most)
                break;
        }
        uint32_t back = finder->links[(place - distance) % TT_MATCH_PLACES];
        if (back == 0)
            break;
        distance += back;
    }
    distance = leads.short_latest != 0 ? place + 1 - leads.short_latest : SIZE_MAX;
    if (length < HASHED_BYTES && distance <= farthest) {
        size_t found = longer(bytes, distance, length, most);

        if (found != 0) {
            length = found;
            best = distance;
        }
    }
    int saves = best != 0 ? saved_bits(&finder->prices, bytes, length, best) : 0;
    return saves > 0 ? (struct match){length, best, saves} : (struct match){0};
}

/* Keeps the places of a match's bytes from the first, which is kept, to the last. */
static void keep_match(struct tt_match_finder *finder, const uint8_t *window, size_t first,
                       size_t end, size_t hashed_end, uint32_t base) {
    if (end > hashed_end)
        end = hashed_end;
    for (size_t at = first; at < end; at++) {
        if (at == first + EDGE_BYTES && end - at > EDGE_BYTES)
            at = end - EDGE_BYTES;
        (void)keep(finder, window + at, base + (uint32_t)at);
    }
}

size_t tt_match_find(struct tt_match_finder *finder, struct tt_pieces *found, const uint8_t *window,
                     size_t start, size_t end, uint32_t base) {
    /* Where a place can be hashed, and a byte after the least match be looked at. */
    size_t hashed_end = end - start > HASHED_BYTES ? end - HASHED_BYTES : start;
    tt_piece *pieces = found->pieces;
    size_t count = found->count;
    struct match match = {0};
    size_t misses = 0;
    size_t at = start;

    while (at < end && count < found->capacity) {
        struct match later = {0};

        if (match.length == 0 && at < hashed_end)
            match = longest(finder, window, at, end - at, base,
                            keep(finder, window + at, base + (uint32_t)at));
        if (match.length == 0) {
            size_t step = 1 + (misses++ >> SKIP_SHIFT);

            for (; step > 0 && at < end && count < found->capacity; step--)
                pieces[count++] = window[at++];
            continue;
        }
        misses = 0;
        size_t kept = at + 1;
        /* With room for a literal and a match: none is left over at the end. */
        if (match.length < LAZY_LENGTH && kept < hashed_end && count + 2 <= found->capacity) {
            later = longest(finder, window, kept, end - kept, base,
                            keep(finder, window + kept, base + (uint32_t)kept));
            kept++;
        }
        if (later.saves > match.saves) {
            pieces[count++] = window[at++];
            match = later;
            continue;
        }
        pieces[count++] = tt_piece_match(match.length, match.distance);
        keep_match(finder, window, kept, at + match.length, hashed_end, base);
        at += match.length;
        match = (struct match){0};
    }
    found->count = count;
    return at;
}
