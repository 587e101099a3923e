/* src/base/clock.c: times as text and back. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tintype/clock.h"

static const struct {
    int64_t time_ms;
    const char *rfc3339;
    const char *http;
} times[] = {
    {0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
    {INT64_C(784111777000), "1994-11-06T08:49:37.000Z", "Sun, 06 Nov 1994 08:49:37 GMT"},
    {INT64_C(951782399999), "2000-02-28T23:59:59.999Z", "Mon, 28 Feb 2000 23:59:59 GMT"},
    {INT64_C(951782400000), "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT"},
    {INT64_C(1795503027123), "2026-11-24T06:50:27.123Z", "Tue, 24 Nov 2026 06:50:27 GMT"},
    {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT"},
};

static void known_times_are_formatted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char rfc3339[TT_CLOCK_RFC3339_SIZE];
        tt_clock_format_rfc3339(times[i].time_ms, rfc3339);
        char http[TT_CLOCK_HTTP_SIZE];
        tt_clock_format_http(times[i].time_ms, http);
        assert_string_equal(rfc3339, times[i].rfc3339);
        assert_string_equal(http, times[i].http);
    }
}

static void what_is_formatted_is_parsed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int64_t time_ms = -1;
        bool exact = false;
        assert_true(tt_clock_parse_rfc3339(times[i].rfc3339, &time_ms, &exact));
        assert_int_equal(time_ms, times[i].time_ms);
        assert_true(exact);
    }
}

static void times_outside_are_clamped(void **state) {
    (void)state;
    char text[TT_CLOCK_RFC3339_SIZE];
    tt_clock_format_rfc3339(-1, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    tt_clock_format_rfc3339(INT64_MIN, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    tt_clock_format_rfc3339(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static const struct {
    const char *text;
    const char *same; /* in the one form that is written */
    bool exact;
} accepted[] = {
    {"2026-11-24T06:50:27Z", "2026-11-24T06:50:27.000Z", true},
    {"2026-11-24t06:50:27z", "2026-11-24T06:50:27.000Z", true},
    {"2026-11-24 06:50:27Z", "2026-11-24T06:50:27.000Z", true},
    {"2026-11-24T06:50:27.1Z", "2026-11-24T06:50:27.100Z", true},
    {"2026-11-24T06:50:27.12Z", "2026-11-24T06:50:27.120Z", true},
    {"2026-11-24T06:50:27.1230000Z", "2026-11-24T06:50:27.123Z", true},
    {"2026-11-24T06:50:27.1230001Z", "2026-11-24T06:50:27.123Z", false},
    {"2026-11-24T06:50:27.99999999999999999999Z", "2026-11-24T06:50:27.999Z", false},
    {"2026-11-24T06:50:27+00:00", "2026-11-24T06:50:27.000Z", true},
    {"2026-11-24T06:50:27-00:00", "2026-11-24T06:50:27.000Z", true},
    {"2026-11-24T06:50:27+05:30", "2026-11-24T01:20:27.000Z", true},
    {"2026-11-24T06:50:27.5-23:59", "2026-11-25T06:49:27.500Z", true},
    {"2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00.000Z", true},
    {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z", true},
    {"2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z", false},
    {"2016-12-31T15:59:60.7-08:00", "2016-12-31T23:59:59.999Z", false},
};

static void forms_of_the_rfc_are_accepted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        int64_t time_ms;
        bool exact;
        assert_true(tt_clock_parse_rfc3339(accepted[i].text, &time_ms, &exact));
        char text[TT_CLOCK_RFC3339_SIZE];
        tt_clock_format_rfc3339(time_ms, text);
        assert_string_equal(text, accepted[i].same);
        assert_int_equal(exact, accepted[i].exact);
        assert_true(tt_clock_parse_rfc3339(accepted[i].text, &time_ms, NULL));
    }
}

static void times_before_1970_are_negative(void **state) {
    (void)state;
    int64_t time_ms;
    assert_true(tt_clock_parse_rfc3339("1969-12-31T23:59:59.999Z", &time_ms, NULL));
    assert_int_equal(time_ms, -1);
    assert_true(tt_clock_parse_rfc3339("1970-01-01T00:00:00+00:01", &time_ms, NULL));
    assert_int_equal(time_ms, -60000);
    assert_true(tt_clock_parse_rfc3339("0000-01-01T00:00:00Z", &time_ms, NULL));
    assert_int_equal(time_ms, INT64_C(-62167219200000));
}

static void other_texts_are_refused(void **state) {
    static const char *const texts[] = {
        "",
        "now",
        "2026",
        "2026-11-24",
        "2026-11-24T06:50:27",  /* no offset */
        "2026-11-24T06:50Z",    /* no seconds */
        "2026-02-31T00:00:00Z", /* no such day */
        "2026-02-29T00:00:00Z", /* not a leap year */
        "1900-02-29T00:00:00Z", /* not a leap year */
        "2026-04-31T00:00:00Z", /* no such day */
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T06:60:00Z",
        "2026-11-24T06:50:61Z",
        "2026-11-24T06:50:27.Z", /* a point without digits */
        "2026-11-24T06:50:27,5Z",
        "2026-11-24T06:50:27+24:00",
        "2026-11-24T06:50:27+05:60",
        "2026-11-24T06:50:27+0530",
        "2026-11-24T06:50:27+05",
        "2026-11-24T06:50:27 05:30", /* '+' decoded as a space */
        "2026-11-24T06:50:27ZZ",
        "2026-11-24T06:50:27Z ",
        " 2026-11-24T06:50:27Z",
        "2026-11-24_06:50:27Z",
        "2026-1-24T06:50:27Z",
        "+026-11-24T06:50:27Z",
        "20261124T065027Z",
        "12026-11-24T06:50:27Z",
    };
    int64_t time_ms = 42;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(tt_clock_parse_rfc3339(texts[i], &time_ms, NULL));
    assert_int_equal(time_ms, 42);
}

static void clocks_tick_forward(void **state) {
    int64_t monotonic_ms = tt_clock_monotonic_ms();
    (void)state;
    assert_true(tt_clock_monotonic_ms() >= monotonic_ms);
    assert_true(tt_clock_now_ms() > INT64_C(1600000000000));
}

static void http_dates_are_read_in_one_form_only(void **state) {
    static const char *const bad[] = {
        "",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Now 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT ",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    };
    (void)state;
    int64_t time_ms;
    assert_true(tt_clock_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &time_ms));
    assert_int_equal(time_ms, 784111777000);
    assert_true(tt_clock_parse_http("Thu, 29 Feb 2024 23:59:59 GMT", &time_ms));
    assert_int_equal(time_ms, 1709251199000);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(tt_clock_parse_http(bad[i], &time_ms));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_times_are_formatted),
        cmocka_unit_test(what_is_formatted_is_parsed),
        cmocka_unit_test(times_outside_are_clamped),
        cmocka_unit_test(forms_of_the_rfc_are_accepted),
        cmocka_unit_test(times_before_1970_are_negative),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(clocks_tick_forward),
        cmocka_unit_test(http_dates_are_read_in_one_form_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
