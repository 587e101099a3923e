/* What goes between the journal's columns and its structs, and what a row says of its files. The
 * statements are in journal.c, journal_list.c, journal_sync.c and journal_event.c. */
#include "store/journal_row.h"

#include <string.h>

static const char *const state_names[TT_SYNC_STATE_COUNT] = {
    [TT_SYNC_OFF] = "off",       [TT_SYNC_PENDING] = "pending", [TT_SYNC_STORED] = "stored",
    [TT_SYNC_SYNCED] = "synced", [TT_SYNC_DEAD] = "dead",
};

const char *tt_sync_state_name(enum tt_sync_state state) {
    return state_names[state];
}

bool tt_sync_state_parse(const char *name, enum tt_sync_state *state) {
    for (int i = 0; i < TT_SYNC_STATE_COUNT; i++) {
        if (strcmp(name, state_names[i]) != 0)
            continue;
        *state = (enum tt_sync_state)i;
        return true;
    }
    return false;
}

const struct tt_journal_file *tt_journal_row_file(const struct tt_journal_row *row,
                                                  enum tt_spool_kind kind) {
    return kind == TT_SPOOL_ORIGINAL ? &row->original : &row->processed;
}

static bool is_kept(const struct tt_journal_row *row, enum tt_spool_kind kind) {
    return kind == TT_SPOOL_PROCESSED || row->original_kept;
}

static bool is_evicted(const struct tt_journal_row *row, enum tt_spool_kind kind) {
    return kind == TT_SPOOL_ORIGINAL ? row->original_evicted : row->processed_evicted;
}

bool tt_journal_row_is_local(const struct tt_journal_row *row, enum tt_spool_kind kind) {
    return is_kept(row, kind) && !is_evicted(row, kind);
}

bool tt_journal_row_is_remote(const struct tt_journal_row *row, enum tt_spool_kind kind) {
    return is_kept(row, kind) && (row->sync_state == TT_SYNC_STORED ||
                                  row->sync_state == TT_SYNC_SYNCED || is_evicted(row, kind));
}

bool tt_journal_bind_text(sqlite3_stmt *statement, int parameter, const char *text) {
    return sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC) == SQLITE_OK;
}

bool tt_journal_bind_int(sqlite3_stmt *statement, int parameter, int64_t value) {
    return sqlite3_bind_int64(statement, parameter, value) == SQLITE_OK;
}

/* The five columns of a file, from parameter first on. */
static bool bind_file(sqlite3_stmt *statement, int first, const struct tt_journal_file *file) {
    return tt_journal_bind_int(statement, first, file->size_bytes) &&
           tt_journal_bind_text(statement, first + 1, tt_picture_format_row(file->format)->name) &&
           tt_journal_bind_int(statement, first + 2, file->width_px) &&
           tt_journal_bind_int(statement, first + 3, file->height_px) &&
           sqlite3_bind_blob(statement, first + 4, file->sha256, TT_HASH_BYTES, SQLITE_STATIC) ==
               SQLITE_OK;
}

bool tt_journal_bind_row(sqlite3_stmt *statement, const struct tt_journal_row *row) {
    return tt_journal_bind_text(statement, 1, row->id) &&
           tt_journal_bind_text(statement, 2, row->filename) &&
           bind_file(statement, 3, &row->processed) && bind_file(statement, 8, &row->original) &&
           tt_journal_bind_int(statement, 13, row->original_kept) &&
           tt_journal_bind_text(statement, 14, tt_sync_state_name(row->sync_state)) &&
           tt_journal_bind_int(statement, 15, row->attempts) &&
           tt_journal_bind_text(statement, 16, row->last_error) &&
           tt_journal_bind_int(statement, 17, row->synced_at_ms);
}

bool tt_journal_read_text(sqlite3_stmt *statement, int column, char *text, size_t size) {
    const unsigned char *value = sqlite3_column_text(statement, column);
    size_t length = (size_t)sqlite3_column_bytes(statement, column);

    if (value == NULL || length >= size)
        return false;
    memcpy(text, value, length);
    text[length] = '\0';
    return true;
}

