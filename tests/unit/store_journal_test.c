/* Units of src/store/journal_image.c and journal_handle.c: rows, totals, quota, several processes,
 * a full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"
#include "store/db.h"
#include "store_rows.h"
#include "tintype/journal.h"

#define WRITER_ROWS 200

static void assert_files_equal(const struct tt_journal_file *a, const struct tt_journal_file *b) {
    assert_int_equal(a->kind, b->kind);
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->kept, b->kept);
    assert_int_equal(a->evicted, b->evicted);
    assert_int_equal(a->size_bytes, b->size_bytes);
    assert_int_equal(a->format, b->format);
    assert_int_equal(a->width_px, b->width_px);
    assert_int_equal(a->height_px, b->height_px);
    assert_memory_equal(a->sha256, b->sha256, TT_HASH_BYTES);
}

static void assert_rows_equal(const struct tt_journal_row *a, const struct tt_journal_row *b) {
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->filename, b->filename);
    assert_int_equal(a->file_count, b->file_count);
    for (int i = 0; i < a->file_count; i++)
        assert_files_equal(&a->files[i], &b->files[i]);
    assert_int_equal(a->sync_state, b->sync_state);
    assert_int_equal(a->attempts, b->attempts);
    assert_string_equal(a->last_error, b->last_error);
    assert_int_equal(a->synced_at_ms, b->synced_at_ms);
}

static void sync_states_have_names(void **state) {
    enum tt_sync_state parsed;

    (void)state;
    for (int i = 0; i < TT_SYNC_STATE_COUNT; i++) {
        assert_true(tt_sync_state_parse(tt_sync_state_name((enum tt_sync_state)i), &parsed));
        assert_int_equal(parsed, i);
    }
    assert_string_equal(tt_sync_state_name(TT_SYNC_OFF), "off");
    assert_string_equal(tt_sync_state_name(TT_SYNC_DEAD), "dead");
    assert_false(tt_sync_state_parse("", &parsed));
    assert_false(tt_sync_state_parse("Dead", &parsed));
    assert_false(tt_sync_state_parse("deader", &parsed));
}

static void finds_what_was_inserted(void **state) {
    struct tt_journal_row plain = make_row(1);
    struct tt_journal_row full = make_row(2);
    struct tt_journal_row found;

    (void)state;
    memset(full.filename, 'x', TT_TEXT_FILENAME_MAX_BYTES);
    full.files[ORIGINAL].kept = false;
    full.sync_state = TT_SYNC_SYNCED;
    full.attempts = 3;
    snprintf(full.last_error, sizeof full.last_error, "503 Slow Down; 'quoted' \"text\"");
    full.synced_at_ms = BASE_MS + 77;
    full.files[ORIGINAL].size_bytes = INT64_C(1) << 40;
    insert(&plain);
    insert(&full);
    assert_int_equal(tt_journal_find(journal, plain.id, &found), TT_OK);
    assert_rows_equal(&found, &plain);
    assert_int_equal(tt_journal_find(journal, full.id, &found), TT_OK);
    assert_rows_equal(&found, &full);
}

static void finds_nothing_quietly(void **state) {
    struct tt_journal_row found;

    (void)state;
    assert_int_equal(tt_journal_find(journal, make_row(9).id, &found), TT_ERR_NOT_FOUND);
    assert_int_equal(tt_journal_find(journal, "' OR 1 --", &found), TT_ERR_NOT_FOUND);
    assert_int_equal(tt_journal_delete(journal, make_row(9).id, &found), TT_ERR_NOT_FOUND);
    assert_string_equal(tt_err_cause(), "");
}

static void survives_closing(void **state) {
    struct tt_journal_row row = make_row(1);
    struct tt_journal_row found;

    (void)state;
    insert(&row);
    tt_journal_close(journal);
    assert_int_equal(tt_journal_open(&journal, scratch), TT_OK);
    assert_int_equal(tt_journal_find(journal, row.id, &found), TT_OK);
    assert_rows_equal(&found, &row);
}

static void refuses_rows_that_make_no_sense(void **state) {
    struct tt_journal_row good = make_row(1);
    struct tt_journal_row bad[6];
    struct tt_journal_totals totals;

    (void)state;
    for (int i = 0; i < 6; i++)
        bad[i] = good;
    bad[0].id[35] = '\0';
    bad[1].filename[0] = '\0';
    bad[2].files[RESULT].size_bytes = 0;
    bad[3].files[ORIGINAL].size_bytes = -5;
    bad[4].files[RESULT].width_px = 0;
    bad[5].files[ORIGINAL].format = TT_FORMAT_NONE;
    for (int i = 0; i < 6; i++) {
        tt_err_take(TT_OK);
        assert_int_equal(tt_journal_insert(journal, &bad[i], NULL, 0), TT_ERR_JOURNAL);
        assert_non_null(strstr(tt_err_cause(), "CHECK constraint failed"));
    }
    insert(&good);
    tt_err_take(TT_OK);
    assert_int_equal(tt_journal_insert(journal, &good, NULL, 0),
                     TT_ERR_JOURNAL); /* its id is taken */
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    assert_int_equal(totals.rows[TT_SYNC_PENDING], 1);
}

