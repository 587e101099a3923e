/* src/web/options.c and disposition.c: each option's range, who beats whom, query strings, and
 * filenames in headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "web/options.h"

static const struct tt_config config = {
    .image.options = {.width_px = 1024,
                      .height_px = 768,
                      .fit = TT_FIT_INSIDE,
                      .grayscale = true,
                      .format = TT_FORMAT_PNG,
                      .quality = 85,
                      .watermark = {.enabled = true, .text = "ours", .position = TT_POSITION_LEFT}},
    .image.watermark_font = "a font",
    .presets = {{.name = "thumb",
                 .options = {.width_px = 200,
                             .height_px = 100,
                             .fit = TT_FIT_COVER,
                             .format = TT_FORMAT_WEBP,
                             .quality = 70,
                             .watermark = {.text = "small", .position = TT_POSITION_TOP}}}},
    .preset_count = 1,
};

static struct tt_options fresh(void) {
    tt_err_take(TT_OK);
    struct tt_options options;
    tt_options_init(&options, &config);
    return options;
}

static enum tt_err set_one(struct tt_options *options, const char *name, const char *value) {
    *options = fresh();
    return tt_options_set(options, TT_OPTION_BODY, name, value);
}

static void assert_refused(const char *name, const char *value, const char *words) {
    struct tt_options untouched = fresh();
    struct tt_options options;
    assert_int_equal(set_one(&options, name, value), TT_ERR_OPTION);
    if (!strstr(tt_err_detail(TT_ERR_OPTION), words))
        fail_msg("\"%s\" lacks \"%s\"", tt_err_detail(TT_ERR_OPTION), words);
    assert_memory_equal(&options, &untouched, sizeof options);
}

static void defaults_hold_until_asked(void **state) {
    (void)state;
    struct tt_options options = fresh();
    assert_memory_equal(&options.picture, &config.image.options, sizeof options.picture);
    assert_string_equal(options.filename, "");
    for (int i = 0; i < TT_OPTION_MAX; i++)
        assert_int_equal(options.asked_by[i], TT_OPTION_UNSET);
}

static void words_are_read_in_any_case(void **state) {
    (void)state;
    static const char *const yes[] = {"true", "1", "on", "True", "ON"};
    static const char *const no[] = {"false", "0", "off", "False", "OFF"};
    struct tt_options options;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        assert_int_equal(set_one(&options, "grayscale", no[i]), TT_OK);
        assert_false(options.picture.grayscale);
        assert_int_equal(tt_options_set(&options, TT_OPTION_BODY, "grayscale", yes[i]), TT_OK);
        assert_true(options.picture.grayscale);
    }
    assert_int_equal(set_one(&options, "fit", "cover"), TT_OK);
    assert_int_equal(options.picture.fit, TT_FIT_COVER);
    assert_int_equal(set_one(&options, "fit", "Fill"), TT_OK);
    assert_int_equal(options.picture.fit, TT_FIT_FILL);
    assert_int_equal(set_one(&options, "fit", "inside"), TT_OK);
    assert_int_equal(options.picture.fit, TT_FIT_INSIDE);
    assert_int_equal(set_one(&options, "format", "jpeg"), TT_OK);
    assert_int_equal(options.picture.format, TT_FORMAT_JPEG);
    assert_int_equal(set_one(&options, "format", "JPG"), TT_OK);
    assert_int_equal(options.picture.format, TT_FORMAT_JPEG);
    assert_int_equal(set_one(&options, "format", "WebP"), TT_OK);
    assert_int_equal(options.picture.format, TT_FORMAT_WEBP);
    assert_int_equal(set_one(&options, "watermark_position", "Top-Right"), TT_OK);
    assert_int_equal(options.picture.watermark.position, TT_POSITION_TOP_RIGHT);
    assert_int_equal(set_one(&options, "format", "PNG"), TT_OK);
    assert_int_equal(options.picture.format, TT_FORMAT_PNG);
}

static void numbers_keep_their_range(void **state) {
    (void)state;
    struct tt_options options;
    assert_int_equal(set_one(&options, "width", "16384"), TT_OK);
    assert_int_equal(options.picture.width_px, 16384);
    assert_int_equal(set_one(&options, "height", "1"), TT_OK);
    assert_int_equal(options.picture.height_px, 1);
    assert_int_equal(set_one(&options, "quality", "100"), TT_OK);
    assert_int_equal(options.picture.quality, 100);
    assert_int_equal(set_one(&options, "quality", "1"), TT_OK);
    assert_int_equal(options.picture.quality, 1);
}

static void bad_values_are_refused_with_what_is_taken(void **state) {
    (void)state;
    static const char *const numbers[] = {"0",   "16385", "-1",   "",
                                          "1.5", " 1",    "1 ",   "abc",
                                          "1e3", "+1",    "0x10", "99999999999999999999"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_refused("width", numbers[i], "width");
        assert_refused("height", numbers[i], "1 to 16384");
    }
    assert_refused("quality", "0", "1 to 100");
    assert_refused("quality", "101", "1 to 100");
    assert_refused("fit", "contain", "inside, cover or fill");
    assert_refused("fit", "", "inside, cover or fill");
    assert_refused("grayscale", "yes", "true or false");
    assert_refused("grayscale", "2", "true or false");
    assert_refused("format", "gif", "png, jpeg or webp");
    assert_refused("format", "", "png, jpeg or webp");
    assert_refused("watermark", "two\nlines", "one line");
    assert_refused("watermark_position", "middle", "bottom or bottom-right");
    assert_refused("preset", "huge", "preset");
}

static void unknown_options_are_named_with_the_known_ones(void **state) {
    (void)state;
    assert_refused("colour", "red", "\"colour\"");
    assert_refused("colour", "red",
                   "An option is filename, preset, width, height, fit, grayscale, format, quality, "
                   "watermark or watermark_position.");
    assert_refused("watermark_text", "x", "no option");
    assert_refused("Width", "5", "\"Width\"");
    assert_refused("", "5", "\"\"");

    /* The name has 59 letters and a character of two bytes, which is shown whole or not at all. */
    char name[200];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    memcpy(name + 59, "\xC3\xA9", 2);
    name[61] = 'b';
    assert_refused(name, "x", "a\". An option is");
}

