/* Units of src/store/journal_event.c: adding, bounds, shipping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_agent.h"

static void an_event_comes_with_its_row_or_not_at_all(void **state) {
    const struct tt_journal_note event = {BASE_MS + 5, "{\"event\":\"image\"}"};
    const struct tt_journal_note empty = {BASE_MS, ""};
    const struct tt_journal_note timeless = {0, "{}"};
    struct tt_journal_row row = make_row(1);
    struct tt_journal_row other = make_row(2);

    (void)state;
    assert_int_equal(tt_journal_insert(journal, &row, &event, 0), TT_OK);
    assert_int_equal(ask("SELECT count(*) FROM event WHERE time_ms = 1700000000005 AND "
                         "is_failure = 0 AND message = '{\"event\":\"image\"}'"),
                     1);
    assert_int_equal(tt_journal_insert(journal, &row, &event, 0), TT_ERR_JOURNAL);
    assert_int_equal(tt_journal_insert(journal, &other, &event, 10), TT_ERR_SPOOL_FULL);
    assert_int_equal(tt_journal_insert(journal, &other, &empty, 0), TT_ERR_JOURNAL);
    assert_int_equal(tt_journal_insert(journal, &other, &timeless, 0), TT_ERR_JOURNAL);
    assert_int_equal(ask("SELECT count(*) FROM event"), 1);
    assert_int_equal(ask("SELECT events FROM event_total"), 1);
    assert_int_equal(tt_journal_find(journal, other.id, &row), TT_ERR_NOT_FOUND);
}

static void the_oldest_failures_make_way(void **state) {
    const struct tt_journal_note event = {BASE_MS, "{}"};
    struct tt_journal_row row = make_row(1);

    (void)state;
    assert_int_equal(tt_journal_insert(journal, &row, &event, 0), TT_OK); /* number 1 */
    execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) "
            "INSERT INTO event (time_ms, is_failure, message) SELECT 1, 1, 'x' FROM n");
    assert_int_equal(tt_journal_note_failure(journal, &event), TT_OK);
    assert_int_equal(ask("SELECT failures FROM event_total"), TT_JOURNAL_FAILURES_MAX);
    assert_int_equal(ask("SELECT dropped FROM event_total"), 0);
    assert_int_equal(tt_journal_note_failure(journal, &event), TT_OK);
    assert_int_equal(tt_journal_note_failure(journal, &event), TT_OK);
    assert_int_equal(ask("SELECT failures FROM event_total"), TT_JOURNAL_FAILURES_MAX);
    assert_int_equal(ask("SELECT dropped FROM event_total"), 2);
    assert_int_equal(ask("SELECT count(*) FROM event WHERE is_failure = 1"),
                     TT_JOURNAL_FAILURES_MAX);
    assert_int_equal(ask("SELECT min(number) FROM event WHERE is_failure = 1"), 4);
    /* Failures do not push out an image's event. */
    assert_int_equal(ask("SELECT count(*) FROM event WHERE number = 1"), 1);
    assert_int_equal(ask("SELECT events FROM event_total"), TT_JOURNAL_FAILURES_MAX + 1);
}

static void the_oldest_of_too_many_events_makes_way(void **state) {
    const struct tt_journal_note event = {BASE_MS, "{}"};

    (void)state;
    for (int i = 1; i <= 3; i++) {
        struct tt_journal_row row = make_row(i);

        assert_int_equal(tt_journal_insert(journal, &row, &event, 0), TT_OK);
    }
    /* The totals are set as if so many events were there. */
    _Static_assert(TT_JOURNAL_EVENTS_MAX == 1000000, "as below");
    execute("UPDATE event_total SET events = 1000000");
    assert_int_equal(tt_journal_note_failure(journal, &event), TT_OK);
    assert_int_equal(ask("SELECT count(*) FROM event"), 3);
    assert_int_equal(ask("SELECT min(number) FROM event"), 2);
    assert_int_equal(ask("SELECT events FROM event_total"), TT_JOURNAL_EVENTS_MAX);
    assert_int_equal(ask("SELECT dropped FROM event_total"), 1);
}

