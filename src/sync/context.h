/* Context: what every part of the agent works with. It knows nothing of the cloud or of HTTP.
 *
 * The agent is one process with one thread and one loop (loop.c). In each turn every part starts
 * what it may, then the loop waits for something to happen. Parts never wait themselves: they ask
 * for the turn that they need next. */
#ifndef TINTYPE_SYNC_CONTEXT_H
#define TINTYPE_SYNC_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "tintype/config.h"
#include "tintype/journal_sync.h"
#include "tintype/spool.h"

#define TT_NEVER_MS INT64_MAX

struct tt_context {
    const struct tt_config *config;
    struct tt_journal *journal;
    struct tt_spool spool;
    char node[TT_CONFIG_NODE_SIZE]; /* sync.node, or the host's name */
    int64_t now_ms;                 /* Unix: the time of this turn, or of the last answer in it */
    int64_t woken_ms;               /* Unix: some part asks for another turn no later than this */
    bool once;                      /* the agent carries what is due, then ends */
    bool stopping;                  /* parts finish what is in flight and start nothing */
};

/* Sets now_ms to the time of day. */
void tt_context_read_clock(struct tt_context *context);

/* Asks for another turn at that time (Unix) at the latest. */
void tt_context_wake(struct tt_context *context, int64_t time_ms);

/* Returns 64 random bits, which are good enough for back-off and not for secrets. */
uint64_t tt_context_random(void);

#endif