static void one_side_leaves_the_other_free(void **state) {
    (void)state;
    struct tt_options options;
    assert_int_equal(set_one(&options, "width", "300"), TT_OK);
    assert_int_equal(options.picture.width_px, 300);
    assert_int_equal(options.picture.height_px, 0);
    assert_int_equal(set_one(&options, "height", "300"), TT_OK);
    assert_int_equal(options.picture.width_px, 0);
    assert_int_equal(options.picture.height_px, 300);
    assert_int_equal(tt_options_set(&options, TT_OPTION_BODY, "width", "200"), TT_OK);
    assert_int_equal(options.picture.width_px, 200);
    assert_int_equal(options.picture.height_px, 300);
    assert_int_equal(tt_options_set(&options, TT_OPTION_BODY, "width", "100"), TT_OK);
    assert_int_equal(options.picture.width_px, 100);
    assert_int_equal(options.picture.height_px, 300);
}

static void sides_of_several_origins_make_one_box(void **state) {
    (void)state;
    struct tt_options options = fresh();
    assert_int_equal(tt_options_set(&options, TT_OPTION_QUERY, "width", "300"), TT_OK);
    assert_int_equal(tt_options_set(&options, TT_OPTION_BODY, "height", "200"), TT_OK);
    assert_int_equal(options.picture.width_px, 300);
    assert_int_equal(options.picture.height_px, 200);
}

static void other_options_leave_the_configured_box(void **state) {
    (void)state;
    struct tt_options options = fresh();
    assert_int_equal(tt_options_set(&options, TT_OPTION_QUERY, "fit", "fill"), TT_OK);
    assert_int_equal(tt_options_set(&options, TT_OPTION_QUERY, "quality", "5"), TT_OK);
    assert_int_equal(options.picture.width_px, 1024);
    assert_int_equal(options.picture.height_px, 768);
}

