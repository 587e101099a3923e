/* Journal, for the files that run its statements: the handle they share, and what goes between
 * columns and structs. */
#ifndef TINTYPE_STORE_JOURNAL_ROW_H
#define TINTYPE_STORE_JOURNAL_ROW_H

#include "store/db.h"
#include "store/journal_list.h"
#include "tintype/journal.h"

/* What a new row is given, in the order of tt_journal_bind_row. */
#define TT_JOURNAL_NEW_COLUMNS                                                                     \
    "id, filename, processed_size_bytes, processed_format, processed_width_px, "                   \
    "processed_height_px, processed_sha256, original_size_bytes, original_format, "                \
    "original_width_px, original_height_px, original_sha256, original_kept, sync_state, "          \
    "attempts, last_error, synced_at_ms, rendition_count, rendition_bytes"

/* A whole row, in the order of tt_journal_read_row. */
#define TT_JOURNAL_COLUMNS                                                                         \
    TT_JOURNAL_NEW_COLUMNS ", processed_evicted, original_evicted, renditions_evicted"

/* Of a row without renditions: the result and the original. */
#define TT_JOURNAL_FILES_MIN 2

/* The states in which a row is due: pending, stored. */
#define TT_JOURNAL_DUE_STATES 2

struct tt_journal {
    struct tt_db db;
    bool is_relaxed; /* tt_journal_relax */
    int wake_fd;     /* touched to wake the agent; -1: none */
    /* Prepared at their first use; they belong to db. Those of journal.c and journal_list.c: */
    sqlite3_stmt *insert;
    sqlite3_stmt *find;
    sqlite3_stmt *delete;
    sqlite3_stmt *add_removal;
    sqlite3_stmt *retry[2]; /* one, every dead one */
    sqlite3_stmt *totals;
    sqlite3_stmt *backlog;
    sqlite3_stmt *lists[TT_JOURNAL_LIST_KINDS];
    /* journal_sync.c: */
    sqlite3_stmt *adopt;
    sqlite3_stmt *due[TT_JOURNAL_DUE_STATES];
    sqlite3_stmt *bury;
    sqlite3_stmt *next_due[TT_JOURNAL_DUE_STATES];
    sqlite3_stmt *due_removals;
    sqlite3_stmt *next_removal;
    sqlite3_stmt *cap_retries[TT_JOURNAL_DUE_STATES + 1];
    sqlite3_stmt *record_image;
    sqlite3_stmt *record_removal;
    sqlite3_stmt *end_removal;
    sqlite3_stmt *next_local;
    sqlite3_stmt *evict;
    sqlite3_stmt *fetched[TT_SPOOL_ORIGINAL + 1]; /* by enum tt_spool_kind */
    /* journal_rendition.c: */
    sqlite3_stmt *add_rendition;
    sqlite3_stmt *renditions;
    sqlite3_stmt *drop_renditions;
    /* journal_event.c: */
    sqlite3_stmt *add_event;
    sqlite3_stmt *trim_events[2]; /* all, failures */
    sqlite3_stmt *count_dropped;
    sqlite3_stmt *events;
    sqlite3_stmt *remove_events;
};

/* tt_db_end, and where it gives TT_OK, whoever watches (tt_journal_watch) is told. */
enum tt_err tt_journal_end_and_tell(struct tt_journal *journal, enum tt_err err);

/* False on failure, to be told by tt_db_fail. The bound text is not copied: it stays where it is
 * until tt_db_reset. */
bool tt_journal_bind_text(sqlite3_stmt *statement, int parameter, const char *text);
bool tt_journal_bind_int(sqlite3_stmt *statement, int parameter, int64_t value);
bool tt_journal_bind_row(sqlite3_stmt *statement, const struct tt_journal_row *row);
/* The five columns of a file (size, format, width, height, hash), from parameter first on. */
bool tt_journal_bind_file(sqlite3_stmt *statement, int first, const struct tt_journal_file *file);

/* False for a value that does not fit: the database is no more trusted than any other file,
 * whatever its own checks say. */
bool tt_journal_read_text(sqlite3_stmt *statement, int column, char *text, size_t size);
bool tt_journal_read_format(sqlite3_stmt *statement, int column, enum tt_picture_format *format);
bool tt_journal_read_file(sqlite3_stmt *statement, int first, struct tt_journal_file *file);
/* Makes *row one with the files of that count of renditions. False when it cannot have so many. */
bool tt_journal_start_row(struct tt_journal_row *row, int64_t rendition_count);

/* Notes that a row has values that this program does not know. */
enum tt_err tt_journal_refuse_row(void);
/* The row that the statement stands on, its renditions with it; that costs a statement more where
 * there are any. *is_known is false where the row, and not the reading, is at fault.
 * TT_ERR_JOURNAL. */
enum tt_err tt_journal_read_row(struct tt_journal *journal, sqlite3_stmt *statement,
                                struct tt_journal_row *row, bool *is_known);

/* The renditions of row->id, as many as the row has, into its files. Within the transaction of
 * whoever read that count: while its statement stands on the row, that of the statement. *is_known
 * as above. TT_ERR_JOURNAL. */
enum tt_err tt_journal_read_renditions(struct tt_journal *journal, struct tt_journal_row *row,
                                       bool *is_known);
/* Within the caller's transaction. */
enum tt_err tt_journal_add_renditions(struct tt_journal *journal, const struct tt_journal_row *row);
enum tt_err tt_journal_drop_renditions(struct tt_journal *journal, const char *id);

/* Runs a statement that gives no rows, or one that is not looked at, and resets it; is_bound:
 * whether its parameters could be bound. */
enum tt_err tt_journal_run(struct tt_journal *journal, sqlite3_stmt *statement, bool is_bound);

/* The same for one that gives image rows, of which the first limit are read: rows[0..*count). *more
 * tells whether it gave any beyond them. */
enum tt_err tt_journal_run_rows(struct tt_journal *journal, sqlite3_stmt *statement, bool is_bound,
                                int limit, struct tt_journal_row *rows, int *count, bool *more);

/* Adds an event, within the caller's transaction. */
enum tt_err tt_journal_add_event(struct tt_journal *journal, const struct tt_journal_note *event,
                                 bool is_failure);

#endif
