/* Units of src/sync/ship.c: batches, what is missing, what is refused, the heartbeat. Failures of
 * the service and of the journal are sync_ship_failure_test.c's. */
#include "sync_shipping.h"

#define DAY_MS    (INT64_C(24) * 3600 * 1000)
#define MINUTE_MS 60000

#define MISSING "ResourceNotFoundException"

static int64_t dropped(void) {
    return ask("SELECT dropped FROM event_total");
}

/* ---- batches ---- */

static void events_are_shipped_and_forgotten(void **state) {
    (void)state;
    turn();
    assert_int_equal(sent_count, 0);
    assert_true(tt_ship_is_idle(ship));
    assert_false(tt_ship_has_left(ship));
    add_event(NOW_MS - 10, "a");
    add_event(NOW_MS - 30, "b");
    add_event(NOW_MS - 10, "c");
    turn();
    assert_string_equal(letters(), "bac");
    assert_non_null(strstr(last_sent()->body, "\"logGroupName\":\"/group\""));
    assert_non_null(strstr(last_sent()->body, "\"logStreamName\":\"node-1\""));
    assert_int_equal(waiting(), 3);
    assert_false(tt_ship_is_idle(ship));
    assert_true(tt_ship_has_left(ship));
    turn();
    assert_int_equal(sent_count, 1); /* there is one request at a time */
    add_event(NOW_MS, "d");
    answer_ok("{}");
    assert_int_equal(waiting(), 1);
    turn();
    assert_string_equal(letters(), "d");
    answer_ok("{}");
    turn();
    assert_true(tt_ship_is_idle(ship));
    assert_false(tt_ship_has_left(ship));
    assert_int_equal(dropped(), 0);
}

static void stream_of_the_configuration(void **state) {
    (void)state;
    snprintf(config.cloudwatch.log_stream, sizeof config.cloudwatch.log_stream, "mine");
    add_event(NOW_MS, "a");
    turn();
    assert_non_null(strstr(last_sent()->body, "\"logStreamName\":\"mine\""));
}

/* The first event waits until it is a second old, so that others come along. */
static void batches_form(void **state) {
    (void)state;
    begin_after_heartbeat();
    add_event(NOW_MS, "a");
    turn();
    assert_int_equal(sent_count, 1);
    assert_int_equal(agent.woken_ms, NOW_MS + 1000);
    add_event(NOW_MS + 900, "b");
    agent.now_ms = NOW_MS + 999;
    turn();
    assert_int_equal(sent_count, 1);
    agent.now_ms = NOW_MS + 1000;
    turn();
    assert_string_equal(letters(), "ab");
}

/* An event of before the clock was set back waits no longer than others. */
static void event_of_the_future_is_due(void **state) {
    (void)state;
    begin_after_heartbeat();
    add_event(NOW_MS + DAY_MS / 24, "a");
    turn();
    assert_string_equal(letters(), "a");
}

static void a_batch_has_bounds(void **state) {
    char *large = malloc(200001);

    (void)state;
    execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1001) "
            "INSERT INTO event (time_ms, is_failure, message) SELECT 1799999999000, 0, 'x' FROM n");
    turn();
    answer_ok("{}");
    assert_int_equal(waiting(), 1);
    assert_non_null(large);
    memset(large, 'y', 200000);
    large[200000] = '\0';
    for (int i = 0; i < 3; i++)
        add_event(NOW_MS, large);
    free(large);
    turn();
    answer_ok("{}");
    assert_int_equal(waiting(), 1); /* x and two of the large ones have gone */
}

/* Events are forgotten in the order of their numbers, whatever their times are, and no batch spans
 * more than a day. */
static void events_of_many_days(void **state) {
    static const char *const batches[] = {"a", "de", "fhg"};

    (void)state;
    add_event(NOW_MS, "a");
    add_event(NOW_MS - 20 * DAY_MS, "b");
    add_event(NOW_MS - 15 * DAY_MS, "c");
    add_event(NOW_MS - 3 * DAY_MS, "d");
    add_event(NOW_MS - 2 * DAY_MS, "e");
    add_event(NOW_MS - DAY_MS / 2, "f");
    add_event(NOW_MS - 1000, "g");
    add_event(NOW_MS - 3000, "h");
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        turn_until_sent();
        assert_string_equal(letters(), batches[i]);
        answer_ok("{}");
    }
    turn();
    assert_int_equal(sent_count, sizeof batches / sizeof *batches);
    assert_int_equal(waiting(), 0);
    assert_int_equal(dropped(), 2);
}

