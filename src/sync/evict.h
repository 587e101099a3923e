/* Evict: local files that the cloud has as well go after storage.keep_local_seconds. */
#ifndef TINTYPE_SYNC_EVICT_H
#define TINTYPE_SYNC_EVICT_H

#include "sync/cloud.h"

struct tt_evict {
    /* All private. */
    struct tt_context *context;
    const struct tt_cloud *cloud;
    int64_t look_at_ms; /* Unix: its next look */
};

/* Both are borrowed, and outlive it. */
void tt_evict_init(struct tt_evict *evict, struct tt_context *context,
                   const struct tt_cloud *cloud);

/* Whatever waits for the clock is tried in the next turn. */
void tt_evict_hurry(struct tt_evict *evict);

/* Lets go of what is due, a bounded number a turn, and asks (tt_context_wake) for the turn it needs
 * next. */
void tt_evict_turn(struct tt_evict *evict);

#endif
