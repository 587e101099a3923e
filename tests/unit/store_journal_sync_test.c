/* Units of src/store/journal_sync.c, the agent's side: adoption, what is due, eviction, what waits
 * for the disk, backlog, and all of it beside workers. What came of a transfer is
 * store_journal_record_test.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_agent.h"

#define WORKER_ROWS 100

/* ---- adoption ---- */

static void adopts_what_was_off_oldest_first(void **state) {
    int changed = -1;

    (void)state;
    assert_int_equal(tt_journal_adopt(journal, 10, &changed), TT_OK);
    assert_int_equal(changed, 0);
    for (int i = 5; i > 0; i--)
        insert_as(i, TT_SYNC_OFF);
    insert_as(6, TT_SYNC_DEAD);
    assert_int_equal(tt_journal_adopt(journal, 0, &changed), TT_OK);
    assert_int_equal(changed, 0);
    assert_int_equal(tt_journal_adopt(journal, 3, &changed), TT_OK);
    assert_int_equal(changed, 3);
    assert_string_equal(due(TT_SYNC_PENDING, 10), "1 2 3");
    assert_int_equal(tt_journal_adopt(journal, 3, &changed), TT_OK);
    assert_int_equal(changed, 2);
    assert_int_equal(tt_journal_adopt(journal, 3, &changed), TT_OK);
    assert_int_equal(changed, 0);
    assert_string_equal(due(TT_SYNC_PENDING, 10), "1 2 3 4 5");
}

/* ---- what is due ---- */

static void the_longest_due_comes_first(void **state) {
    struct tt_journal_outcome outcome;

    (void)state;
    for (int i = 1; i <= 6; i++)
        insert_as(i, i == 6 ? TT_SYNC_STORED : TT_SYNC_PENDING);
    outcome = outcome_of(1, TT_SYNC_PENDING);
    outcome.retry_at_ms = NOW_MS;
    record(&outcome, NOW_MS);
    outcome = outcome_of(2, TT_SYNC_PENDING);
    outcome.retry_at_ms = NOW_MS - 1;
    record(&outcome, NOW_MS);
    outcome = outcome_of(3, TT_SYNC_PENDING);
    outcome.retry_at_ms = NOW_MS + 1;
    record(&outcome, NOW_MS);
    assert_string_equal(due(TT_SYNC_PENDING, 10), "4 5 2 1");
    assert_string_equal(due(TT_SYNC_PENDING, 3), "4 5 2");
    assert_string_equal(due(TT_SYNC_PENDING, 0), "");
    assert_string_equal(due(TT_SYNC_STORED, 10), "6");
    assert_int_equal(rows[0].sync_state, TT_SYNC_STORED);
}

static int64_t retry_at(const char *table, const char *id) {
    char sql[128];

    snprintf(sql, sizeof sql, "SELECT retry_at_ms FROM %s WHERE id = '%s'", table, id);
    return ask(sql);
}

static void no_wait_outlasts_its_cap(void **state) {
    (void)state;
    for (int i = 1; i <= 4; i++) {
        struct tt_journal_row row = insert_as(i, i == 2 ? TT_SYNC_STORED : TT_SYNC_PENDING);
        struct tt_journal_outcome outcome = outcome_of(i, row.sync_state);

        if (i == 3)
            assert_int_equal(tt_journal_delete(journal, row.id, &row), TT_OK);
        outcome.is_removal = i == 3;
        outcome.retry_at_ms = i == 4 ? NOW_MS + 30 : NOW_MS + 3600000;
        record(&outcome, NOW_MS);
    }
    assert_int_equal(tt_journal_cap_retries(journal, NOW_MS + 40), TT_OK);
    assert_true(retry_at("image", make_row(1).id) == NOW_MS + 40);
    assert_true(retry_at("image", make_row(2).id) == NOW_MS + 40);
    assert_true(retry_at("removal", make_row(3).id) == NOW_MS + 40);
    assert_true(retry_at("image", make_row(4).id) == NOW_MS + 30);
}

