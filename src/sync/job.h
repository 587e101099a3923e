/* Jobs: images on their way to S3 and DynamoDB, and removals there, many at a time.
 *
 * A job is leased by being here, in memory: the process holds the agent's lock, so nobody else
 * takes it, and when the process dies every lease is free again. */
#ifndef TINTYPE_SYNC_JOB_H
#define TINTYPE_SYNC_JOB_H

#include "sync/cloud.h"

struct tt_jobs; /* heap */

/* NULL with TT_ERR_NO_MEMORY noted. */
struct tt_jobs *tt_jobs_new(struct tt_context *context, struct tt_cloud *cloud);
/* What is in flight is dropped; it will be done again. NULL is allowed. */
void tt_jobs_free(struct tt_jobs *jobs);

/* The journal has changed: look for what is due in the next turn. */
void tt_jobs_look(struct tt_jobs *jobs);

/* Whatever waits for the clock, rows that failed as well, is tried in the next turn. */
void tt_jobs_hurry(struct tt_jobs *jobs);

/* Starts what may be started, records what has ended, and asks (tt_context_wake) for the turn it
 * needs next. */
void tt_jobs_turn(struct tt_jobs *jobs);

/* Nothing in flight or unrecorded, and nothing due that could be started now. */
bool tt_jobs_is_idle(const struct tt_jobs *jobs);

#endif
