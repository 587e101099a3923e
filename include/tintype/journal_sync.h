/* Journal, the agent's side: what is due, what came of it, removals, eviction, events. One process
 * calls this at a time (the agent holds a lock), beside any number of workers. */
#ifndef TINTYPE_JOURNAL_SYNC_H
#define TINTYPE_JOURNAL_SYNC_H

#include "tintype/arena.h"
#include "tintype/journal.h"
#include "tintype/spool.h"

/* The agent's handle commits without waiting for the disk (synchronous=NORMAL), but for
 * tt_journal_evict and tt_journal_adopt: what else is lost with the power is only done again.
 * Before any other call here. TT_ERR_JOURNAL, and TT_ERR_SPOOL_FULL where the disk is full, as all
 * below.
 */
enum tt_err tt_journal_relax(struct tt_journal *journal);

/* An inotify descriptor (O_NONBLOCK, the caller closes it) that becomes readable after each insert,
 * deletion and failure noted by any handle; the agent's own calls do not count. After
 * tt_journal_open. */
enum tt_err tt_journal_watch(const char *storage_dir, int *fd);

/* Rows of state off become pending, at most limit of them; *changed counts. Durable before it
 * returns: the deletion of a row that is off leaves no removal. Cheap when there are none. */
enum tt_err tt_journal_adopt(struct tt_journal *journal, int limit, int *changed);

/* Rows of that state (pending or stored) whose retry_at_ms is not after now_ms, the longest due
 * first, at most limit: rows[0..*count). One that this program cannot read becomes dead, and is
 * logged. */
enum tt_err tt_journal_due(struct tt_journal *journal, enum tt_sync_state state, int64_t now_ms,
                           int limit, struct tt_journal_row *rows, int *count);

/* The least retry_at_ms of rows of that state and, where asked, of removals; INT64_MAX when there
 * is none. */
enum tt_err tt_journal_next_due(struct tt_journal *journal, enum tt_sync_state state,
                                bool with_removals, int64_t *retry_at_ms);

/* Rows and removals that would be due after latest_ms are due then: of a clock that was set back
 * since they were recorded. */
enum tt_err tt_journal_cap_retries(struct tt_journal *journal, int64_t latest_ms);

/* What came of one attempt. */
struct tt_journal_outcome {
    char id[TT_UUID_SIZE];
    bool is_removal; /* then state is not read; done removes it */
    bool done;       /* a removal is over; of an image: its files may be evicted from now on */
    enum tt_sync_state state;
    bool failed;                            /* attempts grows, last_error is set */
    int64_t retry_at_ms;                    /* 0: at once */
    char last_error[TT_JOURNAL_ERROR_SIZE]; /* cut where it was too long; "" clears it */
};

/* Records all of them in one transaction; now_ms becomes synced_at_ms of those that became synced,
 * and local_since_ms of those that are done, were not before, and have files here. An id that is no
 * longer there (deleted meanwhile) is no failure. */
enum tt_err tt_journal_record(struct tt_journal *journal, const struct tt_journal_outcome *outcomes,
                              int count, int64_t now_ms);

/* Removals that are due, the longest due first, at most limit: rows[0..*count), of which id,
 * attempts and what names their files are set, and nothing else. */
enum tt_err tt_journal_due_removals(struct tt_journal *journal, int64_t now_ms, int limit,
                                    struct tt_journal_row *rows, int *count);

/* Marks files that have been here since before_ms or longer as evicted, at most limit rows, durable
 * before it returns: the caller then unlinks every file of each row. Cheap when there are none. */
enum tt_err tt_journal_evict(struct tt_journal *journal, int64_t before_ms, int limit,
                             struct tt_journal_row *rows, int *count);

/* The row's file of that number was fetched back: it counts again, and the time here of all that
 * are starts at now_ms. TT_ERR_NOT_FOUND (nothing noted): the row is gone from the journal. */
enum tt_err tt_journal_fetched(struct tt_journal *journal, const struct tt_journal_row *row,
                               int number, int64_t now_ms);

/* ---- events ---- */

struct tt_journal_event {
    int64_t number;
    int64_t time_ms;
    char *message; /* in the arena */
};

/* The longest waiting events, in the order of their numbers, at most limit and, beyond the first,
 * at most max_bytes of messages. TT_ERR_NO_MEMORY too. */
enum tt_err tt_journal_events(struct tt_journal *journal, struct tt_arena *arena, int limit,
                              int64_t max_bytes, struct tt_journal_event *events, int *count);

/* Removes every event up to and including number; dropped of them count as dropped. */
enum tt_err tt_journal_events_shipped(struct tt_journal *journal, int64_t number, int64_t dropped);

#endif
