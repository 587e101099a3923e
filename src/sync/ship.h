/* Ship: events of the journal go to CloudWatch Logs, one batch at a time, and so does the minute's
 * heartbeat with the backlog's metrics (embedded metric format). It is made only where
 * cloudwatch.log_group is set. */
#ifndef TINTYPE_SYNC_SHIP_H
#define TINTYPE_SYNC_SHIP_H

#include "sync/cloud.h"
#include "tintype/arena.h"

struct tt_ship; /* heap */

/* Both are borrowed, and outlive it. NULL with TT_ERR_NO_MEMORY noted. */
struct tt_ship *tt_ship_new(struct tt_context *context, struct tt_cloud *cloud);
/* To be called after tt_cloud_free. NULL is allowed. */
void tt_ship_free(struct tt_ship *ship);
/* Whatever waits for the clock is tried in the next turn. */
void tt_ship_hurry(struct tt_ship *ship);
/* Starts what may be started now, and asks (tt_context_wake) for the turn it needs next. */
void tt_ship_turn(struct tt_ship *ship);
/* Whether nothing is in flight, and nothing waits that could be sent now: --once may end. */
bool tt_ship_is_idle(const struct tt_ship *ship);
/* Whether events are left that could not be sent, once --once ends. A journal that cannot be read
 * counts so, and is logged. */
bool tt_ship_has_left(const struct tt_ship *ship);

#endif
