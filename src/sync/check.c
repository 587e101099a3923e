/* The look at bucket and table asks for an object and an item that are never there, and so needs no
 * right beyond those that delivery needs. */
#include "sync/check.h"

#include <stdio.h>

#include "tintype/dynamodb.h"
#include "tintype/log.h"
#include "tintype/s3.h"

/* The arena holds two requests' text, each with a session token of TT_AWS_TOKEN_SIZE several times.
 */
#define ARENA_MAX_BYTES (256 * 1024)

/* No image has this id, as its time is 1970 and its version 0. */
#define NO_ID "00000000-0000-0000-0000-000000000000"

void tt_check_init(struct tt_check *check, const struct tt_config *config, struct tt_cloud *cloud) {
    *check = (struct tt_check){.config = config, .cloud = cloud};
    tt_arena_init(&check->arena, ARENA_MAX_BYTES);
}

void tt_check_fini(struct tt_check *check) {
    tt_arena_fini(&check->arena);
}

static void answered(void *context, const struct tt_aws_outcome *outcome,
                     const struct tt_http_answer *answer) {
    struct tt_check *check = context;
    (void)answer;
    (void)outcome;
    if (!check->exchanges[TT_AWS_S3].in_flight && !check->exchanges[TT_AWS_DYNAMODB].in_flight)
        tt_arena_reset(&check->arena);
}

static enum tt_err build(struct tt_check *check, enum tt_aws_service service,
                         const struct tt_aws_signer *signer, struct tt_http_request *request) {
    const struct tt_config *config = check->config;
    const struct tt_spool_name name = {TT_SPOOL_PROCESSED, NO_ID, "", TT_FORMAT_PNG};
    char key[TT_SPOOL_OBJECT_KEY_SIZE];
    const struct tt_s3_object object = {.bucket = config->s3.bucket, .key = key, .body_fd = -1};
    if (service == TT_AWS_DYNAMODB)
        return tt_dynamodb_get_item(request, &check->arena, signer, config->dynamodb.table, NO_ID);
    tt_spool_object_key(config, &name, key);
    return tt_s3_get(request, &check->arena, signer, &object);
}

static enum tt_err ask(struct tt_check *check, enum tt_aws_service service) {
    struct tt_aws_signer signer;
    struct tt_http_request request;
    enum tt_err err = tt_cloud_signer(check->cloud, service, &signer);
    if (err == TT_OK)
        err = build(check, service, &signer, &request);
    /* Keys that may not list a bucket are told AccessDenied of an object that is not there (S3 API
     * Reference, GetObject, "Permissions"), and may put objects all the same. */
    check->exchanges[service].forgiven_code =
        service == TT_AWS_S3 ? "AccessDenied" : "AccessDeniedException";
    if (err == TT_OK)
        err = tt_cloud_start(check->cloud, service, &check->exchanges[service], &request, answered,
                             check);
    return err;
}

void tt_check_turn(struct tt_check *check) {
    for (int i = 0; i < TT_AWS_LOGS; i++) {
        if (check->asked[i] || !tt_cloud_may_start(check->cloud, (enum tt_aws_service)i))
            continue;
        enum tt_err err = ask(check, (enum tt_aws_service)i);
        const struct tt_err_note note = tt_err_take(err);
        check->asked[i] = err != TT_ERR_BUSY;
        /* Keys that are on their way bring another turn, and of keys that are not to be had cloud.c
         * has told. */
        if (err != TT_OK && err != TT_ERR_BUSY && err != TT_ERR_CLOUD_KEYS)
            tt_log(TT_LOG_ERROR, "check: %s", note.cause);
    }
}
