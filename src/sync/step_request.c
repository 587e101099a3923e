/* The requests of the steps: what a step needs of the spool and of its row becomes a signed
 * request. In which order steps come, and what an answer means, is not known here. */
#include "sync/step_request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sync/item.h"
#include "tintype/dynamodb.h"
#include "tintype/s3.h"

#define WHAT_SIZE (sizeof "rendition " + TT_PICTURE_PRESET_SIZE)

/* A file that S3 refused for its bytes was spoilt either on its way or here. Sending it again helps
 * only in the first case, so a file that failed before is read whole before it is sent. */
static enum tt_err check_bytes(int fd, const struct tt_journal_file *file, const char *what) {
    uint8_t digest[TT_HASH_BYTES];
    enum tt_err err = tt_hash_file(fd, digest);
    if (err == TT_OK && memcmp(digest, file->sha256, sizeof digest) != 0)
        err = tt_err_fail(TT_ERR_CLOUD_OBJECT,
                          "its %s in the spool has other bytes than were acknowledged", what);
    return err;
}

/* Writes "original", "result", or "rendition" and its name. */
static void describe(const struct tt_spool_name *name, char what[WHAT_SIZE]) {
    static const char *const kinds[] = {
        [TT_SPOOL_PROCESSED] = "result",
        [TT_SPOOL_RENDITION] = "rendition ",
        [TT_SPOOL_ORIGINAL] = "original",
    };
    snprintf(what, WHAT_SIZE, "%s%s", kinds[name->kind], name->rendition);
}

/* A file that is missing was deleted with its row or, while the row is there, was lost. */
static enum tt_err open_file(const struct tt_step_needs *needs, const struct tt_spool_name *name,
                             const struct tt_journal_file *file) {
    struct tt_context *context = needs->context;
    char what[WHAT_SIZE];
    int64_t size_bytes;
    enum tt_err err = tt_spool_read(&context->spool, name, needs->fd, &size_bytes);
    describe(name, what);
    if (err == TT_ERR_NOT_FOUND) {
        struct tt_journal_row row;
        err = tt_journal_find(context->journal, needs->row->id, &row);
        return err != TT_OK ? err
                            : tt_err_fail(TT_ERR_CLOUD_OBJECT, "its %s is not in the spool", what);
    }
    if (err == TT_OK && size_bytes != file->size_bytes)
        err = tt_err_fail(TT_ERR_CLOUD_OBJECT,
                          "its %s in the spool has %" PRId64 " bytes, and had %" PRId64, what,
                          size_bytes, file->size_bytes);
    if (err == TT_OK && needs->row->attempts > 0)
        err = check_bytes(*needs->fd, file, what);
    return err;
}

static enum tt_err build_put(const struct tt_step_needs *needs, struct tt_http_request *request,
                             const struct tt_aws_signer *signer, int number) {
    const struct tt_config *config = needs->context->config;
    const struct tt_journal_file *file = &needs->row->files[number];
    const struct tt_spool_name name = tt_journal_row_name(needs->row, number);
    char key[TT_SPOOL_OBJECT_KEY_SIZE];
    char sha256[TT_HASH_HEX_SIZE];
    enum tt_err err = open_file(needs, &name, file);
    if (err != TT_OK)
        return err;
    tt_spool_object_key(config, &name, key);
    tt_hash_format(file->sha256, sha256);
    const struct tt_s3_object object = {
        .bucket = config->s3.bucket,
        .key = key,
        .content_type = tt_picture_format_row(file->format)->media_type,
        .sha256 = sha256,
        .body_fd = *needs->fd,
        .size_bytes = file->size_bytes,
        .sse = config->s3.sse,
        .sse_kms_key_id = config->s3.sse_kms_key_id,
    };
    return tt_s3_put(request, needs->arena, signer, &object);
}

static enum tt_err build_delete(const struct tt_step_needs *needs, struct tt_http_request *request,
                                const struct tt_aws_signer *signer, int number) {
    const struct tt_config *config = needs->context->config;
    const struct tt_spool_name name = tt_journal_row_name(needs->row, number);
    char key[TT_SPOOL_OBJECT_KEY_SIZE];
    const struct tt_s3_object object = {.bucket = config->s3.bucket, .key = key, .body_fd = -1};
    tt_spool_object_key(config, &name, key);
    return tt_s3_delete(request, needs->arena, signer, &object);
}

static enum tt_err build_item(const struct tt_step_needs *needs, struct tt_http_request *request,
                              const struct tt_aws_signer *signer) {
    const struct tt_context *context = needs->context;
    struct tt_dynamodb_attribute attributes[TT_ITEM_ATTRIBUTES_MAX];
    size_t count;
    enum tt_err err = tt_item_format(needs->arena, context->config, context->node, needs->row,
                                     attributes, &count);
    if (err != TT_OK)
        return err;
    return tt_dynamodb_put_item(request, needs->arena, signer, context->config->dynamodb.table,
                                attributes, count);
}

enum tt_err tt_step_build_request(struct tt_http_request *request,
                                  const struct tt_step_needs *needs, struct tt_step step,
                                  const struct tt_aws_signer *signer) {
    const struct tt_config *config = needs->context->config;
    switch (step.kind) {
    case TT_STEP_PUT_OBJECT: return build_put(needs, request, signer, step.number);
    case TT_STEP_PUT_ITEM: return build_item(needs, request, signer);
    case TT_STEP_DELETE_ITEM:
        return tt_dynamodb_delete_item(request, needs->arena, signer, config->dynamodb.table,
                                       needs->row->id);
    case TT_STEP_DELETE_OBJECT: return build_delete(needs, request, signer, step.number);
    case TT_STEP_END: break;
    }
    return tt_err_fail(TT_ERR_INTERNAL, "no such step");
}
