/* Journal: the handle, and the statements of one row, of the totals and of the backlog. Pages are
 * in journal_list.c, renditions in journal_rendition.c, the agent's statements in journal_sync.c,
 * events in journal_event.c. How a connection is opened and a transaction guarded is in db.c; the
 * tables are in sql/. */
#include "tintype/journal_sync.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "store/journal_row.h"
#include "tintype/file.h"

#define PATH_SIZE 4096
#define WAKE_NAME "journal.wake"

#define TEXT_OF(name)        #name
#define TEXT(name)           TEXT_OF(name)
#define REMOVALS_COUNTED_MAX TEXT(TT_JOURNAL_REMOVALS_MAX)

/* False when storage_dir is too long for one. */
static bool format_path(char path[PATH_SIZE], const char *storage_dir, const char *name) {
    int length = snprintf(path, PATH_SIZE, "%s/%s", storage_dir, name);

    return length >= 0 && (size_t)length < PATH_SIZE;
}

enum tt_err tt_journal_open(struct tt_journal **journal, const char *storage_dir) {
    char path[PATH_SIZE];
    char wake_path[PATH_SIZE];
    struct tt_journal *opened;
    enum tt_err err;

    *journal = NULL;
    if (!format_path(path, storage_dir, "journal.db") ||
        !format_path(wake_path, storage_dir, WAKE_NAME))
        return tt_err_fail(TT_ERR_JOURNAL, "journal: the path of storage.dir is too long");
    opened = calloc(1, sizeof *opened);
    if (opened == NULL)
        return tt_err_fail(TT_ERR_JOURNAL, "journal: no memory for a handle");
    err = tt_db_open(&opened->db, path);
    if (err != TT_OK) {
        free(opened);
        return err;
    }
    /* Without it (on a full disk, say) all works, but the agent notices changes late. */
    opened->wake_fd = open(wake_path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
    *journal = opened;
    return TT_OK;
}

void tt_journal_close(struct tt_journal *journal) {
    if (journal == NULL)
        return;
    tt_db_close(&journal->db);
    tt_file_close(&journal->wake_fd);
    free(journal);
}

/* A commit is seen by others only after its last write to any file, so who watched the database's
 * own files would look too early; a file of our own is touched afterwards. */
enum tt_err tt_journal_end_and_tell(struct tt_journal *journal, enum tt_err err) {
    err = tt_db_end(&journal->db, err);
    if (err == TT_OK && journal->wake_fd >= 0)
        (void)futimens(journal->wake_fd, NULL); /* late is better than refused */
    return err;
}

enum tt_err tt_journal_watch(const char *storage_dir, int *fd) {
    char path[PATH_SIZE];

    *fd = -1;
    if (!format_path(path, storage_dir, WAKE_NAME))
        return tt_err_fail(TT_ERR_JOURNAL, "journal: the path of storage.dir is too long");
    *fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (*fd >= 0 && inotify_add_watch(*fd, path, IN_ATTRIB) >= 0)
        return TT_OK;
    tt_file_close(fd);
    return tt_err_fail_errno(TT_ERR_JOURNAL, "journal: watch %s", path);
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

        if (!tt_journal_read_text(journal->totals, 0, name, sizeof name) ||
            !tt_sync_state_parse(name, &state))
            continue; /* a state of no row that this program can read */
        totals->rows[state] = sqlite3_column_int64(journal->totals, 1);
        totals->bytes += sqlite3_column_int64(journal->totals, 2);
    }
    tt_db_reset(journal->totals);
    return err;
}

static enum tt_err check_quota(struct tt_journal *journal, const struct tt_journal_row *row,
                               int64_t quota_bytes) {
    int64_t more_bytes = 0;
    struct tt_journal_totals totals;
    enum tt_err err = tt_journal_totals(journal, &totals);

    if (err != TT_OK)
        return err;
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
    enum tt_err err =
        tt_db_prepare(&journal->db, &journal->insert,
                      "INSERT INTO image (" TT_JOURNAL_NEW_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, "
                      "?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, nullif(?17, 0), "
                      "?18, ?19)");

    if (err != TT_OK)
        return err;
    return tt_journal_run(journal, journal->insert, tt_journal_bind_row(journal->insert, row));
}

