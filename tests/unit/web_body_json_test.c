/* src/web/body_json.c: the picture out of the document, options, and each refusal. */
#include "body_recorder.h"

#define TYPE "application/json"
#define ASSERT_JSON(text, picture, options)                                                        \
    assert_body(TYPE, text, sizeof text - 1, picture, sizeof picture - 1, options, "")
#define REFUSED(text, err, words) assert_refused(TYPE, text, sizeof text - 1, err, words)

static void the_picture_and_the_options_come_out(void **state) {
    (void)state;
    ASSERT_JSON("{\"image\":\"Zm9v\"}", "foo", "");
    ASSERT_JSON(" \r\n{ \"filename\" : \"a.jpg\", \"image\" : \"Zm9vYg==\" , \"width\": 720,\n"
                "\"grayscale\": false, \"x\": true, \"quality\": \"80\", \"y\": -1 } \n",
                "foob", "filename=a.jpg\nwidth=720\ngrayscale=false\nx=true\nquality=80\ny=-1\n");
    ASSERT_JSON("{\"image\":\"data:image/png;base64,Zm9v\"}", "foo", "");
}

static void escapes_in_the_picture_are_read(void **state) {
    (void)state;
    ASSERT_JSON("{\"image\":\"\\u002f\\/8\\u003D\"}", "\xFF\xFF", "");
    ASSERT_JSON("{\"image\":\"Zm\\r\\n9v\\t\\n\"}", "foo", "");
    ASSERT_JSON("{\"image\":\"\\u005am\\u0039v\"}", "foo", "");
    ASSERT_JSON("{\"image\":\"data:image\\/png;base64,Zm9v\"}", "foo", "");
}

static void texts_that_look_like_structure_are_text(void **state) {
    (void)state;
    ASSERT_JSON(
        "{\"a\":\"\\\"image\\\":\\\"x\\\\\",\"b\":\"}],{\",\"image\":\"Zm9v\",\"c\":\"image\"}",
        "foo", "a=\"image\":\"x\\\nb=}],{\nc=image\n");
    ASSERT_JSON("{\"a\":\"image\",\"image\":\"Zm9v\"}", "foo", "a=image\n");
}

static void names_and_texts_are_unescaped(void **state) {
    (void)state;
    ASSERT_JSON("{\"\\u0077idth\":1,\"filename\":\"\\u20ac\\n\xC3\xA9\",\"image\":\"Zm9v\"}", "foo",
                "width=1\nfilename=\xE2\x82\xAC\n\xC3\xA9\n");
}

static void an_empty_picture_is_none(void **state) {
    (void)state;
    ASSERT_JSON("{\"image\":\"\"}", "", "");
}

static void only_the_outer_object_has_the_picture(void **state) {
    (void)state;
    REFUSED("{\"a\":{\"image\":\"*\"},\"image\":\"Zm9v\"}", TT_ERR_JSON, "\"a\" is not text");
    REFUSED("{\"a\":[\"image\",\"*\"],\"image\":\"Zm9v\"}", TT_ERR_JSON, "\"a\" is not text");
    REFUSED("{\"a\":{\"image\":\"Zm9v\"}}", TT_ERR_JSON, "no \"image\"");
}

