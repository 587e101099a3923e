/* Journal, the agent's side: what is due, what came of it, removals, eviction. One process
 * at a time calls this (the agent holds a lock), beside any number of workers. Each function may
 * fail with TT_ERR_JOURNAL, and with TT_ERR_SPOOL_FULL where the disk is full. */
#ifndef TINTYPE_JOURNAL_SYNC_H
#define TINTYPE_JOURNAL_SYNC_H

#include "tintype/journal.h"
#include "tintype/spool.h"

/* From now on the handle commits without waiting for the disk (synchronous=NORMAL), but for
 * tt_journal_evict and tt_journal_adopt: what else is lost with the power is only done again. It is
 * called before anything else here. */
enum tt_err tt_journal_relax(struct tt_journal *journal);

/* Makes at most limit rows of state off pending; *changed counts them. It is durable before it
 * returns, because the deletion of a row that is off leaves no removal. It costs little when there
 * are none. */
enum tt_err tt_journal_adopt(struct tt_journal *journal, int limit, int *changed);

/* Reads the rows of that state (pending or stored) whose retry_at_ms is not after now_ms, the
 * longest due first, at most limit: rows[0..*count). One that this program cannot read becomes
 * dead, and is logged. */
enum tt_err tt_journal_due(struct tt_journal *journal, enum tt_sync_state state, int64_t now_ms,
                           int limit, struct tt_journal_row *rows, int *count);

/* Finds the least retry_at_ms of rows of that state and, with_removals, of removals; INT64_MAX when
 * there are none. */
enum tt_err tt_journal_next_due(struct tt_journal *journal, enum tt_sync_state state,
                                bool with_removals, int64_t *retry_at_ms);

/* Makes rows and removals that would be due after latest_ms due then: the clock may have been set
 * back since they were recorded. */
enum tt_err tt_journal_cap_retries(struct tt_journal *journal, int64_t latest_ms);

/* What came of one attempt. */
struct tt_journal_outcome {
    char id[TT_UUID_SIZE];
    bool is_removal; /* of a removal, and not of an image */
    bool done;       /* the removal is over; the image's files may be evicted from now on */
    enum tt_sync_state state;               /* an image's from now on */
    bool failed;                            /* one attempt more is counted */
    int64_t retry_at_ms;                    /* 0: at once */
    char last_error[TT_JOURNAL_ERROR_SIZE]; /* an image's; "" clears it */
};

/* Records all of them in one transaction. now_ms becomes synced_at_ms of those that became synced,
 * and local_since_ms of those that are done, have files here and have no such time yet. An id that
 * was deleted meanwhile is no failure. */
enum tt_err tt_journal_record(struct tt_journal *journal, const struct tt_journal_outcome *outcomes,
                              int count, int64_t now_ms);

/* Reads the removals that are due, the longest due first, at most limit: rows[0..*count), of which
 * id, attempts and what names their files are set, and nothing else. */
enum tt_err tt_journal_due_removals(struct tt_journal *journal, int64_t now_ms, int limit,
                                    struct tt_journal_row *rows, int *count);

/* Marks the files that have been here since before_ms or longer as evicted, of at most limit rows:
 * rows[0..*count). It is durable before it returns, as the caller then unlinks every file of each
 * row. It costs little when there are none. */
enum tt_err tt_journal_evict(struct tt_journal *journal, int64_t before_ms, int limit,
                             struct tt_journal_row *rows, int *count);

/* Records that the row's file of that number was fetched back: it counts again, and for all files
 * of the row that are here the time starts at now_ms. TT_ERR_NOT_FOUND (nothing noted): the row is
 * gone from the journal. */
enum tt_err tt_journal_fetched(struct tt_journal *journal, const struct tt_journal_row *row,
                               int number, int64_t now_ms);

#endif
