/* Units of src/store/journal_list.c: pages, filters, plans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_rows.h"

#define PAGE_MAX 200

static struct tt_journal_row page[PAGE_MAX];

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
    /* A page does not need the row that it starts after. */
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

        snprintf(row.filename, sizeof row.filename, "%s", i % 2 == 0 ? "even" : "odd");
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

/* The plan is one SEARCH with bounds on the id: neither SCAN nor a sort. */
static void check_plan(sqlite3_stmt *list) {
    char explain[2048];
    sqlite3_stmt *plan = NULL;
    int steps = 0;

    snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sqlite3_sql(list));
    assert_int_equal(sqlite3_prepare_v2(journal->db.sqlite, explain, -1, &plan, NULL), SQLITE_OK);
    for (; sqlite3_step(plan) == SQLITE_ROW; steps++) {
        const char *detail = (const char *)sqlite3_column_text(plan, 3);

        assert_non_null(detail);
        assert_int_equal(strncmp(detail, "SEARCH image USING ", 19), 0);
        assert_non_null(strstr(detail, "id>? AND id<?)"));
    }
    assert_int_equal(steps, 1);
    assert_int_equal(sqlite3_finalize(plan), SQLITE_OK);
}

static void no_list_scans_or_sorts(void **state) {
    char id[TT_UUID_SIZE] = "";
    bool more;
    int count;

    (void)state;
    for (int bits = 0; bits < 64; bits++) {
        const struct tt_journal_query query = {
            .limit = 50,
            .ascending = bits & 1,
            .after_id = bits & 2 ? id : NULL,
            .filename = bits & 4 ? "a" : NULL,
            .has_state = bits & 8,
            .since_id = bits & 16 ? id : NULL,
            .until_id = bits & 32 ? id : NULL,
        };

        assert_int_equal(tt_journal_list(journal, &query, page, &count, &more), TT_OK);
    }
    /* The exclusive lower bound needs an ascending order: 12 of the 16 kinds come up. */
    for (int kind = 0; kind < TT_JOURNAL_LIST_KINDS; kind++) {
        assert_int_equal(journal->lists[kind] != NULL, kind % 4 != 2);
        if (journal->lists[kind])
            check_plan(journal->lists[kind]);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_journal, close_journal)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(pages_in_both_orders),   TEST(pages_are_stable_under_inserts),
        TEST(filters_combine),        TEST(the_narrower_of_cursor_and_range_holds),
        TEST(no_list_scans_or_sorts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