static void a_row_that_cannot_be_read_holds_up_no_other(void **state) {
    (void)state;
    for (int i = 1; i <= 4; i++) {
        rows[0] = make_row(i);
        insert(&rows[0]);
    }
    execute("UPDATE image SET processed_format = 'XYZ' WHERE filename IN ('photo 1.jpg', "
            "'photo 3.jpg')");
    assert_int_equal(tt_journal_due(journal, TT_SYNC_PENDING, BASE_MS, 10, rows, &count), TT_OK);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].filename, "photo 2.jpg");
    assert_string_equal(rows[1].filename, "photo 4.jpg");
    assert_string_equal(tt_err_cause(), "");
    assert_int_equal(ask("SELECT count(*) FROM image WHERE sync_state = 'dead' "
                         "AND last_error LIKE '%does not know%'"),
                     2);
}

static void tells_when_the_next_is_due(void **state) {
    struct tt_journal_outcome outcome = outcome_of(1, TT_SYNC_PENDING);
    struct tt_journal_row row;
    int64_t at_ms = 0;

    (void)state;
    assert_int_equal(tt_journal_next_due(journal, TT_SYNC_PENDING, true, &at_ms), TT_OK);
    assert_true(at_ms == INT64_MAX);
    insert_as(1, TT_SYNC_PENDING);
    outcome.retry_at_ms = NOW_MS + 70;
    record(&outcome, NOW_MS);
    assert_int_equal(tt_journal_next_due(journal, TT_SYNC_PENDING, true, &at_ms), TT_OK);
    assert_true(at_ms == NOW_MS + 70);
    assert_int_equal(tt_journal_next_due(journal, TT_SYNC_STORED, true, &at_ms), TT_OK);
    assert_true(at_ms == INT64_MAX);
    row = insert_as(2, TT_SYNC_STORED);
    assert_int_equal(tt_journal_delete(journal, row.id, &row), TT_OK);
    outcome = outcome_of(2, TT_SYNC_PENDING);
    outcome.is_removal = true;
    outcome.retry_at_ms = NOW_MS + 30;
    record(&outcome, NOW_MS);
    assert_int_equal(tt_journal_next_due(journal, TT_SYNC_PENDING, true, &at_ms), TT_OK);
    assert_true(at_ms == NOW_MS + 30);
    assert_int_equal(tt_journal_next_due(journal, TT_SYNC_STORED, true, &at_ms), TT_OK);
    assert_true(at_ms == NOW_MS + 30);
    assert_int_equal(tt_journal_next_due(journal, TT_SYNC_PENDING, false, &at_ms), TT_OK);
    assert_true(at_ms == NOW_MS + 70);
}

/* ---- files that come and go ---- */

static void evicts_what_has_been_here_long_enough(void **state) {
    struct tt_journal_row row;

    (void)state;
    for (int i = 1; i <= 5; i++) {
        row = make_row(i);
        row.files[ORIGINAL].kept = i != 2;
        insert(&row);
        if (i != 5)
            record_done(i, TT_SYNC_SYNCED, NOW_MS + i);
    }
    assert_int_equal(kept_bytes(), 6001 + 1002 + 6003 + 6004 + 6005);
    assert_int_equal(tt_journal_evict(journal, NOW_MS, ROWS_MAX, rows, &count), TT_OK);
    assert_int_equal(count, 0);
    assert_int_equal(tt_journal_evict(journal, NOW_MS + 3, 0, rows, &count), TT_OK);
    assert_int_equal(count, 0);
    assert_int_equal(tt_journal_evict(journal, NOW_MS + 3, 2, rows, &count), TT_OK);
    assert_int_equal(count, 2);
    assert_int_equal(kept_bytes(), 6003 + 6004 + 6005);
    assert_true(find(1).files[RESULT].evicted && find(1).files[ORIGINAL].evicted);
    assert_true(find(2).files[RESULT].evicted);
    assert_false(find(2).files[ORIGINAL].evicted); /* as it was never kept */
    assert_false(find(3).files[RESULT].evicted);
    assert_int_equal(tt_journal_evict(journal, NOW_MS + 3, 2, rows, &count), TT_OK);
    assert_string_equal(numbers(), "3");
    assert_true(rows[0].files[RESULT].evicted && rows[0].files[ORIGINAL].evicted &&
                rows[0].files[ORIGINAL].kept);
    assert_int_equal(rows[0].files[ORIGINAL].format, TT_FORMAT_JPEG);
    assert_int_equal(tt_journal_evict(journal, NOW_MS + 3, 2, rows, &count), TT_OK);
    assert_int_equal(count, 0);
    assert_true(backlog(false).local_since_ms == NOW_MS + 4);
    assert_int_equal(find(1).sync_state, TT_SYNC_SYNCED);
    /* A row that is done once more, with no file here, has nothing to let go. */
    record_done(1, TT_SYNC_SYNCED, NOW_MS);
    record_done(2, TT_SYNC_SYNCED, NOW_MS);
    assert_true(backlog(false).local_since_ms == NOW_MS + 4);
}

