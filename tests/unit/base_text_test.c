/* src/base/text.c: UTF-8, escapes, numbers, filenames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tintype/text.h"

static void utf8_of_any_length(void **state) {
    static const char mixed[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
    (void)state;
    assert_true(tt_text_is_utf8("", 0));
    assert_true(tt_text_is_utf8(mixed, strlen(mixed)));
    assert_false(tt_text_is_utf8(mixed, strlen(mixed) - 1));
    assert_false(tt_text_is_utf8("ok\xE9", 3));
    assert_false(tt_text_is_utf8("\xED\xA0\x80", 3));
    assert_false(tt_text_is_utf8("\xC0\xAF", 2));
    assert_false(tt_text_is_utf8("a\0b", 3));
}

static const struct {
    const char *text;
    bool form;
    const char *decoded; /* NULL: refused */
} escapes[] = {
    {"", true, ""},
    {"abc", true, "abc"},
    {"a+b", true, "a b"},
    {"a+b", false, "a+b"},
    {"%41%7a", false, "Az"},
    {"%2B+%2b", true, "+ +"},
    {"%C3%a9", true, "\xC3\xA9"},
    {"%25%32%35", true, "%25"},
    {"%", true, NULL},
    {"%4", true, NULL},
    {"abc%", false, NULL},
    {"%g0", true, NULL},
    {"%0g", true, NULL},
    {"% 1", true, NULL},
    {"%-1", true, NULL},
    {"%%41", true, NULL},
    {"%00", true, NULL},
    {"a%00b", false, NULL},
};

static void escapes_are_decoded_or_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        size_t length = strlen(escapes[i].text);
        char text[32];
        memcpy(text, escapes[i].text, length + 1);
        bool decoded = tt_text_percent_decode(text, &length, escapes[i].form);
        assert_int_equal(decoded, escapes[i].decoded != NULL);
        if (escapes[i].decoded) {
            assert_string_equal(text, escapes[i].decoded);
            assert_int_equal(length, strlen(escapes[i].decoded));
        }
    }
}

/* An escape is not completed with what lies behind the length. */
static void decoding_keeps_to_the_length(void **state) {
    char text[] = "ab%41";
    size_t length = 4;
    (void)state;
    assert_false(tt_text_percent_decode(text, &length, false));
}

static void numbers_within_their_range(void **state) {
    int64_t value = 0;
    (void)state;
    assert_true(tt_text_parse_int("0", 0, 10, &value));
    assert_int_equal(value, 0);
    assert_true(tt_text_parse_int("10", 0, 10, &value));
    assert_int_equal(value, 10);
    assert_true(tt_text_parse_int("-10", -10, 10, &value));
    assert_int_equal(value, -10);
    assert_true(tt_text_parse_int("9223372036854775807", 0, INT64_MAX, &value));
    assert_true(value == INT64_MAX);
    assert_true(tt_text_parse_int("-9223372036854775808", INT64_MIN, 0, &value));
    assert_true(value == INT64_MIN);
}

static void other_texts_are_no_numbers(void **state) {
    static const char *const texts[] = {
        "",
        "-",
        "--1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "0x1",
        "1e1",
        "abc",
        "101",
        "-101",
        "1\n",
        "1-",
        "1,0",
        "- 1",
        "99999999999999999999",
        "9223372036854775808",
        "-9223372036854775809",
    };
    int64_t value = 42;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(tt_text_parse_int(texts[i], -100, 100, &value));
    assert_false(tt_text_parse_int("-0", 0, 100, &value));
    assert_false(tt_text_parse_int("4", 5, 100, &value));
    assert_int_equal(value, 42);
}

static const struct {
    const char *raw;
    const char *clean;
} filenames[] = {
    {"", ""},
    {"photo.jpg", "photo.jpg"},
    {"/home/me/photo.jpg", "photo.jpg"},
    {"C:\\Pictures\\photo.jpg", "photo.jpg"},
    {"a/b\\c/d.png", "d.png"},
    {"../../etc/passwd", "passwd"},
    {"dir/", ""},
    {".", ""},
    {"..", ""},
    {"a/..", ""},
    {" . ", ""},
    {".\n.", ""},
    {"...", "..."},
    {".hidden", ".hidden"},
    {"  two  words.png  ", "two  words.png"},
    {"\n \n a.png \r\n \t", "a.png"},
    {"   ", ""},
    {"say \"hi\" 'now'.png", "say \"hi\" 'now'.png"},
    {"a\nb\r\tc\x7F"
     "d\x1B.png",
     "abcd.png"},
    {"caf\xC3\xA9.png", "caf\xC3\xA9.png"},
    {"caf\xE9.png", "caf\xC3\xA9.png"}, /* Latin-1 */
    {"\xC2\x85"
     "a\xC2\x9F.png",
     "a.png"}, /* C1 in UTF-8 */
    {"\x85"
     "a\x9F.png",
     "a.png"},                                    /* C1 in Latin-1 */
    {"photo\xE2\x80\xAEgnp.exe", "photognp.exe"}, /* U+202E */
    {"\xE2\x80\x8E"
     "a\xE2\x80\x8F.png",
     "a.png"}, /* U+200E, U+200F */
    {"\xD8\x9C"
     "a.png",
     "a.png"}, /* U+061C */
    {"\xE2\x81\xA6"
     "a\xE2\x81\xA9.png",
     "a.png"}, /* U+2066, U+2069 */
    {"a\xE2\x80\xA8"
     "b\xE2\x80\xA9.png",
     "ab.png"}, /* U+2028, U+2029 */
    {"a\xE2\x80\x8D"
     "b\xE2\x80\xAF"
     "c\xE2\x81\xAA",
     "a\xE2\x80\x8D"
     "b\xE2\x80\xAF"
     "c\xE2\x81\xAA"},
    {"\xED\xA0\x80", "\xC3\xAD\xC2\xA0"}, /* a surrogate's bytes, read as Latin-1 */
};

