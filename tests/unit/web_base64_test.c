/* src/web/base64.c: decoding in pieces, white space, data: prefixes, and each refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "web/base64.h"

static const size_t pieces[] = {1, 2, 3, 7, 4096};
#define PIECE_COUNT (sizeof pieces / sizeof *pieces)

/* Decodes text in pieces into *bytes (malloc'ed); each output buffer has exactly the promised
 * size. */
static enum tt_err decode(const char *text, size_t length, size_t piece, uint8_t **bytes,
                          size_t *total) {
    struct tt_base64 base64;
    enum tt_err err = TT_OK;
    tt_err_take(TT_OK);
    tt_base64_init(&base64);
    *bytes = malloc(length + TT_BASE64_SLACK_BYTES);
    assert_non_null(*bytes);
    *total = 0;
    for (size_t done = 0; err == TT_OK && done < length; done += piece) {
        size_t part = length - done < piece ? length - done : piece;
        uint8_t *out = malloc(part + TT_BASE64_SLACK_BYTES);
        assert_non_null(out);
        size_t written;
        err = tt_base64_push(&base64, text + done, part, out, &written);
        if (err == TT_OK) {
            memcpy(*bytes + *total, out, written);
            *total += written;
        }
        free(out);
    }
    return err == TT_OK ? tt_base64_end(&base64) : err;
}

static void assert_decodes(const char *text, const void *expected, size_t length) {
    for (size_t i = 0; i < PIECE_COUNT; i++) {
        uint8_t *bytes;
        size_t total;
        enum tt_err err = decode(text, strlen(text), pieces[i], &bytes, &total);
        if (err != TT_OK)
            fail_msg("\"%s\" in pieces of %zu: %s", text, pieces[i], tt_err_detail(err));
        assert_int_equal(total, length);
        assert_memory_equal(bytes, expected, length);
        free(bytes);
    }
}

static void assert_refuses(const char *text, size_t length, const char *words) {
    for (size_t i = 0; i < PIECE_COUNT; i++) {
        uint8_t *bytes;
        size_t total;
        enum tt_err err = decode(text, length, pieces[i], &bytes, &total);
        assert_int_equal(err, TT_ERR_BASE64);
        if (!strstr(tt_err_detail(err), words))
            fail_msg("\"%s\" lacks \"%s\"", tt_err_detail(err), words);
        free(bytes);
    }
}

#define REFUSES(text, words) assert_refuses(text, strlen(text), words)

/* These are the examples of RFC 4648, section 10. */
static void decodes_the_vectors_of_the_rfc(void **state) {
    (void)state;
    assert_decodes("", "", 0);
    assert_decodes("Zg==", "f", 1);
    assert_decodes("Zm8=", "fo", 2);
    assert_decodes("Zm9v", "foo", 3);
    assert_decodes("Zm9vYg==", "foob", 4);
    assert_decodes("Zm9vYmE=", "fooba", 5);
    assert_decodes("Zm9vYmFy", "foobar", 6);
}

static void decodes_every_character_of_the_alphabet(void **state) {
    (void)state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t expected[48];
    for (unsigned i = 0; i < 16; i++) {
        unsigned group = (4 * i) << 18 | (4 * i + 1) << 12 | (4 * i + 2) << 6 | (4 * i + 3);
        expected[3 * i] = (uint8_t)(group >> 16);
        expected[3 * i + 1] = (uint8_t)(group >> 8);
        expected[3 * i + 2] = (uint8_t)group;
    }
    assert_decodes(alphabet, expected, sizeof expected);
}

static void passes_over_white_space(void **state) {
    (void)state;
    assert_decodes(" Zm9v\r\nYm\tFy \n", "foobar", 6);
    assert_decodes("Z m 8 =\r\n", "fo", 2);
    assert_decodes("\n\n Zg=\n=\n", "f", 1);
}

static void passes_over_a_data_prefix(void **state) {
    (void)state;
    assert_decodes("data:image/jpeg;base64,Zm9v", "foo", 3);
    assert_decodes(" \r\nDATA:image/png;name=a.png;BASE64,Zm9v", "foo", 3);
    assert_decodes("data:;base64,Zm9v", "foo", 3);
    assert_decodes("data:image/png;base64,\nZg==", "f", 1);
}