static void what_is_fetched_counts_again(void **state) {
    struct tt_journal_row row = insert_as(1, TT_SYNC_PENDING);

    (void)state;
    record_done(1, TT_SYNC_SYNCED, NOW_MS);
    assert_int_equal(tt_journal_evict(journal, NOW_MS, ROWS_MAX, rows, &count), TT_OK);
    assert_int_equal(count, 1);
    assert_int_equal(tt_journal_fetched(journal, &row, RESULT, NOW_MS + 8), TT_OK);
    assert_int_equal(kept_bytes(), 1001);
    assert_false(find(1).files[RESULT].evicted);
    assert_true(find(1).files[ORIGINAL].evicted);
    assert_true(backlog(false).local_since_ms == NOW_MS + 8);
    assert_int_equal(tt_journal_fetched(journal, &row, ORIGINAL, NOW_MS + 9), TT_OK);
    assert_int_equal(kept_bytes(), 6001);
    assert_true(backlog(false).local_since_ms == NOW_MS + 9);
    assert_int_equal(tt_journal_evict(journal, NOW_MS + 9, ROWS_MAX, rows, &count), TT_OK);
    assert_int_equal(count, 1);
    assert_int_equal(kept_bytes(), 0);
    assert_int_equal(tt_journal_delete(journal, row.id, &row), TT_OK);
    assert_int_equal(tt_journal_fetched(journal, &row, ORIGINAL, NOW_MS), TT_ERR_NOT_FOUND);
    assert_string_equal(tt_err_cause(), "");
}

/* The beginnings of the texts that the handle runs, without those of triggers. */
static char traced[2048];

static int trace(unsigned kind, void *context, void *statement, void *text) {
    const char *sql = text;
    size_t length = strlen(traced);

    (void)kind;
    (void)context;
    (void)statement;
    if (strncmp(sql, "--", 2) != 0)
        snprintf(traced + length, sizeof traced - length, "%.22s|", sql);
    return 0;
}

static void only_what_must_not_be_lost_waits_for_the_disk(void **state) {
    int changed;

    (void)state;
    insert_as(1, TT_SYNC_OFF);
    assert_int_equal(sqlite3_trace_v2(journal->db.sqlite, SQLITE_TRACE_STMT, trace, NULL),
                     SQLITE_OK);
    traced[0] = '\0';
    assert_int_equal(tt_journal_adopt(journal, 9, &changed), TT_OK);
    assert_non_null(strstr(traced, "PRAGMA synchronous = F|BEGIN IMMEDIATE|UPDATE image SET "
                                   "sync_|COMMIT|PRAGMA synchronous = N|"));
    traced[0] = '\0';
    record_done(1, TT_SYNC_SYNCED, NOW_MS);
    assert_null(strstr(traced, "PRAGMA"));
    assert_non_null(strstr(traced, "COMMIT"));
    traced[0] = '\0';
    assert_int_equal(tt_journal_evict(journal, NOW_MS, ROWS_MAX, rows, &count), TT_OK);
    assert_int_equal(count, 1);
    assert_non_null(strstr(traced, "PRAGMA synchronous = F|BEGIN IMMEDIATE|UPDATE image SET "
                                   "proce|COMMIT|PRAGMA synchronous = N|"));
    /* Where there is nothing to do, no lock is taken. */
    traced[0] = '\0';
    assert_int_equal(tt_journal_evict(journal, NOW_MS, ROWS_MAX, rows, &count), TT_OK);
    assert_int_equal(tt_journal_adopt(journal, 9, &changed), TT_OK);
    assert_null(strstr(traced, "BEGIN"));
    assert_int_equal(ask("PRAGMA synchronous"), 1);
}