static void shapes_that_are_refused(void **state) {
    (void)state;
    REFUSED("[\"Zm9v\"]", TT_ERR_JSON, "not an object");
    REFUSED("\"Zm9v\"", TT_ERR_JSON, "not an object");
    REFUSED("12", TT_ERR_JSON, "not an object");
    REFUSED("Zm9v", TT_ERR_JSON, "not an object");
    REFUSED("\xEF\xBB\xBF{\"image\":\"Zm9v\"}", TT_ERR_JSON, "not an object");
    REFUSED("{}", TT_ERR_JSON, "no \"image\"");
    REFUSED("{\"picture\":\"Zm9v\"}", TT_ERR_JSON, "no \"image\"");
    REFUSED("{\"IMAGE\":\"Zm9v\"}", TT_ERR_JSON, "no \"image\"");
    REFUSED("{\"image\":5}", TT_ERR_JSON, "\"image\" is not text");
    REFUSED("{\"image\":null}", TT_ERR_JSON, "\"image\" is not text");
    REFUSED("{\"image\":[\"Zm9v\"]}", TT_ERR_JSON, "\"image\" is not text");
    REFUSED("{\"image\":{\"image\":\"Zm9v\"}}", TT_ERR_JSON, "\"image\" is not text");
    REFUSED("{\"im\\u0061ge\":\"Zm9v\"}", TT_ERR_JSON, "without \\u escapes");
    REFUSED("{\"image\":\"Zm9v\",\"width\":1.5}", TT_ERR_JSON, "\"width\" is not text");
    REFUSED("{\"image\":\"Zm9v\",\"width\":null}", TT_ERR_JSON, "\"width\" is not text");
    REFUSED("{\"image\":\"Zm9v\",\"width\":[]}", TT_ERR_JSON, "\"width\" is not text");
    REFUSED("{\"image\":\"Zm9v\",\"width\":{}}", TT_ERR_JSON, "\"width\" is not text");
}

static void members_there_twice_are_refused(void **state) {
    (void)state;
    REFUSED("{\"image\":\"Zm9v\",\"image\":\"Zm9v\"}", TT_ERR_JSON, "\"image\" twice");
    REFUSED("{\"image\":\"Zm9v\",\"im\\u0061ge\":\"Zm9v\"}", TT_ERR_JSON, "twice");
    REFUSED("{\"image\":\"Zm9v\",\"a\":1,\"a\":2}", TT_ERR_JSON, "twice");
    REFUSED("{\"image\":1,\"image\":\"Zm9v\"}", TT_ERR_JSON, "twice");
}

static void every_cut_of_a_body_is_refused(void **state) {
    (void)state;
    static const char text[] = "{\"filename\":\"a\\n.jpg\",\"image\":\"Zm\\u0039v\",\"width\":12}";
    ASSERT_JSON("{\"filename\":\"a\\n.jpg\",\"image\":\"Zm\\u0039v\",\"width\":12}", "foo",
                "filename=a\n.jpg\nwidth=12\n");
    for (size_t length = 0; length < sizeof text - 1; length++)
        assert_refused(TYPE, text, length, TT_ERR_JSON, "");
    assert_refused(TYPE, text, 30, TT_ERR_JSON, "cut short");
    assert_refused(TYPE, text, sizeof text - 2, TT_ERR_JSON, "cut short");
    assert_refused(TYPE, text, 37, TT_ERR_JSON, "cut short");
}

static void text_that_is_no_json_is_refused(void **state) {
    (void)state;
    REFUSED("{\"image\":\"Zm9v\"} x", TT_ERR_JSON, "behind its object");
    REFUSED("{\"image\":\"Zm9v\"}{}", TT_ERR_JSON, "behind its object");
    REFUSED("{\"image\":\"Zm9v\",}", TT_ERR_JSON, "cannot be read");
    REFUSED("{\"image\" \"Zm9v\"}", TT_ERR_JSON, "cannot be read");
    REFUSED("{\"image\":\"Zm9v\",'a':1}", TT_ERR_JSON, "cannot be read");
    REFUSED("{\"image\":\"Zm9v\",\"a\":[}", TT_ERR_JSON, "cannot be read");
    REFUSED("{\"image\":\"Zm9v\",\"a\":99999999999999999999}", TT_ERR_JSON, "cannot be read");
    REFUSED("{\"image\":\"Zm9v\",\"a\":\"\\u0000\"}", TT_ERR_JSON, "cannot be read");
    REFUSED("{\"image\":\"Zm9v\",\"a\":\"\xFF\"}", TT_ERR_JSON, "not UTF-8");
    REFUSED("{\"image\":\"Zm9v\"\0}", TT_ERR_JSON, "");
    REFUSED("{\"image\":\"Zm\n9v\"}", TT_ERR_JSON, "raw line break");
    REFUSED("{\"image\":\"Zm\\x9v\"}", TT_ERR_JSON, "begins no JSON escape");
    REFUSED("{\"image\":\"Zm\\u00g9\"}", TT_ERR_JSON, "four hexadecimal digits");
    REFUSED("{\"image\":\"Zm\\u00\"}", TT_ERR_JSON, "four hexadecimal digits");
}

