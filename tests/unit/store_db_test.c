/* Units of src/store/db.c: opening, versions, statements, transactions, failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "scratch.h"
#include "store/db.h"
#include "store/schema.h"

#define OPENERS 8
#define ROUNDS  5

static int start_pipe[2];

static enum tt_err open_here(struct tt_db *db) {
    return tt_db_open(db, scratch_path("journal.db"));
}

/* The first column of a statement's first row as a number. */
static int64_t ask(struct tt_db *db, const char *sql) {
    sqlite3_stmt *statement = NULL;
    bool has_row = false;
    int64_t answer;

    assert_int_equal(tt_db_prepare(db, &statement, "%s", sql), TT_OK);
    assert_int_equal(tt_db_step(db, statement, &has_row), TT_OK);
    assert_true(has_row);
    answer = sqlite3_column_int64(statement, 0);
    tt_db_reset(statement);
    return answer;
}

static void execute(struct tt_db *db, const char *sql) {
    assert_int_equal(sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
}

static mode_t mode_of(const char *name) {
    struct stat status;

    assert_int_equal(stat(scratch_path(name), &status), 0);
    return status.st_mode & 07777;
}

static int reset_note(void **state) {
    tt_err_take(TT_OK);
    return scratch_make(state);
}

static void opens_with_the_settings_it_promises(void **state) {
    struct tt_db db;

    (void)state;
    assert_int_equal(open_here(&db), TT_OK);
    assert_int_equal(ask(&db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    assert_int_equal(ask(&db, "PRAGMA synchronous"), 2);
    assert_int_equal(ask(&db, "PRAGMA foreign_keys"), 1);
    assert_int_equal(ask(&db, "PRAGMA trusted_schema"), 0);
    assert_int_equal(ask(&db, "PRAGMA cell_size_check"), 1);
    assert_int_equal(ask(&db, "PRAGMA temp_store"), 2);
    assert_int_equal(ask(&db, "PRAGMA cache_size"), -512);
    assert_int_equal(ask(&db, "PRAGMA mmap_size"), 0);
    assert_int_equal(ask(&db, "PRAGMA user_version"), tt_schema_step_count);
    tt_db_close(&db);
    tt_db_close(&db);
}

static void commits_wait_for_the_disk_or_not(void **state) {
    struct tt_db db;

    (void)state;
    assert_int_equal(open_here(&db), TT_OK);
    assert_int_equal(tt_db_set_durable(&db, false), TT_OK);
    assert_int_equal(ask(&db, "PRAGMA synchronous"), 1);
    assert_int_equal(tt_db_set_durable(&db, true), TT_OK);
    assert_int_equal(ask(&db, "PRAGMA synchronous"), 2);
    assert_int_equal(tt_db_begin(&db), TT_OK);
    assert_int_equal(tt_db_set_durable(&db, false),
                     TT_ERR_JOURNAL); /* SQLite refuses that within a transaction */
    assert_int_equal(tt_db_end(&db, TT_OK), TT_OK);
    tt_db_close(&db);
}

static void makes_files_with_the_mode_umask_allows(void **state) {
    mode_t before = umask(0007);
    struct tt_db db;

    (void)state;
    assert_int_equal(open_here(&db), TT_OK);
    assert_int_equal(mode_of("journal.db"), 0660);
    assert_int_equal(mode_of("journal.db-wal"), 0660);
    assert_int_equal(mode_of("journal.db-shm"), 0660);
    tt_db_close(&db);
    assert_int_equal(unlink(scratch_path("journal.db")), 0);
    umask(0077);
    assert_int_equal(open_here(&db), TT_OK);
    assert_int_equal(mode_of("journal.db"), 0600);
    assert_int_equal(mode_of("journal.db-wal"), 0600);
    tt_db_close(&db);
    umask(before);
}

static void opens_again_and_keeps_what_is_there(void **state) {
    struct tt_db db;

    (void)state;
    assert_int_equal(open_here(&db), TT_OK);
    execute(&db, "UPDATE image_total SET images = 7 WHERE sync_state = 'dead'");
    tt_db_close(&db);
    assert_int_equal(open_here(&db), TT_OK);
    assert_int_equal(ask(&db, "SELECT sum(images) FROM image_total"), 7);
    tt_db_close(&db);
}

static void refuses_a_newer_schema(void **state) {
    char sql[64];
    struct tt_db db;

    (void)state;
    assert_int_equal(open_here(&db), TT_OK);
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", tt_schema_step_count + 1);
    execute(&db, sql);
    tt_db_close(&db);
    assert_int_equal(open_here(&db), TT_ERR_JOURNAL);
    assert_null(db.sqlite);
    assert_non_null(strstr(tt_err_cause(), "a newer program wrote it"));
}

static void refuses_what_is_no_database(void **state) {
    struct tt_db db;
    FILE *file = fopen(scratch_path("journal.db"), "w");

    (void)state;
    assert_non_null(file);
    for (int i = 0; i < 100; i++)
        assert_true(fputs("this is a letter and no database\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(open_here(&db), TT_ERR_JOURNAL);
    assert_non_null(strstr(tt_err_cause(), "file is not a database"));
    assert_non_null(strstr(tt_err_cause(), "26"));
}

static void says_which_directory_is_missing(void **state) {
    struct tt_db db;

    (void)state;
    assert_int_equal(tt_db_open(&db, scratch_path("missing/journal.db")), TT_ERR_JOURNAL);
    assert_non_null(strstr(tt_err_cause(), "missing/journal.db"));
}

static void rolls_back_what_failed(void **state) {
    struct tt_db db;

    (void)state;
    assert_int_equal(open_here(&db), TT_OK);
    assert_int_equal(tt_db_begin(&db), TT_OK);
    execute(&db, "UPDATE image_total SET images = 9");
    assert_int_equal(tt_db_end(&db, TT_ERR_NOT_FOUND), TT_ERR_NOT_FOUND);
    assert_int_equal(ask(&db, "SELECT sum(images) FROM image_total"), 0);
    assert_int_equal(tt_db_begin(&db), TT_OK);
    execute(&db, "UPDATE image_total SET images = 9");
    assert_int_equal(tt_db_end(&db, TT_OK), TT_OK);
    assert_int_equal(ask(&db, "SELECT sum(images) FROM image_total"), 45);
    tt_db_close(&db);
}

static void a_full_database_is_told_from_a_broken_one(void **state) {
    sqlite3_stmt *fill = NULL;
    bool has_row;
    struct tt_db db;
    enum tt_err err;

    (void)state;
    assert_int_equal(open_here(&db), TT_OK);
    execute(&db, "CREATE TABLE ballast (content BLOB)");
    execute(&db, "PRAGMA max_page_count = 20");
    assert_int_equal(tt_db_prepare(&db, &fill, "INSERT INTO ballast VALUES (zeroblob(100000))"),
                     TT_OK);
    assert_int_equal(tt_db_begin(&db), TT_OK);
    err = tt_db_step(&db, fill, &has_row);
    tt_db_reset(fill);
    assert_int_equal(err, TT_ERR_SPOOL_FULL);
    assert_int_equal(tt_db_end(&db, err), TT_ERR_SPOOL_FULL);
    assert_non_null(strstr(tt_err_cause(), "database or disk is full"));
    /* The failure leaves a connection that works. */
    assert_int_equal(ask(&db, "SELECT count(*) FROM ballast"), 0);
    assert_int_equal(tt_db_begin(&db), TT_OK);
    assert_int_equal(tt_db_end(&db, TT_OK), TT_OK);
    tt_db_close(&db);
}

static void statements_are_prepared_once(void **state) {
    sqlite3_stmt *statement = NULL;
    sqlite3_stmt *first;
    struct tt_db db;

    (void)state;
    assert_int_equal(open_here(&db), TT_OK);
    assert_int_equal(tt_db_prepare(&db, &statement, "SELECT 1"), TT_OK);
    first = statement;
    assert_int_equal(tt_db_prepare(&db, &statement, "SELECT 1"), TT_OK);
    assert_ptr_equal(statement, first);
    statement = NULL;
    assert_int_equal(tt_db_prepare(&db, &statement, "SELECT FROM"), TT_ERR_JOURNAL);
    /* A text that was cut could be a statement all the same. */
    tt_err_take(TT_OK);
    assert_int_equal(tt_db_prepare(&db, &statement, "SELECT 1 %*s", 3000, ""), TT_ERR_JOURNAL);
    assert_non_null(strstr(tt_err_cause(), "too long"));
    assert_null(statement);
    tt_db_close(&db);
}

static void values_are_bound_and_read(void **state) {
    sqlite3_stmt *statement = NULL;
    sqlite3_stmt *number = NULL;
    int64_t answer = 7;
    struct tt_db db;
    bool has_row;
    char text[4];

    (void)state;
    assert_int_equal(open_here(&db), TT_OK);
    assert_int_equal(tt_db_prepare(&db, &statement, "SELECT ?1, ?2, ?1 || 'd', NULL"), TT_OK);
    assert_true(tt_db_bind_text(statement, 1, "abc") && tt_db_bind_int(statement, 2, INT64_MIN));
    assert_false(tt_db_bind_int(statement, 3, 0));
    assert_int_equal(tt_db_step(&db, statement, &has_row), TT_OK);
    assert_true(tt_db_read_text(statement, 0, text, sizeof text));
    assert_string_equal(text, "abc");
    assert_true(sqlite3_column_int64(statement, 1) == INT64_MIN);
    assert_false(tt_db_read_text(statement, 2, text, sizeof text));
    assert_false(tt_db_read_text(statement, 3, text, sizeof text));
    tt_db_reset(statement);
    assert_int_equal(tt_db_run(&db, statement, true), TT_OK);
    assert_int_equal(tt_db_run(&db, statement, false), TT_ERR_JOURNAL);
    assert_int_equal(tt_db_prepare(&db, &number, "SELECT images FROM image_total WHERE 0"), TT_OK);
    assert_int_equal(tt_db_ask_int(&db, number, &answer), TT_OK);
    assert_int_equal(answer, 7);
    tt_db_close(&db);
}

/* Opens once the parent closes the pipe, so that all openers start together. */
static int open_at_start(int number) {
    struct tt_db db;
    char nothing;
    enum tt_err err;

    (void)number;
    close(start_pipe[1]);
    if (read(start_pipe[0], &nothing, 1) != 0)
        return 2;
    err = open_here(&db);
    if (err == TT_OK)
        err = tt_db_begin(&db);
    if (err == TT_OK && sqlite3_exec(db.sqlite, "UPDATE image_total SET images = images + 1", NULL,
                                     NULL, NULL) != SQLITE_OK)
        err = tt_db_fail(&db, "count");
    if (err == TT_OK)
        err = tt_db_end(&db, TT_OK);
    if (err != TT_OK)
        fprintf(stderr, "opener: %s\n", tt_err_cause());
    tt_db_close(&db);
    return err == TT_OK ? 0 : 1;
}

static void many_processes_may_open_it_first(void **state) {
    pid_t openers[OPENERS];
    struct tt_db db;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        assert_int_equal(pipe(start_pipe), 0);
        for (int i = 0; i < OPENERS; i++)
            openers[i] = scratch_fork(open_at_start, i);
        assert_int_equal(close(start_pipe[1]), 0);
        for (int i = 0; i < OPENERS; i++)
            assert_int_equal(scratch_wait(openers[i]), 0);
        assert_int_equal(close(start_pipe[0]), 0);
        assert_int_equal(open_here(&db), TT_OK);
        assert_int_equal(ask(&db, "SELECT min(images) FROM image_total"), OPENERS);
        assert_int_equal(ask(&db, "PRAGMA user_version"), tt_schema_step_count);
        tt_db_close(&db);
        assert_int_equal(unlink(scratch_path("journal.db")), 0);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, reset_note, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(opens_with_the_settings_it_promises),
        TEST(commits_wait_for_the_disk_or_not),
        TEST(makes_files_with_the_mode_umask_allows),
        TEST(opens_again_and_keeps_what_is_there),
        TEST(refuses_a_newer_schema),
        TEST(refuses_what_is_no_database),
        TEST(says_which_directory_is_missing),
        TEST(rolls_back_what_failed),
        TEST(a_full_database_is_told_from_a_broken_one),
        TEST(statements_are_prepared_once),
        TEST(values_are_bound_and_read),
        TEST(many_processes_may_open_it_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
