/* Units of src/store/journal_sync.c: tt_journal_record, by which the agent tells what came of a
 * transfer or a removal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_agent.h"

static void a_failure_counts_and_a_success_clears_it(void **state) {
    struct tt_journal_outcome outcome = outcome_of(1, TT_SYNC_PENDING);
    struct tt_journal_row row;

    (void)state;
    insert_as(1, TT_SYNC_PENDING);
    outcome.failed = true;
    outcome.retry_at_ms = NOW_MS + 5;
    snprintf(outcome.last_error, sizeof outcome.last_error, "503 Slow Down");
    record(&outcome, NOW_MS);
    record(&outcome, NOW_MS);
    row = find(1);
    assert_int_equal(row.attempts, 2);
    assert_string_equal(row.last_error, "503 Slow Down");
    assert_int_equal(row.sync_state, TT_SYNC_PENDING);
    assert_int_equal(row.synced_at_ms, 0);
    assert_int_equal(backlog(true).local_since_ms, 0);
    record_done(1, TT_SYNC_SYNCED, NOW_MS + 9);
    row = find(1);
    assert_int_equal(row.attempts, 2);
    assert_string_equal(row.last_error, "");
    assert_int_equal(row.sync_state, TT_SYNC_SYNCED);
    assert_true(row.synced_at_ms == NOW_MS + 9);
    assert_true(backlog(true).local_since_ms == NOW_MS + 9);
    assert_int_equal(ask("SELECT retry_at_ms FROM image"), 0);
}

static void synced_at_is_when_it_became_so(void **state) {
    (void)state;
    insert_as(1, TT_SYNC_PENDING);
    record_done(1, TT_SYNC_STORED, NOW_MS);
    assert_int_equal(find(1).synced_at_ms, 0);
    record_done(1, TT_SYNC_SYNCED, NOW_MS + 1);
    record_done(1, TT_SYNC_SYNCED, NOW_MS + 2);
    assert_true(find(1).synced_at_ms == NOW_MS + 1);
    /* The time stays the first one at which the cloud had the files. */
    assert_true(backlog(true).local_since_ms == NOW_MS);
}

static void what_is_not_done_stays_here(void **state) {
    struct tt_journal_outcome outcome = outcome_of(1, TT_SYNC_STORED);

    (void)state;
    insert_as(1, TT_SYNC_PENDING);
    record(&outcome, NOW_MS);
    outcome.state = TT_SYNC_DEAD;
    outcome.failed = true;
    record(&outcome, NOW_MS);
    assert_int_equal(find(1).sync_state, TT_SYNC_DEAD);
    assert_int_equal(backlog(true).local_since_ms, 0);
    assert_int_equal(tt_journal_evict(journal, INT64_MAX, ROWS_MAX, rows, &count), TT_OK);
    assert_int_equal(count, 0);
    assert_int_equal(kept_bytes(), 6001);
}

static void outcomes_are_recorded_together(void **state) {
    struct tt_journal_outcome outcomes[100];

    (void)state;
    for (int i = 0; i < 100; i++) {
        outcomes[i] = outcome_of(i, TT_SYNC_STORED);
        if (i != 40)
            insert_as(i, TT_SYNC_PENDING);
    }
    outcomes[99].retry_at_ms = -1; /* SQLite refuses this one, and then nothing is recorded */
    assert_int_equal(tt_journal_record(journal, outcomes, 100, NOW_MS), TT_ERR_JOURNAL);
    assert_string_equal(due(TT_SYNC_STORED, ROWS_MAX), "");
    tt_err_take(TT_OK);
    outcomes[99].retry_at_ms = 0;
    assert_int_equal(tt_journal_record(journal, outcomes, 100, NOW_MS), TT_OK);
    due(TT_SYNC_STORED, ROWS_MAX);
    assert_int_equal(count, 99); /* number 40 was deleted meanwhile */
    assert_string_equal(due(TT_SYNC_PENDING, ROWS_MAX), "");
    assert_int_equal(tt_journal_record(journal, outcomes, 0, NOW_MS), TT_OK);
}

static void an_error_is_kept_as_utf8(void **state) {
    struct tt_journal_outcome outcome = outcome_of(1, TT_SYNC_PENDING);

    (void)state;
    insert_as(1, TT_SYNC_PENDING);
    snprintf(outcome.last_error, sizeof outcome.last_error, "caf\xC3\xA9");
    record(&outcome, NOW_MS);
    assert_string_equal(find(1).last_error, "caf\xC3\xA9");
    outcome.last_error[4] = '\0'; /* this cuts the last character */
    record(&outcome, NOW_MS);
    assert_string_equal(find(1).last_error, "caf");
    snprintf(outcome.last_error, sizeof outcome.last_error, "\xE9t\xE9 \xFF ok");
    record(&outcome, NOW_MS);
    assert_string_equal(find(1).last_error, "?t? ? ok");
    memset(outcome.last_error, 'x', sizeof outcome.last_error); /* there is no NUL in it */
    record(&outcome, NOW_MS);
    assert_int_equal(strlen(find(1).last_error), TT_JOURNAL_ERROR_SIZE - 1);
}

static void removals_are_tried_until_they_are_done(void **state) {
    struct tt_journal_row removals[4];
    struct tt_journal_outcome outcome = outcome_of(1, TT_SYNC_PENDING);
    struct tt_journal_row row;

    (void)state;
    for (int i = 1; i <= 3; i++) {
        row = make_row(i);
        row.sync_state = TT_SYNC_SYNCED;
        row.files[ORIGINAL].kept = i != 2;
        insert(&row);
        assert_int_equal(tt_journal_delete(journal, row.id, &row), TT_OK);
    }
    outcome.is_removal = true;
    outcome.failed = true;
    outcome.retry_at_ms = NOW_MS;
    record(&outcome, NOW_MS);
    assert_int_equal(tt_journal_due_removals(journal, NOW_MS - 1, 4, removals, &count), TT_OK);
    assert_int_equal(count, 2);
    assert_int_equal(tt_journal_due_removals(journal, NOW_MS, 4, removals, &count), TT_OK);
    assert_int_equal(count, 3);
    assert_string_equal(removals[0].id, make_row(2).id);
    assert_false(removals[0].files[ORIGINAL].kept);
    assert_int_equal(removals[0].attempts, 0);
    assert_string_equal(removals[2].id, outcome.id);
    assert_true(removals[2].files[ORIGINAL].kept);
    assert_int_equal(removals[2].attempts, 1);
    assert_int_equal(removals[2].files[RESULT].format, TT_FORMAT_PNG);
    assert_int_equal(removals[2].files[ORIGINAL].format, TT_FORMAT_JPEG);
    assert_int_equal(backlog(false).removals, 3);
    outcome.failed = false;
    outcome.done = true;
    record(&outcome, NOW_MS);
    record(&outcome, NOW_MS); /* that it is gone already is no failure */
    assert_int_equal(tt_journal_due_removals(journal, NOW_MS, 1, removals, &count), TT_OK);
    assert_int_equal(count, 1);
    assert_int_equal(backlog(false).removals, 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_relaxed, close_journal)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_failure_counts_and_a_success_clears_it),
        TEST(synced_at_is_when_it_became_so),
        TEST(what_is_not_done_stays_here),
        TEST(outcomes_are_recorded_together),
        TEST(an_error_is_kept_as_utf8),
        TEST(removals_are_tried_until_they_are_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