static bool read_int32(sqlite3_stmt *statement, int column, int32_t *value) {
    int64_t wide = sqlite3_column_int64(statement, column);

    *value = (int32_t)wide;
    return wide >= 0 && wide <= INT32_MAX;
}

bool tt_journal_read_format(sqlite3_stmt *statement, int column, enum tt_picture_format *format) {
    char name[16];

    if (!tt_journal_read_text(statement, column, name, sizeof name))
        return false;
    for (int i = TT_FORMAT_NONE + 1; i < TT_FORMAT_COUNT; i++) {
        *format = (enum tt_picture_format)i;
        if (strcmp(name, tt_picture_format_row(*format)->name) == 0)
            return true;
    }
    return false;
}

static bool read_file(sqlite3_stmt *statement, int first, struct tt_journal_file *file) {
    const void *sha256 = sqlite3_column_blob(statement, first + 4);

    file->size_bytes = sqlite3_column_int64(statement, first);
    if (sha256 == NULL || sqlite3_column_bytes(statement, first + 4) != TT_HASH_BYTES)
        return false;
    memcpy(file->sha256, sha256, TT_HASH_BYTES);
    return file->size_bytes >= 0 && tt_journal_read_format(statement, first + 1, &file->format) &&
           read_int32(statement, first + 2, &file->width_px) &&
           read_int32(statement, first + 3, &file->height_px);
}

enum tt_err tt_journal_refuse_row(void) {
    return tt_err_fail(TT_ERR_JOURNAL, "journal: a row has values that this program does not know; "
                                       "check it with PRAGMA integrity_check");
}

enum tt_err tt_journal_read_row(sqlite3_stmt *statement, struct tt_journal_row *row) {
    char state[16];
    bool is_whole;

    is_whole = tt_journal_read_text(statement, 0, row->id, sizeof row->id) &&
               tt_journal_read_text(statement, 1, row->filename, sizeof row->filename) &&
               read_file(statement, 2, &row->processed) &&
               read_file(statement, 7, &row->original) &&
               tt_journal_read_text(statement, 13, state, sizeof state) &&
               tt_sync_state_parse(state, &row->sync_state) &&
               tt_journal_read_text(statement, 15, row->last_error, sizeof row->last_error);
    if (!is_whole || !tt_uuid_parse(row->id, NULL))
        return tt_journal_refuse_row();
    row->original_kept = sqlite3_column_int(statement, 12) != 0;
    row->attempts = sqlite3_column_int64(statement, 14);
    row->synced_at_ms = sqlite3_column_int64(statement, 16); /* 0 for NULL */
    row->processed_evicted = sqlite3_column_int(statement, 17) != 0;
    row->original_evicted = sqlite3_column_int(statement, 18) != 0;
    return TT_OK;
}

enum tt_err tt_journal_run(struct tt_journal *journal, sqlite3_stmt *statement, bool is_bound) {
    bool has_row;
    enum tt_err err;

    if (is_bound)
        err = tt_db_step(&journal->db, statement, &has_row);
    else
        err = tt_db_fail(&journal->db, "bind a parameter");
    tt_db_reset(statement);
    return err;
}

static enum tt_err read_rows(struct tt_journal *journal, sqlite3_stmt *statement, int limit,
                             struct tt_journal_row *rows, int *count, bool *more) {
    enum tt_err err;
    bool has_row = false;

    while ((err = tt_db_step(&journal->db, statement, &has_row)) == TT_OK && has_row) {
        if (*count >= limit) {
            *more = true;
            break;
        }
        err = tt_journal_read_row(statement, &rows[*count]);
        if (err != TT_OK)
            break;
        *count += 1;
    }
    return err;
}

enum tt_err tt_journal_run_rows(struct tt_journal *journal, sqlite3_stmt *statement, bool is_bound,
                                int limit, struct tt_journal_row *rows, int *count, bool *more) {
    enum tt_err err;

    *count = 0;
    *more = false;
    if (is_bound)
        err = read_rows(journal, statement, limit, rows, count, more);
    else
        err = tt_db_fail(&journal->db, "bind a parameter");
    tt_db_reset(statement);
    return err;
}
