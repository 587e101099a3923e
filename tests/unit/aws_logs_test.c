/* src/aws/logs.c: batches, the JSON of the calls, and what an answer says was refused. */
#include <stdlib.h>

#include "aws_signer.h"
#include "tintype/logs.h"

#define DAY_MS INT64_C(86400000)

static struct tt_logs_event *events; /* one more than a batch takes */

static int setup(void **state) {
    signer_setup(state);
    endpoint.service = TT_AWS_LOGS;
    events = calloc(TT_LOGS_BATCH_MAX_EVENTS + 1, sizeof *events);
    return !events;
}

static int teardown(void **state) {
    free(events);
    return signer_teardown(state);
}

/* A text of length times that character, which the caller frees. */
static char *new_message(char character, size_t length) {
    char *message = malloc(length + 1);
    assert_non_null(message);
    memset(message, character, length);
    message[length] = '\0';
    return message;
}

static void fill(size_t count, const char *message) {
    for (size_t i = 0; i < count; i++)
        events[i] = (struct tt_logs_event){SIGNED_MS, message};
}

static void a_batch_has_at_most_ten_thousand_events(void **state) {
    (void)state;
    fill(TT_LOGS_BATCH_MAX_EVENTS + 1, "x");
    assert_int_equal(tt_logs_batch_length(events, 0), 0);
    assert_int_equal(tt_logs_batch_length(events, 1), 1);
    assert_int_equal(tt_logs_batch_length(events, 9999), 9999);
    assert_int_equal(tt_logs_batch_length(events, 10001), 10000);
}

static void a_batch_has_at_most_a_mebibyte_with_its_overhead(void **state) {
    char *large = new_message('x', 262144 - 26);
    char *larger = new_message('x', 262144 - 25);
    (void)state;
    fill(5, large);
    assert_int_equal(tt_logs_batch_length(events, 5), 4);
    events[2].message = larger;
    assert_int_equal(tt_logs_batch_length(events, 5), 3);
    free(larger);
    free(large);
}

static void a_batch_spans_at_most_a_day(void **state) {
    (void)state;
    fill(3, "x");
    events[1].time_ms = SIGNED_MS + DAY_MS;
    events[2].time_ms = SIGNED_MS + DAY_MS + 1;
    assert_int_equal(tt_logs_batch_length(events, 3), 2);
    assert_int_equal(tt_logs_batch_length(events + 1, 2), 2);
    events[0].time_ms = INT64_MIN;
    events[1].time_ms = INT64_MAX;
    assert_int_equal(tt_logs_batch_length(events, 2), 1);
}

static void an_event_that_is_too_large_goes_alone(void **state) {
    char *large = new_message('x', TT_LOGS_EVENT_MAX_BYTES);
    char *larger = new_message('x', TT_LOGS_EVENT_MAX_BYTES + 1);
    (void)state;
    fill(3, "x");
    events[1].message = large;
    assert_int_equal(tt_logs_batch_length(events, 3), 3);
    events[1].message = larger;
    assert_int_equal(tt_logs_batch_length(events, 3), 1);
    assert_int_equal(tt_logs_batch_length(events + 1, 2), 1);
    free(larger);
    free(large);
}

static void events_are_written_as_json(void **state) {
    static const struct tt_logs_event batch[] = {
        {0, "{\"a\":\"b\\\\\"}"}, {1795503027999, "\x01\t\r\n\x1F\x7F\xC3\xA9"}, {-1, "\xE9t\xC3"}};
    (void)state;
    assert_int_equal(tt_logs_put_events(&request, &arena, &signer, "/a", "no\"de", batch, 3),
                     TT_OK);
    assert_string_equal(request.method, "POST");
    assert_string_equal(header_of("content-type"), "application/x-amz-json-1.1");
    assert_string_equal(header_of("x-amz-target"), "Logs_20140328.PutLogEvents");
    assert_body("{\"logGroupName\":\"/a\",\"logStreamName\":\"no\\\"de\",\"logEvents\":["
                "{\"timestamp\":0,\"message\":\"{\\\"a\\\":\\\"b\\\\\\\\\\\"}\"},"
                "{\"timestamp\":1795503027999,\"message\":"
                "\"\\u0001\\t\\r\\n\\u001f\x7F\xC3\xA9\"},"
                "{\"timestamp\":-1,\"message\":\"\\u00e9t\\u00c3\"}]}");
    assert_int_equal(tt_logs_put_events(&request, &arena, &signer, "/a", "b", batch, 0),
                     TT_ERR_INTERNAL);
}

