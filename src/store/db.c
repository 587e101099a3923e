/* One SQLite connection: opening, settings, the schema's version, waiting, statements,
 * transactions. What is stored is the other files' to say. */
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/schema.h"
#include "tintype/clock.h"
#include "tintype/file.h"

#define BUSY_LIMIT_MS 10000
#define MODE          0660
#define SQL_SIZE      2048 /* of a statement's text */

/* How long a writer sleeps between two looks at a lock. SQLite's own busy_timeout sleeps longer the
 * longer it has waited, up to 100 ms, so whoever waits longest is served last. Measured twice on 2
 * cores busy with other work too, 8 writers, durable inserts with 10 ms between a writer's own, as
 * inserts a second and their 99th percentile: 0.1 ms 418 and 426, 53 and 82 ms; 1 ms 304 and 274,
 * 80 and 127 ms; SQLite's own 205 and 164, 1157 and 753 ms. Queueing on flock(2) did no better: 259
 * and 236, 176 and 200 ms. With 4 writers the rates are too close to tell apart, the tails are not.
 */
#define BUSY_PAUSE_NS 100000

/* synchronous=FULL: a commit is on the disk before it returns. cache_size (KiB, hence negative) is
 * small because every worker has a cache and touches few pages. mmap_size is 0 so that an I/O error
 * is a code and not a SIGBUS. trusted_schema and cell_size_check are set as they are because the
 * file is no more trusted than any other input. */
static const char settings[] = "PRAGMA trusted_schema = OFF;"
                               "PRAGMA cell_size_check = ON;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA synchronous = FULL;"
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA cache_size = -512;"
                               "PRAGMA mmap_size = 0;";

enum tt_err tt_db_fail(struct tt_db *db, const char *doing) {
    int code = sqlite3_extended_errcode(db->sqlite);
    int number = sqlite3_system_errno(db->sqlite);
    bool is_full = (code & 0xFF) == SQLITE_FULL;
    /* SQLITE_FULL is for writes to the database and its log. A log that cannot be made, or a shared
     * index that cannot grow, is told by the system's error, and the latter by its code alone. */
    if ((code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_CANTOPEN)
        is_full = number == ENOSPC || number == EDQUOT || code == SQLITE_IOERR_SHMSIZE;
    return tt_err_fail(is_full ? TT_ERR_SPOOL_FULL : TT_ERR_JOURNAL,
                       "journal: %s: %s (SQLite code %d)", doing, sqlite3_errmsg(db->sqlite), code);
}

static void pause_briefly(void) {
    struct timespec pause = {.tv_nsec = BUSY_PAUSE_NS};
    /* A signal that cuts it short only means an earlier look. */
    nanosleep(&pause, NULL);
}

static int wait_while_busy(void *context, int count) {
    struct tt_db *db = context;
    int64_t now_ms = tt_clock_monotonic_ms();
    if (count == 0)
        db->busy_deadline_ms = now_ms + BUSY_LIMIT_MS;
    if (now_ms >= db->busy_deadline_ms)
        return 0;
    pause_briefly();
    return 1;
}

static enum tt_err execute(struct tt_db *db, const char *sql, const char *doing) {
    if (sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) != SQLITE_OK)
        return tt_db_fail(db, doing);
    return TT_OK;
}

enum tt_err tt_db_prepare(struct tt_db *db, sqlite3_stmt **statement, const char *format, ...) {
    if (*statement)
        return TT_OK;
    char sql[SQL_SIZE];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(sql, sizeof sql, format, values);
    va_end(values);
    if (length < 0 || length >= SQL_SIZE)
        return tt_err_fail(TT_ERR_JOURNAL, "journal: a statement of %d bytes is too long", length);
    if (sqlite3_prepare_v3(db->sqlite, sql, length + 1, SQLITE_PREPARE_PERSISTENT, statement,
                           NULL) != SQLITE_OK)
        return tt_db_fail(db, "prepare a statement");
    return TT_OK;
}

