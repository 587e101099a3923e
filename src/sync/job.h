/* Jobs: images on their way to S3 and DynamoDB, and removals there, many at a time.
 *
 * A row is leased by having a job here, in memory: as this process holds the agent's lock nobody
 * else takes the row, and when the process dies every lease is free again. */
#ifndef TINTYPE_SYNC_JOB_H
#define TINTYPE_SYNC_JOB_H

#include "sync/cloud.h"

struct tt_jobs; /* heap */

/* Both are borrowed, and outlive the jobs. NULL with TT_ERR_NO_MEMORY noted. */
struct tt_jobs *tt_jobs_new(struct tt_context *context, struct tt_cloud *cloud);
/* To be called after tt_cloud_free; what was in flight will be done again. NULL is allowed. */
void tt_jobs_free(struct tt_jobs *jobs);

/* Tells that the journal has changed: the next turn looks for what is due. */
void tt_jobs_look(struct tt_jobs *jobs);

/* Whatever waits for the clock is tried in the next turn, rows that failed among it. */
void tt_jobs_hurry(struct tt_jobs *jobs);

/* Starts what may be started, records what has ended, and asks (tt_context_wake) for the turn it
 * needs next. */
void tt_jobs_turn(struct tt_jobs *jobs);

/* Whether nothing is in flight or unrecorded, and nothing is due that could be started now. */
bool tt_jobs_is_idle(const struct tt_jobs *jobs);

#endif
