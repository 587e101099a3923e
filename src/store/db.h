/* Database: one SQLite connection, opened the one way this project uses it, with its statements and
 * guarded transactions. Knows no table: statements are the journal's files', the schema is in
 * sql/.
 *
 * Every failure is noted with what was being done, SQLite's message and its extended code. A full
 * disk is TT_ERR_SPOOL_FULL, every other failure TT_ERR_JOURNAL, in each function below. */
#ifndef TINTYPE_STORE_DB_H
#define TINTYPE_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "tintype/err.h"

struct tt_db {
    sqlite3 *sqlite;          /* NULL when closed */
    int64_t busy_deadline_ms; /* private to the busy handler; monotonic */
};

/* Opens path, made with mode 0660 (as umask allows) where it is missing, and brings its schema up
 * to date. Many processes may do so at once. A database of a newer schema is refused. *db must stay
 * where it is until it is closed, and must not be used across a fork. On failure it is closed. */
enum tt_err tt_db_open(struct tt_db *db, const char *path);

/* Every statement prepared on it goes too. Safe on a zeroed struct, and twice. */
void tt_db_close(struct tt_db *db);

/* Prepares sql into *statement, unless one is there already. It belongs to the connection, and
 * lives until tt_db_close. */
enum tt_err tt_db_prepare(struct tt_db *db, sqlite3_stmt **statement, const char *sql);

/* One step of a statement; *has_row tells whether it gave a row. */
enum tt_err tt_db_step(struct tt_db *db, sqlite3_stmt *statement, bool *has_row);

/* Makes a statement ready for its next use, and lets go of the memory bound to it. Whoever called
 * tt_db_step calls this, whatever came of it. */
void tt_db_reset(sqlite3_stmt *statement);

/* Begins a transaction that may write: no other writer comes between its statements. Waits for
 * another writer up to ten seconds. */
enum tt_err tt_db_begin(struct tt_db *db);

/* Ends the transaction: commits when err is TT_OK, else rolls back. Returns err, or the failure of
 * the commit, after which no reader sees anything of the transaction. (Where the disk failed to
 * sync the log and the machine then stops, recovery may find it there all the same.) */
enum tt_err tt_db_end(struct tt_db *db, enum tt_err err);

/* Whether a commit waits until it is on the disk (synchronous=FULL, as the database was opened) or
 * may be lost with the power, whole (NORMAL). Not within a transaction. */
enum tt_err tt_db_set_durable(struct tt_db *db, bool is_durable);

/* Notes the failure of the last call on the connection; doing says what it was for. Never TT_OK. */
enum tt_err tt_db_fail(struct tt_db *db, const char *doing);

#endif
