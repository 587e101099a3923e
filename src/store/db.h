/* Database: one SQLite connection, opened the one way this project uses it, with its statements and
 * guarded transactions. It knows no table: the texts of statements are in the journal's files, the
 * schema is in sql/.
 *
 * Every failure is noted with what was being done, SQLite's message and its extended code. A full
 * disk is TT_ERR_SPOOL_FULL, every other failure TT_ERR_JOURNAL, in each function below. */
#ifndef TINTYPE_STORE_DB_H
#define TINTYPE_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
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

/* Prepares the formatted text into *statement, unless one is there already. The statement belongs
 * to the connection and lives until tt_db_close. What goes into the text is the program's own,
 * never a value from elsewhere: those are bound. */
enum tt_err tt_db_prepare(struct tt_db *db, sqlite3_stmt **statement, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* These bind a value to a parameter (from 1 on). False on failure, which tt_db_run and
 * tt_db_fail_bind tell. The text is not copied: it stays where it is until tt_db_reset. */
bool tt_db_bind_text(sqlite3_stmt *statement, int parameter, const char *text);
bool tt_db_bind_int(sqlite3_stmt *statement, int parameter, int64_t value);

/* The same for a parameter that the statement names (":id"), as statements with more than two do.
 */
bool tt_db_set_text(sqlite3_stmt *statement, const char *parameter, const char *text);
bool tt_db_set_int(sqlite3_stmt *statement, const char *parameter, int64_t value);

/* Notes that a parameter could not be bound. Never TT_OK. */
enum tt_err tt_db_fail_bind(struct tt_db *db);

/* One step of a statement; *has_row tells whether it gave a row. */
enum tt_err tt_db_step(struct tt_db *db, sqlite3_stmt *statement, bool *has_row);

/* The text of a column (from 0 on) of the row that the statement stands on. False when it is NULL
 * or takes more than size bytes with its NUL. */
bool tt_db_read_text(sqlite3_stmt *statement, int column, char *text, size_t size);

/* Makes a statement ready for its next use, and lets go of the memory bound to it. Whoever called
 * tt_db_step calls this, whatever came of it. */
void tt_db_reset(sqlite3_stmt *statement);

/* Runs a statement whose rows nobody looks at, and resets it. is_bound says whether its parameters
 * could be bound. */
enum tt_err tt_db_run(struct tt_db *db, sqlite3_stmt *statement, bool is_bound);

/* Runs a statement without parameters for the integer that its first row starts with, which is left
 * alone where there is no row. */
enum tt_err tt_db_ask_int(struct tt_db *db, sqlite3_stmt *statement, int64_t *value);

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
