/* PNG row filters: cost and bytes of each.
 *
 * Every loop is over bytes alone and of a length that is a multiple of VECTOR_BYTES, or short: so
 * compilers turn it into vector code of any kind, and all of them choose alike. */
#include "image/png_filter.h"

#include <string.h>

#define VECTOR_BYTES 16

/* A difference is a signed byte; its magnitude is the lesser of it and its negative, unsigned. */
static inline uint8_t magnitude(int difference) {
    uint8_t forth = (uint8_t)difference;
    uint8_t back = (uint8_t)-difference;
    return forth < back ? forth : back;
}

static inline uint8_t average(uint8_t left, uint8_t above) {
    return (uint8_t)((left + above) / 2);
}

static inline uint8_t distance(uint8_t a, uint8_t b) {
    uint8_t forth = (uint8_t)(a - b);
    uint8_t back = (uint8_t)(b - a);
    return a > b ? forth : back;
}

/* A mask is all ones or all zeros. */
static inline uint8_t mask(int condition) {
    return condition ? 255 : 0;
}

static inline uint8_t select(uint8_t ones, uint8_t yes, uint8_t no) {
    return (uint8_t)((yes & ones) | (no & ~ones));
}

/* Paeth's predictor in bytes. With p = left + above - corner, the distances of p are
 * |above - corner| from left and |left - corner| from above; from the corner it is their sum when
 * both differences have one sign, so that the corner is never nearest, and else their difference.
 */
static inline uint8_t paeth(uint8_t left, uint8_t above, uint8_t corner) {
    uint8_t from_left = distance(above, corner);
    uint8_t from_above = distance(left, corner);
    uint8_t one_sign = (uint8_t) ~(mask(above > corner) ^ mask(left > corner));
    uint8_t from_corner = distance(from_left, from_above) | one_sign;
    uint8_t not_left = mask(from_left > from_above) | mask(from_left > from_corner);
    return select(not_left, select(mask(from_above > from_corner), corner, above), left);
}

/* What a row would cost under each filter. */
struct costs {
    uint32_t of[TT_PNG_FILTER_PAETH + 1]; /* a row's 4 million bytes, 128 each, fit */
};

static inline void add_costs(struct costs *costs, const uint8_t *row, const uint8_t *left,
                             const uint8_t *above, const uint8_t *corner, size_t length) {
    uint32_t none = 0;
    uint32_t sub = 0;
    uint32_t up = 0;
    uint32_t averaged = 0;
    uint32_t predicted = 0;
    for (size_t i = 0; i < length; i++)
        none += magnitude(row[i]);
    for (size_t i = 0; i < length; i++)
        sub += magnitude(row[i] - left[i]);
    for (size_t i = 0; i < length; i++)
        up += magnitude(row[i] - above[i]);
    for (size_t i = 0; i < length; i++)
        averaged += magnitude(row[i] - average(left[i], above[i]));
    for (size_t i = 0; i < length; i++)
        predicted += magnitude(row[i] - paeth(left[i], above[i], corner[i]));
    costs->of[TT_PNG_FILTER_NONE] += none;
    costs->of[TT_PNG_FILTER_SUB] += sub;
    costs->of[TT_PNG_FILTER_UP] += up;
    costs->of[TT_PNG_FILTER_AVERAGE] += averaged;
    costs->of[TT_PNG_FILTER_PAETH] += predicted;
}

static const uint8_t nothing[4] = {0};

enum tt_png_filter tt_png_filter_choose(const uint8_t *row, const uint8_t *above, size_t row_bytes,
                                        size_t channels) {
    struct costs costs = {0};
    size_t rest = row_bytes - channels;
    size_t whole = rest / VECTOR_BYTES * VECTOR_BYTES;
    int least = TT_PNG_FILTER_NONE;
    add_costs(&costs, row, nothing, above, nothing, channels);
    add_costs(&costs, row + channels, row, above + channels, above, whole);
    add_costs(&costs, row + channels + whole, row + whole, above + channels + whole, above + whole,
              rest - whole);
    for (int filter = 1; filter <= TT_PNG_FILTER_PAETH; filter++)
        if (costs.of[filter] < costs.of[least])
            least = filter;
    return (enum tt_png_filter)least;
}

static inline void apply(enum tt_png_filter filter, uint8_t *line, const uint8_t *row,
                         const uint8_t *left, const uint8_t *above, const uint8_t *corner,
                         size_t length) {
    switch (filter) {
    case TT_PNG_FILTER_NONE: memcpy(line, row, length); break;
    case TT_PNG_FILTER_SUB:
        for (size_t i = 0; i < length; i++)
            line[i] = (uint8_t)(row[i] - left[i]);
        break;
    case TT_PNG_FILTER_UP:
        for (size_t i = 0; i < length; i++)
            line[i] = (uint8_t)(row[i] - above[i]);
        break;
    case TT_PNG_FILTER_AVERAGE:
        for (size_t i = 0; i < length; i++)
            line[i] = (uint8_t)(row[i] - average(left[i], above[i]));
        break;
    case TT_PNG_FILTER_PAETH:
        for (size_t i = 0; i < length; i++)
            line[i] = (uint8_t)(row[i] - paeth(left[i], above[i], corner[i]));
        break;
    }
}

void tt_png_filter_apply(enum tt_png_filter filter, uint8_t *line, const uint8_t *row,
                         const uint8_t *above, size_t row_bytes, size_t channels) {
    size_t rest = row_bytes - channels;
    size_t whole = rest / VECTOR_BYTES * VECTOR_BYTES;
    *line++ = (uint8_t)filter;
    apply(filter, line, row, nothing, above, nothing, channels);
    apply(filter, line + channels, row + channels, row, above + channels, above, whole);
    apply(filter, line + channels + whole, row + channels + whole, row + whole,
          above + channels + whole, above + whole, rest - whole);
}
