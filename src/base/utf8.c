/* UTF-8 by Unicode 15, table 3-7 (well-formed byte sequences): which second bytes are allowed
 * depends on the first, and that alone rules out overlongs, surrogates and all above U+10FFFF. */
#include "tintype/utf8.h"

#define CONTINUATION_MASK 0x3F

static const struct lead_row {
    uint8_t first, last; /* range of the first byte */
    uint8_t length;
    uint8_t second_first, second_last; /* range of the second byte */
    uint8_t mask;                      /* the first byte's own bits of the code point */
} leads[] = {
    {0x00, 0x7F, 1, 0, 0, 0x7F},       {0xC2, 0xDF, 2, 0x80, 0xBF, 0x1F},
    {0xE0, 0xE0, 3, 0xA0, 0xBF, 0x0F}, {0xE1, 0xEC, 3, 0x80, 0xBF, 0x0F},
    {0xED, 0xED, 3, 0x80, 0x9F, 0x0F}, {0xEE, 0xEF, 3, 0x80, 0xBF, 0x0F},
    {0xF0, 0xF0, 4, 0x90, 0xBF, 0x07}, {0xF1, 0xF3, 4, 0x80, 0xBF, 0x07},
    {0xF4, 0xF4, 4, 0x80, 0x8F, 0x07},
};

static const struct lead_row *find_lead(uint8_t byte) {
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++)
        if (byte >= leads[i].first && byte <= leads[i].last)
            return &leads[i];
    return NULL;
}

size_t tt_utf8_decode(const char *text, size_t length, uint32_t *point) {
    const uint8_t *bytes = (const uint8_t *)text;
    if (length == 0)
        return 0;
    const struct lead_row *lead = find_lead(bytes[0]);
    if (!lead || lead->length > length)
        return 0;
    uint32_t value = bytes[0] & lead->mask;
    for (size_t i = 1; i < lead->length; i++) {
        uint8_t first = i == 1 ? lead->second_first : 0x80;
        uint8_t last = i == 1 ? lead->second_last : 0xBF;
        if (bytes[i] < first || bytes[i] > last)
            return 0;
        value = value << 6 | (bytes[i] & CONTINUATION_MASK);
    }
    *point = value;
    return lead->length;
}

static char continuation(uint32_t bits) {
    return (char)(0x80 | (bits & CONTINUATION_MASK));
}

size_t tt_utf8_encode(uint32_t point, char text[4]) {
    if (point < 0x80) {
        text[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        text[0] = (char)(0xC0 | point >> 6);
        text[1] = continuation(point);
        return 2;
    }
    if (point < 0x10000) {
        text[0] = (char)(0xE0 | point >> 12);
        text[1] = continuation(point >> 6);
        text[2] = continuation(point);
        return 3;
    }
    text[0] = (char)(0xF0 | point >> 18);
    text[1] = continuation(point >> 12);
    text[2] = continuation(point >> 6);
    text[3] = continuation(point);
    return 4;
}
