/* The plans of every statement in src/store but the lists: none walks what grows, and none sorts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_agent.h"

static void run_every_statement(void) {
    const struct tt_journal_note note = {NOW_MS, "{}"};
    struct tt_journal_row row = make_row(1);
    struct tt_journal_outcome outcome = outcome_of(1, TT_SYNC_PENDING);
    struct tt_journal_row removals[1];
    struct tt_journal_event events[1];
    struct tt_arena arena;
    int64_t at_ms;
    int64_t retried;
    int changed;

    tt_arena_init(&arena, 4096);
    row.sync_state = TT_SYNC_OFF;
    add_renditions(&row, 2);
    assert_int_equal(tt_journal_insert(journal, &row, &note, 1000000), TT_OK);
    assert_int_equal(tt_journal_note_failure(journal, &note), TT_OK);
    assert_int_equal(tt_journal_adopt(journal, 1, &changed), TT_OK);
    assert_int_equal(tt_journal_retry(journal, row.id, &retried), TT_OK);
    assert_int_equal(tt_journal_retry(journal, NULL, &retried), TT_OK);
    execute("UPDATE image SET processed_format = 'XYZ'"); /* so that due buries it */
    due(TT_SYNC_PENDING, 10);
    execute("UPDATE image SET processed_format = 'PNG', sync_state = 'pending'");
    for (int i = 0; i < 2; i++) {
        enum tt_sync_state due_state = i == 0 ? TT_SYNC_PENDING : TT_SYNC_STORED;

        due(due_state, 10);
        assert_int_equal(tt_journal_next_due(journal, due_state, true, &at_ms), TT_OK);
    }
    assert_int_equal(tt_journal_cap_retries(journal, NOW_MS), TT_OK);
    record(&outcome, NOW_MS);
    record_done(1, TT_SYNC_SYNCED, NOW_MS);
    find(1);
    assert_int_equal(tt_journal_evict(journal, NOW_MS, ROWS_MAX, rows, &count), TT_OK);
    assert_int_equal(tt_journal_fetched(journal, &row, tt_journal_row_original(&row), NOW_MS),
                     TT_OK);
    assert_int_equal(tt_journal_fetched(journal, &row, TT_JOURNAL_PROCESSED, NOW_MS), TT_OK);
    assert_int_equal(tt_journal_fetched(journal, &row, TT_JOURNAL_RENDITION, NOW_MS), TT_OK);
    assert_int_equal(tt_journal_delete(journal, row.id, &row), TT_OK);
    assert_int_equal(tt_journal_due_removals(journal, NOW_MS, 1, removals, &count), TT_OK);
    outcome.is_removal = outcome.done = true;
    record(&outcome, NOW_MS);
    backlog(true);
    assert_int_equal(tt_journal_events(journal, &arena, 1, 1, events, &count), TT_OK);
    assert_int_equal(tt_journal_events_shipped(journal, events[0].number, 1), TT_OK);
    tt_arena_fini(&arena);
}

/* Whether it is a walk that ends early, by LIMIT or by its reader, or of a table of five rows or
 * one.
 */
static bool may_scan(const char *detail) {
    static const char *const bounded[] = {
        "SCAN image USING COVERING INDEX image_local", /* for its least */
        "SCAN removal USING COVERING INDEX removal_to_carry",
        "SCAN event USING INDEX event_failure",
        "SCAN event USING COVERING INDEX event_failure",
        "SCAN event_total",
        "SCAN image_total",
        "SCAN CONSTANT ROW",
        "SCAN (subquery-",
    };

    if (strcmp(detail, "SCAN event") == 0)
        return true; /* it goes in the order of numbers */
    for (size_t i = 0; i < sizeof bounded / sizeof *bounded; i++)
        if (strncmp(detail, bounded[i], strlen(bounded[i])) == 0)
            return true;
    return false;
}

static int check_plan(const char *sql) {
    char explain[2048];
    sqlite3_stmt *plan = NULL;
    int steps = 0;

    assert_in_range(snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql), 1,
                    sizeof explain - 1);
    assert_int_equal(sqlite3_prepare_v2(journal->db.sqlite, explain, -1, &plan, NULL), SQLITE_OK);
    while (sqlite3_step(plan) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(plan, 3);

        assert_non_null(detail);
        steps++;
        if (strstr(detail, "TEMP B-TREE") == NULL && strstr(detail, "AUTOMATIC") == NULL &&
            (strncmp(detail, "SCAN", 4) != 0 || may_scan(detail)))
            continue;
        print_error("%s\n  has in its plan: %s\n", sql, detail);
        fail();
    }
    assert_int_equal(sqlite3_finalize(plan), SQLITE_OK);
    return steps;
}