/* A batch takes the most room when every byte of its texts is escaped. */
static void a_full_batch_fits_four_mebibytes(void **state) {
    char *quotes = new_message('"', 104 - 26);
    char *large = new_message('"', 262144 - 26);
    (void)state;
    fill(TT_LOGS_BATCH_MAX_EVENTS, quotes);
    assert_int_equal(tt_logs_batch_length(events, TT_LOGS_BATCH_MAX_EVENTS),
                     TT_LOGS_BATCH_MAX_EVENTS);
    assert_int_equal(
        tt_logs_put_events(&request, &arena, &signer, "g", "s", events, TT_LOGS_BATCH_MAX_EVENTS),
        TT_OK);
    assert_in_range(arena.used_bytes, 1560000, 4 * 1024 * 1024);
    tt_arena_reset(&arena);
    fill(4, large);
    assert_int_equal(tt_logs_put_events(&request, &arena, &signer, "g", "s", events, 4), TT_OK);
    assert_in_range(request.body_bytes, 2 * 4 * (262144 - 26), 2 * 1024 * 1024 + 1024);
    free(large);
    free(quotes);
}

static void group_and_stream_are_created(void **state) {
    (void)state;
    assert_int_equal(tt_logs_create_group(&request, &arena, &signer, "/a"), TT_OK);
    assert_string_equal(header_of("x-amz-target"), "Logs_20140328.CreateLogGroup");
    assert_body("{\"logGroupName\":\"/a\"}");
    assert_int_equal(tt_logs_create_stream(&request, &arena, &signer, "/a", "b"), TT_OK);
    assert_string_equal(header_of("x-amz-target"), "Logs_20140328.CreateLogStream");
    assert_body("{\"logGroupName\":\"/a\",\"logStreamName\":\"b\"}");
}

static void refused_events_are_counted(void **state) {
#define INFO(members) "{\"nextSequenceToken\":\"1\",\"rejectedLogEventsInfo\":{" members "}}"
    static const struct {
        const char *body;
        size_t count;
        size_t rejected;
    } cases[] = {
        {"{\"nextSequenceToken\":\"1\"}", 5, 0},
        {"", 5, 0},
        {"<html>", 5, 0},
        {"[]", 5, 0},
        {"{\"rejectedLogEventsInfo\":null}", 5, 0},
        {INFO(""), 5, 0},
        {INFO("\"tooOldLogEventEndIndex\":2"), 5, 2},
        {INFO("\"tooOldLogEventEndIndex\":2,\"expiredLogEventEndIndex\":3"), 5, 3},
        {INFO("\"tooNewLogEventStartIndex\":4"), 5, 1},
        {INFO("\"tooNewLogEventStartIndex\":0"), 5, 5},
        {INFO("\"tooOldLogEventEndIndex\":1,\"tooNewLogEventStartIndex\":4"), 5, 2},
        {INFO("\"expiredLogEventEndIndex\":4,\"tooNewLogEventStartIndex\":2"), 5, 5},
        {INFO("\"tooOldLogEventEndIndex\":99"), 5, 5},
        {INFO("\"tooOldLogEventEndIndex\":-3,\"tooNewLogEventStartIndex\":99"), 5, 0},
        {INFO("\"tooOldLogEventEndIndex\":\"2\""), 5, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tt_http_answer answer = {
            .status = 200, .body = cases[i].body, .body_bytes = strlen(cases[i].body)};
        assert_int_equal(tt_logs_rejected(&answer, cases[i].count), cases[i].rejected);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_batch_has_at_most_ten_thousand_events),
        TEST(a_batch_has_at_most_a_mebibyte_with_its_overhead),
        TEST(a_batch_spans_at_most_a_day),
        TEST(an_event_that_is_too_large_goes_alone),
        TEST(events_are_written_as_json),
        TEST(a_full_batch_fits_four_mebibytes),
        TEST(group_and_stream_are_created),
        TEST(refused_events_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
