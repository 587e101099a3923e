/* Units of src/store/journal.c, journal_list.c and journal_row.c: rows, pages, filters, plans,
 * totals, quota, several processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <sys/mount.h>

#include "scratch.h"
#include "store/db.h"
#include "store/journal_list.h"
#include "store_rows.h"
#include "tintype/journal.h"

#define WRITER_ROWS 200
#define PAGE_MAX    200

static struct tt_journal_row page[PAGE_MAX];

static void assert_files_equal(const struct tt_journal_file *a, const struct tt_journal_file *b) {
    assert_int_equal(a->size_bytes, b->size_bytes);
    assert_int_equal(a->format, b->format);
    assert_int_equal(a->width_px, b->width_px);
    assert_int_equal(a->height_px, b->height_px);
    assert_memory_equal(a->sha256, b->sha256, TT_HASH_BYTES);
}

static void assert_rows_equal(const struct tt_journal_row *a, const struct tt_journal_row *b) {
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->filename, b->filename);
    assert_files_equal(&a->processed, &b->processed);
    assert_files_equal(&a->original, &b->original);
    assert_int_equal(a->original_kept, b->original_kept);
    assert_int_equal(a->sync_state, b->sync_state);
    assert_int_equal(a->attempts, b->attempts);
    assert_string_equal(a->last_error, b->last_error);
    assert_int_equal(a->synced_at_ms, b->synced_at_ms);
    assert_int_equal(a->processed_evicted, b->processed_evicted);
    assert_int_equal(a->original_evicted, b->original_evicted);
}

/* The numbers of the rows that a query gives, page after page, as "3 2 1". */
static const char *walk(struct tt_journal_query query) {
    static char numbers[4096];
    char after_id[TT_UUID_SIZE];
    size_t length = 0;
    bool more = true;
    int count = 0;

    numbers[0] = '\0';
    while (more) {
        assert_int_equal(tt_journal_list(journal, &query, page, &count, &more), TT_OK);
        assert_true(count <= query.limit);
        assert_true(!more || count == query.limit);
        for (int i = 0; i < count; i++) {
            int64_t time_ms = 0;

            assert_true(tt_uuid_parse(page[i].id, &time_ms));
            length += (size_t)snprintf(numbers + length, sizeof numbers - length, "%s%d",
                                       length > 0 ? " " : "", (int)(time_ms - BASE_MS));
            assert_true(length < sizeof numbers);
        }
        if (!more)
            break;
        memcpy(after_id, page[count - 1].id, sizeof after_id);
        query.after_id = after_id;
    }
    return numbers;
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
    full.original_kept = false;
    full.sync_state = TT_SYNC_SYNCED;
    full.attempts = 3;
    (void)snprintf(full.last_error, sizeof full.last_error, "503 Slow Down; 'quoted' \"text\"");
    full.synced_at_ms = BASE_MS + 77;
    full.original.size_bytes = INT64_C(1) << 40;
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
    bad[2].processed.size_bytes = 0;
    bad[3].original.size_bytes = -5;
    bad[4].processed.width_px = 0;
    bad[5].original.format = TT_FORMAT_NONE;
    for (int i = 0; i < 6; i++) {
        tt_err_clear();
        assert_int_equal(tt_journal_insert(journal, &bad[i], NULL, 0), TT_ERR_JOURNAL);
        assert_non_null(strstr(tt_err_cause(), "CHECK constraint failed"));
    }
    insert(&good);
    tt_err_clear();
    assert_int_equal(tt_journal_insert(journal, &good, NULL, 0), TT_ERR_JOURNAL); /* the same id */
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

static void pages_in_both_orders(void **state) {
    (void)state;
    assert_string_equal(walk((struct tt_journal_query){.limit = 3}), "");
    for (int i = 0; i < 7; i++) {
        struct tt_journal_row row = make_row((i * 3) % 7);

        insert(&row);
    }
    assert_string_equal(walk((struct tt_journal_query){.limit = 3}), "6 5 4 3 2 1 0");
    assert_string_equal(walk((struct tt_journal_query){.limit = 7}), "6 5 4 3 2 1 0");
    assert_string_equal(walk((struct tt_journal_query){.limit = 1, .ascending = true}),
                        "0 1 2 3 4 5 6");
    assert_string_equal(walk((struct tt_journal_query){.limit = 200, .ascending = true}),
                        "0 1 2 3 4 5 6");
}

static void pages_are_stable_under_inserts(void **state) {
    struct tt_journal_query query = {.limit = 2};
    char after_id[TT_UUID_SIZE];
    struct tt_journal_row row;
    bool more;
    int count;

    (void)state;
    for (int i = 10; i < 50; i += 10) {
        row = make_row(i);
        insert(&row);
    }
    assert_int_equal(tt_journal_list(journal, &query, page, &count, &more), TT_OK);
    assert_int_equal(count, 2);
    assert_true(more);
    memcpy(after_id, page[1].id, sizeof after_id); /* 30 */
    row = make_row(45);
    insert(&row);
    row = make_row(25);
    insert(&row);
    query.after_id = after_id;
    assert_string_equal(walk(query), "25 20 10");
    query.ascending = true;
    assert_string_equal(walk(query), "40 45");
    /* Nor does a page need the row it starts after. */
    assert_int_equal(tt_journal_delete(journal, after_id, &row), TT_OK);
    query.ascending = false;
    assert_string_equal(walk(query), "25 20 10");
}

static void filters_combine(void **state) {
    char since[TT_UUID_SIZE];
    char until[TT_UUID_SIZE];
    struct tt_journal_query query = {.limit = 2, .ascending = true};

    (void)state;
    for (int i = 0; i < 24; i++) {
        struct tt_journal_row row = make_row(i);

        (void)snprintf(row.filename, sizeof row.filename, "%s", i % 2 == 0 ? "even" : "odd");
        row.sync_state = i % 3 == 0 ? TT_SYNC_DEAD : TT_SYNC_SYNCED;
        insert(&row);
    }
    tt_uuid_floor(BASE_MS + 6, since);
    tt_uuid_floor(BASE_MS + 18, until);
    query.filename = "even";
    assert_string_equal(walk(query), "0 2 4 6 8 10 12 14 16 18 20 22");
    query.has_state = true;
    query.state = TT_SYNC_DEAD;
    assert_string_equal(walk(query), "0 6 12 18");
    query.since_id = since;
    assert_string_equal(walk(query), "6 12 18");
    query.until_id = until;
    assert_string_equal(walk(query), "6 12");
    query.ascending = false;
    query.filename = NULL;
    assert_string_equal(walk(query), "15 12 9 6");
    query.has_state = false;
    assert_string_equal(walk(query), "17 16 15 14 13 12 11 10 9 8 7 6");
    query.since_id = NULL;
    query.filename = "odd";
    assert_string_equal(walk(query), "17 15 13 11 9 7 5 3 1");
    query.filename = "Odd";
    assert_string_equal(walk(query), "");
}

static void the_narrower_of_cursor_and_range_holds(void **state) {
    char ids[4][TT_UUID_SIZE];
    struct tt_journal_query query = {.limit = 9, .ascending = true};

    (void)state;
    for (int i = 0; i < 6; i++) {
        struct tt_journal_row row = make_row(i);

        insert(&row);
    }
    for (int i = 0; i < 4; i++)
        tt_uuid_floor(BASE_MS + i + 1, ids[i]);
    query.after_id = ids[0]; /* 1 */
    query.since_id = ids[2]; /* 3 */
    assert_string_equal(walk(query), "3 4 5");
    query.after_id = ids[2];
    assert_string_equal(walk(query), "4 5");
    query.since_id = ids[0];
    assert_string_equal(walk(query), "4 5");
    query.ascending = false;
    query.since_id = NULL;
    query.until_id = ids[1]; /* 2 */
    assert_string_equal(walk(query), "1 0");
    query.until_id = ids[3]; /* 4 */
    assert_string_equal(walk(query), "2 1 0");
}

/* Each plan is one SEARCH with bounds on the id: neither SCAN nor a sort. */
static void no_list_scans_or_sorts(void **state) {
    char id[TT_UUID_SIZE] = "";
    bool seen[TT_JOURNAL_LIST_KINDS] = {false};
    struct tt_db db;

    (void)state;
    assert_int_equal(tt_db_open(&db, scratch_path("journal.db")), TT_OK);
    for (int bits = 0; bits < 64; bits++) {
        struct tt_journal_query query = {
            .limit = 50,
            .ascending = bits & 1,
            .after_id = bits & 2 ? id : NULL,
            .filename = bits & 4 ? "a" : NULL,
            .has_state = bits & 8,
            .since_id = bits & 16 ? id : NULL,
            .until_id = bits & 32 ? id : NULL,
        };
        char sql[TT_JOURNAL_LIST_SQL_SIZE];
        char explain[TT_JOURNAL_LIST_SQL_SIZE + 32];
        sqlite3_stmt *plan = NULL;
        bool has_row;
        int steps = 0;
        int kind = tt_journal_list_sql(&query, sql);

        assert_in_range(kind, 0, TT_JOURNAL_LIST_KINDS - 1);
        seen[kind] = true;
        (void)snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql);
        assert_int_equal(tt_db_prepare(&db, &plan, explain), TT_OK);
        while (tt_db_step(&db, plan, &has_row) == TT_OK && has_row) {
            const char *detail = (const char *)sqlite3_column_text(plan, 3);

            assert_non_null(detail);
            assert_int_equal(strncmp(detail, "SEARCH image USING ", 19), 0);
            assert_non_null(strstr(detail, "id>? AND id<?)"));
            steps++;
        }
        assert_int_equal(steps, 1);
        tt_db_reset(plan);
    }
    /* The exclusive lower bound needs an ascending order: 12 of the 16 kinds come up. */
    for (int kind = 0; kind < TT_JOURNAL_LIST_KINDS; kind++)
        assert_int_equal(seen[kind], kind % 4 != 2);
    tt_db_close(&db);
}

