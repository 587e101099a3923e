/* What the drivers read: fields on standard input, each ended by a NUL. A driver that meets
 * anything it does not expect says so and ends. */
#ifndef TINTYPE_TESTS_DRIVER_H
#define TINTYPE_TESTS_DRIVER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tintype/buf.h"
#include "tintype/err.h"
#include "tintype/text.h"

#define INPUT_MAX_BYTES ((size_t)64 * 1024 * 1024)

static struct tt_buf input;
static size_t position;

static inline void fail(const char *what) {
    (void)fprintf(stderr, "driver: %s: %s\n", what, tt_err_cause());
    exit(EXIT_FAILURE);
}

static inline void check(enum tt_err err, const char *what) {
    if (err != TT_OK)
        fail(what);
}

static inline void read_input(void) {
    char piece[4096];
    size_t length;

    tt_buf_init(&input, INPUT_MAX_BYTES);
    while ((length = fread(piece, 1, sizeof piece, stdin)) > 0)
        tt_buf_append(&input, piece, length);
    if (input.overflowed || ferror(stdin) ||
        (input.length > 0 && input.data[input.length - 1] != 0))
        fail("the input is broken or too long");
}

static inline const char *next_text(void) {
    const char *field = input.data + position;

    if (position >= input.length)
        fail("the input ends in mid-request");
    position += strlen(field) + 1;
    return field;
}

static inline int64_t next_int(int64_t highest) {
    int64_t value;

    if (!tt_text_parse_int(next_text(), 0, highest, &value))
        fail("a number is broken or too large");
    return value;
}

#endif