bool tt_db_bind_text(sqlite3_stmt *statement, int parameter, const char *text) {
    return sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC) == SQLITE_OK;
}

bool tt_db_bind_int(sqlite3_stmt *statement, int parameter, int64_t value) {
    return sqlite3_bind_int64(statement, parameter, value) == SQLITE_OK;
}

/* SQLite numbers parameters from 1 on and gives 0 for a name that it does not find, which cannot be
 * bound. */
bool tt_db_set_text(sqlite3_stmt *statement, const char *parameter, const char *text) {
    return tt_db_bind_text(statement, sqlite3_bind_parameter_index(statement, parameter), text);
}

bool tt_db_set_int(sqlite3_stmt *statement, const char *parameter, int64_t value) {
    return tt_db_bind_int(statement, sqlite3_bind_parameter_index(statement, parameter), value);
}

enum tt_err tt_db_fail_bind(struct tt_db *db) {
    return tt_db_fail(db, "bind a parameter");
}

bool tt_db_read_text(sqlite3_stmt *statement, int column, char *text, size_t size) {
    const unsigned char *value = sqlite3_column_text(statement, column);
    size_t length = (size_t)sqlite3_column_bytes(statement, column);
    if (!value || length >= size)
        return false;
    memcpy(text, value, length);
    text[length] = '\0';
    return true;
}

enum tt_err tt_db_step(struct tt_db *db, sqlite3_stmt *statement, bool *has_row) {
    int code = sqlite3_step(statement);
    *has_row = code == SQLITE_ROW;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return tt_db_fail(db, "run a statement");
    return TT_OK;
}

