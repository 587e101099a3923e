/* The statements of one image's row, of the totals and of the backlog. Pages are in journal_list.c,
 * what the agent asks and records is in journal_sync.c. */
#include "store/journal_event.h"
#include "store/journal_row.h"

enum tt_err tt_journal_totals(struct tt_journal *journal, struct tt_journal_totals *totals) {
    enum tt_err err = tt_db_prepare(&journal->db, &journal->totals,
                                    "SELECT sync_state, images, kept_bytes FROM image_total");
    bool has_row = false;
    *totals = (struct tt_journal_totals){0};
    if (err != TT_OK)
        return err;
    while ((err = tt_db_step(&journal->db, journal->totals, &has_row)) == TT_OK && has_row) {
        enum tt_sync_state state;
        char name[16];
        /* This program can read no row of a state that it does not know. */
        if (!tt_db_read_text(journal->totals, 0, name, sizeof name) ||
            !tt_sync_state_parse(name, &state))
            continue;
        totals->rows[state] = sqlite3_column_int64(journal->totals, 1);
        totals->bytes += sqlite3_column_int64(journal->totals, 2);
    }
    tt_db_reset(journal->totals);
    return err;
}

static enum tt_err check_quota(struct tt_journal *journal, const struct tt_journal_row *row,
                               int64_t quota_bytes) {
    struct tt_journal_totals totals;
    enum tt_err err = tt_journal_totals(journal, &totals);
    if (err != TT_OK)
        return err;
    int64_t more_bytes = 0;
    for (int i = 0; i < row->file_count; i++)
        if (row->files[i].kept)
            more_bytes += row->files[i].size_bytes;
    if (totals.bytes > quota_bytes - more_bytes)
        return tt_err_fail(TT_ERR_SPOOL_FULL,
                           "journal: %lld bytes more than the %lld kept would exceed "
                           "storage.quota_bytes = %lld",
                           (long long)more_bytes, (long long)totals.bytes, (long long)quota_bytes);
    return TT_OK;
}

static enum tt_err insert_row(struct tt_journal *journal, const struct tt_journal_row *row) {
    const struct tt_columns_text *columns = &journal->columns[TT_COLUMNS_IMAGE];
    enum tt_err err =
        tt_db_prepare(&journal->db, &journal->insert, "INSERT INTO image (%s) VALUES (%s)",
                      columns->names, columns->places);
    if (err != TT_OK)
        return err;
    return tt_db_run(&journal->db, journal->insert,
                     tt_columns_bind(journal->insert, TT_COLUMNS_IMAGE, row, 0));
}

enum tt_err tt_journal_insert(struct tt_journal *journal, const struct tt_journal_row *row,
                              const struct tt_journal_note *event, int64_t quota_bytes) {
    enum tt_err err = tt_db_begin(&journal->db);
    if (err != TT_OK)
        return err;
    /* The quota is looked at within the transaction, so that two workers never take the same last
     * bytes. */
    if (quota_bytes > 0)
        err = check_quota(journal, row, quota_bytes);
    if (err == TT_OK)
        err = insert_row(journal, row);
    if (err == TT_OK)
        err = tt_journal_add_renditions(journal, row);
    if (err == TT_OK && event)
        err = tt_journal_add_event(journal, event, false);
    return tt_journal_end_and_tell(journal, err);
}

/* Runs a statement whose one parameter is an id and whose rows are image rows. */
static enum tt_err run_for_id(struct tt_journal *journal, sqlite3_stmt *statement, const char *id,
                              struct tt_journal_row *row) {
    bool is_bound = tt_db_bind_text(statement, 1, id);
    bool more;
    int count;
    enum tt_err err = tt_journal_run_rows(journal, statement, is_bound, 1, row, &count, &more);
    return err == TT_OK && count == 0 ? TT_ERR_NOT_FOUND : err;
}

enum tt_err tt_journal_find(struct tt_journal *journal, const char *id,
                            struct tt_journal_row *row) {
    enum tt_err err =
        tt_db_prepare(&journal->db, &journal->find, "SELECT %s FROM image WHERE id = ?1",
                      journal->columns[TT_COLUMNS_IMAGE].names);
    if (err != TT_OK)
        return err;
    return run_for_id(journal, journal->find, id, row);
}

static enum tt_err add_removal(struct tt_journal *journal, const struct tt_journal_row *row) {
    struct tt_journal_row removal = *row;
    /* Its attempts are counted anew: those before were the image's. */
    removal.attempts = 0;
    return tt_db_run(&journal->db, journal->add_removal,
                     tt_columns_bind(journal->add_removal, TT_COLUMNS_REMOVAL, &removal, 0));
}

/* The rows that describe the renditions stay for the removal, where there is one. */
static enum tt_err delete_row(struct tt_journal *journal, const char *id,
                              struct tt_journal_row *row) {
    enum tt_err err = run_for_id(journal, journal->delete, id, row);
    if (err != TT_OK)
        return err;
    if (row->sync_state != TT_SYNC_OFF)
        return add_removal(journal, row);
    return tt_journal_row_original(row) == TT_JOURNAL_RENDITION
               ? TT_OK
               : tt_journal_drop_renditions(journal, id);
}