static void filenames_are_cleaned(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof filenames / sizeof *filenames; i++) {
        char clean[TT_TEXT_FILENAME_SIZE];
        tt_text_clean_filename(filenames[i].raw, strlen(filenames[i].raw), clean);
        assert_string_equal(clean, filenames[i].clean);
    }
}

static void nul_in_a_filename_is_removed(void **state) {
    (void)state;
    char clean[TT_TEXT_FILENAME_SIZE];
    tt_text_clean_filename("a\0b.png", 7, clean);
    assert_string_equal(clean, "ab.png");
    tt_text_clean_filename(NULL, 0, clean);
    assert_string_equal(clean, "");
}

/* A name of 4 kB, of which no character is cut in two. */
static void long_filenames_are_cut_at_a_character(void **state) {
    static const char *const characters[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        size_t bytes = strlen(characters[i]);
        char raw[4096];
        for (size_t j = 0; j < sizeof raw; j++)
            raw[j] = characters[i][j % bytes];
        char clean[TT_TEXT_FILENAME_SIZE];
        tt_text_clean_filename(raw, sizeof raw / bytes * bytes, clean);
        assert_int_equal(strlen(clean), TT_TEXT_FILENAME_MAX_BYTES / bytes * bytes);
        assert_true(tt_text_is_utf8(clean, strlen(clean)));
    }
}

static void latin1_that_grows_stays_within_the_size(void **state) {
    (void)state;
    char raw[4096];
    memset(raw, 0xE9, sizeof raw);
    char clean[TT_TEXT_FILENAME_SIZE];
    tt_text_clean_filename(raw, sizeof raw, clean);
    assert_int_equal(strlen(clean), 254);
}

static void no_space_is_left_where_a_filename_was_cut(void **state) {
    (void)state;
    char raw[300];
    memset(raw, 'a', sizeof raw);
    memset(raw + 250, ' ', 10);
    char clean[TT_TEXT_FILENAME_SIZE];
    tt_text_clean_filename(raw, sizeof raw, clean);
    assert_int_equal(strlen(clean), 250);
}

static const struct {
    const char *filename, *value;
} dispositions[] = {
    {"a.png", "inline; filename=\"a.png\"; filename*=UTF-8''a.png"},
    {"a \"b\\c\" 50%;+'.png", "inline; filename=\"a _b_c_ 50%;+'.png\"; "
                              "filename*=UTF-8''a%20%22b%5Cc%22%2050%25%3B%2B%27.png"},
    {"\xC3\xBC\xF0\x9F\x98\x80.jpg",
     "inline; filename=\"__.jpg\"; filename*=UTF-8''%C3%BC%F0%9F%98%80.jpg"},
    {"a\r\nX: y\x7F", "inline; filename=\"aX: y\"; filename*=UTF-8''a%0D%0AX%3A%20y%7F"},
    {"", "inline; filename=\"\"; filename*=UTF-8''"},
};

static void dispositions_name_the_file_twice(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof dispositions / sizeof *dispositions; i++) {
        char value[TT_TEXT_DISPOSITION_SIZE];
        tt_text_format_disposition(dispositions[i].filename, value);
        assert_string_equal(value, dispositions[i].value);
    }
}

/* The longest value fills its room to the last byte; what is longer than a filename is cut. */
static void longest_disposition_fits(void **state) {
    (void)state;
    char filename[2 * TT_TEXT_FILENAME_SIZE];
    memset(filename, ' ', sizeof filename);
    filename[sizeof filename - 1] = '\0';
    char value[TT_TEXT_DISPOSITION_SIZE];
    memset(value, 'x', sizeof value);
    tt_text_format_disposition(filename, value);
    assert_int_equal(strlen(value), sizeof value - 1);
    assert_string_equal(value + sizeof value - 4, "%20");
}

static void runs_end_before_a_stop_wherever_it_is(void **state) {
    static const uint8_t stops[256] = {['x'] = 1, [0xFF] = 1};
    char text[40];

    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t length = 0; length <= sizeof text; length++)
        assert_int_equal(tt_text_run(text, length, stops), length);
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = i % 2 == 0 ? 'x' : '\xFF';
        assert_int_equal(tt_text_run(text, sizeof text, stops), i);
        assert_int_equal(tt_text_run(text, i, stops), i);
        text[i] = 'a';
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_of_any_length),
        cmocka_unit_test(escapes_are_decoded_or_refused),
        cmocka_unit_test(decoding_keeps_to_the_length),
        cmocka_unit_test(numbers_within_their_range),
        cmocka_unit_test(other_texts_are_no_numbers),
        cmocka_unit_test(filenames_are_cleaned),
        cmocka_unit_test(nul_in_a_filename_is_removed),
        cmocka_unit_test(long_filenames_are_cut_at_a_character),
        cmocka_unit_test(latin1_that_grows_stays_within_the_size),
        cmocka_unit_test(no_space_is_left_where_a_filename_was_cut),
        cmocka_unit_test(dispositions_name_the_file_twice),
        cmocka_unit_test(longest_disposition_fits),
        cmocka_unit_test(runs_end_before_a_stop_wherever_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
