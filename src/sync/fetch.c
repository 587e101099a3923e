/* A file that is fetched is staged, checked against the row, named, and made known to the journal,
 * in that order, so that a worker finds the whole file or none. Who asked for it is not known here.
 */
#include "sync/fetch.h"

#include <string.h>
#include <sys/stat.h>

#include "tintype/file.h"
#include "tintype/log.h"

/* A fetch waits this long for keys, and for S3 when it asks to slow down. */
#define PATIENCE_MS 5000

/* The arena holds a request's text, with a session token of TT_AWS_TOKEN_SIZE several times. */
#define ARENA_MAX_BYTES ((size_t)256 * 1024)

struct tt_s3_object tt_fetch_object(const struct tt_config *config,
                                    const struct tt_journal_row *row, int number,
                                    char key[TT_SPOOL_OBJECT_KEY_SIZE]) {
    const struct tt_spool_name name = tt_journal_row_name(row, number);
    tt_spool_object_key(config, &name, key);
    return (struct tt_s3_object){.bucket = config->s3.bucket, .key = key, .body_fd = -1};
}

/* Whether an operator should look at it. Of a service that pauses cloud.c has told, and whoever
 * asked for the file is told in any case. */
static bool is_worth_a_warning(enum tt_err err) {
    return err == TT_ERR_CLOUD_OBJECT || err == TT_ERR_STORAGE || err == TT_ERR_SPOOL_FULL ||
           err == TT_ERR_JOURNAL || err == TT_ERR_NO_MEMORY || err == TT_ERR_INTERNAL;
}

static void end_fetch(struct tt_fetch *fetch, enum tt_err err, const char *sentence) {
    if (err != TT_OK)
        tt_log(is_worth_a_warning(err) ? TT_LOG_WARNING : TT_LOG_DEBUG,
               "image %s is not fetched back: %s: %s", fetch->row.id, tt_err_row(err)->name,
               sentence);
    tt_spool_discard(&fetch->context->spool, &fetch->staged);
    tt_arena_reset(&fetch->arena);
    fetch->in_use = false;
    fetch->done(fetch->done_context, fetch, err, sentence);
}

/* Ends a fetch with the note of its failure, if it failed. */
static void end_fetch_noted(struct tt_fetch *fetch, enum tt_err err) {
    const struct tt_err_note note = tt_err_take(err);
    end_fetch(fetch, err, note.cause);
}

/* Others may write to the bucket, so the staged file may not be what was stored there. */
static enum tt_err check_content(const struct tt_fetch *fetch) {
    const struct tt_journal_file *file = &fetch->row.files[fetch->number];
    struct stat status;
    uint8_t digest[TT_HASH_BYTES];
    if (fstat(fetch->staged.fd, &status) != 0)
        return tt_err_fail_errno(TT_ERR_STORAGE, "stat of a staged file");
    enum tt_err err = tt_hash_file(fetch->staged.fd, digest);
    if (err == TT_OK &&
        (status.st_size != file->size_bytes || memcmp(digest, file->sha256, sizeof digest) != 0))
        err = tt_err_fail(TT_ERR_CLOUD_OBJECT, "the object in S3 is not what was stored there");
    return err;
}

/* A file of that name was left by an eviction, or by a crash before the journal knew of it. A sweep
 * may be about to remove it, so it makes way for the staged file, which the sweep leaves alone as
 * it is locked. */
static enum tt_err name_file(struct tt_fetch *fetch, const struct tt_spool_name *name) {
    struct tt_spool *spool = &fetch->context->spool;
    enum tt_err err = tt_spool_remove(spool, name);
    if (err == TT_OK)
        err = tt_spool_keep(spool, &fetch->staged, name);
    return err;
}

/* After this the file is named, durable and known to the journal, or it is not there. */
static enum tt_err keep(struct tt_fetch *fetch) {
    struct tt_context *context = fetch->context;
    const struct tt_spool_name name = tt_journal_row_name(&fetch->row, fetch->number);
    enum tt_err err = check_content(fetch);
    if (err == TT_OK)
        err = tt_file_sync(fetch->staged.fd);
    if (err == TT_OK)
        err = name_file(fetch, &name);
    if (err != TT_OK)
        return err;
    err = tt_spool_sync(&context->spool);
    if (err == TT_OK)
        err = tt_journal_fetched(context->journal, &fetch->row, fetch->number, context->now_ms);
    /* The image may have been deleted meanwhile, and then nobody would know of the file. */
    if (err != TT_OK && tt_spool_remove(&context->spool, &name) != TT_OK)
        tt_log(TT_LOG_WARNING, "a file of %s is left to the sweep", name.id);
    return err;
}

