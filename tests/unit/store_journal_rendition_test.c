/* What the journal does with renditions (src/store/journal_row.c and the files above it): rows,
 * quota, removals, eviction, and how often it looks for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_agent.h"

/* Inserts a row of 1000 + number bytes, 5000 of an original that is kept, and 300 of two
 * renditions. */
static struct tt_journal_row insert_with_two(int number, enum tt_sync_state sync_state) {
    struct tt_journal_row row = make_row(number);

    row.sync_state = sync_state;
    add_renditions(&row, 2);
    insert(&row);
    return row;
}

static int rendition_count(const struct tt_journal_row *row) {
    return tt_journal_row_original(row) - TT_JOURNAL_RENDITION;
}

static void assert_renditions(const struct tt_journal_row *row,
                              const struct tt_journal_row *expected) {
    assert_int_equal(row->file_count, expected->file_count);
    for (int i = TT_JOURNAL_RENDITION; i < tt_journal_row_original(row); i++) {
        const struct tt_journal_file *a = &row->files[i];
        const struct tt_journal_file *b = &expected->files[i];

        assert_int_equal(a->kind, TT_SPOOL_RENDITION);
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->size_bytes, b->size_bytes);
        assert_int_equal(a->format, b->format);
        assert_int_equal(a->width_px, b->width_px);
        assert_int_equal(a->height_px, b->height_px);
        assert_memory_equal(a->sha256, b->sha256, TT_HASH_BYTES);
        assert_int_equal(a->evicted, b->evicted);
    }
}

/* ---- rows ---- */

static void finds_what_was_inserted(void **state) {
    struct tt_journal_row row = make_row(1);
    struct tt_journal_row other = insert_with_two(2, TT_SYNC_PENDING);
    struct tt_journal_row found;

    (void)state;
    add_renditions(&row, TT_PICTURE_RENDITIONS_MAX);
    insert(&row);
    tt_journal_close(journal);
    assert_int_equal(tt_journal_open(&journal, scratch), TT_OK);
    found = find(1);
    assert_renditions(&found, &row);
    found = find(2);
    assert_renditions(&found, &other);
}

static void lists_and_looks_have_them(void **state) {
    const struct tt_journal_query query = {.limit = 5, .ascending = true};
    struct tt_journal_row row = insert_with_two(2, TT_SYNC_PENDING);
    bool more;

    (void)state;
    insert_as(1, TT_SYNC_PENDING);
    insert_as(3, TT_SYNC_PENDING);
    for (int i = 0; i < 2; i++) { /* the second time, rows hold what was read before */
        assert_int_equal(tt_journal_list(journal, &query, rows, &count, &more), TT_OK);
        assert_int_equal(count, 3);
        assert_int_equal(rendition_count(&rows[0]), 0);
        assert_renditions(&rows[1], &row);
        assert_int_equal(rendition_count(&rows[2]), 0);
        rows[0] = rows[2] = rows[1];
    }
    assert_string_equal(due(TT_SYNC_PENDING, 10), "1 2 3");
    assert_renditions(&rows[1], &row);
    assert_int_equal(rendition_count(&rows[2]), 0);
}

static void refuses_renditions_that_make_no_sense(void **state) {
    struct tt_journal_row bad[5];

    (void)state;
    for (int i = 0; i < 5; i++) {
        bad[i] = make_row(i);
        add_renditions(&bad[i], 2);
    }
    bad[0].files[TT_JOURNAL_RENDITION + 1].name[0] = '\0';
    bad[1].files[TT_JOURNAL_RENDITION].name[0] = '/';
    bad[2].files[TT_JOURNAL_RENDITION + 1].size_bytes = 0;
    bad[3].files[TT_JOURNAL_RENDITION].width_px = 0;
    bad[4].files[TT_JOURNAL_RENDITION + 1].format = TT_FORMAT_NONE;
    for (int i = 0; i < 5; i++) {
        tt_err_take(TT_OK);
        assert_int_equal(tt_journal_insert(journal, &bad[i], NULL, 0), TT_ERR_JOURNAL);
        assert_non_null(strstr(tt_err_cause(), "CHECK constraint failed"));
    }
    /* Not even the image's own row is left of them. */
    assert_int_equal(ask("SELECT count(*) FROM image"), 0);
    assert_int_equal(ask("SELECT count(*) FROM rendition"), 0);
    assert_int_equal(kept_bytes(), 0);
}

