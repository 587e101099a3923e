/* src/web/range.c: conditional requests and byte ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_fcgi.h"
#include "web/range.h"

#define ETAG        "\"abc\""
#define MODIFIED_MS 784111777123 /* Sun, 06 Nov 1994 08:49:37.123 GMT */

static struct tt_worker worker;
static const struct tt_request request = {.worker = &worker};

static int set_up(void **state) {
    (void)state;
    fake_params_clear();
    tt_err_take(TT_OK);
    return 0;
}

/* Only GET has ranges (RFC 9110, 14.2). */
static void head_has_no_range(void **state) {
    const struct tt_request head = {.worker = &worker, .head_only = true};
    struct tt_range range;
    (void)state;
    fake_param_set("HTTP_RANGE", "bytes=0-0");
    assert_int_equal(tt_range_parse(&head, ETAG, MODIFIED_MS, 1000, &range), TT_OK);
    assert_false(range.partial);
    assert_int_equal(range.length_bytes, 1000);
}

static void ranges(void **state) {
    static const struct {
        const char *header;
        enum tt_err err;
        bool partial;
        int64_t offset_bytes, length_bytes;
    } rows[] = {
        {NULL, TT_OK, false, 0, 1000},
        {"bytes=0-0", TT_OK, true, 0, 1},
        {"bytes=0-499", TT_OK, true, 0, 500},
        {"bytes=500-999", TT_OK, true, 500, 500},
        {"bytes=500-", TT_OK, true, 500, 500},
        {"bytes=999-5000", TT_OK, true, 999, 1},
        {"bytes=-1", TT_OK, true, 999, 1},
        {"bytes=-5000", TT_OK, true, 0, 1000},
        {"Bytes=1-2", TT_OK, true, 1, 2},
        {"bytes=1000-", TT_ERR_RANGE, false, 0, 1000},
        {"bytes=5000-6000", TT_ERR_RANGE, false, 0, 1000},
        {"bytes=-0", TT_ERR_RANGE, false, 0, 1000},
        /* A range that is not understood gives the whole. */
        {"bytes=5-1", TT_OK, false, 0, 1000},
        {"bytes=-", TT_OK, false, 0, 1000},
        {"bytes=a-b", TT_OK, false, 0, 1000},
        {"bytes=1", TT_OK, false, 0, 1000},
        {"bytes=1-2-3", TT_OK, false, 0, 1000},
        {"bytes=0-1,4-5", TT_OK, false, 0, 1000},
        {"lines=0-1", TT_OK, false, 0, 1000},
        {"bytes=99999999999999999999-", TT_OK, false, 0, 1000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tt_range range;
        fake_param_set("HTTP_RANGE", rows[i].header);
        tt_err_take(TT_OK);
        assert_int_equal(tt_range_parse(&request, ETAG, MODIFIED_MS, 1000, &range), rows[i].err);
        assert_int_equal(range.partial, rows[i].partial);
        assert_int_equal(range.offset_bytes, rows[i].offset_bytes);
        assert_int_equal(range.length_bytes, rows[i].length_bytes);
    }
}

static void if_range(void **state) {
    static const struct {
        const char *header;
        bool partial;
    } rows[] = {
        {ETAG, true},
        {"\"other\"", false},
        {"W/" ETAG, false},
        {"Sun, 06 Nov 1994 08:49:37 GMT", true},
        {"Sun, 06 Nov 1994 08:49:38 GMT", false},
    };
    (void)state;
    fake_param_set("HTTP_RANGE", "bytes=1-2");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tt_range range;
        fake_param_set("HTTP_IF_RANGE", rows[i].header);
        assert_int_equal(tt_range_parse(&request, ETAG, MODIFIED_MS, 1000, &range), TT_OK);
        assert_int_equal(range.partial, rows[i].partial);
    }
}

static void not_modified(void **state) {
    static const struct {
        const char *none_match, *since;
        bool expected;
    } rows[] = {
        {NULL, NULL, false},
        {ETAG, NULL, true},
        {"W/" ETAG, NULL, true},
        {"\"x\", " ETAG " , \"y\"", NULL, true},
        {"*", NULL, true},
        {"\"x\"", NULL, false},
        {"abc", NULL, false},
        /* If-None-Match decides alone where both headers are there (section 13.2.2). */
        {"\"x\"", "Sun, 06 Nov 1994 08:49:37 GMT", false},
        {NULL, "Sun, 06 Nov 1994 08:49:37 GMT", true},
        {NULL, "Sun, 06 Nov 1994 08:49:36 GMT", false},
        {NULL, "yesterday", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fake_params_clear();
        fake_param_set("HTTP_IF_NONE_MATCH", rows[i].none_match);
        fake_param_set("HTTP_IF_MODIFIED_SINCE", rows[i].since);
        assert_int_equal(tt_range_not_modified(&request, ETAG, MODIFIED_MS), rows[i].expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ranges, set_up),
        cmocka_unit_test_setup(head_has_no_range, set_up),
        cmocka_unit_test_setup(if_range, set_up),
        cmocka_unit_test_setup(not_modified, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