static void the_body_beats_the_query(void **state) {
    (void)state;
    struct tt_options options = fresh();
    assert_int_equal(tt_options_set(&options, TT_OPTION_QUERY, "quality", "10"), TT_OK);
    assert_int_equal(tt_options_set(&options, TT_OPTION_QUERY, "quality", "11"), TT_OK);
    assert_int_equal(options.picture.quality, 11);
    assert_int_equal(tt_options_set(&options, TT_OPTION_BODY, "quality", "20"), TT_OK);
    assert_int_equal(tt_options_set(&options, TT_OPTION_QUERY, "quality", "12"), TT_OK);
    assert_int_equal(options.picture.quality, 20);
    assert_int_equal(tt_options_set(&options, TT_OPTION_BODY, "quality", "21"), TT_OK);
    assert_int_equal(options.picture.quality, 21);
    /* A beaten value must be a good one all the same. */
    assert_int_equal(tt_options_set(&options, TT_OPTION_QUERY, "quality", "x"), TT_ERR_OPTION);
}

static void a_watermark_is_switched_or_given(void **state) {
    static const char *const off[] = {"", "false", "0", "off", "No"};
    (void)state;
    struct tt_options options;
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        assert_int_equal(set_one(&options, "watermark", off[i]), TT_OK);
        assert_false(options.picture.watermark.enabled);
        assert_int_equal(tt_options_set(&options, TT_OPTION_BODY, "watermark", "on"), TT_OK);
        assert_true(options.picture.watermark.enabled);
        assert_string_equal(options.picture.watermark.text, "ours");
    }
    assert_int_equal(set_one(&options, "watermark", "\xC2\xA9 mine"), TT_OK);
    assert_true(options.picture.watermark.enabled);
    assert_string_equal(options.picture.watermark.text, "\xC2\xA9 mine");

    char longest[TT_PICTURE_WATERMARK_SIZE + 1];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_refused("watermark", longest, "at most 255 bytes");
    longest[sizeof longest - 2] = '\0';
    assert_int_equal(set_one(&options, "watermark", longest), TT_OK);
}

/* Without a font there is nothing to draw a text with; what is configured stays a switch. */
static void a_text_takes_a_font(void **state) {
    static const struct tt_config bare = {.image.options.format = TT_FORMAT_PNG};
    (void)state;
    struct tt_options options;
    tt_options_init(&options, &bare);
    assert_int_equal(tt_options_set(&options, TT_OPTION_BODY, "watermark", "mine"), TT_ERR_OPTION);
    assert_int_equal(tt_options_set(&options, TT_OPTION_BODY, "watermark", "on"), TT_OK);
    tt_err_take(TT_OK);
}

static void a_preset_is_what_all_else_starts_from(void **state) {
    static const char *const asked[][2] = {
        {"quality", "33"}, {"fit", "fill"}, {"watermark", "mine"}, {"width", "64"}};
    struct tt_options options = fresh();
    (void)state;
    assert_int_equal(tt_options_set(&options, TT_OPTION_QUERY, "preset", "thumb"), TT_OK);
    assert_memory_equal(&options.picture, &config.presets[0].options, sizeof options.picture);

    /* It makes no difference whether the preset is named last or first. */
    for (int is_last = 0; is_last <= 1; is_last++) {
        options = fresh();
        if (!is_last)
            assert_int_equal(tt_options_set(&options, TT_OPTION_BODY, "preset", "thumb"), TT_OK);
        for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
            assert_int_equal(tt_options_set(&options, TT_OPTION_QUERY, asked[i][0], asked[i][1]),
                             TT_OK);
        if (is_last)
            assert_int_equal(tt_options_set(&options, TT_OPTION_BODY, "preset", "thumb"), TT_OK);
        assert_int_equal(options.picture.quality, 33);
        assert_int_equal(options.picture.fit, TT_FIT_FILL);
        assert_int_equal(options.picture.width_px, 64);
        assert_int_equal(options.picture.height_px, 0); /* free: one alone was asked for */
        assert_string_equal(options.picture.watermark.text, "mine");
        assert_true(options.picture.watermark.enabled);
        assert_int_equal(options.picture.format, TT_FORMAT_WEBP);
        assert_int_equal(options.picture.watermark.position, TT_POSITION_TOP);
        assert_false(options.picture.grayscale);
    }
}