static void what_is_not_as_counted_is_refused(void **state) {
    static const char *const changes[] = {
        "DELETE FROM rendition WHERE number = 1",
        "UPDATE rendition SET number = 5 WHERE number = 1",
        "INSERT INTO rendition SELECT id, 2, 'c', 1, 'PNG', 1, 1, sha256 FROM rendition "
        "WHERE number = 0",
        "UPDATE rendition SET format = 'XYZ' WHERE number = 0",
    };
    struct tt_journal_row row;

    (void)state;
    for (int i = 0; i < 4; i++) {
        execute("DELETE FROM image; DELETE FROM rendition");
        insert_with_two(i, TT_SYNC_PENDING);
        execute(changes[i]);
        tt_err_take(TT_OK);
        assert_int_equal(tt_journal_find(journal, make_row(i).id, &row), TT_ERR_JOURNAL);
        assert_string_not_equal(tt_err_cause(), "");
        tt_err_take(TT_OK);
        insert_as(20 + i, TT_SYNC_PENDING);
        due(TT_SYNC_PENDING, 5); /* the spoilt row holds up no other */
        assert_int_equal(count, 1);
        assert_int_equal(ask("SELECT count(*) FROM image WHERE sync_state = 'dead'"), 1);
    }
}

/* A statement that fails is not the row's fault, so a row that cannot be read now is not dead. */
static void a_failure_buries_nobody(void **state) {
    (void)state;
    insert_with_two(1, TT_SYNC_PENDING);
    execute("ALTER TABLE rendition RENAME TO elsewhere");
    assert_int_equal(tt_journal_due(journal, TT_SYNC_PENDING, NOW_MS, 5, rows, &count),
                     TT_ERR_JOURNAL);
    tt_err_take(TT_OK);
    execute("ALTER TABLE elsewhere RENAME TO rendition");
    assert_string_equal(due(TT_SYNC_PENDING, 5), "1");
    assert_int_equal(rendition_count(&rows[0]), 2);
}

static void the_quota_counts_them(void **state) {
    struct tt_journal_row first = make_row(1); /* 6001 bytes */
    struct tt_journal_row second = make_row(2);

    (void)state;
    add_renditions(&first, 2);
    second.files[ORIGINAL].kept = false;
    add_renditions(&second, 1); /* 1102 bytes */
    assert_int_equal(tt_journal_insert(journal, &first, NULL, 6300), TT_ERR_SPOOL_FULL);
    assert_int_equal(tt_journal_insert(journal, &first, NULL, 6301), TT_OK);
    assert_int_equal(kept_bytes(), 6301);
    assert_int_equal(tt_journal_insert(journal, &second, NULL, 7402), TT_ERR_SPOOL_FULL);
    assert_int_equal(tt_journal_insert(journal, &second, NULL, 7403), TT_OK);
    assert_int_equal(tt_journal_delete(journal, first.id, &first), TT_OK);
    assert_int_equal(kept_bytes(), 1102);
}

/* ---- removals ---- */

static void a_removal_knows_them_until_it_is_over(void **state) {
    struct tt_journal_row row = insert_with_two(1, TT_SYNC_SYNCED);
    struct tt_journal_outcome outcome = outcome_of(1, TT_SYNC_PENDING);
    struct tt_journal_row gone;

    (void)state;
    insert_with_two(2, TT_SYNC_SYNCED);
    assert_int_equal(tt_journal_delete(journal, row.id, &gone), TT_OK);
    assert_renditions(&gone, &row);
    assert_int_equal(tt_journal_due_removals(journal, NOW_MS, 5, rows, &count), TT_OK);
    assert_int_equal(count, 1);
    assert_renditions(&rows[0], &row);
    assert_int_equal(tt_journal_row_name(&rows[0], TT_JOURNAL_RENDITION + 1).format,
                     TT_FORMAT_JPEG);
    outcome.is_removal = outcome.failed = true;
    record(&outcome, NOW_MS);
    assert_int_equal(tt_journal_due_removals(journal, NOW_MS, 5, rows, &count), TT_OK);
    assert_renditions(&rows[0], &row);
    assert_int_equal(rows[0].attempts, 1);
    outcome.done = true;
    record(&outcome, NOW_MS);
    assert_int_equal(ask("SELECT count(*) FROM removal"), 0);
    assert_int_equal(ask("SELECT count(*) FROM rendition"), 2); /* the other image's */
}

static void without_a_removal_they_go_at_once(void **state) {
    struct tt_journal_row row = insert_with_two(1, TT_SYNC_OFF);

    (void)state;
    assert_int_equal(tt_journal_delete(journal, row.id, &row), TT_OK);
    assert_int_equal(rendition_count(&row), 2);
    assert_int_equal(ask("SELECT count(*) FROM rendition"), 0);
}

/* ---- files that come and go ---- */