static void old_events_alone_cost_no_request(void **state) {
    (void)state;
    add_event(NOW_MS - 14 * DAY_MS - 1, "a");
    add_event(1, "b");
    turn();
    assert_int_equal(agent.woken_ms, NOW_MS);
    turn();
    assert_int_equal(sent_count, 0);
    assert_int_equal(waiting(), 0);
    assert_int_equal(dropped(), 2);
    assert_true(tt_ship_is_idle(ship));
}

static void rejected_events_are_counted(void **state) {
    (void)state;
    add_event(NOW_MS, "a");
    add_event(NOW_MS, "b");
    add_event(NOW_MS - 20 * DAY_MS, "c");
    turn();
    assert_string_equal(letters(), "ab");
    answer_ok("{\"rejectedLogEventsInfo\":{\"tooNewLogEventStartIndex\":1}}");
    assert_int_equal(waiting(), 0);
    assert_int_equal(dropped(), 2);
}

/* An event that can never be taken costs a few requests, and no other event. */
static void event_refused_for_good_goes_alone(void **state) {
    char shipped[64] = "";

    (void)state;
    for (int i = 0; i < 16; i++) {
        const char message[] = {(char)('a' + i), '\0'};

        add_event(NOW_MS, message);
    }
    for (int i = 0; i < 40 && waiting() > 0; i++) {
        turn();
        if (strchr(letters(), 'k')) {
            answer_error("InvalidParameterException", "no");
        } else {
            strcat(shipped, letters());
            answer_ok("{}");
        }
    }
    assert_string_equal(shipped, "abcdefghijlmnop");
    assert_int_equal(dropped(), 1);
    assert_in_range(sent_count, 6, 16);
}

/* ---- what is missing ---- */

static void assert_sends(const char *target) {
    turn_until_sent();
    assert_string_equal(last_sent()->target, target);
}

static bool is_paused(void) {
    return tt_cloud_is_paused(cloud, TT_AWS_LOGS);
}

/* Ships to a group or stream that is not there, which is forgiven, as it can be made. */
static void find_missing(const char *message) {
    assert_sends("PutLogEvents");
    answer_error(MISSING, message);
    assert_false(is_paused());
}

static void group_and_stream_are_made(void **state) {
    (void)state;
    add_event(NOW_MS, "a");
    find_missing("The specified log group does not exist.");
    assert_false(tt_ship_is_idle(ship));
    assert_sends("CreateLogGroup");
    assert_string_equal(last_sent()->body, "{\"logGroupName\":\"/group\"}");
    answer_ok("");
    assert_sends("CreateLogStream");
    assert_string_equal(last_sent()->body,
                        "{\"logGroupName\":\"/group\",\"logStreamName\":\"node-1\"}");
    answer_ok("");
    assert_sends("PutLogEvents");
    answer_ok("{}");
    assert_int_equal(waiting(), 0);
    add_event(NOW_MS, "b");
    find_missing("The specified log group does not exist."); /* it is made anew */
    assert_sends("CreateLogGroup");
}

static void stream_alone_is_made(void **state) {
    (void)state;
    add_event(NOW_MS, "a");
    find_missing("The specified log stream does not exist.");
    assert_sends("CreateLogStream");
    answer_ok("");
    assert_sends("PutLogEvents");
}

/* A group or stream that is missing though it was made pauses the service, and is made again
 * minutes later. */
static void missing_after_it_was_made(void **state) {
    (void)state;
    add_event(NOW_MS, "a");
    find_missing("");
    assert_sends("CreateLogGroup");
    answer_ok("");
    assert_sends("CreateLogStream");
    answer_ok("");
    for (int i = 0; i < 3; i++) {
        assert_sends("PutLogEvents");
        answer_error(MISSING, "");
        assert_true(is_paused());
        turn();
        assert_int_equal(agent.woken_ms, tt_cloud_resumes_ms(cloud, TT_AWS_LOGS));
        agent.now_ms = agent.woken_ms;
    }
    agent.now_ms = NOW_MS + 10 * (int64_t)MINUTE_MS;
    assert_sends("PutLogEvents"); /* this tries out the service, which still pauses */
    answer_error(MISSING, "");
    agent.now_ms = tt_cloud_resumes_ms(cloud, TT_AWS_LOGS);
    assert_sends("CreateLogGroup");
}