static void events_come_in_order_and_in_bounds(void **state) {
    static const char *const messages[] = {"{\"a\":1}", "{\"b\":22}", "{\"c\":333}", "{}"};
    struct tt_journal_event events[8];
    struct tt_arena arena;

    (void)state;
    tt_arena_init(&arena, 4096);
    assert_int_equal(tt_journal_events(journal, &arena, 8, 100, events, &count), TT_OK);
    assert_int_equal(count, 0);
    for (int i = 0; i < 4; i++) {
        const struct tt_journal_note note = {NOW_MS - i, messages[i]};
        struct tt_journal_row row = make_row(i);

        if (i % 2 == 0)
            assert_int_equal(tt_journal_insert(journal, &row, &note, 0), TT_OK);
        else
            assert_int_equal(tt_journal_note_failure(journal, &note), TT_OK);
    }
    assert_int_equal(tt_journal_events(journal, &arena, 8, 100, events, &count), TT_OK);
    assert_int_equal(count, 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(events[i].message, messages[i]);
        assert_true(events[i].time_ms == NOW_MS - i);
        assert_true(i == 0 || events[i].number > events[i - 1].number);
    }
    assert_int_equal(tt_journal_events(journal, &arena, 3, 100, events, &count), TT_OK);
    assert_int_equal(count, 3);
    assert_int_equal(tt_journal_events(journal, &arena, 8, 15, events, &count), TT_OK);
    assert_int_equal(count, 2); /* of 7 and of 8 bytes */
    assert_int_equal(tt_journal_events(journal, &arena, 8, 14, events, &count), TT_OK);
    assert_int_equal(count, 1);
    assert_int_equal(tt_journal_events(journal, &arena, 8, 1, events, &count), TT_OK);
    assert_int_equal(count, 1);
    assert_string_equal(events[0].message, messages[0]);
    tt_arena_fini(&arena);
    tt_arena_init(&arena, 8);
    assert_int_equal(tt_journal_events(journal, &arena, 8, 100, events, &count), TT_ERR_NO_MEMORY);
    tt_arena_fini(&arena);
}

static void what_is_shipped_goes(void **state) {
    const struct tt_journal_note note = {NOW_MS, "{}"};
    struct tt_journal_event events[8];
    struct tt_arena arena;
    int64_t last;

    (void)state;
    tt_arena_init(&arena, 4096);
    for (int i = 0; i < 5; i++)
        assert_int_equal(tt_journal_note_failure(journal, &note), TT_OK);
    assert_int_equal(tt_journal_events(journal, &arena, 3, 100, events, &count), TT_OK);
    last = events[2].number;
    assert_int_equal(tt_journal_events_shipped(journal, last, 1), TT_OK);
    assert_int_equal(backlog(false).events, 2);
    assert_int_equal(backlog(false).dropped, 1);
    assert_int_equal(tt_journal_events(journal, &arena, 8, 100, events, &count), TT_OK);
    assert_int_equal(count, 2);
    assert_true(events[0].number > last);
    last = events[1].number;
    assert_int_equal(tt_journal_events_shipped(journal, last, 0), TT_OK);
    assert_int_equal(backlog(false).events, 0);
    assert_int_equal(ask("SELECT failures FROM event_total"), 0);
    /* The number of an event that is gone does not come again. */
    assert_int_equal(tt_journal_note_failure(journal, &note), TT_OK);
    assert_int_equal(tt_journal_events_shipped(journal, last, 0), TT_OK);
    assert_int_equal(backlog(false).events, 1);
    assert_int_equal(backlog(false).dropped, 1);
    tt_arena_fini(&arena);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_relaxed, close_journal)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_event_comes_with_its_row_or_not_at_all),
        TEST(the_oldest_failures_make_way),
        TEST(the_oldest_of_too_many_events_makes_way),
        TEST(events_come_in_order_and_in_bounds),
        TEST(what_is_shipped_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