static void totals_follow_every_change(void **state) {
    struct tt_journal_row pending = make_row(1);  /* 1001 + 5000 bytes */
    struct tt_journal_row unkept = make_row(2);   /* 1002 */
    struct tt_journal_row switched = make_row(3); /* 1003 + 5000 */
    struct tt_journal_totals totals;
    struct tt_journal_row gone;
    struct tt_db db;

    (void)state;
    unkept.original_kept = false;
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
    second.original_kept = false;
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
        row.original_kept = i != TT_SYNC_STORED;
        insert(&row);
        assert_int_equal(tt_journal_delete(journal, row.id, &gone), TT_OK);
    }
    /* Of a row that is off the cloud has nothing. */
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
    assert_true(first.processed_evicted && first.original_evicted);
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
            (void)fprintf(stderr, "writer: %s\n", tt_err_cause());
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

/* A mount of this process alone, so that nothing of it outlives the test. */
static bool mount_small_disk(void) {
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("small", scratch, "tmpfs", 0, "size=600k") == 0;
}

static void a_full_disk_loses_nothing(void **state) {
    struct tt_journal_totals totals;
    enum tt_err err = TT_OK;
    int inserted = 0;

    (void)state;
    tt_journal_close(journal);
    journal = NULL;
    if (!mount_small_disk())
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
    assert_int_equal(umount2(scratch, MNT_DETACH), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_journal, close_journal)

static void what_is_retried_is_due_at_once(void **state) {
    struct tt_journal_row row;
    int64_t changed;

    (void)state;
    for (int i = 1; i <= 5; i++) {
        row = make_row(i);
        row.sync_state = i == 5 ? TT_SYNC_SYNCED : TT_SYNC_DEAD;
        row.attempts = 7;
        (void)snprintf(row.last_error, sizeof row.last_error, "no");
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

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sync_states_have_names),
        TEST(finds_what_was_inserted),
        TEST(finds_nothing_quietly),
        TEST(survives_closing),
        TEST(refuses_rows_that_make_no_sense),
        TEST(deletes_and_returns_the_row),
        TEST(pages_in_both_orders),
        TEST(pages_are_stable_under_inserts),
        TEST(filters_combine),
        TEST(the_narrower_of_cursor_and_range_holds),
        TEST(no_list_scans_or_sorts),
        TEST(totals_follow_every_change),
        TEST(the_quota_counts_what_is_kept),
        TEST(a_deleted_row_leaves_a_removal),
        TEST(an_evicted_file_takes_nothing_of_the_quota),
        TEST(two_processes_insert_at_once),
        TEST(check_passes_and_leaves_no_transaction),
        TEST(open_fails_without_a_handle),
        TEST(a_full_disk_loses_nothing),
        TEST(what_is_retried_is_due_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