enum tt_err tt_journal_insert(struct tt_journal *journal, const struct tt_journal_row *row,
                              const struct tt_journal_note *event, int64_t quota_bytes) {
    enum tt_err err = tt_db_begin(&journal->db);

    if (err != TT_OK)
        return err;
    /* Within the transaction: two workers never take the same last bytes. */
    if (quota_bytes > 0)
        err = check_quota(journal, row, quota_bytes);
    if (err == TT_OK)
        err = insert_row(journal, row);
    if (err == TT_OK)
        err = tt_journal_add_renditions(journal, row);
    if (err == TT_OK && event != NULL)
        err = tt_journal_add_event(journal, event, false);
    return tt_journal_end_and_tell(journal, err);
}

/* Runs a statement whose one parameter is an id and whose rows are image rows. */
static enum tt_err run_for_id(struct tt_journal *journal, sqlite3_stmt *statement, const char *id,
                              struct tt_journal_row *row) {
    bool is_bound = tt_journal_bind_text(statement, 1, id);
    bool more;
    int count;
    enum tt_err err = tt_journal_run_rows(journal, statement, is_bound, 1, row, &count, &more);

    return err == TT_OK && count == 0 ? TT_ERR_NOT_FOUND : err;
}

enum tt_err tt_journal_find(struct tt_journal *journal, const char *id,
                            struct tt_journal_row *row) {
    enum tt_err err = tt_db_prepare(&journal->db, &journal->find,
                                    "SELECT " TT_JOURNAL_COLUMNS " FROM image WHERE id = ?1");

    if (err != TT_OK)
        return err;
    return run_for_id(journal, journal->find, id, row);
}

static bool bind_removal(sqlite3_stmt *statement, const struct tt_journal_row *row) {
    const struct tt_journal_file *original = &row->files[tt_journal_row_original(row)];
    const struct tt_journal_file *processed = &row->files[TT_JOURNAL_PROCESSED];

    return tt_journal_bind_text(statement, 1, row->id) &&
           tt_journal_bind_text(statement, 2, tt_picture_format_row(processed->format)->name) &&
           tt_journal_bind_text(statement, 3, tt_picture_format_row(original->format)->name) &&
           tt_journal_bind_int(statement, 4, original->kept) &&
           tt_journal_bind_int(statement, 5, row->file_count - TT_JOURNAL_FILES_MIN);
}

/* What describes its renditions stays for the removal. */
static enum tt_err delete_row(struct tt_journal *journal, const char *id,
                              struct tt_journal_row *row) {
    enum tt_err err = run_for_id(journal, journal->delete, id, row);

    if (err == TT_OK && row->sync_state == TT_SYNC_OFF && row->file_count > TT_JOURNAL_FILES_MIN)
        err = tt_journal_drop_renditions(journal, id);
    if (err != TT_OK || row->sync_state == TT_SYNC_OFF)
        return err;
    return tt_journal_run(journal, journal->add_removal, bind_removal(journal->add_removal, row));
}

enum tt_err tt_journal_delete(struct tt_journal *journal, const char *id,
                              struct tt_journal_row *row) {
    enum tt_err err =
        tt_db_prepare(&journal->db, &journal->delete,
                      "DELETE FROM image WHERE id = ?1 RETURNING " TT_JOURNAL_COLUMNS);

    if (err == TT_OK)
        err = tt_db_prepare(&journal->db, &journal->add_removal,
                            "INSERT OR REPLACE INTO removal (id, processed_format, "
                            "original_format, original_kept, rendition_count) "
                            "VALUES (?1, ?2, ?3, ?4, ?5)");
    if (err == TT_OK)
        err = tt_db_begin(&journal->db);
    if (err != TT_OK)
        return err;
    return tt_journal_end_and_tell(journal, delete_row(journal, id, row));
}