/* Whether the watch has told anything since the last call. */
static bool was_told(int fd) {
    char events[4096];
    bool is_told = false;

    while (read(fd, events, sizeof events) > 0)
        is_told = true;
    return is_told;
}

static void whoever_watches_is_told_of_changes_by_others(void **state) {
    const struct tt_journal_note note = {BASE_MS, "{}"};
    struct tt_journal_row row = make_row(1);
    struct tt_journal_outcome outcome = {.done = true, .state = TT_SYNC_STORED};
    int fd;

    (void)state;
    assert_int_equal(tt_journal_watch(scratch, &fd), TT_OK);
    assert_false(was_told(fd));
    insert(&row);
    assert_true(was_told(fd));
    assert_int_equal(tt_journal_note_failure(journal, &note), TT_OK);
    assert_true(was_told(fd));
    memcpy(outcome.id, row.id, sizeof outcome.id);
    assert_int_equal(tt_journal_record(journal, &outcome, 1, BASE_MS), TT_OK);
    assert_false(was_told(fd));
    assert_int_equal(tt_journal_delete(journal, row.id, &row), TT_OK);
    assert_true(was_told(fd));
    assert_int_equal(tt_journal_delete(journal, row.id, &row), TT_ERR_NOT_FOUND);
    assert_false(was_told(fd));
    assert_int_equal(close(fd), 0);
}

static void a_handle_that_was_not_relaxed_stays_so(void **state) {
    int changed;

    (void)state;
    assert_int_equal(tt_journal_adopt(journal, 9, &changed), TT_OK);
    insert_as(1, TT_SYNC_OFF);
    assert_int_equal(tt_journal_adopt(journal, 9, &changed), TT_OK);
    record_done(1, TT_SYNC_SYNCED, NOW_MS);
    assert_int_equal(tt_journal_evict(journal, NOW_MS, ROWS_MAX, rows, &count), TT_OK);
    assert_int_equal(count, 1);
    assert_int_equal(ask("PRAGMA synchronous"), 2);
}

/* ---- backlog ---- */

static void the_backlog_tells_what_waits(void **state) {
    const struct tt_journal_note event = {NOW_MS, "{}"};
    struct tt_journal_backlog found = backlog(true);

    (void)state;
    assert_int_equal(found.waiting + found.dead + found.removals + found.oldest_ms + found.events +
                         found.dropped + found.local_since_ms,
                     0);
    insert_as(30, TT_SYNC_PENDING);
    insert_as(40, TT_SYNC_PENDING);
    insert_as(20, TT_SYNC_STORED);
    insert_as(10, TT_SYNC_SYNCED);
    insert_as(5, TT_SYNC_DEAD);
    assert_int_equal(tt_journal_note_failure(journal, &event), TT_OK);
    found = backlog(true);
    assert_int_equal(found.waiting, 3);
    assert_true(found.oldest_ms == BASE_MS + 20);
    assert_int_equal(found.dead, 1);
    assert_int_equal(found.events, 1);
    found = backlog(false);
    assert_int_equal(found.waiting, 2);
    assert_true(found.oldest_ms == BASE_MS + 30);
    record_done(30, TT_SYNC_SYNCED, NOW_MS);
    record_done(40, TT_SYNC_SYNCED, NOW_MS);
    assert_int_equal(backlog(false).oldest_ms, 0);
    assert_true(backlog(true).oldest_ms == BASE_MS + 20);
    execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) "
            "INSERT INTO removal (id, processed_format, original_format, original_kept) "
            "SELECT printf('018bcfe5-6800-7000-8000-%012x', i), 'PNG', 'PNG', 1 FROM n");
    assert_int_equal(backlog(false).removals, 1000);
}