static void bad_base64_in_the_picture_is_refused(void **state) {
    (void)state;
    REFUSED("{\"image\":\"Zm9\"}", TT_ERR_BASE64, "groups of four");
    REFUSED("{\"image\":\"Zm9*\"}", TT_ERR_BASE64, "Character 4");
    REFUSED("{\"image\":\"Zm\\n9*\"}", TT_ERR_BASE64, "Character 5");
    REFUSED("{\"image\":\"Zg==Zg==\"}", TT_ERR_BASE64, "padding");
    REFUSED("{\"image\":\"Zm9\\\"\"}", TT_ERR_BASE64, "Character 4");
    REFUSED("{\"image\":\"Zm9\\u0000\"}", TT_ERR_BASE64, "0x00");
    REFUSED("{\"image\":\"Zm9\\u00e9\"}", TT_ERR_BASE64, "U+00E9");
    REFUSED("{\"image\":\"Zm9\xC3\xA9\"}", TT_ERR_BASE64, "0xC3");
    REFUSED("{\"image\":\"data:image/png,Zm9v\"}", TT_ERR_BASE64, ";base64");
}

static void a_large_picture_streams_and_the_rest_is_bounded(void **state) {
    (void)state;
    enum { GROUPS = 40000 };
    static char text[4 * GROUPS + 70000];
    static char picture[3 * GROUPS];
    size_t length = (size_t)sprintf(text, "{\"image\":\"");
    for (size_t i = 0; i < GROUPS; i++) {
        memcpy(text + length, "Zm9v", 4);
        memcpy(picture + 3 * i, "foo", 3);
        length += 4;
    }
    size_t end = length + (size_t)sprintf(text + length, "\",\"a\":1}");
    assert_body(TYPE, text, end, picture, sizeof picture, "a=1\n", "");

    length += (size_t)sprintf(text + length, "\",\"a\":\"");
    memset(text + length, 'x', 65536);
    length += 65536;
    length += (size_t)sprintf(text + length, "\"}");
    assert_refused(TYPE, text, length, TT_ERR_JSON, "over 65536 bytes");
}

static void deep_nesting_is_refused(void **state) {
    (void)state;
    static char text[60000];
    size_t length = (size_t)sprintf(text, "{\"image\":\"Zm9v\",\"a\":");
    memset(text + length, '[', sizeof text - length);
    assert_refused(TYPE, text, sizeof text, TT_ERR_JSON, "cannot be read");
}

static void a_failure_of_the_target_ends_the_parse(void **state) {
    (void)state;
    static const char text[] = "{\"width\":1,\"height\":2,\"image\":\"Zm9v\"}";
    struct recorder picture = {.picture_err = TT_ERR_SPOOL_FULL};
    struct recorder option = {.option_err = TT_ERR_OPTION};
    assert_int_equal(recorder_run(&picture, TYPE, text, sizeof text - 1, 7), TT_ERR_SPOOL_FULL);
    assert_string_equal(picture.options, "");
    assert_int_equal(recorder_run(&option, TYPE, text, sizeof text - 1, 7), TT_ERR_OPTION);
    assert_string_equal(option.options, "width=1\n");
    recorder_clear(&picture);
    recorder_clear(&option);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_picture_and_the_options_come_out),
        cmocka_unit_test(escapes_in_the_picture_are_read),
        cmocka_unit_test(texts_that_look_like_structure_are_text),
        cmocka_unit_test(names_and_texts_are_unescaped),
        cmocka_unit_test(an_empty_picture_is_none),
        cmocka_unit_test(only_the_outer_object_has_the_picture),
        cmocka_unit_test(shapes_that_are_refused),
        cmocka_unit_test(members_there_twice_are_refused),
        cmocka_unit_test(every_cut_of_a_body_is_refused),
        cmocka_unit_test(text_that_is_no_json_is_refused),
        cmocka_unit_test(bad_base64_in_the_picture_is_refused),
        cmocka_unit_test(a_large_picture_streams_and_the_rest_is_bounded),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(a_failure_of_the_target_ends_the_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
