/* Match finder: hash chains, and a parse that puts a match off by a byte when the next one saves
 * more. Whether a match is better than its literals is judged by their prices in the block before:
 * so text gets its short matches, and noise is left alone. */
#include "image/png_match.h"

#include <endian.h>
#include <string.h>

#define HEADS_BITS  14 /* of a hash, at most */
#define HEADS_MAX   (1u << HEADS_BITS)
#define HEADS_MIN   256
#define SHORTS_BITS 13 /* likewise, of few bytes */

/* A chain is of places with one hash of so many bytes: enough that its places are few, and most are
 * long matches. So many of its places are looked at for each byte. */
#define NARROW_BYTES   8
#define CHAIN_MAX      16
#define WIDE_BYTES     32
#define WIDE_CHAIN_MAX 12

#define SHORT_BYTES 4  /* the least match; one place is looked at where no chain led to a match */
#define LAZY_LENGTH 16 /* no better match is hoped for */

/* A match from so near is a run, where one place is like the next; wide chains are of slopes that
 * are nearly so. Of these only the places at both ends are kept: few at the first, more at the
 * last, from where a run's end is found again. */
#define NEAR_BYTES 16
#define FIRST_KEPT 8
#define LAST_KEPT  40

/* A match must save so many bits: those that save less make all other codes longer. */
#define SAVED_MIN 3

#define PRICED_BYTES 16 /* of a match's literals; the others are priced like these */
#define SKIP_SHIFT   4  /* after 2^4 bytes without a match every second is looked up, and so on */

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* These are the prices in a block that nothing is known of: literals near 7 bits, and matches as
 * zlib's fixed codes are. */
#define LITERAL_PRICE  7
#define LENGTH_PRICE   6
#define DISTANCE_PRICE 5
#define UNUSED_EXTRA   2 /* a symbol that the block before had not, above its longest */

struct match {
    size_t length; /* 0: none */
    size_t distance;
    int saves; /* bits */
};

static inline size_t lesser(size_t a, size_t b) {
    return a < b ? a : b;
}

/* ---- memory ---- */

/* Sizes of a finder's three tables. */
struct table_sizes {
    size_t heads;
    size_t shorts;
    size_t links;
};

/* The tables have as few entries as the bytes need, as zeroing all of them takes longer than a
 * small icon. */
static struct table_sizes table_sizes(size_t length) {
    size_t heads = HEADS_MIN;
    size_t links = HEADS_MIN;
    while (heads < HEADS_MAX && heads < length / 2)
        heads *= 2;
    while (links < TT_DEFLATE_DISTANCE_MAX && links < length)
        links *= 2;
    return (struct table_sizes){heads, heads >> (HEADS_BITS - SHORTS_BITS), links};
}

static void set_first_prices(struct tt_match_prices *prices) {
    memset(prices->literals, LITERAL_PRICE, sizeof prices->literals);
    for (size_t length = TT_DEFLATE_MATCH_MIN; length <= TT_DEFLATE_MATCH_MAX; length++)
        prices->lengths[length] =
            (uint8_t)(LENGTH_PRICE + tt_deflate_length_extra(tt_deflate_length_symbol(length)));
    for (int i = 0; i < TT_DEFLATE_DISTANCE_SYMBOLS; i++)
        prices->distances[i] = (uint8_t)(DISTANCE_PRICE + tt_deflate_distance_extra(i));
}

enum tt_err tt_match_init(struct tt_match_finder *finder, struct tt_arena *arena, size_t length) {
    struct table_sizes sizes = table_sizes(length);
    struct tt_match_tables *tables = &finder->tables;
    *finder = (struct tt_match_finder){0};
    *tables = (struct tt_match_tables){
        .heads = tt_arena_alloc_array(arena, sizes.heads, sizeof *tables->heads),
        .links = tt_arena_alloc_array(arena, sizes.links, sizeof *tables->links),
        .short_heads = tt_arena_alloc_array(arena, sizes.shorts, sizeof *tables->short_heads),
        .head_mask = (uint32_t)sizes.heads - 1,
        .link_mask = (uint32_t)sizes.links - 1,
        .short_mask = (uint32_t)sizes.shorts - 1,
    };
    set_first_prices(&finder->prices);
    return tables->heads && tables->links && tables->short_heads ? TT_OK : TT_ERR_NO_MEMORY;
}