/* An empty preset of the body beats one of the query, and leaves what else was asked for. */
static void an_empty_preset_is_none(void **state) {
    struct tt_options options = fresh();
    (void)state;
    assert_int_equal(tt_options_set(&options, TT_OPTION_QUERY, "preset", ""), TT_OK);
    assert_memory_equal(&options.picture, &config.image.options, sizeof options.picture);
    assert_int_equal(tt_options_set(&options, TT_OPTION_QUERY, "preset", "thumb"), TT_OK);
    assert_int_equal(tt_options_set(&options, TT_OPTION_QUERY, "quality", "33"), TT_OK);
    assert_int_equal(tt_options_set(&options, TT_OPTION_BODY, "preset", ""), TT_OK);
    assert_int_equal(options.picture.quality, 33);
    options.picture.quality = config.image.options.quality;
    assert_memory_equal(&options.picture, &config.image.options, sizeof options.picture);
}

/* A switch keeps the text that it switches. */
static void a_switch_takes_the_presets_text(void **state) {
    static const char *const asked[][2] = {{"watermark", "on"}, {"preset", "thumb"}};
    (void)state;
    for (int first = 0; first <= 1; first++) {
        struct tt_options options = fresh();
        for (int i = 0; i < 2; i++)
            assert_int_equal(
                tt_options_set(&options, TT_OPTION_QUERY, asked[first ^ i][0], asked[first ^ i][1]),
                TT_OK);
        assert_true(options.picture.watermark.enabled);
        assert_string_equal(options.picture.watermark.text, "small");
    }
}

static void filenames_are_cleaned(void **state) {
    (void)state;
    struct tt_options options;
    assert_int_equal(set_one(&options, "filename",
                             "../a/\xE2\x80\xAE"
                             "b\r\n.png"),
                     TT_OK);
    assert_string_equal(options.filename, "b.png");
    assert_int_equal(set_one(&options, "filename", ""), TT_OK);
    assert_string_equal(options.filename, "");
    char *large = malloc(5000);
    assert_non_null(large);
    memset(large, 'a', 4999);
    large[4999] = '\0';
    assert_int_equal(set_one(&options, "filename", large), TT_OK);
    assert_int_equal(strlen(options.filename), 255);
    free(large);
}

/* ---- Content-Disposition ---- */

static void assert_filename(const char *header, const char *expected) {
    char name[256];
    assert_true(tt_options_parse_disposition(header, name, sizeof name, NULL, NULL, 0));
    assert_string_equal(name, expected);
}

static void assert_no_filename(const char *header) {
    char name[256] = "left";
    assert_false(tt_options_parse_disposition(header, name, sizeof name, NULL, NULL, 0));
    assert_string_equal(name, "");
}

static void dispositions_give_the_filename(void **state) {
    (void)state;
    assert_filename("attachment; filename=a.png", "a.png");
    assert_filename("attachment; filename=\"a; b.png\"", "a; b.png");
    assert_filename("ATTACHMENT ;\tFileName = \"a\\\"b\\\\c\\d\"", "a\"b\\cd");
    assert_filename("inline;filename=\"\"", "");
    assert_filename("attachment; size=5; filename=\"\xC3\xA9\"", "\xC3\xA9");
    assert_filename("attachment; filename=\"a%22b\"", "a%22b");
    assert_filename("; filename=a", "a");
}

static void extended_filenames_beat_plain_ones(void **state) {
    (void)state;
    assert_filename("attachment; filename=e.txt; filename*=UTF-8''%e2%82%ac%20rates", "\xE2\x82\xAC"
                                                                                      " rates");
    assert_filename("attachment; filename*=utf-8'en'%E2%82%AC; filename=e.txt", "\xE2\x82\xAC");
    assert_filename("attachment; FILENAME*=iso-8859-1''%A3%20rates", "\xC2\xA3 rates");
    assert_filename("attachment; filename*=UTF-8''a.png", "a.png");
}

static void bad_extended_filenames_are_passed_over(void **state) {
    (void)state;
    assert_filename("attachment; filename*=UTF-8''%FF; filename=e", "e");
    assert_filename("attachment; filename*=UTF-8''%4; filename=e", "e");
    assert_filename("attachment; filename*=UTF-8''%; filename=e", "e");
    assert_filename("attachment; filename*=UTF-8''%zz; filename=e", "e");
    assert_filename("attachment; filename*=UTF-8''a%00; filename=e", "e");
    assert_filename("attachment; filename*=UTF-8'a; filename=e", "e");
    assert_filename("attachment; filename*=a; filename=e", "e");
    assert_filename("attachment; filename*=KOI8-R''a; filename=e", "e");
    assert_filename("attachment; filename*=\"UTF-8''a\"; filename=e", "e");
    assert_no_filename("attachment; filename*=UTF-8''%FF");
}