/* Files that were let go are in the cloud: then the item alone was refused. */
#define RETRY_SQL(condition)                                                                       \
    "UPDATE image SET attempts = 0, retry_at_ms = 0, last_error = '', sync_state = "               \
    "CASE WHEN sync_state <> 'dead' THEN sync_state "                                              \
    "WHEN processed_evicted OR original_evicted OR renditions_evicted THEN 'stored' "              \
    "ELSE 'pending' END "                                                                          \
    "WHERE " condition

static enum tt_err retry_rows(struct tt_journal *journal, const char *id, int64_t *changed) {
    sqlite3_stmt *statement = journal->retry[id == NULL];
    enum tt_err err =
        tt_journal_run(journal, statement, id == NULL || tt_journal_bind_text(statement, 1, id));

    *changed = err == TT_OK ? sqlite3_changes64(journal->db.sqlite) : 0;
    return err;
}

enum tt_err tt_journal_retry(struct tt_journal *journal, const char *id, int64_t *changed) {
    enum tt_err err = tt_db_prepare(
        &journal->db, &journal->retry[id == NULL],
        id != NULL ? RETRY_SQL("id = ?1 AND sync_state IN ('pending', 'stored', 'dead')")
                   : RETRY_SQL("sync_state = 'dead'"));

    *changed = 0;
    if (err == TT_OK)
        err = tt_db_begin(&journal->db);
    if (err != TT_OK)
        return err;
    return tt_journal_end_and_tell(journal, retry_rows(journal, id, changed));
}

/* The time within an id; 0 when there is none. */
static int64_t read_id_time(sqlite3_stmt *statement, int column) {
    char id[TT_UUID_SIZE];
    int64_t time_ms = 0;

    if (tt_journal_read_text(statement, column, id, sizeof id) && tt_uuid_parse(id, &time_ms))
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
    backlog->local_since_ms = sqlite3_column_int64(statement, 6); /* 0 for NULL */
    backlog->events = sqlite3_column_int64(statement, 7);
    backlog->dropped = sqlite3_column_int64(statement, 8);
}

/* In the order of read_backlog. Each part is one look into a small table, or at the start of an
 * index. */
#define TOTAL_SQL(state) "(SELECT images FROM image_total WHERE sync_state = '" state "'), "
#define OLDEST_SQL(state)                                                                          \
    "(SELECT id FROM image INDEXED BY image_by_sync_state WHERE sync_state = '" state              \
    "' ORDER BY id LIMIT 1), "
#define BACKLOG_SQL                                                                                \
    "SELECT " TOTAL_SQL("pending") OLDEST_SQL("pending") TOTAL_SQL("stored") OLDEST_SQL("stored")  \
        TOTAL_SQL(                                                                                 \
            "dead") "(SELECT count(*) FROM (SELECT 1 FROM removal INDEXED BY removal_to_carry "    \
                    "LIMIT " REMOVALS_COUNTED_MAX ")), "                                           \
                    "(SELECT local_since_ms FROM image INDEXED BY image_local "                    \
                    "WHERE local_since_ms IS NOT NULL ORDER BY local_since_ms, id LIMIT 1),"       \
                    " events, dropped FROM event_total"

enum tt_err tt_journal_backlog(struct tt_journal *journal, bool stored_waits,
                               struct tt_journal_backlog *backlog) {
    bool has_row;
    enum tt_err err = tt_db_prepare(&journal->db, &journal->backlog, BACKLOG_SQL);

    *backlog = (struct tt_journal_backlog){0};
    if (err != TT_OK)
        return err;
    err = tt_db_step(&journal->db, journal->backlog, &has_row);
    if (err == TT_OK && has_row)
        read_backlog(journal->backlog, stored_waits, backlog);
    tt_db_reset(journal->backlog);
    return err;
}

enum tt_err tt_journal_check(struct tt_journal *journal) {
    enum tt_err err = tt_db_begin(&journal->db);

    if (err == TT_OK && sqlite3_exec(journal->db.sqlite, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
        err = tt_db_fail(&journal->db, "roll back a transaction");
    return err;
}