static void fetched(void *context, const struct tt_aws_outcome *outcome,
                    const struct tt_http_answer *answer) {
    struct tt_fetch *fetch = context;
    (void)answer;
    if (outcome->err != TT_OK) {
        /* The journal says that the object was stored, so it was lost there. */
        enum tt_err err = outcome->err == TT_ERR_NOT_FOUND ? TT_ERR_CLOUD_OBJECT : outcome->err;

        end_fetch(fetch, err, outcome->message);
        return;
    }
    end_fetch_noted(fetch, keep(fetch));
}

/* A fetch keeps to the quota and to the disk's reserve as uploads do, as it may not take their
 * room. The few files that are on their way meanwhile are not counted. */
static enum tt_err check_room(const struct tt_fetch *fetch) {
    struct tt_context *context = fetch->context;
    int64_t size_bytes = fetch->row.files[fetch->number].size_bytes;
    int64_t quota_bytes = context->config->storage.quota_bytes;
    struct tt_journal_totals totals;
    enum tt_err err = tt_spool_reserve(&context->spool, TT_SPOOL_RESERVE_BYTES + size_bytes);
    if (err != TT_OK || quota_bytes == 0)
        return err;
    err = tt_journal_totals(context->journal, &totals);
    if (err == TT_OK && totals.bytes > quota_bytes - size_bytes)
        err = tt_err_fail(TT_ERR_SPOOL_FULL, "%lld bytes are kept, storage.quota_bytes is %lld",
                          (long long)totals.bytes, (long long)quota_bytes);
    return err;
}

static enum tt_err send_request(struct tt_fetch *fetch) {
    struct tt_context *context = fetch->context;
    char key[TT_SPOOL_OBJECT_KEY_SIZE];
    struct tt_aws_signer signer;
    struct tt_http_request request;
    enum tt_err err = check_room(fetch);
    if (err == TT_OK)
        err = tt_cloud_signer(fetch->cloud, TT_AWS_S3, &signer);
    if (err != TT_OK)
        return err;
    const struct tt_s3_object object =
        tt_fetch_object(context->config, &fetch->row, fetch->number, key);
    err = tt_s3_get(&request, &fetch->arena, &signer, &object);
    if (err == TT_OK)
        err = tt_spool_stage(&context->spool, &fetch->staged);
    if (err != TT_OK)
        return err;
    request.sink_fd = fetch->staged.fd;
    request.max_answer_bytes = fetch->row.files[fetch->number].size_bytes;
    /* Keys that may not list the bucket are told so of a single object that is gone, and uploads
     * can go on all the same. */
    fetch->exchange.forgiven_code = "AccessDenied";
    return tt_cloud_start(fetch->cloud, TT_AWS_S3, &fetch->exchange, &request, fetched, fetch);
}

/* A fetch waits for no place in S3's window, as images on their way would take every place first,
 * while somebody waits for the file. */
void tt_fetch_turn(struct tt_fetch *fetch) {
    struct tt_context *context = fetch->context;
    int64_t resumes_ms = tt_cloud_resumes_ms(fetch->cloud, TT_AWS_S3);
    enum tt_err err = TT_ERR_BUSY;
    if (fetch->exchange.in_flight)
        return;
    if (context->stopping) {
        end_fetch(fetch, TT_ERR_AGENT_AWAY, "the agent stops");
        return;
    }
    if (tt_cloud_is_paused(fetch->cloud, TT_AWS_S3) &&
        !tt_cloud_may_start(fetch->cloud, TT_AWS_S3)) {
        end_fetch(fetch, tt_cloud_pause_reason(fetch->cloud, TT_AWS_S3), "S3 pauses");
        return;
    }
    if (context->now_ms >= resumes_ms)
        err = send_request(fetch);
    else
        tt_context_wake(context, resumes_ms);
    if (err == TT_ERR_BUSY && context->now_ms < fetch->give_up_ms) {
        tt_context_wake(context, fetch->give_up_ms);
    } else if (err != TT_OK) {
        end_fetch_noted(fetch, err);
    }
}

void tt_fetch_start(struct tt_fetch *fetch, const struct tt_journal_row *row, int number) {
    fetch->in_use = true;
    fetch->row = *row;
    fetch->number = number;
    fetch->give_up_ms = fetch->context->now_ms + PATIENCE_MS;
    tt_fetch_turn(fetch);
}

void tt_fetch_init(struct tt_fetch *fetch, struct tt_context *context, struct tt_cloud *cloud,
                   tt_fetch_done *done, void *done_context) {
    *fetch = (struct tt_fetch){.context = context,
                               .cloud = cloud,
                               .staged = {.fd = -1},
                               .done = done,
                               .done_context = done_context};
    tt_arena_init(&fetch->arena, ARENA_MAX_BYTES);
}

void tt_fetch_fini(struct tt_fetch *fetch) {
    tt_spool_discard(&fetch->context->spool, &fetch->staged);
    tt_arena_fini(&fetch->arena);
}