static void deletes_and_returns_the_row(void **state) {
    struct tt_journal_row row = make_row(1);
    struct tt_journal_row other = make_row(2);
    struct tt_journal_row gone;

    (void)state;
    insert(&row);
    insert(&other);
    assert_int_equal(tt_journal_delete(journal, row.id, &gone), TT_OK);
    assert_rows_equal(&gone, &row);
    tt_journal_close(journal);
    assert_int_equal(tt_journal_open(&journal, scratch), TT_OK);
    assert_int_equal(tt_journal_find(journal, row.id, &gone), TT_ERR_NOT_FOUND);
    assert_int_equal(tt_journal_find(journal, other.id, &gone), TT_OK);
}

static void totals_follow_every_change(void **state) {
    struct tt_journal_row pending = make_row(1);  /* 1001 + 5000 bytes */
    struct tt_journal_row unkept = make_row(2);   /* 1002 bytes */
    struct tt_journal_row switched = make_row(3); /* 1003 + 5000 bytes */
    struct tt_journal_totals totals;
    struct tt_journal_row gone;
    struct tt_db db;

    (void)state;
    unkept.files[ORIGINAL].kept = false;
    unkept.sync_state = TT_SYNC_OFF;
    insert(&pending);
    insert(&unkept);
    insert(&switched);
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    assert_int_equal(totals.rows[TT_SYNC_PENDING], 2);
    assert_int_equal(totals.rows[TT_SYNC_OFF], 1);
    assert_int_equal(totals.rows[TT_SYNC_SYNCED], 0);
    assert_int_equal(totals.bytes, 6001 + 1002 + 6003);
    assert_int_equal(tt_db_open(&db, scratch_path("journal.db")), TT_OK);
    assert_int_equal(sqlite3_exec(db.sqlite,
                                  "UPDATE image SET sync_state = 'synced', original_kept = 0 "
                                  "WHERE filename = 'photo 3.jpg'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    tt_db_close(&db);
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    assert_int_equal(totals.rows[TT_SYNC_PENDING], 1);
    assert_int_equal(totals.rows[TT_SYNC_SYNCED], 1);
    assert_int_equal(totals.bytes, 6001 + 1002 + 1003);
    assert_int_equal(tt_journal_delete(journal, pending.id, &gone), TT_OK);
    assert_int_equal(tt_journal_delete(journal, unkept.id, &gone), TT_OK);
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    assert_int_equal(totals.rows[TT_SYNC_PENDING], 0);
    assert_int_equal(totals.rows[TT_SYNC_OFF], 0);
    assert_int_equal(totals.bytes, 1003);
}

static void the_quota_counts_what_is_kept(void **state) {
    struct tt_journal_row first = make_row(1);  /* 6001 bytes */
    struct tt_journal_row second = make_row(2); /* 6002 bytes */
    struct tt_journal_row found;

    (void)state;
    assert_int_equal(tt_journal_insert(journal, &first, NULL, 6000), TT_ERR_SPOOL_FULL);
    assert_non_null(strstr(tt_err_cause(), "quota_bytes"));
    assert_int_equal(tt_journal_find(journal, first.id, &found), TT_ERR_NOT_FOUND);
    assert_int_equal(tt_journal_insert(journal, &first, NULL, 6001), TT_OK);
    assert_int_equal(tt_journal_insert(journal, &second, NULL, 6001 + 6001), TT_ERR_SPOOL_FULL);
    second.files[ORIGINAL].kept = false;
    assert_int_equal(tt_journal_insert(journal, &second, NULL, 6001 + 6001), TT_OK);
    assert_int_equal(tt_journal_delete(journal, first.id, &found), TT_OK);
    assert_int_equal(tt_journal_insert(journal, &first, NULL, 6001 + 1002), TT_OK);
}

static void a_deleted_row_leaves_a_removal(void **state) {
    struct tt_journal_row gone;

    (void)state;
    for (int i = 0; i < TT_SYNC_STATE_COUNT; i++) {
        struct tt_journal_row row = make_row(i);

        row.sync_state = (enum tt_sync_state)i;
        row.files[ORIGINAL].kept = i != TT_SYNC_STORED;
        insert(&row);
        assert_int_equal(tt_journal_delete(journal, row.id, &gone), TT_OK);
    }
    /* The cloud has nothing of a row that is off, so no removal is needed. */
    assert_int_equal(ask("SELECT count(*) FROM removal"), TT_SYNC_STATE_COUNT - 1);
    assert_int_equal(tt_journal_delete(journal, make_row(9).id, &gone), TT_ERR_NOT_FOUND);
    assert_int_equal(ask("SELECT count(*) FROM removal WHERE original_format = 'JPEG' AND "
                         "processed_format = 'PNG' AND attempts = 0 AND retry_at_ms = 0"),
                     TT_SYNC_STATE_COUNT - 1);
    assert_int_equal(ask("SELECT count(*) FROM removal WHERE original_kept = 0"), 1);
}

static void an_evicted_file_takes_nothing_of_the_quota(void **state) {
    struct tt_journal_row first = make_row(1);  /* 6001 bytes */
    struct tt_journal_row second = make_row(2); /* 6002 bytes */
    struct tt_journal_totals totals;

    (void)state;
    insert(&first);
    assert_int_equal(tt_journal_insert(journal, &second, NULL, 12002), TT_ERR_SPOOL_FULL);
    execute("UPDATE image SET original_evicted = 1");
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    assert_int_equal(totals.bytes, 1001);
    assert_int_equal(tt_journal_insert(journal, &second, NULL, 7002), TT_ERR_SPOOL_FULL);
    assert_int_equal(tt_journal_insert(journal, &second, NULL, 7003), TT_OK);
    execute("UPDATE image SET processed_evicted = 1, original_evicted = 1");
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    assert_int_equal(totals.bytes, 0);
    assert_int_equal(totals.rows[TT_SYNC_PENDING], 2);
    assert_int_equal(tt_journal_find(journal, first.id, &first), TT_OK);
    assert_true(first.files[RESULT].evicted && first.files[ORIGINAL].evicted);
    assert_int_equal(tt_journal_delete(journal, first.id, &first), TT_OK);
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    assert_int_equal(totals.bytes, 0);
}

static int insert_many(int writer) {
    struct tt_journal *own;

    if (tt_journal_open(&own, scratch) != TT_OK)
        return 1;
    for (int i = 0; i < WRITER_ROWS; i++) {
        struct tt_journal_row row = make_row(i * 2 + writer);

        if (tt_journal_insert(own, &row, NULL, 0) != TT_OK) {
            fprintf(stderr, "writer: %s\n", tt_err_cause());
            return 2;
        }
    }
    tt_journal_close(own);
    return 0;
}

static void two_processes_insert_at_once(void **state) {
    struct tt_journal_totals totals;
    pid_t writers[2];

    (void)state;
    tt_journal_close(journal);
    journal = NULL;
    for (int i = 0; i < 2; i++)
        writers[i] = scratch_fork(insert_many, i);
    for (int i = 0; i < 2; i++)
        assert_int_equal(scratch_wait(writers[i]), 0);
    assert_int_equal(tt_journal_open(&journal, scratch), TT_OK);
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    assert_int_equal(totals.rows[TT_SYNC_PENDING], 2 * WRITER_ROWS);
    for (int i = 0; i < 2 * WRITER_ROWS; i++) {
        struct tt_journal_row row;

        assert_int_equal(tt_journal_find(journal, make_row(i).id, &row), TT_OK);
    }
}

static void check_passes_and_leaves_no_transaction(void **state) {
    struct tt_journal_row row = make_row(1);

    (void)state;
    assert_int_equal(tt_journal_check(journal), TT_OK);
    assert_int_equal(tt_journal_check(journal), TT_OK);
    insert(&row);
}

static void open_fails_without_a_handle(void **state) {
    struct tt_journal *none = journal;

    (void)state;
    assert_int_equal(tt_journal_open(&none, scratch_path("missing")), TT_ERR_JOURNAL);
    assert_null(none);
    tt_journal_close(NULL);
}

static void a_full_disk_loses_nothing(void **state) {
    struct tt_journal_totals totals;
    enum tt_err err = TT_OK;
    int inserted = 0;

    (void)state;
    tt_journal_close(journal);
    journal = NULL;
    if (!scratch_mount_small("size=600k"))
        skip();
    assert_int_equal(tt_journal_open(&journal, scratch), TT_OK);
    while (inserted < 10000) {
        struct tt_journal_row row = make_row(inserted);

        err = tt_journal_insert(journal, &row, NULL, 0);
        if (err != TT_OK)
            break;
        inserted++;
    }
    assert_int_equal(err, TT_ERR_SPOOL_FULL);
    assert_true(inserted > 10);
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    assert_int_equal(totals.rows[TT_SYNC_PENDING], inserted);
    tt_journal_close(journal);
    assert_int_equal(tt_journal_open(&journal, scratch), TT_OK);
    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    assert_int_equal(totals.rows[TT_SYNC_PENDING], inserted);
    tt_journal_close(journal);
    journal = NULL;
    assert_int_equal(scratch_unmount(), 0);
}

static void what_is_retried_is_due_at_once(void **state) {
    struct tt_journal_row row;
    int64_t changed;

    (void)state;
    for (int i = 1; i <= 5; i++) {
        row = make_row(i);
        row.sync_state = i == 5 ? TT_SYNC_SYNCED : TT_SYNC_DEAD;
        row.attempts = 7;
        snprintf(row.last_error, sizeof row.last_error, "no");
        insert(&row);
    }
    execute("UPDATE image SET retry_at_ms = 99, processed_evicted = filename = 'photo 2.jpg'");
    row = make_row(1);
    assert_int_equal(tt_journal_retry(journal, row.id, &changed), TT_OK);
    assert_int_equal(changed, 1);
    assert_int_equal(tt_journal_find(journal, row.id, &row), TT_OK);
    assert_int_equal(row.sync_state, TT_SYNC_PENDING);
    assert_int_equal(row.attempts, 0);
    assert_string_equal(row.last_error, "");
    assert_int_equal(tt_journal_retry(journal, NULL, &changed), TT_OK);
    assert_int_equal(changed, 3);
    assert_int_equal(ask("SELECT count(*) FROM image WHERE retry_at_ms = 0"), 4);
    assert_int_equal(ask("SELECT count(*) FROM image WHERE sync_state = 'stored'"), 1);
    row = make_row(5);
    assert_int_equal(tt_journal_retry(journal, row.id, &changed), TT_OK);
    assert_int_equal(changed, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_journal, close_journal)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sync_states_have_names),          TEST(finds_what_was_inserted),
        TEST(finds_nothing_quietly),           TEST(survives_closing),
        TEST(refuses_rows_that_make_no_sense), TEST(deletes_and_returns_the_row),
        TEST(totals_follow_every_change),      TEST(the_quota_counts_what_is_kept),
        TEST(a_deleted_row_leaves_a_removal),  TEST(an_evicted_file_takes_nothing_of_the_quota),
        TEST(two_processes_insert_at_once),    TEST(check_passes_and_leaves_no_transaction),
        TEST(open_fails_without_a_handle),     TEST(a_full_disk_loses_nothing),
        TEST(what_is_retried_is_due_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
