/* What goes between the journal's columns and its structs. The statements are in journal.c,
 * journal_list.c, journal_sync.c, journal_rendition.c and journal_event.c. */
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

bool tt_journal_bind_text(sqlite3_stmt *statement, int parameter, const char *text) {
    return sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC) == SQLITE_OK;
}

bool tt_journal_bind_int(sqlite3_stmt *statement, int parameter, int64_t value) {
    return sqlite3_bind_int64(statement, parameter, value) == SQLITE_OK;
}

bool tt_journal_bind_file(sqlite3_stmt *statement, int first, const struct tt_journal_file *file) {
    return tt_journal_bind_int(statement, first, file->size_bytes) &&
           tt_journal_bind_text(statement, first + 1, tt_picture_format_row(file->format)->name) &&
           tt_journal_bind_int(statement, first + 2, file->width_px) &&
           tt_journal_bind_int(statement, first + 3, file->height_px) &&
           sqlite3_bind_blob(statement, first + 4, file->sha256, TT_HASH_BYTES, SQLITE_STATIC) ==
               SQLITE_OK;
}

bool tt_journal_bind_row(sqlite3_stmt *statement, const struct tt_journal_row *row) {
    int original = tt_journal_row_original(row);
    int64_t rendition_bytes = 0;

    for (int i = TT_JOURNAL_RENDITION; i < original; i++)
        rendition_bytes += row->files[i].size_bytes;
    return tt_journal_bind_text(statement, 1, row->id) &&
           tt_journal_bind_text(statement, 2, row->filename) &&
           tt_journal_bind_file(statement, 3, &row->files[TT_JOURNAL_PROCESSED]) &&
           tt_journal_bind_file(statement, 8, &row->files[original]) &&
           tt_journal_bind_int(statement, 13, row->files[original].kept) &&
           tt_journal_bind_text(statement, 14, tt_sync_state_name(row->sync_state)) &&
           tt_journal_bind_int(statement, 15, row->attempts) &&
           tt_journal_bind_text(statement, 16, row->last_error) &&
           tt_journal_bind_int(statement, 17, row->synced_at_ms) &&
           tt_journal_bind_int(statement, 18, row->file_count - TT_JOURNAL_FILES_MIN) &&
           tt_journal_bind_int(statement, 19, rendition_bytes);
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

bool tt_journal_read_file(sqlite3_stmt *statement, int first, struct tt_journal_file *file) {
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

bool tt_journal_start_row(struct tt_journal_row *row, int64_t rendition_count) {
    if (rendition_count < 0 || rendition_count > TT_PICTURE_RENDITIONS_MAX)
        return false;
    tt_journal_row_init(row, (int)rendition_count);
    return true;
}

static bool read_columns(sqlite3_stmt *statement, struct tt_journal_row *row) {
    char state[16];

    if (!tt_journal_start_row(row, sqlite3_column_int64(statement, 17)))
        return false;
    struct tt_journal_file *processed = &row->files[TT_JOURNAL_PROCESSED];
    struct tt_journal_file *original = &row->files[tt_journal_row_original(row)];
    bool is_whole = tt_journal_read_text(statement, 0, row->id, sizeof row->id) &&
                    tt_journal_read_text(statement, 1, row->filename, sizeof row->filename) &&
                    tt_journal_read_file(statement, 2, processed) &&
                    tt_journal_read_file(statement, 7, original) &&
                    tt_journal_read_text(statement, 13, state, sizeof state) &&
                    tt_sync_state_parse(state, &row->sync_state) &&
                    tt_journal_read_text(statement, 15, row->last_error, sizeof row->last_error);

    original->kept = sqlite3_column_int(statement, 12) != 0;
    row->attempts = sqlite3_column_int64(statement, 14);
    row->synced_at_ms = sqlite3_column_int64(statement, 16); /* 0 for NULL */
    processed->evicted = sqlite3_column_int(statement, 19) != 0;
    original->evicted = sqlite3_column_int(statement, 20) != 0;
    return is_whole && tt_uuid_parse(row->id, NULL);
}

enum tt_err tt_journal_read_row(struct tt_journal *journal, sqlite3_stmt *statement,
                                struct tt_journal_row *row, bool *is_known) {
    unsigned evicted = (unsigned)sqlite3_column_int(statement, 21);
    enum tt_err err;

    *is_known = read_columns(statement, row);
    if (!*is_known)
        return tt_journal_refuse_row();
    err = tt_journal_read_renditions(journal, row, is_known);
    for (int i = TT_JOURNAL_RENDITION; i < tt_journal_row_original(row); i++)
        row->files[i].evicted = (evicted >> (i - TT_JOURNAL_RENDITION) & 1) != 0;
    return err;
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
    bool is_known;

    while ((err = tt_db_step(&journal->db, statement, &has_row)) == TT_OK && has_row) {
        if (*count >= limit) {
            *more = true;
            break;
        }
        err = tt_journal_read_row(journal, statement, &rows[*count], &is_known);
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