enum tt_err tt_journal_delete(struct tt_journal *journal, const char *id,
                              struct tt_journal_row *row) {
    const struct tt_columns_text *columns = &journal->columns[TT_COLUMNS_REMOVAL];
    enum tt_err err = tt_db_prepare(&journal->db, &journal->delete,
                                    "DELETE FROM image WHERE id = ?1 RETURNING %s",
                                    journal->columns[TT_COLUMNS_IMAGE].names);
    if (err == TT_OK)
        err = tt_db_prepare(&journal->db, &journal->add_removal,
                            "INSERT OR REPLACE INTO removal (%s) VALUES (%s)", columns->names,
                            columns->places);
    if (err == TT_OK)
        err = tt_db_begin(&journal->db);
    if (err != TT_OK)
        return err;
    return tt_journal_end_and_tell(journal, delete_row(journal, id, row));
}

static enum tt_err retry_rows(struct tt_journal *journal, sqlite3_stmt *statement, const char *id,
                              int64_t *changed) {
    bool is_bound = !id || tt_db_bind_text(statement, 1, id);
    enum tt_err err = tt_db_run(&journal->db, statement, is_bound);
    *changed = err == TT_OK ? sqlite3_changes64(journal->db.sqlite) : 0;
    return err;
}

enum tt_err tt_journal_retry(struct tt_journal *journal, const char *id, int64_t *changed) {
    static const char one[] = "id = ?1 AND sync_state IN ('pending', 'stored', 'dead')";
    static const char every_dead_one[] = "sync_state = 'dead'";
    sqlite3_stmt **retry = &journal->retry[!id];
    /* Where files of a dead row were evicted, its objects are in the cloud: then the item alone was
     * refused, and the row goes on with that. */
    enum tt_err err = tt_db_prepare(
        &journal->db, retry,
        "UPDATE image SET attempts = 0, retry_at_ms = 0, last_error = '', sync_state = "
        "CASE WHEN sync_state <> 'dead' THEN sync_state "
        "WHEN processed_evicted OR original_evicted OR renditions_evicted THEN 'stored' "
        "ELSE 'pending' END WHERE %s",
        id ? one : every_dead_one);

    *changed = 0;
    if (err == TT_OK)
        err = tt_db_begin(&journal->db);
    if (err != TT_OK)
        return err;
    return tt_journal_end_and_tell(journal, retry_rows(journal, *retry, id, changed));
}

/* The time that is in the id of a column; 0 where the column is NULL or has no id. */
static int64_t read_id_time(sqlite3_stmt *statement, int column) {
    char id[TT_UUID_SIZE];
    int64_t time_ms = 0;
    if (tt_db_read_text(statement, column, id, sizeof id) && tt_uuid_parse(id, &time_ms))
        return time_ms;
    return 0;
}

static void read_backlog(sqlite3_stmt *statement, bool stored_waits,
                         struct tt_journal_backlog *backlog) {
    backlog->waiting = sqlite3_column_int64(statement, 0);
    backlog->oldest_ms = read_id_time(statement, 1);
    if (stored_waits) {
        int64_t stored_ms = read_id_time(statement, 3);
        backlog->waiting += sqlite3_column_int64(statement, 2);
        if (backlog->oldest_ms == 0 || (stored_ms != 0 && stored_ms < backlog->oldest_ms))
            backlog->oldest_ms = stored_ms;
    }
    backlog->dead = sqlite3_column_int64(statement, 4);
    backlog->removals = sqlite3_column_int64(statement, 5);
    backlog->local_since_ms = sqlite3_column_int64(statement, 6); /* NULL reads as 0 */
    backlog->events = sqlite3_column_int64(statement, 7);
    backlog->dropped = sqlite3_column_int64(statement, 8);
}

/* The order is that of read_backlog. Each part is one look into a small table, or at the start of
 * an index. */
static const char backlog_sql[] =
    "SELECT (SELECT images FROM image_total WHERE sync_state = 'pending'), "
    "(SELECT id FROM image INDEXED BY image_by_sync_state WHERE sync_state = 'pending' "
    "ORDER BY id LIMIT 1), "
    "(SELECT images FROM image_total WHERE sync_state = 'stored'), "
    "(SELECT id FROM image INDEXED BY image_by_sync_state WHERE sync_state = 'stored' "
    "ORDER BY id LIMIT 1), "
    "(SELECT images FROM image_total WHERE sync_state = 'dead'), "
    "(SELECT count(*) FROM (SELECT 1 FROM removal INDEXED BY removal_to_carry LIMIT %d)), "
    "(SELECT local_since_ms FROM image INDEXED BY image_local "
    "WHERE local_since_ms IS NOT NULL ORDER BY local_since_ms, id LIMIT 1), "
    "events, dropped FROM event_total";

enum tt_err tt_journal_backlog(struct tt_journal *journal, bool stored_waits,
                               struct tt_journal_backlog *backlog) {
    enum tt_err err =
        tt_db_prepare(&journal->db, &journal->backlog, backlog_sql, TT_JOURNAL_REMOVALS_MAX);
    *backlog = (struct tt_journal_backlog){0};
    if (err != TT_OK)
        return err;
    bool has_row;
    err = tt_db_step(&journal->db, journal->backlog, &has_row);
    if (err == TT_OK && has_row)
        read_backlog(journal->backlog, stored_waits, backlog);
    tt_db_reset(journal->backlog);
    return err;
}
