/* Sync: carries what the journal holds to S3, DynamoDB and CloudWatch Logs until asked to stop. */
#ifndef TINTYPE_SYNC_H
#define TINTYPE_SYNC_H

#include <stdbool.h>

#include "tintype/config.h"

/* What a configuration must have for the agent, beyond what tt_config_load checks: something to do,
 * and a place for each service named. TT_ERR_CONFIG, noted. */
enum tt_err tt_sync_check(const struct tt_config *config);

/* Runs until SIGTERM or SIGINT, then finishes what is in flight, for sync's drain at most; SIGHUP
 * tries paused services again at once. once: carries what is due, then returns. Blocks these three
 * signals. storage.dir exists. Returns 0: stopped cleanly, of once: all is in the cloud; 1: it
 * could not start (another agent works on the journal, say; the cause is logged), had to drop what
 * was in flight, or, of once, something is dead or left. */
int tt_sync_run(const struct tt_config *config, bool once);

#endif