/* ---- beside workers ---- */

static int insert_and_delete(int worker) {
    const struct tt_journal_note note = {NOW_MS, "{}"};
    struct tt_journal *own;

    if (tt_journal_open(&own, scratch) != TT_OK)
        return 1;
    for (int i = 0; i < WORKER_ROWS; i++) {
        struct tt_journal_row row = make_row(i * 2 + worker);

        if (tt_journal_insert(own, &row, &note, 0) != TT_OK ||
            (i % 4 == 0 && tt_journal_delete(own, row.id, &row) != TT_OK)) {
            fprintf(stderr, "worker: %s\n", tt_err_cause());
            return 2;
        }
    }
    tt_journal_close(own);
    return 0;
}

/* Carries what is due, one look after the other, until the workers have ended and nothing is left.
 */
static void carry(bool *has_carried) {
    struct tt_journal_outcome outcomes[ROWS_MAX];
    struct tt_journal_row removals[ROWS_MAX];
    int removal_count;

    due(TT_SYNC_PENDING, ROWS_MAX / 2);
    assert_int_equal(
        tt_journal_due_removals(journal, NOW_MS, ROWS_MAX / 2, removals, &removal_count), TT_OK);
    *has_carried = count + removal_count > 0;
    for (int i = 0; i < count; i++) {
        outcomes[i] = (struct tt_journal_outcome){.state = TT_SYNC_SYNCED, .done = true};
        memcpy(outcomes[i].id, rows[i].id, TT_UUID_SIZE);
    }
    for (int i = 0; i < removal_count; i++) {
        outcomes[count + i] = (struct tt_journal_outcome){.is_removal = true, .done = true};
        memcpy(outcomes[count + i].id, removals[i].id, TT_UUID_SIZE);
    }
    assert_int_equal(tt_journal_record(journal, outcomes, count + removal_count, NOW_MS), TT_OK);
    assert_int_equal(tt_journal_evict(journal, NOW_MS, ROWS_MAX, rows, &count), TT_OK);
}

static void carries_beside_workers(void **state) {
    struct tt_journal_totals totals;
    bool has_carried = true;
    pid_t workers[2];

    (void)state;
    tt_journal_close(journal);
    journal = NULL;
    for (int i = 0; i < 2; i++)
        workers[i] = scratch_fork(insert_and_delete, i);
    assert_int_equal(tt_journal_open(&journal, scratch), TT_OK);
    assert_int_equal(tt_journal_relax(journal), TT_OK);
    for (int i = 0; i < 50; i++)
        carry(&has_carried);
    for (int i = 0; i < 2; i++)
        assert_int_equal(scratch_wait(workers[i]), 0);
    do {
        carry(&has_carried);
    } while (has_carried);
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    assert_int_equal(totals.rows[TT_SYNC_SYNCED], 2 * WORKER_ROWS * 3 / 4);
    assert_int_equal(totals.rows[TT_SYNC_PENDING], 0);
    assert_int_equal(totals.bytes, 0);
    assert_int_equal(backlog(true).removals, 0);
    assert_int_equal(backlog(true).events, 2 * WORKER_ROWS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_relaxed, close_journal)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(adopts_what_was_off_oldest_first),
        TEST(the_longest_due_comes_first),
        TEST(a_row_that_cannot_be_read_holds_up_no_other),
        TEST(tells_when_the_next_is_due),
        TEST(no_wait_outlasts_its_cap),
        TEST(evicts_what_has_been_here_long_enough),
        TEST(what_is_fetched_counts_again),
        TEST(only_what_must_not_be_lost_waits_for_the_disk),
        TEST(whoever_watches_is_told_of_changes_by_others),
        cmocka_unit_test_setup_teardown(a_handle_that_was_not_relaxed_stays_so, open_journal,
                                        close_journal),
        TEST(the_backlog_tells_what_waits),
        TEST(carries_beside_workers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
