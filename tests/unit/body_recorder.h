/* A target for body parsers that writes down what comes out of them, and a run of a whole body
 * through a parser in pieces of one size. For the body tests alone. */
#ifndef TINTYPE_TESTS_BODY_RECORDER_H
#define TINTYPE_TESTS_BODY_RECORDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tintype/arena.h"
#include "tintype/err.h"
#include "web/body.h"

#define RECORDER_ARENA_BYTES ((size_t)1 << 20)

static const size_t recorder_pieces[] = {1, 2, 3, 7, 4096, (size_t)1 << 20};

struct recorder {
    char *picture; /* owned; malloc'ed at its exact size, so that sanitizers see its end */
    size_t length;
    char options[8192]; /* "name=value\n" each */
    char filename[8192];
    int filenames;
    enum tt_err picture_err; /* what the target is to answer */
    enum tt_err option_err;
    enum tt_err filename_err;
    char detail[512]; /* the noted sentence */
};

static inline enum tt_err recorder_picture(void *context, const uint8_t *bytes, size_t length) {
    struct recorder *recorder = context;
    assert_true(length > 0);
    char *grown = realloc(recorder->picture, recorder->length + length);
    assert_non_null(grown);
    memcpy(grown + recorder->length, bytes, length);
    recorder->picture = grown;
    recorder->length += length;
    return recorder->picture_err;
}

static inline enum tt_err recorder_option(void *context, const char *name, const char *value) {
    struct recorder *recorder = context;
    size_t used = strlen(recorder->options);
    int added =
        snprintf(recorder->options + used, sizeof recorder->options - used, "%s=%s\n", name, value);
    assert_in_range(added, 0, sizeof recorder->options - used - 1);
    return recorder->option_err;
}

static inline enum tt_err recorder_filename(void *context, const char *raw, size_t length) {
    struct recorder *recorder = context;
    assert_int_equal(recorder->filenames++, 0);
    assert_in_range(length, 1, sizeof recorder->filename - 1);
    memcpy(recorder->filename, raw, length);
    recorder->filename[length] = '\0';
    return recorder->filename_err;
}

/* Forgets what came, and keeps what the target is to answer. */
static inline void recorder_clear(struct recorder *recorder) {
    free(recorder->picture);
    recorder->picture = NULL;
    recorder->length = 0;
    recorder->options[0] = recorder->filename[0] = '\0';
    recorder->filenames = 0;
}

static inline enum tt_err recorder_run(struct recorder *recorder, const char *content_type,
                                       const void *bytes, size_t length, size_t piece) {
    const struct tt_body_target target = {recorder, recorder_picture, recorder_option,
                                          recorder_filename};
    struct tt_arena arena;
    struct tt_body *body;
    recorder_clear(recorder);
    tt_err_take(TT_OK);
    tt_arena_init(&arena, RECORDER_ARENA_BYTES);
    enum tt_err err = tt_body_open(&body, &arena, content_type, &target);
    for (size_t done = 0; err == TT_OK && done < length;) {
        size_t part = length - done < piece ? length - done : piece;
        /* The copy has the exact size, so reading past a piece is an error of its own. */
        uint8_t *copy = malloc(part);
        assert_non_null(copy);
        memcpy(copy, (const char *)bytes + done, part);
        err = tt_body_push(body, copy, part);
        free(copy);
        done += part;
    }
    if (err == TT_OK)
        err = tt_body_end(body);
    snprintf(recorder->detail, sizeof recorder->detail, "%s", tt_err_detail(err));
    tt_arena_fini(&arena);
    return err;
}

/* Asserts that the body gives this picture, these options ("name=value\n" each) and this filename
 * ("" for none) whatever the size of its pieces. */
static inline void assert_body(const char *content_type, const void *bytes, size_t length,
                               const void *picture, size_t picture_length, const char *options,
                               const char *filename) {
    for (size_t i = 0; i < sizeof recorder_pieces / sizeof *recorder_pieces; i++) {
        struct recorder recorder = {0};
        enum tt_err err = recorder_run(&recorder, content_type, bytes, length, recorder_pieces[i]);
        if (err != TT_OK)
            fail_msg("pieces of %zu: %s", recorder_pieces[i], recorder.detail);
        assert_int_equal(recorder.length, picture_length);
        if (picture_length > 0)
            assert_memory_equal(recorder.picture, picture, picture_length);
        assert_string_equal(recorder.options, options);
        assert_string_equal(recorder.filename, filename);
        recorder_clear(&recorder);
    }
}

/* Asserts that the body is refused with err and a sentence that has these words, whatever the size
 * of its pieces. */
static inline void assert_refused(const char *content_type, const void *bytes, size_t length,
                                  enum tt_err expected, const char *words) {
    for (size_t i = 0; i < sizeof recorder_pieces / sizeof *recorder_pieces; i++) {
        struct recorder recorder = {0};
        enum tt_err err = recorder_run(&recorder, content_type, bytes, length, recorder_pieces[i]);
        assert_int_equal(err, expected);
        if (!strstr(recorder.detail, words))
            fail_msg("pieces of %zu: \"%s\" lacks \"%s\"", recorder_pieces[i], recorder.detail,
                     words);
        recorder_clear(&recorder);
    }
}

#endif
