/* Units of src/sync/ship.c where something fails: requests, the service, its keys, the journal. */
#include "sync_shipping.h"

/* The wait that the test's random number makes of a ceiling. */
static int64_t backoff_ms(int64_t ceiling_ms) {
    return (int64_t)(tt_context_random() % ((uint64_t)ceiling_ms + 1));
}

static void failure_backs_off(void **state) {
    (void)state;
    begin_after_heartbeat();
    add_event(NOW_MS - 1000, "a");
    turn_until_sent();
    answer_error("InternalFailure", "");
    for (int i = 0; i < 4; i++) {
        turn();
        assert_int_equal(sent_count, 2 + i);
        assert_int_equal(agent.woken_ms, agent.now_ms + backoff_ms(1000 << i));
        agent.now_ms = agent.woken_ms;
        turn();
        assert_int_equal(sent_count, 3 + i);
        answer_error("InternalFailure", "");
    }
    assert_int_equal(waiting(), 1);
}

static void once_tries_three_times(void **state) {
    (void)state;
    add_event(NOW_MS, "a");
    for (int i = 0; i < 3; i++) {
        turn_until_sent();
        answer_error("ThrottlingException", "");
        turn();
        assert_int_equal(tt_ship_is_idle(ship), i == 2);
        agent.now_ms = agent.woken_ms;
    }
    assert_true(tt_ship_has_left(ship));
}

static void paused_service_is_waited_for(void **state) {
    (void)state;
    add_event(NOW_MS, "a");
    turn();
    answer_away();
    assert_true(tt_ship_is_idle(ship));
    turn();
    assert_int_equal(sent_count, 1);
    assert_int_equal(agent.woken_ms, tt_cloud_resumes_ms(cloud, TT_AWS_LOGS));
    agent.now_ms = agent.woken_ms;
    turn();
    assert_string_equal(letters(), "a");
}

static void keys_on_their_way(void **state) {
    (void)state;
    add_event(NOW_MS, "a");
    move_keys_away();
    turn();
    turn();
    assert_int_equal(sent_count, 1);
    assert_false(tt_ship_is_idle(ship));
    answer_keys();
    turn();
    assert_string_equal(letters(), "a");
}

static void nothing_starts_while_stopping(void **state) {
    (void)state;
    agent.once = false;
    agent.stopping = true;
    add_event(NOW_MS - 5000, "a");
    turn();
    assert_int_equal(sent_count, 0);
    assert_true(tt_ship_is_idle(ship));
}

/* Events that are in the cloud are not sent again where the journal fails to forget them. */
static void journal_that_fails_is_told_later(void **state) {
    (void)state;
    add_event(NOW_MS, "a");
    turn();
    execute("CREATE TRIGGER stop BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'no'); END");
    answer_ok("{}");
    assert_int_equal(waiting(), 1);
    turn();
    assert_int_equal(agent.woken_ms, NOW_MS + 5000);
    agent.now_ms = NOW_MS + 5000;
    turn();
    assert_int_equal(agent.woken_ms, NOW_MS + 10000);
    execute("DROP TRIGGER stop");
    agent.now_ms = NOW_MS + 10000;
    turn();
    assert_int_equal(waiting(), 0);
    assert_int_equal(sent_count, 1);
}

static void journal_that_cannot_be_read_rests(void **state) {
    (void)state;
    add_event(NOW_MS, "a");
    execute("ALTER TABLE event RENAME TO hidden");
    turn();
    assert_int_equal(agent.woken_ms, NOW_MS + 5000);
    turn();
    execute("ALTER TABLE hidden RENAME TO event");
    agent.now_ms = NOW_MS + 5000;
    turn();
    assert_int_equal(sent_count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(failure_backs_off),
        TEST(once_tries_three_times),
        TEST(paused_service_is_waited_for),
        TEST(keys_on_their_way),
        TEST(nothing_starts_while_stopping),
        TEST(journal_that_fails_is_told_later),
        TEST(journal_that_cannot_be_read_rests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
