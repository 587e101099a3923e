/* The journal's handle: opening, closing, and the file by which the agent is woken. How a
 * connection is opened and a transaction guarded is in db.c; the tables are in sql/. Statements are
 * in journal_image.c (one row, totals), journal_list.c (pages), journal_row.c (renditions),
 * journal_sync.c (the agent's) and journal_event.c. */
#include "store/journal_handle.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "tintype/file.h"

#define PATH_SIZE 4096
#define WAKE_NAME "journal.wake"

static enum tt_err format_path(char path[PATH_SIZE], const char *storage_dir, const char *name) {
    int length = snprintf(path, PATH_SIZE, "%s/%s", storage_dir, name);
    if (length < 0 || length >= PATH_SIZE)
        return tt_err_fail(TT_ERR_JOURNAL, "journal: the path of storage.dir is too long");
    return TT_OK;
}

static enum tt_err open_handle(struct tt_journal *journal, const char *storage_dir) {
    char path[PATH_SIZE];
    enum tt_err err = format_path(path, storage_dir, "journal.db");
    if (err == TT_OK)
        err = tt_db_open(&journal->db, path);
    if (err == TT_OK)
        err = format_path(path, storage_dir, WAKE_NAME);
    if (err != TT_OK)
        return err;
    /* Without this file (on a full disk, say) all works, but the agent notices changes late. */
    journal->wake_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
    for (int i = 0; i < TT_COLUMNS_TABLES; i++)
        tt_columns_format((enum tt_columns_table)i, &journal->columns[i]);
    return TT_OK;
}

enum tt_err tt_journal_open(struct tt_journal **journal, const char *storage_dir) {
    *journal = calloc(1, sizeof **journal);
    if (!*journal)
        return tt_err_fail(TT_ERR_JOURNAL, "journal: no memory for a handle");
    (*journal)->wake_fd = -1;
    enum tt_err err = open_handle(*journal, storage_dir);
    if (err != TT_OK) {
        tt_journal_close(*journal);
        *journal = NULL;
    }
    return err;
}

void tt_journal_close(struct tt_journal *journal) {
    if (!journal)
        return;
    tt_db_close(&journal->db);
    tt_file_close(&journal->wake_fd);
    free(journal);
}

enum tt_err tt_journal_check(struct tt_journal *journal) {
    enum tt_err err = tt_db_begin(&journal->db);
    if (err == TT_OK && sqlite3_exec(journal->db.sqlite, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
        err = tt_db_fail(&journal->db, "roll back a transaction");
    return err;
}

/* Others see a commit only after its last write to any file, so who watched the database's own
 * files would look too early; a file of our own is touched afterwards. */
enum tt_err tt_journal_end_and_tell(struct tt_journal *journal, enum tt_err err) {
    err = tt_db_end(&journal->db, err);
    /* A failure here only makes the agent notice late, so the commit stands. */
    if (err == TT_OK && journal->wake_fd >= 0)
        futimens(journal->wake_fd, NULL);
    return err;
}

enum tt_err tt_journal_watch(const char *storage_dir, int *fd) {
    char path[PATH_SIZE];
    enum tt_err err = format_path(path, storage_dir, WAKE_NAME);
    *fd = -1;
    if (err != TT_OK)
        return err;
    *fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (*fd >= 0 && inotify_add_watch(*fd, path, IN_ATTRIB) >= 0)
        return TT_OK;
    tt_file_close(fd);
    return tt_err_fail_errno(TT_ERR_JOURNAL, "journal: watch %s", path);
}

enum tt_err tt_journal_refuse_row(void) {
    return tt_err_fail(TT_ERR_JOURNAL, "journal: a row has values that this program does not know; "
                                       "check it with PRAGMA integrity_check");
}
