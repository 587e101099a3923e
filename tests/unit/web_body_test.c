/* src/web/body.c, body_raw.c, body_base64.c: which Content-Type is read how, and the two simple
 * kinds. */
#include "body_recorder.h"

static void raw_passes_every_byte(void **state) {
    (void)state;
    uint8_t bytes[10000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    assert_body("image/jpeg", bytes, sizeof bytes, bytes, sizeof bytes, "", "");
    assert_body("application/octet-stream", bytes, sizeof bytes, bytes, sizeof bytes, "", "");
}

static void media_types_are_read_in_any_case_and_with_parameters(void **state) {
    (void)state;
    assert_body("IMAGE/PNG", "abc", 3, "abc", 3, "", "");
    assert_body("image/x-anything; a=b", "abc", 3, "abc", 3, "", "");
    assert_body(" Text/Plain ; charset=\"utf-8\"", "Zm9v", 4, "foo", 3, "", "");
    assert_body("text/plain;charset=utf-8", "Zm9v", 4, "foo", 3, "", "");
    assert_body("Application/JSON", "{\"image\":\"Zm9v\"}", 16, "foo", 3, "", "");
}

static void other_content_types_are_refused_with_the_accepted_ones(void **state) {
    (void)state;
    static const char *const types[] = {"application/x-www-form-urlencoded",
                                        "application/pdf",
                                        "application/problem+json",
                                        "text/html",
                                        "text/plainer",
                                        "text/plain, image/png",
                                        "image/png x",
                                        "image",
                                        "image/",
                                        "imagejpeg",
                                        "*/*",
                                        ";",
                                        "multipart/mixed; boundary=b"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_refused(types[i], "abc", 3, TT_ERR_CONTENT_TYPE, types[i]);
        assert_refused(types[i], "abc", 3, TT_ERR_CONTENT_TYPE, "multipart/form-data");
    }
    assert_refused("", "abc", 3, TT_ERR_CONTENT_TYPE, "no Content-Type");
    assert_refused(NULL, "abc", 3, TT_ERR_CONTENT_TYPE, "no Content-Type");
}

static void base64_of_many_pieces_is_gathered(void **state) {
    (void)state;
    enum { GROUPS = 30000, LINE = 77 };
    static char text[4 * GROUPS * 2];
    static char picture[3 * GROUPS];
    size_t length = 0;
    for (size_t i = 0; i < GROUPS; i++) {
        memcpy(text + length, "Zm9v", 4);
        memcpy(picture + 3 * i, "foo", 3);
        length += 4;
        if (length % LINE == LINE - 1)
            text[length++] = '\n';
    }
    assert_body("text/plain", text, length, picture, sizeof picture, "", "");
}

static void bad_base64_is_refused(void **state) {
    (void)state;
    assert_refused("text/plain", "Zm9v*", 5, TT_ERR_BASE64, "Character 5");
    assert_refused("text/plain", "Zm9vZ", 5, TT_ERR_BASE64, "groups of four");
    assert_refused("text/plain", "Zg==Zg==", 8, TT_ERR_BASE64, "padding");
}

static void an_empty_body_gives_no_picture(void **state) {
    (void)state;
    assert_body("image/png", "", 0, "", 0, "", "");
    assert_body("text/plain", "\r\n", 2, "", 0, "", "");
}

static void a_failure_of_the_target_ends_the_parse(void **state) {
    (void)state;
    struct recorder recorder = {.picture_err = TT_ERR_SPOOL_FULL};
    assert_int_equal(recorder_run(&recorder, "image/png", "abc", 3, 1), TT_ERR_SPOOL_FULL);
    assert_int_equal(recorder.length, 1);
    assert_int_equal(recorder_run(&recorder, "text/plain", "Zm9v", 4, 4), TT_ERR_SPOOL_FULL);
    recorder_clear(&recorder);
}

static void a_full_arena_is_no_memory(void **state) {
    (void)state;
    static const char *const types[] = {"image/png", "text/plain", "multipart/form-data;boundary=b",
                                        "application/json"};
    const struct tt_body_target target = {NULL, recorder_picture, recorder_option,
                                          recorder_filename};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct tt_arena arena;
        struct tt_body *body;
        tt_err_take(TT_OK);
        tt_arena_init(&arena, 1);
        assert_int_equal(tt_body_open(&body, &arena, types[i], &target), TT_ERR_NO_MEMORY);
        tt_arena_fini(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_passes_every_byte),
        cmocka_unit_test(media_types_are_read_in_any_case_and_with_parameters),
        cmocka_unit_test(other_content_types_are_refused_with_the_accepted_ones),
        cmocka_unit_test(base64_of_many_pieces_is_gathered),
        cmocka_unit_test(bad_base64_is_refused),
        cmocka_unit_test(an_empty_body_gives_no_picture),
        cmocka_unit_test(a_failure_of_the_target_ends_the_parse),
        cmocka_unit_test(a_full_arena_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