static void garbage_has_no_filename(void **state) {
    (void)state;
    assert_no_filename(NULL);
    assert_no_filename("");
    assert_no_filename("attachment");
    assert_no_filename("attachment;");
    assert_no_filename("attachment; filename");
    assert_no_filename("attachment; =a");
    assert_no_filename("attachment; xfilename=a; filenamex=b");
    assert_no_filename("attachment;;;= ;\"\\");
    assert_filename("attachment; filename=", "");
    assert_filename("attachment; filename=\"a", "a");
    assert_filename("attachment; filename=\"a\\", "a\\");
    assert_filename("attachment; x=\"a;filename=b\"; filename=c", "c");
    assert_filename("attachment; filename=a; filename=b", "a");
    assert_filename("attachment; filename=a b; size=1", "a");
}

static void form_fields_and_their_escapes(void **state) {
    (void)state;
    char name[64], field[64];
    bool is_form_data;
    assert_true(
        tt_options_parse_disposition(" Form-Data; filename=\"a%22b\\c\\\"\\\\\"; name=\"f%0D%0Ag\"",
                                     name, sizeof name, &is_form_data, field, sizeof field));
    assert_true(is_form_data);
    assert_string_equal(name, "a\"b\\c\"\\");
    assert_string_equal(field, "f\r\ng");
    assert_false(tt_options_parse_disposition("form-data; name=width", name, sizeof name,
                                              &is_form_data, field, sizeof field));
    assert_true(is_form_data);
    assert_string_equal(field, "width");
    assert_true(tt_options_parse_disposition("attachment; filename=a", name, sizeof name,
                                             &is_form_data, field, sizeof field));
    assert_false(is_form_data);
    assert_string_equal(field, "");
}

static void long_filenames_are_cut_at_a_character(void **state) {
    (void)state;
    static const struct {
        const char *header, *expected;
    } cases[] = {
        {"attachment; filename=abc", "abc"},
        {"attachment; filename=abcdefgh", "abcd"},
        {"attachment; filename=\"abc\xC3\xA9\"", "abc"},
        {"attachment; filename=\"\xC3\xA9\xC3\xA9\xC3\xA9\"", "\xC3\xA9"},
        {"attachment; filename*=UTF-8''abc%E2%82%AC", "abc"},
        {"attachment; filename*=ISO-8859-1''abc%E9", "abc"},
        {"attachment; filename*=UTF-8''ab%C3%A9", "ab\xC3\xA9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = malloc(5);
        assert_non_null(name);
        assert_true(tt_options_parse_disposition(cases[i].header, name, 5, NULL, NULL, 0));
        assert_string_equal(name, cases[i].expected);
        free(name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold_until_asked),
        cmocka_unit_test(words_are_read_in_any_case),
        cmocka_unit_test(numbers_keep_their_range),
        cmocka_unit_test(bad_values_are_refused_with_what_is_taken),
        cmocka_unit_test(unknown_options_are_named_with_the_known_ones),
        cmocka_unit_test(one_side_leaves_the_other_free),
        cmocka_unit_test(sides_of_several_origins_make_one_box),
        cmocka_unit_test(other_options_leave_the_configured_box),
        cmocka_unit_test(the_body_beats_the_query),
        cmocka_unit_test(a_watermark_is_switched_or_given),
        cmocka_unit_test(a_text_takes_a_font),
        cmocka_unit_test(a_preset_is_what_all_else_starts_from),
        cmocka_unit_test(an_empty_preset_is_none),
        cmocka_unit_test(a_switch_takes_the_presets_text),
        cmocka_unit_test(filenames_are_cleaned),
        cmocka_unit_test(dispositions_give_the_filename),
        cmocka_unit_test(extended_filenames_beat_plain_ones),
        cmocka_unit_test(bad_extended_filenames_are_passed_over),
        cmocka_unit_test(garbage_has_no_filename),
        cmocka_unit_test(form_fields_and_their_escapes),
        cmocka_unit_test(long_filenames_are_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
