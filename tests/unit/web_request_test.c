/* src/web/request.c: reading method, target and wishes from CGI variables, and a request's end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_fcgi.h"
#include "web/request.h"

static struct tt_config config;
static struct tt_worker worker = {.config = &config};

static int set_up(void **state) {
    (void)state;
    fake_params_clear();
    tt_err_take(TT_OK);
    strcpy(config.server.base_path, "/api");
    tt_arena_init(&worker.arena, 65536);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    tt_arena_fini(&worker.arena);
    return 0;
}

static enum tt_err read_request(struct tt_request *request, const char *method,
                                const char *target) {
    fake_param_set("REQUEST_METHOD", method);
    fake_param_set("REQUEST_URI", target);
    tt_err_take(TT_OK);
    return tt_request_init(request, &worker);
}

static void targets(void **state) {
    static const struct {
        const char *base, *target;
        enum tt_err err;
        bool below_base;
        int segment_count;
        const char *first, *last, *query;
    } rows[] = {
        {"/api", "/api/images", TT_OK, true, 1, "images", "images", ""},
        {"/api", "/api/images?limit=1&x", TT_OK, true, 1, "images", "images", "limit=1&x"},
        {"/api", "/api/images/", TT_OK, true, 2, "images", "", ""},
        {"/api", "/api/images/%41%2fb", TT_OK, true, 2, "images", "A/b", ""},
        {"/api", "/apix/images", TT_OK, false, 2, "apix", "images", ""},
        {"/api", "/api", TT_OK, false, 1, "api", "api", ""},
        {"/api", "/default/imageProcessor", TT_OK, false, 2, "default", "imageProcessor", ""},
        {"/api", "http://host:8080/api/images", TT_OK, true, 1, "images", "images", ""},
        {"", "/images", TT_OK, true, 1, "images", "images", ""},
        {"/api", "/api/a/b/c/d", TT_OK, true, 4, "a", "d", ""},
        {"/api", "/api/a/b/c/d/e", TT_OK, true, TT_REQUEST_SEGMENTS + 1, "a", NULL, ""},
        {"/api", "/api/%zz", TT_ERR_NOT_FOUND, true, 0, NULL, NULL, ""},
        {"/api", "/api/%00", TT_ERR_NOT_FOUND, true, 0, NULL, NULL, ""},
        {"/api", "*", TT_ERR_MALFORMED, false, 0, NULL, NULL, ""},
        {"/api", "", TT_ERR_MALFORMED, false, 0, NULL, NULL, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tt_request request;
        strcpy(config.server.base_path, rows[i].base);
        assert_int_equal(read_request(&request, "GET", rows[i].target), rows[i].err);
        assert_int_equal(request.below_base, rows[i].below_base);
        assert_string_equal(request.query, rows[i].query);
        assert_int_equal(request.segment_count, rows[i].segment_count);
        if (rows[i].first)
            assert_string_equal(request.segments[0], rows[i].first);
        if (rows[i].last)
            assert_string_equal(request.segments[rows[i].segment_count - 1], rows[i].last);
        tt_request_fini(&request);
    }
}

static void methods(void **state) {
    struct tt_request request;
    (void)state;
    assert_int_equal(read_request(&request, "HEAD", "/api/images"), TT_OK);
    assert_int_equal(request.method, TT_METHOD_GET);
    assert_true(request.head_only);
    assert_int_equal(read_request(&request, "POST", "/api/images"), TT_OK);
    assert_int_equal(request.method, TT_METHOD_POST);
    assert_false(request.head_only);
    assert_int_equal(read_request(&request, "post", "/api/images"), TT_OK);
    assert_int_equal(request.method, TT_METHOD_OTHER);
    assert_int_equal(read_request(&request, NULL, "/api/images"), TT_OK);
    assert_int_equal(request.method, TT_METHOD_OTHER);
}

static void html_only_for_who_asks(void **state) {
    static const struct {
        const char *accept;
        bool html;
    } rows[] = {
        {NULL, false},
        {"*/*", false},
        {"application/json", false},
        {"text/*", false},
        {"text/html", true},
        {"TEXT/HTML", true},
        {"text/html;q=0", false},
        {"text/html;q=0.000", false},
        {"text/html; q=0.001", true},
        {"text/htmlx", false},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true},
        {"application/json, text/html;q=0.5", false},
        {"application/json, text/html", false},
        {"application/json;q=0.2, text/html;q=0.5", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tt_request request;
        fake_param_set("HTTP_ACCEPT", rows[i].accept);
        assert_int_equal(read_request(&request, "GET", "/api/images"), TT_OK);
        assert_int_equal(request.wants_html, rows[i].html);
    }
}

static void body_lengths(void **state) {
    static const struct {
        const char *content_length, *transfer_encoding;
        enum tt_err err;
        int64_t length_bytes;
    } rows[] = {
        {NULL, NULL, TT_OK, -1},
        {"", NULL, TT_OK, -1},
        {"0", NULL, TT_OK, 0},
        {"0", "chunked", TT_OK, -1},
        {"17", "chunked", TT_OK, 17},
        {"26214401", NULL, TT_OK, 26214401},
        {"-1", NULL, TT_ERR_MALFORMED, -1},
        {"1 2", NULL, TT_ERR_MALFORMED, -1},
        {"99999999999999999999", NULL, TT_ERR_MALFORMED, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tt_request request;
        int64_t length_bytes;
        fake_param_set("CONTENT_LENGTH", rows[i].content_length);
        fake_param_set("HTTP_TRANSFER_ENCODING", rows[i].transfer_encoding);
        assert_int_equal(read_request(&request, "POST", "/api/images"), TT_OK);
        assert_int_equal(tt_request_body_length(&request, &length_bytes), rows[i].err);
        if (rows[i].err == TT_OK)
            assert_int_equal(length_bytes, rows[i].length_bytes);
    }
}

static void the_first_failure_ends_a_request(void **state) {
    struct tt_request request;
    (void)state;
    assert_int_equal(read_request(&request, "GET", "/api/images"), TT_OK);
    tt_request_end(&request, tt_err_refuse(TT_ERR_JSON, "No object."));
    tt_request_end(&request, tt_err_fail(TT_ERR_JOURNAL, "locked"));
    assert_int_equal(request.err, TT_ERR_JSON);
    assert_string_equal(request.note.detail, "No object.");
    assert_string_equal(request.note.cause, "No object.");
}

static void a_code_that_answers_nothing_is_an_internal_error(void **state) {
    struct tt_request request;
    (void)state;
    assert_int_equal(read_request(&request, "GET", "/api/images"), TT_OK);
    tt_request_end(&request, tt_err_fail(TT_ERR_SYSTEM, "fork"));
    assert_int_equal(request.err, TT_ERR_INTERNAL);
    assert_string_equal(request.note.detail, tt_err_row(TT_ERR_INTERNAL)->advice);
    assert_string_equal(request.note.cause, "fork");
}

static void a_sentence_that_is_no_text_is_not_told(void **state) {
    struct tt_request request;
    (void)state;
    assert_int_equal(read_request(&request, "GET", "/api/images"), TT_OK);
    tt_request_end(&request, tt_err_refuse(TT_ERR_OPTION, "What is \"\xC3"));
    assert_string_equal(request.note.detail, tt_err_row(TT_ERR_OPTION)->advice);
    assert_string_equal(request.note.cause, "What is \"\xC3");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(targets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(methods, set_up, tear_down),
        cmocka_unit_test_setup_teardown(html_only_for_who_asks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(body_lengths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_failure_ends_a_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_code_that_answers_nothing_is_an_internal_error, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_sentence_that_is_no_text_is_not_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
