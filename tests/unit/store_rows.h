/* Rows and direct SQL for the tests of the journal. Include after cmocka.h. */
#ifndef TINTYPE_TESTS_STORE_ROWS_H
#define TINTYPE_TESTS_STORE_ROWS_H

#include "scratch.h"
#include "store/journal_row.h"
#include "tintype/journal.h"

#define BASE_MS INT64_C(1700000000000)

/* The journal of the running test. */
static struct tt_journal *journal;

static inline int open_journal(void **state) {
    tt_err_take(TT_OK);
    return scratch_make(state) == 0 && tt_journal_open(&journal, scratch) == TT_OK ? 0 : -1;
}

static inline int close_journal(void **state) {
    tt_journal_close(journal);
    journal = NULL;
    return scratch_remove(state);
}

/* A row of the given millisecond, unlike every other in each of its values: 1000 + number bytes,
 * and 5000 of an original that is kept. */
static inline struct tt_journal_row make_row(int number) {
    struct tt_journal_row row;

    memset(&row, 0, sizeof row);
    tt_uuid_floor(BASE_MS + number, row.id);
    (void)snprintf(row.filename, sizeof row.filename, "photo %d.jpg", number);
    row.processed = (struct tt_journal_file){1000 + number, TT_FORMAT_PNG, 720, 480 + number, {1}};
    row.original = (struct tt_journal_file){5000, TT_FORMAT_JPEG, 4000 + number, 3000, {2}};
    memset(row.processed.sha256, 0x10 + number % 100, TT_HASH_BYTES);
    memset(row.original.sha256, 0x80 + number % 100, TT_HASH_BYTES);
    row.original_kept = true;
    row.sync_state = TT_SYNC_PENDING;
    return row;
}

/* Gives a row that many renditions, of 100, 200, … bytes; the second is a JPEG. */
static inline void add_renditions(struct tt_journal_row *row, int count) {
    static const char *const names[TT_PICTURE_RENDITIONS_MAX] = {"thumb", "large", "c", "d",
                                                                 "e",     "f",     "g", "h"};

    for (int i = 0; i < count; i++) {
        struct tt_journal_rendition *rendition = &row->renditions[row->rendition_count++];

        memset(rendition, 0, sizeof *rendition);
        (void)snprintf(rendition->name, sizeof rendition->name, "%s", names[i]);
        rendition->file = (struct tt_journal_file){
            100 * (i + 1), i == 1 ? TT_FORMAT_JPEG : TT_FORMAT_PNG, 64 + i, 48 + i, {3}};
        memset(rendition->file.sha256, 0x30 + i, TT_HASH_BYTES);
    }
}

static inline void insert(const struct tt_journal_row *row) {
    assert_int_equal(tt_journal_insert(journal, row, NULL, 0), TT_OK);
}

/* Runs statements that the journal has no function for. */
static inline void execute(const char *sql) {
    assert_int_equal(sqlite3_exec(journal->db.sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* The first column of a statement's first row; -1 for no row or NULL. */
static inline int64_t ask(const char *sql) {
    sqlite3_stmt *statement = NULL;
    int64_t answer = -1;

    assert_int_equal(sqlite3_prepare_v2(journal->db.sqlite, sql, -1, &statement, NULL), SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        answer = sqlite3_column_int64(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    return answer;
}

#endif
