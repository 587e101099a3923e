/* Sync: carries what the journal holds to S3, DynamoDB and CloudWatch Logs until asked to stop. */
#ifndef TINTYPE_SYNC_H
#define TINTYPE_SYNC_H

#include <stdbool.h>

#include "tintype/config.h"

/* Checks what the agent needs of a configuration beyond what tt_config_load checks: something to
 * do, and an address for each service that is named. TT_ERR_CONFIG, noted. */
enum tt_err tt_sync_check(const struct tt_config *config);

/* Runs until SIGTERM or SIGINT, then finishes what is in flight, for half a minute at most; SIGHUP
 * tries paused services again at once. With once it carries what is due, then returns. It blocks
 * these three signals, and storage.dir must exist. Returns 0 when it stopped cleanly and, with
 * once, all is in the cloud. Returns 1 when it could not start or go on, of which the log has the
 * cause (another agent works on the journal, say), when it had to drop what was in flight, or when,
 * with once, something is dead or left. */
int tt_sync_run(const struct tt_config *config, bool once);

#endif
