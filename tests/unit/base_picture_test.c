/* src/base/picture.c: the table of formats, and names of presets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tintype/picture.h"

static void formats_have_their_names(void **state) {
    (void)state;
    assert_string_equal(tt_picture_format_row(TT_FORMAT_PNG)->name, "PNG");
    assert_string_equal(tt_picture_format_row(TT_FORMAT_PNG)->extension, "png");
    assert_string_equal(tt_picture_format_row(TT_FORMAT_PNG)->media_type, "image/png");
    assert_string_equal(tt_picture_format_row(TT_FORMAT_JPEG)->name, "JPEG");
    assert_string_equal(tt_picture_format_row(TT_FORMAT_JPEG)->extension, "jpg");
    assert_string_equal(tt_picture_format_row(TT_FORMAT_JPEG)->media_type, "image/jpeg");
}

static void every_format_has_a_whole_row(void **state) {
    (void)state;
    for (int i = TT_FORMAT_NONE + 1; i < TT_FORMAT_COUNT; i++) {
        const struct tt_picture_format_row *row = tt_picture_format_row((enum tt_picture_format)i);
        assert_true(strlen(row->name) > 0);
        assert_true(strlen(row->extension) > 0);
        assert_int_equal(strncmp(row->media_type, "image/", 6), 0);
    }
}

static void no_format_and_unknown_ones_are_empty(void **state) {
    static const int values[] = {TT_FORMAT_NONE, TT_FORMAT_COUNT, -1, 1000000};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const struct tt_picture_format_row *row =
            tt_picture_format_row((enum tt_picture_format)values[i]);
        assert_string_equal(row->name, "");
        assert_string_equal(row->extension, "");
        assert_string_equal(row->media_type, "");
    }
}

static void a_file_of_no_format_is_refused_with_all_of_them(void **state) {
    (void)state;
    assert_int_equal(tt_picture_refuse_format(), TT_ERR_PICTURE_TYPE);
    assert_non_null(strstr(tt_err_take(TT_ERR_PICTURE_TYPE).detail,
                           " accepted: PNG, JPEG, WEBP, GIF, HEIC or AVIF."));
}

/* Asserts that each value has one name, in the order of the values. */
static void assert_complete(const struct tt_text_choice *choices, int count) {
    for (int value = 0; value < count; value++) {
        assert_non_null(choices[value].name);
        assert_int_equal(choices[value].value, value);
    }
    assert_null(choices[count].name);
}

static void fits_and_positions_have_their_names(void **state) {
    (void)state;
    assert_complete(tt_picture_fits, TT_FIT_FILL + 1);
    assert_complete(tt_picture_positions, TT_POSITION_COUNT);
    assert_string_equal(tt_picture_fits[TT_FIT_COVER].name, "cover");
    assert_string_equal(tt_picture_positions[TT_POSITION_BOTTOM_LEFT].name, "bottom-left");
}

static void names_of_presets(void **state) {
    static const char *const good[] = {"a", "thumb", "at-2x",
                                       "-", "0",     "a123456789012345678901234567890"};
    static const char *const bad[] = {
        "",   "Thumb", "a b", "a.b", "a/b",
        "..", "a_b",   "ä",   "a\n", "a1234567890123456789012345678901"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(tt_picture_preset_is_name(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(tt_picture_preset_is_name(bad[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_have_their_names),
        cmocka_unit_test(every_format_has_a_whole_row),
        cmocka_unit_test(no_format_and_unknown_ones_are_empty),
        cmocka_unit_test(a_file_of_no_format_is_refused_with_all_of_them),
        cmocka_unit_test(fits_and_positions_have_their_names),
        cmocka_unit_test(names_of_presets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
