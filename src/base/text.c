/* Text that came from outside is checked, decoded, cleaned and encoded here. What it means is known
 * elsewhere. */
#include "tintype/text.h"

#include <stdio.h>
#include <string.h>

#include "tintype/utf8.h"

const char *tt_text_choice_name(const struct tt_text_choice *choices, int value) {
    while (choices->name && choices->value != value)
        choices++;
    return choices->name ? choices->name : "";
}

void tt_text_choice_list(const struct tt_text_choice *choices, char *text, size_t size) {
    size_t length = 0;
    text[0] = '\0';
    for (const struct tt_text_choice *choice = choices; choice->name && length < size; choice++) {
        const char *before = choice[1].name ? ", " : " or ";
        length += (size_t)snprintf(text + length, size - length, "%s%s",
                                   choice == choices ? "" : before, choice->name);
    }
}

bool tt_text_is_utf8(const char *text, size_t length) {
    while (length > 0) {
        uint32_t point;
        size_t bytes = tt_utf8_decode(text, length, &point);
        if (bytes == 0 || point == 0)
            return false;
        text += bytes;
        length -= bytes;
    }
    return true;
}

size_t tt_text_run(const void *text, size_t length, const uint8_t stops[256]) {
    const uint8_t *bytes = text;
    size_t run = 0;
    while (length - run >= 8) {
        const uint8_t *at = bytes + run;
        if (stops[at[0]] | stops[at[1]] | stops[at[2]] | stops[at[3]] | stops[at[4]] |
            stops[at[5]] | stops[at[6]] | stops[at[7]])
            break;
        run += 8;
    }
    while (run < length && !stops[bytes[run]])
        run++;
    return run;
}

int tt_text_hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool tt_text_percent_decode(char *text, size_t *length, bool form) {
    size_t written = 0;
    for (size_t i = 0; i < *length; i++) {
        char c = text[i];
        if (c == '+' && form)
            c = ' ';
        if (c == '%') {
            int high = *length - i > 2 ? tt_text_hex_value(text[i + 1]) : -1;
            int low = *length - i > 2 ? tt_text_hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        text[written++] = c;
    }
    text[written] = '\0';
    *length = written;
    return true;
}

bool tt_text_is_unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

size_t tt_text_percent_encode(char c, char encoded[3]) {
    static const char digits[] = "0123456789ABCDEF";
    if (tt_text_is_unreserved(c)) {
        encoded[0] = c;
        return 1;
    }
    encoded[0] = '%';
    encoded[1] = digits[(unsigned char)c >> 4];
    encoded[2] = digits[(unsigned char)c & 0xF];
    return 3;
}

bool tt_text_parse_int(const char *text, int64_t lowest, int64_t highest, int64_t *value) {
    int64_t number = 0;
    int sign = 1;
    if (*text == '-' && lowest < 0) {
        sign = -1;
        text++;
    }
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, sign * (*text - '0'), &number))
            return false;
    }
    if (number < lowest || number > highest)
        return false;
    *value = number;
    return true;
}

/* A filename never keeps these characters, as they would hide or forge what is shown. */
static const struct {
    uint32_t first, last;
} removed_points[] = {
    {0x0000, 0x001F}, /* C0 controls */
    {0x007F, 0x009F}, /* DEL and C1 controls */
    {0x061C, 0x061C}, /* Arabic letter mark */
    {0x200E, 0x200F}, /* left-to-right and right-to-left marks */
    {0x2028, 0x202E}, /* line and paragraph separators, embeddings and overrides */
    {0x2066, 0x2069}, /* isolates */
};

static bool is_removed(uint32_t point) {
    for (size_t i = 0; i < sizeof removed_points / sizeof *removed_points; i++)
        if (point >= removed_points[i].first && point <= removed_points[i].last)
            return true;
    return false;
}

/* Returns how long raw is up to its last separator, that included; 0 when it has none. */
static size_t directory_length(const char *raw, size_t length) {
    while (length > 0 && raw[length - 1] != '/' && raw[length - 1] != '\\')
        length--;
    return length;
}

void tt_text_clean_filename(const char *raw, size_t length, char clean[TT_TEXT_FILENAME_SIZE]) {
    size_t written = 0;
    size_t i = directory_length(raw, length);
    while (i < length) {
        uint32_t point;
        size_t bytes = tt_utf8_decode(raw + i, length - i, &point);
        if (bytes == 0) {
            point = (unsigned char)raw[i]; /* Latin-1 is the first 256 code points */
            bytes = 1;
        }
        i += bytes;
        if (is_removed(point) || (point == ' ' && written == 0))
            continue;
        char character[4];
        bytes = tt_utf8_encode(point, character);
        if (written + bytes > TT_TEXT_FILENAME_MAX_BYTES)
            break;
        memcpy(clean + written, character, bytes);
        written += bytes;
    }
    while (written > 0 && clean[written - 1] == ' ')
        written--;
    clean[written] = '\0';
    if (strcmp(clean, ".") == 0 || strcmp(clean, "..") == 0)
        clean[0] = '\0';
}

void tt_text_format_disposition(const char *filename, char value[TT_TEXT_DISPOSITION_SIZE]) {
    size_t ascii_length = 0;
    size_t length = 0;
    char ascii[TT_TEXT_FILENAME_SIZE];
    char encoded[3 * TT_TEXT_FILENAME_MAX_BYTES + 1];
    for (size_t i = 0; i < TT_TEXT_FILENAME_MAX_BYTES && filename[i] != '\0'; i++) {
        unsigned char c = (unsigned char)filename[i];
        if (c >= 0x20 && c < 0x7F)
            ascii[ascii_length++] = c == '"' || c == '\\' ? '_' : (char)c;
        else if (c >= 0xC0) /* the first byte of a character */
            ascii[ascii_length++] = '_';
        /* Every unreserved character is one of attr-char (RFC 8187, 3.2.1). */
        length += tt_text_percent_encode(filename[i], encoded + length);
    }
    ascii[ascii_length] = '\0';
    encoded[length] = '\0';
    snprintf(value, TT_TEXT_DISPOSITION_SIZE, "inline; filename=\"%s\"; filename*=UTF-8''%s", ascii,
             encoded);
}