/* ---- width ---- */

/* Wide chains are asked for where many searches are given up. Measured: of smooth slopes three to
 * eight searches in ten are given up, of text and screenshots up to four, of dithered pictures six;
 * but there matches are of 9 bytes. */
bool tt_match_asks_for_wide(struct tt_match_finder *finder, size_t length, size_t count) {
    bool asks = finder->given_up > finder->searches / 4 && length / (WIDE_BYTES / 2) > count;
    finder->searches = 0;
    finder->given_up = 0;
    return asks;
}

void tt_match_set_wide(struct tt_match_finder *finder, bool is_wide) {
    finder->is_wide = is_wide;
}

/* ---- prices ---- */

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

/* Returns how long two runs of bytes are equal, up to most. */
static size_t common_length(const uint8_t *a, const uint8_t *b, size_t most) {
    size_t length = 0;
    while (length + 8 <= most && load_64(a + length) == load_64(b + length))
        length += 8;
    while (length < most && a[length] == b[length])
        length++;
    return length;
}

/* ---- places ---- */

/* The order of a word's bytes changes which places share a hash, so it is fixed. The factors are
 * Knuth's: powers of two over the golden ratio. */
static inline uint32_t short_hash(const struct tt_match_tables *tables, const uint8_t *bytes) {
    return (le32toh(load_32(bytes)) * 2654435761u >> (32 - SHORTS_BITS)) & tables->short_mask;
}

static ALWAYS_INLINE uint32_t hash(const struct tt_match_tables *tables, const uint8_t *bytes,
                                   size_t hashed_bytes) {
    uint64_t mixed = le64toh(load_64(bytes)) * 0x9e3779b97f4a7c15u;
    for (size_t i = 8; i < hashed_bytes; i += 8)
        mixed = (mixed ^ mixed >> 32 ^ le64toh(load_64(bytes + i))) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(mixed >> (64 - HEADS_BITS)) & tables->head_mask;
}

/* Leads are where to look, as places plus one; 0 is nowhere. */
struct leads {
    uint32_t latest; /* the first of a chain */
    uint32_t short_latest;
};

/* Keeps a place, and returns the latest ones before it with its hashes. */
static ALWAYS_INLINE struct leads keep(const struct tt_match_tables *tables, const uint8_t *bytes,
                                       uint32_t place, size_t hashed_bytes) {
    uint32_t *head = &tables->heads[hash(tables, bytes, hashed_bytes)];
    uint32_t *short_head = &tables->short_heads[short_hash(tables, bytes)];
    struct leads leads = {*head, *short_head};
    /* Where the chain is empty, this is farther back than the links count. */
    uint32_t back = place + 1 - *head;

    tables->links[place & tables->link_mask] = back <= tables->link_mask ? (uint16_t)back : 0;
    *head = place + 1;
    *short_head = place + 1;
    return leads;
}

/* ---- matches ---- */

/* Returns how many bits a match saves over its literals. */
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

/* Returns the length of the match so far back, when it is longer than length, which is at least
 * SHORT_BYTES - 1; else 0. */
static inline size_t longer(const uint8_t *bytes, size_t distance, size_t length, size_t most) {
    const uint8_t *earlier = bytes - distance;
    if (earlier[length] != bytes[length] || load_32(earlier) != load_32(bytes))
        return 0;
    size_t found = common_length(earlier, bytes, most);
    return found > length ? found : 0;
}

/* The bytes that pieces are found for. */
struct text {
    const uint8_t *window;
    size_t begin; /* of what matches may have */
    size_t end;
    size_t hashed_end; /* where a place can be hashed, and a byte after the least match looked at */
    uint32_t base;
};

