/* Rows and direct SQL for the tests of the journal. This is included after cmocka.h.
 */
#ifndef TINTYPE_TESTS_STORE_ROWS_H
#define TINTYPE_TESTS_STORE_ROWS_H

#include "scratch.h"
#include "store/journal_handle.h"
#include "tintype/journal.h"

#define BASE_MS INT64_C(1700000000000)

/* The files of a row without renditions. */
enum { RESULT, ORIGINAL };

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

static inline void describe(struct tt_journal_file *file, enum tt_picture_format format,
                            int64_t size_bytes, int32_t width_px, int32_t height_px) {
    file->format = format;
    file->size_bytes = size_bytes;
    file->width_px = width_px;
    file->height_px = height_px;
}

/* Makes a row of the given millisecond, of 1000 + number bytes and 5000 of an original that is
 * kept. Rows of different numbers differ in each of their values. */
static inline struct tt_journal_row make_row(int number) {
    struct tt_journal_row row;

    tt_journal_row_init(&row, 0);
    tt_uuid_floor(BASE_MS + number, row.id);
    snprintf(row.filename, sizeof row.filename, "photo %d.jpg", number);
    describe(&row.files[RESULT], TT_FORMAT_PNG, 1000 + number, 720, 480 + number);
    describe(&row.files[ORIGINAL], TT_FORMAT_JPEG, 5000, 4000 + number, 3000);
    memset(row.files[RESULT].sha256, 0x10 + number % 100, TT_HASH_BYTES);
    memset(row.files[ORIGINAL].sha256, 0x80 + number % 100, TT_HASH_BYTES);
    row.sync_state = TT_SYNC_PENDING;
    return row;
}

/* Gives a row that has none that many renditions, of 100, 200, … bytes; the second is a JPEG. */
static inline void add_renditions(struct tt_journal_row *row, int count) {
    static const char *const names[TT_PICTURE_RENDITIONS_MAX] = {"thumb", "large", "c", "d",
                                                                 "e",     "f",     "g", "h"};

    const struct tt_journal_row bare = *row;

    tt_journal_row_init(row, count);
    memcpy(row->id, bare.id, sizeof row->id);
    memcpy(row->filename, bare.filename, sizeof row->filename);
    row->sync_state = bare.sync_state;
    row->files[RESULT] = bare.files[RESULT];
    row->files[tt_journal_row_original(row)] = bare.files[ORIGINAL];
    for (int i = 0; i < count; i++) {
        struct tt_journal_file *rendition = &row->files[TT_JOURNAL_RENDITION + i];

        snprintf(rendition->name, sizeof rendition->name, "%s", names[i]);
        describe(rendition, i == 1 ? TT_FORMAT_JPEG : TT_FORMAT_PNG, 100 * (i + 1), 64 + i, 48 + i);
        memset(rendition->sha256, 0x30 + i, TT_HASH_BYTES);
    }
}

static inline void insert(const struct tt_journal_row *row) {
    assert_int_equal(tt_journal_insert(journal, row, NULL, 0), TT_OK);
}

/* Runs statements that the journal has no function for. */
static inline void execute(const char *sql) {
    assert_int_equal(sqlite3_exec(journal->db.sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* The first column of a statement's first row; -1 where there is no row, or NULL in it. */
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
