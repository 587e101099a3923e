/* Evict: local files that the cloud has as well go after storage.keep_local_seconds. */
#ifndef TINTYPE_SYNC_EVICT_H
#define TINTYPE_SYNC_EVICT_H

#include "sync/agent.h"

/* Lets go of what is due, a bounded number a turn, and asks (tt_agent_wake) for the turn it needs
 * next. */
void tt_evict_turn(struct tt_agent *agent);

#endif
