/* Units of sql/: a journal of an older program, and handles that were open meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/schema.h"
#include "store_agent.h"

#define OLD_COLUMNS                                                                                \
    "id, filename, processed_size_bytes, processed_format, processed_width_px, "                   \
    "processed_height_px, processed_sha256, original_size_bytes, original_format, "                \
    "original_width_px, original_height_px, original_sha256, original_kept, sync_state"

/* Makes a journal as the first steps of the schema have it, with i rows of the i-th state. */
static sqlite3 *make_old_journal(int steps) {
    sqlite3 *old = NULL;
    char set_version[64];

    assert_int_equal(sqlite3_open(scratch_path("journal.db"), &old), SQLITE_OK);
    assert_int_equal(sqlite3_exec(old, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < steps; i++)
        assert_int_equal(sqlite3_exec(old, tt_schema_steps[i], NULL, NULL, NULL), SQLITE_OK);
    snprintf(set_version, sizeof set_version, "PRAGMA user_version = %d", steps);
    assert_int_equal(sqlite3_exec(old, set_version, NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 15; i++) {
        static const enum tt_sync_state states[15] = {0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4};
        char id[TT_UUID_SIZE];
        char sql[1024];

        tt_uuid_floor(BASE_MS + i, id);
        snprintf(sql, sizeof sql,
                 "INSERT INTO image (" OLD_COLUMNS ") VALUES ('%s', 'a', %d, 'PNG', 1, 1, "
                 "zeroblob(32), 5000, 'JPEG', 1, 1, zeroblob(32), %d, '%s')",
                 id, 1000 + i, i % 2, tt_sync_state_name(states[i]));
        assert_int_equal(sqlite3_exec(old, sql, NULL, NULL, NULL), SQLITE_OK);
    }
    return old;
}

static void assert_brought_up_to_date(int from_steps) {
    const int64_t old_bytes = 15 * 1000 + 14 * 15 / 2 + 7 * 5000;
    struct tt_journal_totals totals;
    sqlite3 *old = make_old_journal(from_steps);

    assert_int_equal(sqlite3_close(old), SQLITE_OK);
    assert_int_equal(tt_journal_open(&journal, scratch), TT_OK);
    assert_int_equal(ask("PRAGMA user_version"), tt_schema_step_count);
    assert_int_equal(ask("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    for (int i = 0; i < TT_SYNC_STATE_COUNT; i++)
        assert_int_equal(totals.rows[i], i + 1);
    assert_true(totals.bytes == old_bytes);
    assert_true(ask("SELECT sum(kept_bytes) FROM image") == old_bytes);
    assert_string_equal(due(TT_SYNC_PENDING, 10), "1 2");
    assert_string_equal(due(TT_SYNC_STORED, 10), "3 4 5");
    assert_false(rows[0].files[RESULT].evicted || rows[0].files[ORIGINAL].evicted);
    assert_int_equal(rows[0].file_count, 2);
    record_done(1, TT_SYNC_SYNCED, NOW_MS); /* of a row whose original is kept */
    assert_int_equal(tt_journal_evict(journal, NOW_MS, ROWS_MAX, rows, &count), TT_OK);
    assert_string_equal(numbers(), "1");
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    assert_int_equal(totals.rows[TT_SYNC_SYNCED], TT_SYNC_SYNCED + 2);
    assert_int_equal(totals.rows[TT_SYNC_PENDING], TT_SYNC_PENDING);
    assert_true(totals.bytes == old_bytes - 6001);
}

static void a_journal_of_the_first_step_gets_what_it_lacks(void **state) {
    (void)state;
    assert_brought_up_to_date(1);
}

/* After the migration, what was evicted stays so, removals are as they were, and the next image may
 * have renditions. */
static void a_journal_of_the_second_step_gets_what_it_lacks(void **state) {
    static const char earlier[] =
        "UPDATE image SET processed_evicted = 1, original_evicted = 1, local_since_ms = 7 "
        "WHERE sync_state = 'synced';"
        "INSERT INTO removal (id, processed_format, original_format, original_kept) "
        "VALUES ('01890a5d-ac96-7000-8000-000000000001', 'PNG', 'JPEG', 1)";
    struct tt_journal_row row = make_row(99);
    sqlite3 *old = make_old_journal(2);
    int64_t evicted_bytes;

    (void)state;
    assert_int_equal(sqlite3_exec(old, earlier, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(old), SQLITE_OK);
    assert_int_equal(tt_journal_open(&journal, scratch), TT_OK);
    assert_int_equal(ask("PRAGMA user_version"), tt_schema_step_count);
    assert_int_equal(ask("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    evicted_bytes = ask("SELECT sum(processed_size_bytes + original_kept * original_size_bytes) "
                        "FROM image WHERE sync_state = 'synced'");
    assert_true(evicted_bytes > 0);
    assert_true(kept_bytes() == 15 * 1000 + 14 * 15 / 2 + 7 * 5000 - evicted_bytes);
    assert_true(backlog(true).local_since_ms == 7);
    add_renditions(&row, 2);
    insert(&row);
    assert_int_equal(find(99).file_count, 4);
    assert_int_equal(tt_journal_due_removals(journal, NOW_MS, 2, rows, &count), TT_OK);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].file_count, 2);
}

static void both_steps_give_one_journal(void **state) {
    (void)state;
    assert_brought_up_to_date(2);
}

/* Workers of the program before may go on for a while beside a new agent. */
static void a_handle_opened_before_the_step_goes_on(void **state) {
    struct tt_journal_totals totals;
    sqlite3_stmt *statement = NULL;
    sqlite3 *old = make_old_journal(2);

    (void)state;
    assert_int_equal(sqlite3_prepare_v2(old,
                                        "INSERT INTO image (" OLD_COLUMNS ") VALUES (?1, 'b', 7, "
                                        "'PNG', 1, 1, zeroblob(32), 5, 'PNG', 1, 1, zeroblob(32), "
                                        "1, 'pending')",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(tt_journal_open(&journal, scratch), TT_OK);
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    assert_int_equal(sqlite3_bind_text(statement, 1, make_row(99).id, -1, SQLITE_TRANSIENT),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(old), SQLITE_OK);
    assert_string_equal(due(TT_SYNC_PENDING, 10), "1 2 99");
    assert_int_equal(kept_bytes(), totals.bytes + 12);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_make, close_journal)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_journal_of_the_first_step_gets_what_it_lacks),
        TEST(a_journal_of_the_second_step_gets_what_it_lacks),
        TEST(both_steps_give_one_journal),
        TEST(a_handle_opened_before_the_step_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
