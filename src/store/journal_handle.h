/* The journal's handle, which the files that run its statements share: the connection, the
 * statements prepared on it, and how transactions end. */
#ifndef TINTYPE_STORE_JOURNAL_HANDLE_H
#define TINTYPE_STORE_JOURNAL_HANDLE_H

#include "store/db.h"
#include "store/journal_columns.h"
#include "tintype/journal.h"

#define TT_JOURNAL_LIST_KINDS 16

struct tt_journal {
    struct tt_db db;
    bool is_relaxed; /* tt_journal_relax */
    int wake_fd;     /* touched to wake the agent; -1: none */
    struct tt_columns_text columns[TT_COLUMNS_TABLES];
    /* Statements are prepared at their first use and belong to db. Those of journal_image.c and
     * journal_list.c: */
    sqlite3_stmt *insert;
    sqlite3_stmt *find;
    sqlite3_stmt *delete;
    sqlite3_stmt *add_removal;
    sqlite3_stmt *retry[2]; /* one row, every dead one */
    sqlite3_stmt *totals;
    sqlite3_stmt *backlog;
    sqlite3_stmt *lists[TT_JOURNAL_LIST_KINDS];
    /* journal_row.c: */
    sqlite3_stmt *add_rendition;
    sqlite3_stmt *renditions;
    sqlite3_stmt *drop_renditions;
    /* journal_sync.c: */
    sqlite3_stmt *adopt;
    sqlite3_stmt *due[TT_SYNC_STATE_COUNT]; /* of the states pending and stored */
    sqlite3_stmt *bury;
    sqlite3_stmt *next_due[TT_SYNC_STATE_COUNT]; /* of the same */
    sqlite3_stmt *due_removals;
    sqlite3_stmt *next_removal;
    sqlite3_stmt *cap_images[TT_SYNC_STATE_COUNT]; /* of the same */
    sqlite3_stmt *cap_removals;
    sqlite3_stmt *record_image;
    sqlite3_stmt *record_removal;
    sqlite3_stmt *end_removal;
    sqlite3_stmt *next_local;
    sqlite3_stmt *evict;
    sqlite3_stmt *fetched[TT_SPOOL_ORIGINAL + 1]; /* by enum tt_spool_kind */
    /* journal_event.c: */
    sqlite3_stmt *add_event;
    sqlite3_stmt *trim_events[2]; /* all, failures */
    sqlite3_stmt *count_dropped;
    sqlite3_stmt *events;
    sqlite3_stmt *remove_events;
};

/* tt_db_end, and where it gives TT_OK, whoever watches (tt_journal_watch) is told. */
enum tt_err tt_journal_end_and_tell(struct tt_journal *journal, enum tt_err err);

/* Notes that a row has values that this program does not know. Never TT_OK. */
enum tt_err tt_journal_refuse_row(void);

#endif