static void evicted_with_the_rest_and_fetched_one_by_one(void **state) {
    struct tt_journal_row row = insert_with_two(1, TT_SYNC_PENDING);

    (void)state;
    record_done(1, TT_SYNC_SYNCED, NOW_MS);
    assert_int_equal(tt_journal_evict(journal, NOW_MS, ROWS_MAX, rows, &count), TT_OK);
    assert_int_equal(count, 1);
    assert_int_equal(rendition_count(&rows[0]), 2);
    assert_true(rows[0].files[TT_JOURNAL_RENDITION].evicted &&
                rows[0].files[TT_JOURNAL_RENDITION + 1].evicted);
    assert_int_equal(kept_bytes(), 0);
    for (int i = 0; i < 2; i++) { /* a fetch that is told twice counts once */
        assert_int_equal(tt_journal_fetched(journal, &row, TT_JOURNAL_RENDITION + 1, NOW_MS + 5),
                         TT_OK);
        assert_int_equal(kept_bytes(), 200);
    }
    row = find(1);
    assert_true(row.files[TT_JOURNAL_RENDITION].evicted);
    assert_false(row.files[TT_JOURNAL_RENDITION + 1].evicted);
    assert_true(row.files[RESULT].evicted && row.files[tt_journal_row_original(&row)].evicted);
    assert_true(backlog(true).local_since_ms == NOW_MS + 5);
    assert_int_equal(tt_journal_fetched(journal, &row, TT_JOURNAL_RENDITION, NOW_MS + 6), TT_OK);
    assert_int_equal(kept_bytes(), 300);
    /* A dead image of which a rendition alone was evicted goes on with its item, too. */
    execute("UPDATE image SET sync_state = 'dead', processed_evicted = 0, original_evicted = 0, "
            "renditions_evicted = 1");
    int64_t changed;
    assert_int_equal(tt_journal_retry(journal, row.id, &changed), TT_OK);
    assert_int_equal(find(1).sync_state, TT_SYNC_STORED);
    assert_int_equal(tt_journal_evict(journal, NOW_MS + 6, ROWS_MAX, rows, &count), TT_OK);
    assert_int_equal(kept_bytes(), 0);
    assert_int_equal(tt_journal_delete(journal, row.id, &row), TT_OK);
    assert_int_equal(tt_journal_fetched(journal, &row, TT_JOURNAL_RENDITION, NOW_MS),
                     TT_ERR_NOT_FOUND);
    assert_string_equal(tt_err_cause(), "");
}

static void a_rendition_alone_is_let_go_again(void **state) {
    struct tt_journal_row row = insert_with_two(1, TT_SYNC_PENDING);

    (void)state;
    record_done(1, TT_SYNC_STORED, NOW_MS);
    assert_int_equal(tt_journal_evict(journal, NOW_MS, ROWS_MAX, rows, &count), TT_OK);
    assert_int_equal(tt_journal_fetched(journal, &row, TT_JOURNAL_RENDITION, NOW_MS), TT_OK);
    execute("UPDATE image SET local_since_ms = NULL"); /* as if it had never been done */
    record_done(1, TT_SYNC_SYNCED, NOW_MS + 9);
    assert_true(backlog(true).local_since_ms == NOW_MS + 9);
}

/* ---- how often they are looked for ---- */

static int rendition_looks;

static int count_looks(unsigned kind, void *context, void *statement, void *text) {
    (void)kind;
    (void)context;
    (void)statement;
    rendition_looks += strstr(text, "rendition WHERE") != NULL;
    return 0;
}

static void rows_without_renditions_cost_no_look(void **state) {
    const struct tt_journal_query query = {.limit = ROWS_MAX};
    struct tt_journal_row row;
    bool more;

    (void)state;
    for (int i = 0; i < 10; i++)
        insert_as(i, TT_SYNC_PENDING);
    insert_with_two(10, TT_SYNC_PENDING);
    find(10); /* so that every statement is prepared */
    assert_int_equal(sqlite3_trace_v2(journal->db.sqlite, SQLITE_TRACE_STMT, count_looks, NULL),
                     SQLITE_OK);
    rendition_looks = 0;
    find(3);
    assert_int_equal(tt_journal_delete(journal, make_row(4).id, &row), TT_OK);
    record_done(3, TT_SYNC_SYNCED, NOW_MS);
    assert_int_equal(tt_journal_evict(journal, NOW_MS, ROWS_MAX, rows, &count), TT_OK);
    assert_int_equal(tt_journal_due_removals(journal, NOW_MS, 5, rows, &count), TT_OK);
    assert_int_equal(rendition_looks, 0);
    assert_int_equal(tt_journal_list(journal, &query, rows, &count, &more), TT_OK);
    assert_int_equal(count, 10);
    assert_int_equal(rendition_looks, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_relaxed, close_journal)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(finds_what_was_inserted),
        TEST(lists_and_looks_have_them),
        TEST(refuses_renditions_that_make_no_sense),
        TEST(what_is_not_as_counted_is_refused),
        TEST(a_failure_buries_nobody),
        TEST(the_quota_counts_them),
        TEST(a_removal_knows_them_until_it_is_over),
        TEST(without_a_removal_they_go_at_once),
        TEST(evicted_with_the_rest_and_fetched_one_by_one),
        TEST(a_rendition_alone_is_let_go_again),
        TEST(rows_without_renditions_cost_no_look),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
