/* src/base/option.c: options by name, what uploads may ask for, and how what was said covers what
 * was there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/option_row.h"
#include "tintype/option.h"

static struct tt_picture_options options;

static bool parse(const char *name, const char *text) {
    return tt_option_parse(tt_option_find(name), text, &options);
}

static void every_field_of_the_options_is_a_row(void **state) {
    static const char *const names[] = {"width",          "height",           "fit",
                                        "grayscale",      "format",           "quality",
                                        "watermark",      "watermark_text",   "watermark_position",
                                        "watermark_size", "watermark_margin", "watermark_opacity"};
    const int count = (int)(sizeof names / sizeof *names);
    (void)state;
    assert_int_equal(tt_option_count(), count);
    assert_in_range(count, 1, TT_OPTION_MAX);
    for (int i = 0; i < count; i++) {
        assert_string_equal(tt_option_name(i), names[i]);
        assert_int_equal(tt_option_find(names[i]), i);
        assert_string_equal(tt_option_row(i)->section, "image");
    }
    assert_int_equal(tt_option_find("max_pixels"), -1);
    assert_int_equal(tt_option_find("Width"), -1);
    assert_int_equal(tt_option_find(""), -1);
    /* Outside of them no key may be asked for. */
    for (size_t i = 0; i < tt_config_key_count; i++)
        if (tt_config_keys[i].is_asked)
            assert_true(tt_option_find(tt_config_keys[i].name) >= 0);
    assert_true(tt_option_is_asked(tt_option_find("width")));
    assert_false(tt_option_is_asked(tt_option_find("watermark_text")));
}

static void uploads_ask_in_any_case(void **state) {
    (void)state;
    assert_true(parse("fit", "Cover"));
    assert_int_equal(options.fit, TT_FIT_COVER);
    assert_true(parse("format", "JPG"));
    assert_int_equal(options.format, TT_FORMAT_JPEG);
    assert_true(parse("grayscale", "ON"));
    assert_true(options.grayscale);
    assert_true(parse("grayscale", "0"));
    assert_false(options.grayscale);
    assert_true(parse("quality", "100"));
    assert_int_equal(options.quality, 100);
    assert_true(parse("height", "16384"));
    assert_int_equal(options.height_px, 16384);
}

static void what_is_not_taken_changes_nothing(void **state) {
    static const char *const bad[][2] = {
        {"width", "0"},    {"width", "16385"},   {"quality", "0"},
        {"quality", "x"},  {"fit", "jpg"},       {"fit", ""},
        {"format", "gif"}, {"grayscale", "yes"}, {"watermark_text", "text"}};
    struct tt_picture_options before = options;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(parse(bad[i][0], bad[i][1]));
    assert_memory_equal(&options, &before, sizeof before);
}

static void options_say_what_they_take(void **state) {
    static const char *const sentences[][2] = {
        {"width", "a whole number from 1 to 16384, in pixels"},
        {"quality", "a whole number from 1 to 100"},
        {"fit", "inside, cover or fill"},
        {"format", "png, jpeg or webp"},
        {"grayscale", "true or false (also 1, 0, on, off)"},
        {"watermark_text", "text"},
        {"watermark_position",
         "top-left, top, top-right, left, center, right, bottom-left, bottom or "
         "bottom-right"}};
    (void)state;
    char takes[TT_OPTION_TAKES_SIZE];
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
        tt_option_describe(tt_option_find(sentences[i][0]), takes);
        assert_string_equal(takes, sentences[i][1]);
    }
}

static void values_are_shown_by_their_kind(void **state) {
    const struct tt_picture_options shown = {
        .width_px = 5, .fit = TT_FIT_FILL, .grayscale = true, .watermark.text = "ours"};
    struct tt_option_value value = tt_option_value(tt_option_find("width"), &shown);
    (void)state;
    assert_int_equal(value.kind, TT_OPTION_NUMBER);
    assert_int_equal(value.number, 5);
    assert_int_equal(tt_option_value(tt_option_find("height"), &shown).kind, TT_OPTION_FREE);
    value = tt_option_value(tt_option_find("quality"), &shown);
    assert_int_equal(value.kind, TT_OPTION_NUMBER);
    assert_int_equal(value.number, 0);
    value = tt_option_value(tt_option_find("grayscale"), &shown);
    assert_int_equal(value.kind, TT_OPTION_SWITCH);
    assert_int_equal(value.number, 1);
    value = tt_option_value(tt_option_find("fit"), &shown);
    assert_int_equal(value.kind, TT_OPTION_WORD);
    assert_string_equal(value.word, "fill");
    assert_string_equal(tt_option_value(tt_option_find("watermark_text"), &shown).word, "ours");
}

/* No option can be forgotten: each is said alone, over a picture that has none of its value. */
static void what_was_said_covers_what_was_there(void **state) {
    (void)state;
    struct tt_picture_options there;
    memset(&there, 0, sizeof there);
    struct tt_picture_options said;
    memset(&said, 0x01, sizeof said);
    for (int i = 0; i < tt_option_count(); i++) {
        int said_by[TT_OPTION_MAX] = {0};
        struct tt_picture_options result = there;
        struct tt_picture_options expected = there;
        said_by[i] = 1;
        memcpy(tt_option_field(i, &expected), tt_option_field(i, &said), tt_option_row(i)->size);
        tt_option_overlay(&result, &said, said_by);
        assert_memory_equal(&result, &expected, sizeof result);
    }
}

static void sides_are_one_box(void **state) {
    const struct tt_picture_options there = {.width_px = 1, .height_px = 2, .quality = 3};
    const struct tt_picture_options said = {.width_px = 10, .height_px = 20, .quality = 30};
    struct tt_picture_options result = there;
    int said_by[TT_OPTION_MAX] = {0};
    (void)state;
    tt_option_overlay(&result, &said, said_by);
    assert_memory_equal(&result, &there, sizeof result);
    said_by[tt_option_find("quality")] = -1; /* whoever it was */
    tt_option_overlay(&result, &said, said_by);
    assert_int_equal(result.quality, 30);
    assert_int_equal(result.width_px, 1);
    said_by[tt_option_find("height")] = 2;
    tt_option_overlay(&result, &said, said_by);
    assert_int_equal(result.width_px, 0);
    assert_int_equal(result.height_px, 20);
    said_by[tt_option_find("width")] = 1;
    tt_option_overlay(&result, &said, said_by);
    assert_int_equal(result.width_px, 10);
    assert_int_equal(result.height_px, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_the_options_is_a_row),
        cmocka_unit_test(uploads_ask_in_any_case),
        cmocka_unit_test(what_is_not_taken_changes_nothing),
        cmocka_unit_test(options_say_what_they_take),
        cmocka_unit_test(values_are_shown_by_their_kind),
        cmocka_unit_test(what_was_said_covers_what_was_there),
        cmocka_unit_test(sides_are_one_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