/* A search for the longest match of the bytes at one place. */
struct search {
    const uint8_t *bytes; /* what a match is wanted for */
    uint32_t place;       /* where they are */
    size_t most;          /* the longest match that counts */
    size_t farthest;      /* the greatest distance that a match may have */
    size_t length;        /* of the best match so far; SHORT_BYTES - 1 while there is none */
    size_t best;          /* the best match's distance; 0 while there is none */
};

/* Looks at the places of the chain that begins at latest, nearest first, and returns how many it
 * looked at.
 *
 * A match longer than the best is not only on the chain of its first bytes, but also on that of the
 * bytes which end one past the best. After each match the search goes on with that of the two whose
 * next place is farther, as all nearer ones are out. */
static ALWAYS_INLINE int follow_chain(const struct tt_match_tables *tables, struct search *search,
                                      uint32_t latest, size_t hashed_bytes, int most_looks) {
    size_t distance = latest != 0 ? search->place + 1 - latest : SIZE_MAX;
    size_t length = search->length;
    uint32_t place = search->place; /* whose chain it is */
    int looks = 0;
    for (; looks < most_looks && distance <= search->farthest; looks++) {
        size_t found = longer(search->bytes, distance, length, search->most);
        uint32_t back = tables->links[(place - distance) & tables->link_mask];
        if (found != 0) {
            length = found;
            search->best = distance;
        }
        if (length == search->most || back == 0)
            break;
        distance += back;
        if (found >= hashed_bytes) {
            size_t ahead = length + 1 - hashed_bytes;
            uint32_t later = search->place + (uint32_t)ahead;
            uint32_t head = tables->heads[hash(tables, search->bytes + ahead, hashed_bytes)];
            size_t later_distance = later + 1 - head;
            if (head != 0 && later_distance > distance && later_distance <= search->farthest) {
                distance = later_distance;
                place = later;
            }
        }
    }
    search->length = length;
    return looks;
}

/* Looks at the latest place that has few equal bytes. */
static inline void look_at_short(struct search *search, uint32_t latest) {
    size_t distance = latest != 0 ? search->place + 1 - latest : SIZE_MAX;
    if (distance <= search->farthest) {
        size_t found = longer(search->bytes, distance, search->length, search->most);
        if (found != 0) {
            search->length = found;
            search->best = distance;
        }
    }
}

/* Returns the longest match at window[at], and of equals the nearest, or none when it saves too
 * little. The place is kept. */
static struct match longest(struct tt_match_finder *finder, const struct text *text, size_t at) {
    const struct tt_match_tables *tables = &finder->tables;
    struct search search = {
        .bytes = text->window + at,
        .place = text->base + (uint32_t)at,
        .most = lesser(text->end - at, TT_DEFLATE_MATCH_MAX),
        .farthest = lesser(at - text->begin, tables->link_mask),
        .length = SHORT_BYTES - 1,
    };
    finder->searches++;
    struct leads leads;
    if (finder->is_wide) {
        leads = keep(tables, search.bytes, search.place, WIDE_BYTES);
        follow_chain(tables, &search, leads.latest, WIDE_BYTES, WIDE_CHAIN_MAX);
    } else {
        leads = keep(tables, search.bytes, search.place, NARROW_BYTES);
        finder->given_up +=
            follow_chain(tables, &search, leads.latest, NARROW_BYTES, CHAIN_MAX) == CHAIN_MAX;
    }
    if (search.length < NARROW_BYTES)
        look_at_short(&search, leads.short_latest);
    if (search.best == 0)
        return (struct match){0};
    int saves = saved_bits(&finder->prices, search.bytes, search.length, search.best);
    return saves >= SAVED_MIN ? (struct match){search.length, search.best, saves}
                              : (struct match){0};
}

