/* XML: elements by their names, and references. What an answer means is in answer.c and
 * credentials_answer.c. */
#include "aws/xml.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tintype/text.h"

#define POINT_MAX 0x10FFFF /* of Unicode */

const char *tt_xml_find_element(const char *start, const char *end, const char *name,
                                const char **to) {
    char tag[64];
    size_t length = (size_t)snprintf(tag, sizeof tag, "<%s>", name);
    const char *from = memmem(start, (size_t)(end - start), tag, length);
    if (!from)
        return NULL;
    from += length;
    length = (size_t)snprintf(tag, sizeof tag, "</%s>", name);
    *to = memmem(from, (size_t)(end - from), tag, length);
    return from;
}

size_t tt_xml_read_reference(const char *text, size_t room, uint32_t *point) {
    static const struct {
        const char *text;
        char character;
    } names[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i].text);
        if (length <= room && memcmp(text, names[i].text, length) == 0) {
            *point = (uint32_t)names[i].character;
            return length;
        }
    }
    if (room < 3 || text[1] != '#')
        return 0;
    bool is_hex = text[2] == 'x';
    size_t first = is_hex ? 3 : 2;
    size_t at = first;
    uint32_t value = 0;
    for (int digit; at < room && (digit = tt_text_hex_value(text[at])) >= 0; at++) {
        if (!is_hex && digit > 9)
            return 0;
        /* Digits behind a number that is beyond Unicode already change nothing, so it cannot
         * overflow. */
        if (value <= POINT_MAX)
            value = value * (is_hex ? 16 : 10) + (uint32_t)digit;
    }
    if (at == first || at == room || text[at] != ';')
        return 0;
    *point = value;
    return at + 1;
}
