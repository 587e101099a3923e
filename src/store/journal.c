/* Every statement of the journal, and what goes between its rows and struct tt_journal_row. How a
 * connection is opened and a transaction guarded is in db.c; the tables are in sql/. */
#include "tintype/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/journal_list.h"

#define PATH_SIZE 4096

/* Above every id: ids are lower-case hexadecimal. */
#define LAST_BOUND "g"

/* In this order by bind_row and read_row. */
#define COLUMNS                                                                                    \
    "id, filename, processed_size_bytes, processed_format, processed_width_px, "                   \
    "processed_height_px, processed_sha256, original_size_bytes, original_format, "                \
    "original_width_px, original_height_px, original_sha256, original_kept, sync_state, "          \
    "attempts, last_error, synced_at_ms"

struct tt_journal {
    struct tt_db db;
    /* Prepared at their first use; they belong to db. */
    sqlite3_stmt *insert;
    sqlite3_stmt *find;
    sqlite3_stmt *delete;
    sqlite3_stmt *totals;
    sqlite3_stmt *lists[TT_JOURNAL_LIST_KINDS];
};

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

enum tt_err tt_journal_open(struct tt_journal **journal, const char *storage_dir) {
    char path[PATH_SIZE];
    struct tt_journal *opened;
    enum tt_err err;
    int length;

    *journal = NULL;
    length = snprintf(path, sizeof path, "%s/journal.db", storage_dir);
    if (length < 0 || (size_t)length >= sizeof path)
        return tt_err_fail(TT_ERR_JOURNAL, "journal: the path of storage.dir is too long");
    opened = calloc(1, sizeof *opened);
    if (opened == NULL)
        return tt_err_fail(TT_ERR_JOURNAL, "journal: no memory for a handle");
    err = tt_db_open(&opened->db, path);
    if (err == TT_OK)
        *journal = opened;
    else
        free(opened);
    return err;
}

void tt_journal_close(struct tt_journal *journal) {
    if (journal == NULL)
        return;
    tt_db_close(&journal->db);
    free(journal);
}

/* The bound text and blobs are the row's own: tt_db_reset lets go of them before it does. */
static bool bind_text(sqlite3_stmt *statement, int parameter, const char *text) {
    return sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC) == SQLITE_OK;
}

static bool bind_int(sqlite3_stmt *statement, int parameter, int64_t value) {
    return sqlite3_bind_int64(statement, parameter, value) == SQLITE_OK;
}

/* The five columns of a file, from parameter first on. */
static bool bind_file(sqlite3_stmt *statement, int first, const struct tt_journal_file *file) {
    return bind_int(statement, first, file->size_bytes) &&
           bind_text(statement, first + 1, tt_picture_format_row(file->format)->name) &&
           bind_int(statement, first + 2, file->width_px) &&
           bind_int(statement, first + 3, file->height_px) &&
           sqlite3_bind_blob(statement, first + 4, file->sha256, TT_HASH_BYTES, SQLITE_STATIC) ==
               SQLITE_OK;
}

static bool bind_row(sqlite3_stmt *statement, const struct tt_journal_row *row) {
    return bind_text(statement, 1, row->id) && bind_text(statement, 2, row->filename) &&
           bind_file(statement, 3, &row->processed) && bind_file(statement, 8, &row->original) &&
           bind_int(statement, 13, row->original_kept) &&
           bind_text(statement, 14, tt_sync_state_name(row->sync_state)) &&
           bind_int(statement, 15, row->attempts) && bind_text(statement, 16, row->last_error) &&
           bind_int(statement, 17, row->synced_at_ms);
}

/* The readers below give false for a value that does not fit: the database is no more trusted than
 * any other file, whatever its own checks say. */