static void reads_letters_that_only_begin_like_a_prefix(void **state) {
    (void)state;
    assert_decodes("data/w==", "\x75\xAB\x5A\xFF", 4);
    assert_decodes("datadata", "\x75\xAB\x5A\x75\xAB\x5A", 6);
    assert_decodes("daZg", "\x75\xA6\x60", 3);
    assert_decodes("dat a/w==", "\x75\xAB\x5A\xFF", 4);
}

static void ignores_bits_left_over_by_padding(void **state) {
    (void)state;
    assert_decodes("Zh==", "f", 1);
    assert_decodes("Zm9=", "fo", 2);
}

static void refuses_each_byte_outside_the_alphabet(void **state) {
    (void)state;
    static const char accepted[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n";
    for (int byte = 0; byte < 256; byte++) {
        if (memchr(accepted, byte, sizeof accepted - 1))
            continue;
        char text[16] = "AAAAAAAAA0AAAAAA";
        text[9] = (char)byte;
        assert_refuses(text, sizeof text, "Character 10 of the base64 text is");
    }
}

static void refusals_say_what_is_wrong(void **state) {
    (void)state;
    REFUSES("Zm9v!", "Character 5 of the base64 text is '!'");
    REFUSES("Zm9v\nZm*v", "Character 8 of the base64 text is '*'");
    REFUSES("dat*", "Character 4 of the base64 text is '*'");
    REFUSES("data:image/png;base64,Zm*v", "Character 25 of the base64 text is '*'");
    REFUSES("Zm-v", "URL-safe");
    REFUSES("Zm_v", "URL-safe");
    REFUSES("\xFF\xD8\xFF\xE0", "Character 1 of the base64 text is the byte 0xFF");
    REFUSES("Zm9vdata:image/png;base64,Zm9v", "Character 9 of the base64 text is ':'");
}

static void refuses_padding_in_the_wrong_place(void **state) {
    (void)state;
    REFUSES("Zg==Zg==", "follows the padding");
    REFUSES("Zg=v", "follows the padding");
    REFUSES("Zg==\nZ", "follows the padding");
    REFUSES("Zm9v=", "padding '='");
    REFUSES("Z===", "padding '='");
    REFUSES("====", "padding '='");
    REFUSES("Zg===", "padding '='");
    REFUSES("Zm8==", "padding '='");
}

static void refuses_a_bad_length(void **state) {
    (void)state;
    REFUSES("Z", "1 characters");
    REFUSES("Zm9vZ", "5 characters");
    REFUSES("Zm9vZm", "6 characters");
    REFUSES("Zm9vZm8", "7 characters");
    REFUSES("Zg=", "3 characters");
}

static void refuses_a_bad_data_prefix(void **state) {
    (void)state;
    char text[600];
    REFUSES("data:image/png,Zm9v", ";base64");
    REFUSES("data:base64,Zm9v", ";base64");
    REFUSES("data:,Zm9v", ";base64");
    REFUSES("data:image/png;base64", "within");
    REFUSES("data", "within");
    memset(text, 'x', sizeof text);
    memcpy(text, "data:", 5);
    assert_refuses(text, sizeof text, "no comma");
}

static void takes_the_longest_data_prefix(void **state) {
    (void)state;
    char text[TT_BASE64_PREFIX_MAX_BYTES + 8];
    memset(text, 'x', sizeof text);
    memcpy(text, "data:", 5);
    memcpy(text + TT_BASE64_PREFIX_MAX_BYTES - 7, ";base64,Zm9v", 13);
    assert_decodes(text, "foo", 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_the_vectors_of_the_rfc),
        cmocka_unit_test(decodes_every_character_of_the_alphabet),
        cmocka_unit_test(passes_over_white_space),
        cmocka_unit_test(passes_over_a_data_prefix),
        cmocka_unit_test(reads_letters_that_only_begin_like_a_prefix),
        cmocka_unit_test(ignores_bits_left_over_by_padding),
        cmocka_unit_test(refuses_each_byte_outside_the_alphabet),
        cmocka_unit_test(refusals_say_what_is_wrong),
        cmocka_unit_test(refuses_padding_in_the_wrong_place),
        cmocka_unit_test(refuses_a_bad_length),
        cmocka_unit_test(refuses_a_bad_data_prefix),
        cmocka_unit_test(takes_the_longest_data_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