void tt_db_reset(sqlite3_stmt *statement) {
    /* A failure that reset returns is that of the step before, which was noted there. */
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

enum tt_err tt_db_run(struct tt_db *db, sqlite3_stmt *statement, bool is_bound) {
    bool has_row;
    enum tt_err err = is_bound ? tt_db_step(db, statement, &has_row) : tt_db_fail_bind(db);
    tt_db_reset(statement);
    return err;
}

enum tt_err tt_db_ask_int(struct tt_db *db, sqlite3_stmt *statement, int64_t *value) {
    bool has_row;
    enum tt_err err = tt_db_step(db, statement, &has_row);
    if (err == TT_OK && has_row)
        *value = sqlite3_column_int64(statement, 0);
    tt_db_reset(statement);
    return err;
}

enum tt_err tt_db_begin(struct tt_db *db) {
    return execute(db, "BEGIN IMMEDIATE", "begin a transaction");
}

enum tt_err tt_db_end(struct tt_db *db, enum tt_err err) {
    if (err == TT_OK)
        err = execute(db, "COMMIT", "commit a transaction");
    /* After some failures SQLite has rolled back by itself. */
    if (err != TT_OK && sqlite3_get_autocommit(db->sqlite) == 0)
        sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

enum tt_err tt_db_set_durable(struct tt_db *db, bool is_durable) {
    return execute(db, is_durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
                   "set the durability of commits");
}

/* SQLite makes new files with mode 0644, and gives -wal and -shm the mode of the database. The file
 * is made here, then, and never opened when it exists: closing a second descriptor of it would drop
 * the locks that another connection of this process holds (fcntl(2)). Its name is made durable by
 * SQLite's first write, which syncs the directory of the log. */
static enum tt_err make_file(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
    if (fd < 0 && errno != EEXIST)
        return tt_err_fail_errno(TT_ERR_JOURNAL, "journal: make %s", path);
    tt_file_close(&fd);
    return TT_OK;
}

static int note_mode(void *context, int count, char **values, char **names) {
    bool *is_wal = context;
    (void)names;
    *is_wal = count == 1 && values[0] && strcmp(values[0], "wal") == 0;
    return 0;
}

/* Turns the write-ahead log on. The switch needs the file for itself, and SQLite does not call the
 * busy handler where two processes that both want it would wait for each other, so the wait is
 * here. */
static enum tt_err enter_wal(struct tt_db *db, const char *path) {
    int64_t deadline_ms = tt_clock_monotonic_ms() + BUSY_LIMIT_MS;
    bool is_wal = false;
    while (sqlite3_exec(db->sqlite, "PRAGMA journal_mode = WAL", note_mode, &is_wal, NULL) !=
           SQLITE_OK) {
        if ((sqlite3_errcode(db->sqlite) & 0xFF) != SQLITE_BUSY ||
            tt_clock_monotonic_ms() >= deadline_ms)
            return tt_db_fail(db, "turn on the write-ahead log");
        pause_briefly();
    }
    if (!is_wal)
        return tt_err_fail(TT_ERR_JOURNAL,
                           "journal: the file system of %s cannot hold a write-ahead log", path);
    return TT_OK;
}

/* Reads the schema's version, and refuses one that this program does not know. */
static enum tt_err read_version(struct tt_db *db, int *version) {
    sqlite3_stmt *statement = NULL;
    bool has_row = false;
    *version = 0;
    enum tt_err err = tt_db_prepare(db, &statement, "PRAGMA user_version");
    if (err == TT_OK)
        err = tt_db_step(db, statement, &has_row);
    if (err == TT_OK)
        *version = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    if (err == TT_OK && (*version < 0 || *version > tt_schema_step_count))
        return tt_err_fail(TT_ERR_JOURNAL,
                           "journal: its schema has version %d, this program knows %d: "
                           "a newer program wrote it, run that one",
                           *version, tt_schema_step_count);
    return err;
}

/* Takes the steps that are missing, within a transaction. The version is read once more in it, as
 * another process may have taken them since. */
static enum tt_err apply_steps(struct tt_db *db) {
    int version;
    enum tt_err err = read_version(db, &version);
    for (int step = version; err == TT_OK && step < tt_schema_step_count; step++)
        err = execute(db, tt_schema_steps[step], "migrate the schema");
    if (err != TT_OK || version == tt_schema_step_count)
        return err;
    char set_version[64]; /* a PRAGMA takes no bound parameter */
    snprintf(set_version, sizeof set_version, "PRAGMA user_version = %d", tt_schema_step_count);
    return execute(db, set_version, "set the schema's version");
}

static enum tt_err migrate(struct tt_db *db) {
    int version;
    enum tt_err err = read_version(db, &version);
    if (err != TT_OK || version == tt_schema_step_count)
        return err;
    err = tt_db_begin(db);
    if (err != TT_OK)
        return err;
    return tt_db_end(db, apply_steps(db));
}

enum tt_err tt_db_open(struct tt_db *db, const char *path) {
    /* SQLite's mutexes are off, as a process has one thread. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

    *db = (struct tt_db){0};
    enum tt_err err = make_file(path);
    if (err != TT_OK)
        return err;
    if (sqlite3_open_v2(path, &db->sqlite, flags, NULL) != SQLITE_OK)
        err = tt_db_fail(db, path);
    if (err == TT_OK && sqlite3_busy_handler(db->sqlite, wait_while_busy, db) != SQLITE_OK)
        err = tt_db_fail(db, "set the busy handler");
    if (err == TT_OK)
        err = execute(db, settings, "apply the settings");
    if (err == TT_OK)
        err = enter_wal(db, path);
    if (err == TT_OK)
        err = migrate(db);
    if (err != TT_OK)
        tt_db_close(db);
    return err;
}

void tt_db_close(struct tt_db *db) {
    if (!db->sqlite)
        return;
    sqlite3_stmt *statement;
    while ((statement = sqlite3_next_stmt(db->sqlite, NULL)))
        sqlite3_finalize(statement);
    sqlite3_close(db->sqlite);
    db->sqlite = NULL;
}
