/* Check: one look at bucket and table when the agent starts, so that a wrong setting is in the log
 * before the first image meets it. */
#ifndef TINTYPE_SYNC_CHECK_H
#define TINTYPE_SYNC_CHECK_H

#include "sync/cloud.h"

struct tt_check {
    const struct tt_config *config;
    struct tt_cloud *cloud;
    struct tt_cloud_exchange exchanges[TT_AWS_LOGS]; /* of S3 and DynamoDB */
    bool asked[TT_AWS_LOGS];
    struct tt_arena arena;
};

void tt_check_init(struct tt_check *check, const struct tt_config *config, struct tt_cloud *cloud);
/* Nothing may be in flight. */
void tt_check_fini(struct tt_check *check);
/* Asks what has not been asked yet, as soon as it may. What the answers mean is said by
 * cloud.c. */
void tt_check_turn(struct tt_check *check);

#endif
