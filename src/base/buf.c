/* Capped buffer: doubles its memory up to the maximum, and remembers that something did not fit. */
#include "tintype/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tintype/text.h"

#define FIRST_BYTES ((size_t)256)

void tt_buf_init(struct tt_buf *buf, size_t max_bytes) {
    *buf = (struct tt_buf){.max_bytes = max_bytes};
}

void tt_buf_fini(struct tt_buf *buf) {
    free(buf->data);
    *buf = (struct tt_buf){.max_bytes = buf->max_bytes};
}

/* Makes room for length more bytes and the NUL. Where there is none, it sets overflowed and returns
 * false. */
static bool reserve(struct tt_buf *buf, size_t length) {
    if (buf->overflowed)
        return false;
    /* A length of SIZE_MAX would leave no byte for the NUL. */
    if (length > buf->max_bytes - buf->length || length >= SIZE_MAX - buf->length) {
        buf->overflowed = true;
        return false;
    }
    size_t needed = buf->length + length + 1;
    if (needed <= buf->capacity)
        return true;
    size_t capacity = buf->capacity < FIRST_BYTES ? FIRST_BYTES : buf->capacity;
    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : 2 * capacity;
    if (capacity - 1 > buf->max_bytes)
        capacity = buf->max_bytes + 1;
    char *data = realloc(buf->data, capacity);
    if (!data) {
        buf->overflowed = true;
        return false;
    }
    data[buf->length] = '\0';
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void tt_buf_append(struct tt_buf *buf, const void *bytes, size_t length) {
    if (!reserve(buf, length))
        return;
    if (length > 0)
        memcpy(buf->data + buf->length, bytes, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void tt_buf_append_text(struct tt_buf *buf, const char *text) {
    tt_buf_append(buf, text, strlen(text));
}

void tt_buf_append_format(struct tt_buf *buf, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        buf->overflowed = true;
        return;
    }
    if (!reserve(buf, (size_t)length))
        return;
    va_start(arguments, format);
    vsnprintf(buf->data + buf->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buf->length += (size_t)length;
}

void tt_buf_append_percent(struct tt_buf *buf, const char *text, bool keep_slash) {
    for (; *text != '\0'; text++) {
        char encoded[3];
        if (keep_slash && *text == '/')
            tt_buf_append(buf, text, 1);
        else
            tt_buf_append(buf, encoded, tt_text_percent_encode(*text, encoded));
    }
}

static void append_json_escape(struct tt_buf *buf, unsigned char c) {
    static const char plain[] = "\"\\\n\r\t";
    static const char letters[] = "\"\\nrt";
    const char *found = c != '\0' ? strchr(plain, c) : NULL;
    if (found)
        tt_buf_append_format(buf, "\\%c", letters[found - plain]);
    else
        tt_buf_append_format(buf, "\\u%04x", c);
}

void tt_buf_append_json(struct tt_buf *buf, const char *text) {
    unsigned char highest = tt_text_is_utf8(text, strlen(text)) ? 0xFF : 0x7F;
    const char *plain = text;
    tt_buf_append(buf, "\"", 1);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= ' ' && c != '"' && c != '\\' && c <= highest)
            continue;
        tt_buf_append(buf, plain, (size_t)(text - plain));
        append_json_escape(buf, c);
        plain = text + 1;
    }
    tt_buf_append(buf, plain, (size_t)(text - plain));
    tt_buf_append(buf, "\"", 1);
}

const char *tt_buf_text(const struct tt_buf *buf) {
    return buf->data ? buf->data : "";
}
