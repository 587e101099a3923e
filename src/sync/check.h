/* Check: one look at bucket and table when the agent starts, so that a wrong setting is in the log
 * before the first image meets it. */
#ifndef TINTYPE_SYNC_CHECK_H
#define TINTYPE_SYNC_CHECK_H

#include "sync/cloud.h"

struct tt_check {
    const struct tt_config *config;
    struct tt_cloud *cloud;
    /* All private. */
    struct tt_cloud_exchange exchanges[TT_AWS_LOGS]; /* for S3 and DynamoDB, by tt_aws_service */
    bool asked[TT_AWS_LOGS];
    struct tt_arena arena;
};

/* Both are borrowed, and outlive the check. */
void tt_check_init(struct tt_check *check, const struct tt_config *config, struct tt_cloud *cloud);
/* To be called after tt_cloud_free. A zeroed struct is allowed. */
void tt_check_fini(struct tt_check *check);
/* Asks each service as soon as it may be asked, once. cloud.c tells what an answer means for its
 * service, and nothing else is done with the answer. */
void tt_check_turn(struct tt_check *check);

#endif