static void group_that_may_not_be_made(void **state) {
    (void)state;
    add_event(NOW_MS, "a");
    find_missing("log group");
    assert_sends("CreateLogGroup");
    answer_error("AccessDeniedException", "not allowed");
    assert_true(tt_ship_is_idle(ship)); /* --once has nothing more to do */
    assert_true(tt_ship_has_left(ship));
    agent.now_ms = tt_cloud_resumes_ms(cloud, TT_AWS_LOGS);
    assert_sends("PutLogEvents");
    answer_ok("{}"); /* somebody else made it */
    assert_int_equal(waiting(), 0);
}

/* ---- the heartbeat ---- */

static void heartbeat_each_minute(void **state) {
    struct tt_journal_row row = make_row(1);

    (void)state;
    agent.once = false;
    find_skew(120000);
    tt_uuid_floor(NOW_MS - 90500, row.id);
    insert(&row);
    add_event(NOW_MS, "a");
    turn();
    assert_string_equal(last_sent()->target, "PutLogEvents");
    assert_non_null(strstr(last_sent()->body, "\"timestamp\":1800000120000,"));
    assert_non_null(strstr(last_sent()->body, "\\\"event\\\":\\\"heartbeat\\\""));
    assert_non_null(strstr(last_sent()->body, "\\\"OldestUnsyncedSeconds\\\":90,"));
    assert_non_null(strstr(last_sent()->body, "\\\"WaitingImages\\\":1,"));
    answer_ok("{}");
    assert_int_equal(waiting(), 1); /* the journal knows of no heartbeat */
    turn();
    assert_int_equal(sent_count, 1);
    agent.now_ms = NOW_MS + 1000;
    turn();
    assert_string_equal(letters(), "a");
    answer_ok("{}");
    turn();
    assert_int_equal(agent.woken_ms, NOW_MS + MINUTE_MS);
    agent.now_ms = NOW_MS + MINUTE_MS;
    turn();
    assert_int_equal(sent_count, 3);
    assert_non_null(strstr(last_sent()->body, "heartbeat"));
    answer_ok("{}");
    agent.now_ms = NOW_MS - DAY_MS; /* the clock was set back */
    turn();
    assert_int_equal(sent_count, 4);
}

/* A heartbeat is not lost, and after an outage of many minutes a single one tells all. */
static void heartbeat_survives_an_outage(void **state) {
    (void)state;
    agent.once = false;
    for (int i = 0; i < 5; i++) {
        turn_until_sent();
        answer_away();
        agent.now_ms = tt_cloud_resumes_ms(cloud, TT_AWS_LOGS) + MINUTE_MS;
    }
    turn_until_sent();
    assert_non_null(strstr(last_sent()->body, "heartbeat"));
    answer_ok("{}");
    turn();
    assert_int_equal(sent_count, 6);
}

static void heartbeat_refused_for_good_stops_no_event(void **state) {
    (void)state;
    agent.once = false;
    add_event(NOW_MS - 5000, "a");
    turn();
    answer_error("InvalidParameterException", "no");
    turn();
    assert_string_equal(letters(), "a");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(events_are_shipped_and_forgotten),
        TEST(stream_of_the_configuration),
        TEST(batches_form),
        TEST(event_of_the_future_is_due),
        TEST(a_batch_has_bounds),
        TEST(events_of_many_days),
        TEST(old_events_alone_cost_no_request),
        TEST(rejected_events_are_counted),
        TEST(event_refused_for_good_goes_alone),
        TEST(group_and_stream_are_made),
        TEST(stream_alone_is_made),
        TEST(missing_after_it_was_made),
        TEST(group_that_may_not_be_made),
        TEST(heartbeat_each_minute),
        TEST(heartbeat_survives_an_outage),
        TEST(heartbeat_refused_for_good_stops_no_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