static void no_statement_scans_or_sorts(void **state) {
    sqlite3_stmt *statement = NULL;
    int statements = 0;

    (void)state;
    run_every_statement();
    while ((statement = sqlite3_next_stmt(journal->db.sqlite, statement)) != NULL) {
        check_plan(sqlite3_sql(statement));
        statements++;
    }
    /* So every statement of the handle was run, but for the lists, which have a test of their own.
     */
    assert_int_equal(statements, 36);
}

static void assert_plan(sqlite3_stmt *statement, const char *expected) {
    char explain[2048];
    sqlite3_stmt *plan = NULL;

    snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sqlite3_sql(statement));
    assert_int_equal(sqlite3_prepare_v2(journal->db.sqlite, explain, -1, &plan, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(plan), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(plan, 3), expected);
    assert_int_equal(sqlite3_step(plan), SQLITE_DONE);
    assert_int_equal(sqlite3_finalize(plan), SQLITE_OK);
}

static void what_is_due_is_a_walk_along_its_index(void **state) {
    (void)state;
    run_every_statement();
    for (int i = TT_SYNC_PENDING; i <= TT_SYNC_STORED; i++) {
        assert_plan(journal->due[i],
                    "SEARCH image USING INDEX image_to_carry (sync_state=? AND retry_at_ms<?)");
        assert_plan(journal->next_due[i],
                    "SEARCH image USING COVERING INDEX image_to_carry (sync_state=?)");
    }
    assert_plan(journal->due_removals,
                "SEARCH removal USING INDEX removal_to_carry (retry_at_ms<?)");
    assert_plan(journal->remove_events, "SEARCH event USING INTEGER PRIMARY KEY (rowid<?)");
    assert_plan(journal->renditions, "SEARCH rendition USING PRIMARY KEY (id=?)");
    assert_plan(journal->drop_renditions, "SEARCH rendition USING PRIMARY KEY (id=?)");
    assert_plan(journal->record_image, "SEARCH image USING PRIMARY KEY (id=?)");
}

/* How many steps SQLite's machine took since it was asked last. */
static int steps_of(sqlite3_stmt *statement) {
    return sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
}

static void insert_copies(int first, int last) {
    char sql[1024];

    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n (i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
             "INSERT INTO image (id, filename, processed_size_bytes, processed_format, "
             "processed_width_px, processed_height_px, processed_sha256, "
             "original_size_bytes, original_format, original_width_px, original_height_px, "
             "original_sha256, original_kept, sync_state, local_since_ms, retry_at_ms) "
             "SELECT printf('01890a5d-ac96-7000-8000-%%012x', i), 'a', 1, 'PNG', 1, 1, "
             "zeroblob(32), 1, 'PNG', 1, 1, zeroblob(32), 1, "
             "iif(i %% 2, 'pending', 'stored'), 1 + i, i FROM n",
             first, last);
    execute(sql);
}

static void measure(int *steps) {
    int64_t at_ms;

    due(TT_SYNC_PENDING, 5);
    assert_int_equal(count, 5);
    assert_int_equal(tt_journal_next_due(journal, TT_SYNC_PENDING, false, &at_ms), TT_OK);
    backlog(true);
    steps[0] = steps_of(journal->due[TT_SYNC_PENDING]);
    steps[1] = steps_of(journal->next_due[TT_SYNC_PENDING]);
    steps[2] = steps_of(journal->backlog);
}

static void more_rows_make_no_more_work(void **state) {
    int few[3];
    int many[3];

    (void)state;
    insert_copies(1, 20);
    measure(few);
    insert_copies(21, 5000);
    measure(many);
    assert_memory_equal(few, many, sizeof few);
    assert_int_equal(tt_journal_evict(journal, 3, 5, rows, &count), TT_OK);
    few[0] = steps_of(journal->evict);
    assert_int_equal(count, 2);
    assert_int_equal(tt_journal_evict(journal, 5, 5, rows, &count), TT_OK);
    assert_int_equal(count, 2);
    insert_copies(5001, 9000);
    steps_of(journal->evict);
    assert_int_equal(tt_journal_evict(journal, 7, 5, rows, &count), TT_OK);
    assert_int_equal(count, 2);
    assert_int_equal(steps_of(journal->evict), few[0]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_relaxed, close_journal)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(no_statement_scans_or_sorts),
        TEST(what_is_due_is_a_walk_along_its_index),
        TEST(more_rows_make_no_more_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