static bool read_text(sqlite3_stmt *statement, int column, char *text, size_t size) {
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

static bool read_format(sqlite3_stmt *statement, int column, enum tt_picture_format *format) {
    char name[16];

    if (!read_text(statement, column, name, sizeof name))
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
    return file->size_bytes >= 0 && read_format(statement, first + 1, &file->format) &&
           read_int32(statement, first + 2, &file->width_px) &&
           read_int32(statement, first + 3, &file->height_px);
}

static enum tt_err read_row(sqlite3_stmt *statement, struct tt_journal_row *row) {
    char state[16];
    bool is_whole;

    is_whole = read_text(statement, 0, row->id, sizeof row->id) &&
               read_text(statement, 1, row->filename, sizeof row->filename) &&
               read_file(statement, 2, &row->processed) &&
               read_file(statement, 7, &row->original) &&
               read_text(statement, 13, state, sizeof state) &&
               tt_sync_state_parse(state, &row->sync_state) &&
               read_text(statement, 15, row->last_error, sizeof row->last_error);
    if (!is_whole || !tt_uuid_parse(row->id, NULL))
        return tt_err_fail(TT_ERR_JOURNAL, "journal: a row has values that this program does not "
                                           "know; check it with PRAGMA integrity_check");
    row->original_kept = sqlite3_column_int(statement, 12) != 0;
    row->attempts = sqlite3_column_int64(statement, 14);
    row->synced_at_ms = sqlite3_column_int64(statement, 16); /* 0 for NULL */
    return TT_OK;
}

enum tt_err tt_journal_totals(struct tt_journal *journal, struct tt_journal_totals *totals) {
    enum tt_err err;
    bool has_row = false;

    *totals = (struct tt_journal_totals){0};
    err = tt_db_prepare(&journal->db, &journal->totals,
                        "SELECT sync_state, images, kept_bytes FROM image_total");
    if (err != TT_OK)
        return err;
    while ((err = tt_db_step(&journal->db, journal->totals, &has_row)) == TT_OK && has_row) {
        enum tt_sync_state state;
        char name[16];

        if (!read_text(journal->totals, 0, name, sizeof name) || !tt_sync_state_parse(name, &state))
            continue; /* a state of no row that this program can read */
        totals->rows[state] = sqlite3_column_int64(journal->totals, 1);
        totals->bytes += sqlite3_column_int64(journal->totals, 2);
    }
    tt_db_reset(journal->totals);
    return err;
}

static enum tt_err check_quota(struct tt_journal *journal, const struct tt_journal_row *row,
                               int64_t quota_bytes) {
    int64_t more_bytes = row->processed.size_bytes;
    struct tt_journal_totals totals;
    enum tt_err err = tt_journal_totals(journal, &totals);

    if (err != TT_OK)
        return err;
    if (row->original_kept)
        more_bytes += row->original.size_bytes;
    if (totals.bytes > quota_bytes - more_bytes)
        return tt_err_fail(TT_ERR_SPOOL_FULL,
                           "journal: %lld bytes more than the %lld kept would exceed "
                           "storage.quota_bytes = %lld",
                           (long long)more_bytes, (long long)totals.bytes, (long long)quota_bytes);
    return TT_OK;
}

static enum tt_err insert_row(struct tt_journal *journal, const struct tt_journal_row *row) {
    bool has_row;
    enum tt_err err;

    err = tt_db_prepare(&journal->db, &journal->insert,
                        "INSERT INTO image (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
                        "?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, nullif(?17, 0))");
    if (err != TT_OK)
        return err;
    if (bind_row(journal->insert, row))
        err = tt_db_step(&journal->db, journal->insert, &has_row);
    else
        err = tt_db_fail(&journal->db, "bind a row");
    tt_db_reset(journal->insert);
    return err;
}

enum tt_err tt_journal_insert(struct tt_journal *journal, const struct tt_journal_row *row,
                              int64_t quota_bytes) {
    enum tt_err err = tt_db_begin(&journal->db);

    if (err != TT_OK)
        return err;
    /* Within the transaction: two workers never take the same last bytes. */
    if (quota_bytes > 0)
        err = check_quota(journal, row, quota_bytes);
    if (err == TT_OK)
        err = insert_row(journal, row);
    return tt_db_end(&journal->db, err);
}

/* Runs a statement whose one parameter is an id and whose rows are image rows. */
static enum tt_err run_for_id(struct tt_journal *journal, sqlite3_stmt *statement, const char *id,
                              struct tt_journal_row *row) {
    bool has_row = false;
    enum tt_err err;

    if (bind_text(statement, 1, id))
        err = tt_db_step(&journal->db, statement, &has_row);
    else
        err = tt_db_fail(&journal->db, "bind an id");
    if (err == TT_OK && !has_row)
        err = TT_ERR_NOT_FOUND;
    if (err == TT_OK)
        err = read_row(statement, row);
    tt_db_reset(statement);
    return err;
}

enum tt_err tt_journal_find(struct tt_journal *journal, const char *id,
                            struct tt_journal_row *row) {
    enum tt_err err =
        tt_db_prepare(&journal->db, &journal->find, "SELECT " COLUMNS " FROM image WHERE id = ?1");

    if (err != TT_OK)
        return err;
    return run_for_id(journal, journal->find, id, row);
}

enum tt_err tt_journal_delete(struct tt_journal *journal, const char *id,
                              struct tt_journal_row *row) {
    enum tt_err err = tt_db_prepare(&journal->db, &journal->delete,
                                    "DELETE FROM image WHERE id = ?1 RETURNING " COLUMNS);

    if (err == TT_OK)
        err = tt_db_begin(&journal->db);
    if (err != TT_OK)
        return err;
    return tt_db_end(&journal->db, run_for_id(journal, journal->delete, id, row));
}

/* A page may start just after a row, or at a bound that belongs to it. */
static bool starts_after_row(const struct tt_journal_query *query) {
    return query->ascending && query->after_id != NULL &&
           (query->since_id == NULL || strcmp(query->after_id, query->since_id) >= 0);
}

int tt_journal_list_sql(const struct tt_journal_query *query, char sql[TT_JOURNAL_LIST_SQL_SIZE]) {
    /* The index is named, so that no statistics can turn a walk into a sort. */
    static const char *const sources[4] = {
        "image WHERE",
        "image INDEXED BY image_by_filename WHERE filename = ?3 AND",
        "image INDEXED BY image_by_sync_state WHERE sync_state = ?4 AND",
        "image INDEXED BY image_by_filename WHERE filename = ?3 AND sync_state = ?4 AND",
    };
    int source = (query->filename != NULL ? 1 : 0) + (query->has_state ? 2 : 0);
    int is_after = starts_after_row(query) ? 1 : 0;
    int is_ascending = query->ascending ? 1 : 0;

    (void)snprintf(sql, TT_JOURNAL_LIST_SQL_SIZE,
                   "SELECT " COLUMNS " FROM %s id %s ?1 AND id < ?2 ORDER BY id%s LIMIT ?5",
                   sources[source], is_after ? ">" : ">=", is_ascending ? "" : " DESC");
    return source * 4 + is_after * 2 + is_ascending;
}

/* A bound of the page is the narrower one of the filter's and the cursor's. */
static bool bind_list(sqlite3_stmt *statement, const struct tt_journal_query *query) {
    const char *lower = query->since_id != NULL ? query->since_id : "";
    const char *upper = query->until_id != NULL ? query->until_id : LAST_BOUND;

    if (starts_after_row(query))
        lower = query->after_id;
    if (!query->ascending && query->after_id != NULL && strcmp(query->after_id, upper) < 0)
        upper = query->after_id;
    if (query->filename != NULL && !bind_text(statement, 3, query->filename))
        return false;
    if (query->has_state && !bind_text(statement, 4, tt_sync_state_name(query->state)))
        return false;
    /* One row more than asked for tells whether there is a next page. */
    return bind_text(statement, 1, lower) && bind_text(statement, 2, upper) &&
           bind_int(statement, 5, (int64_t)query->limit + 1);
}

static enum tt_err read_list(struct tt_journal *journal, sqlite3_stmt *statement, int limit,
                             struct tt_journal_row *rows, int *count, bool *more) {
    enum tt_err err;
    bool has_row = false;

    while ((err = tt_db_step(&journal->db, statement, &has_row)) == TT_OK && has_row) {
        if (*count == limit) {
            *more = true;
            break;
        }
        err = read_row(statement, &rows[*count]);
        if (err != TT_OK)
            break;
        *count += 1;
    }
    return err;
}

enum tt_err tt_journal_list(struct tt_journal *journal, const struct tt_journal_query *query,
                            struct tt_journal_row *rows, int *count, bool *more) {
    char sql[TT_JOURNAL_LIST_SQL_SIZE];
    sqlite3_stmt **statement = &journal->lists[tt_journal_list_sql(query, sql)];
    enum tt_err err;

    *count = 0;
    *more = false;
    err = tt_db_prepare(&journal->db, statement, sql);
    if (err != TT_OK)
        return err;
    if (bind_list(*statement, query))
        err = read_list(journal, *statement, query->limit, rows, count, more);
    else
        err = tt_db_fail(&journal->db, "bind a query");
    tt_db_reset(*statement);
    return err;
}

enum tt_err tt_journal_check(struct tt_journal *journal) {
    enum tt_err err = tt_db_begin(&journal->db);

    if (err == TT_OK && sqlite3_exec(journal->db.sqlite, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
        err = tt_db_fail(&journal->db, "roll back a transaction");
    return err;
}
