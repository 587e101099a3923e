/* Capped buffer: text or bytes that grow to a maximum and never beyond it.
 *
 * Writers append without checking each call; the first append that does not fit sets `overflowed`
 * and every later one is ignored, so one check at the end is enough. data is always NUL-terminated
 * after the first append. Formatting appends are for numbers and the program's own text. */
#ifndef TINTYPE_BUF_H
#define TINTYPE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct tt_buf {
    char *data;       /* owned; NULL until the first append */
    size_t length;    /* bytes in use, the NUL not counted */
    size_t capacity;  /* private */
    size_t max_bytes; /* length never exceeds this */
    bool overflowed;  /* an append did not fit, or the system had no memory */
};

void tt_buf_init(struct tt_buf *buf, size_t max_bytes);
void tt_buf_fini(struct tt_buf *buf);
void tt_buf_append(struct tt_buf *buf, const void *bytes, size_t length);
void tt_buf_append_text(struct tt_buf *buf, const char *text);
void tt_buf_append_format(struct tt_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Appends text percent-encoded: all but letters, digits and - . _ ~ (RFC 3986, section 2.3), and
 * where keep_slash is set the slashes, becomes %XX in upper case. URLs and their signatures take
 * this one form. */
void tt_buf_append_percent(struct tt_buf *buf, const char *text, bool keep_slash);
/* Appends text as a JSON string, with its quotes. Text that is not UTF-8 is read as Latin-1, so
 * that one bad byte spoils no document. */
void tt_buf_append_json(struct tt_buf *buf, const char *text);
/* data, or "" before the first append; never NULL. It is valid until the next append. */
const char *tt_buf_text(const struct tt_buf *buf);

#endif