static void keep_places(const struct tt_match_finder *finder, const struct text *text, size_t first,
                        size_t end) {
    struct tt_match_tables tables = finder->tables; /* in registers */
    const uint8_t *window = text->window;
    if (finder->is_wide) {
        for (size_t at = first; at < end; at++)
            keep(&tables, window + at, text->base + (uint32_t)at, WIDE_BYTES);
    } else {
        for (size_t at = first; at < end; at++)
            keep(&tables, window + at, text->base + (uint32_t)at, NARROW_BYTES);
    }
}

/* Keeps the places of a match's bytes from first to end. */
static void keep_match(const struct tt_match_finder *finder, const struct text *text, size_t first,
                       size_t end, size_t distance) {
    bool is_even = finder->is_wide || distance <= NEAR_BYTES;
    if (end > text->hashed_end)
        end = text->hashed_end;
    if (is_even && end > first + FIRST_KEPT + LAST_KEPT) {
        keep_places(finder, text, first, first + FIRST_KEPT);
        first = end - LAST_KEPT;
    }
    keep_places(finder, text, first, end);
}

/* ---- the parse ---- */

/* Returns how many bytes just before a and just before b are the same, up to most. */
static inline size_t common_before(const uint8_t *a, const uint8_t *b, size_t most) {
    size_t count = 0;
    while (count < most && *--a == *--b)
        count++;
    return count;
}

/* Returns how many of the literals before a match at window[at] belong to it: they were not looked
 * up, or their own places were not kept. */
static size_t literals_within(const struct text *text, size_t at, const struct match *match,
                              size_t literals) {
    const uint8_t *bytes = text->window + at;
    size_t most = lesser(literals, TT_DEFLATE_MATCH_MAX - match->length);
    most = lesser(most, at - match->distance - text->begin);
    return common_before(bytes, bytes - match->distance, most);
}

static struct text begin_text(struct tt_match_finder *finder, const uint8_t *window, size_t start,
                              size_t end, uint32_t base) {
    size_t hashed = finder->is_wide ? WIDE_BYTES : NARROW_BYTES;
    uint32_t place = base + (uint32_t)start;
    if (!finder->has_begun)
        finder->first_place = place;
    finder->has_begun = true;
    return (struct text){
        .window = window,
        .begin = start - lesser(start, place - finder->first_place),
        .end = end,
        .hashed_end = end - start > hashed ? end - hashed : start,
        .base = base,
    };
}

size_t tt_match_find(struct tt_match_finder *finder, struct tt_pieces *found, const uint8_t *window,
                     size_t start, size_t end, uint32_t base) {
    struct text text = begin_text(finder, window, start, end, base);
    tt_piece *pieces = found->pieces;
    size_t count = found->count;
    struct match match = {0};
    size_t misses = 0;
    size_t literals = 0; /* since the last match; most of many are not looked up */
    size_t at = start;
    while (at < end && count < found->capacity) {
        struct match later = {0};
        if (match.length == 0 && at < text.hashed_end)
            match = longest(finder, &text, at);
        if (match.length == 0) {
            size_t step = lesser(1 + (misses++ >> SKIP_SHIFT), end - at);
            step = lesser(step, found->capacity - count);
            for (size_t i = 0; i < step; i++)
                pieces[count++] = window[at++];
            literals += step;
            continue;
        }
        size_t kept = at + 1;
        size_t before = literals_within(&text, at, &match, literals);
        at -= before;
        count -= before;
        match.length += before;
        misses = 0;
        literals = 0;
        /* A literal and a match must have room, so that none is left over at the end. */
        if (before == 0 && match.length < LAZY_LENGTH && kept < text.hashed_end &&
            count + 2 <= found->capacity)
            later = longest(finder, &text, kept++);
        if (later.saves > match.saves) {
            pieces[count++] = window[at++];
            match = later;
            continue;
        }
        pieces[count++] = tt_piece_match(match.length, match.distance);
        keep_match(finder, &text, kept, at + match.length, match.distance);
        at += match.length;
        match = (struct match){0};
    }
    found->count = count;
    return at;
}
