/* Journal, its events on their way to CloudWatch Logs: reading those that wait, and forgetting
 * those that were shipped. The agent alone calls this; events come in with rows and failures
 * (journal.h). Each function may fail with TT_ERR_JOURNAL, and with TT_ERR_SPOOL_FULL where the
 * disk is full. */
#ifndef TINTYPE_JOURNAL_EVENT_H
#define TINTYPE_JOURNAL_EVENT_H

#include <stdint.h>

#include "tintype/arena.h"
#include "tintype/journal.h"

struct tt_journal_event {
    int64_t number;
    int64_t time_ms;
    char *message; /* in the arena */
};

/* Reads the longest waiting events in the order of their numbers: at most limit and, beyond the
 * first, at most max_bytes of messages. TT_ERR_NO_MEMORY too, where the arena is full. */
enum tt_err tt_journal_events(struct tt_journal *journal, struct tt_arena *arena, int limit,
                              int64_t max_bytes, struct tt_journal_event *events, int *count);

/* Removes every event up to and including that number, and counts so many of them as dropped. */
enum tt_err tt_journal_events_shipped(struct tt_journal *journal, int64_t number, int64_t dropped);

#endif
