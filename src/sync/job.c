/* Jobs: lease → step → record. The order of steps is step.c's, whether a service takes requests
 * service.c's, what an answer means aws/answer.c's. */
#include "sync/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/backoff.h"
#include "sync/item.h"
#include "sync/queue.h"
#include "sync/step.h"
#include "tintype/clock.h"
#include "tintype/dynamodb.h"
#include "tintype/file.h"
#include "tintype/log.h"
#include "tintype/s3.h"

/* Outcomes are recorded together: a transaction for each would be most of the agent's work. */
#define RECORD_AT_COUNT 32
#define RECORD_AFTER_MS 50

/* After the journal failed. */
#define REST_MS 5000

/* Of one step: a request's text, and an item as JSON (16 KiB at most, every byte of the filename
 * escaped), with a session token of TT_AWS_TOKEN_SIZE several times. */
#define ARENA_MAX_BYTES (256 * 1024)

static const struct tt_backoff row_backoff = {.first_ms = 1000, .last_ms = 5 * 60 * 1000};

struct job {
    struct tt_jobs *jobs;
    bool in_use;
    struct tt_work work;
    enum tt_step step;
    struct tt_exchange exchange; /* idle while the step waits for its service or for keys */
    struct tt_arena arena;       /* of the step */
    int fd;                      /* the file of a PUT; -1 */
};

struct tt_jobs {
    struct tt_agent *agent;
    struct tt_queue queues[TT_AWS_LOGS]; /* of S3 and DynamoDB */
    struct job *jobs;
    int job_count;
    int in_use;
    struct tt_journal_outcome *outcomes; /* room for one of each job, and as many again */
    int outcome_count;
    int64_t record_at_ms;
    int64_t rests_until_ms;
};

/* ---- record ---- */

/* A journal that fails (a full disk) is let be for a while; what was to be recorded is done again.
 */
static void rest(struct tt_jobs *jobs) {
    tt_log(TT_LOG_ERROR, "the journal fails, the sync rests for %d s: %s", REST_MS / 1000,
           tt_err_cause());
    tt_err_clear();
    jobs->rests_until_ms = jobs->agent->now_ms + REST_MS;
    for (int i = 0; i < TT_AWS_LOGS; i++)
        tt_queue_clear(&jobs->queues[i]);
}

static void record(struct tt_jobs *jobs) {
    struct tt_agent *agent = jobs->agent;

    if (jobs->outcome_count == 0)
        return;
    if (jobs->outcome_count < RECORD_AT_COUNT && jobs->in_use > 0 &&
        agent->now_ms < jobs->record_at_ms) {
        tt_agent_wake(agent, jobs->record_at_ms);
        return;
    }
    if (tt_journal_record(agent->journal, jobs->outcomes, jobs->outcome_count, agent->now_ms) !=
        TT_OK)
        rest(jobs);
    jobs->outcome_count = 0;
}

static void end_job(struct job *job) {
    tt_file_close(&job->fd);
    tt_arena_reset(&job->arena);
    job->in_use = false;
    job->jobs->in_use--;
}

/* Ends the job with an outcome that the caller goes on to fill. There is room for it: turn records
 * before it starts any job that would not find some. */
static struct tt_journal_outcome *new_outcome(struct job *job) {
    struct tt_jobs *jobs = job->jobs;
    struct tt_journal_outcome *outcome = &jobs->outcomes[jobs->outcome_count++];

    *outcome = (struct tt_journal_outcome){
        .is_removal = job->work.way.is_removal,
        .state = tt_step_state_before(job->step),
    };
    memcpy(outcome->id, job->work.row.id, sizeof outcome->id);
    if (jobs->outcome_count == 1)
        jobs->record_at_ms = jobs->agent->now_ms + RECORD_AFTER_MS;
    end_job(job);
    return outcome;
}

static void succeed(struct job *job) {
    struct tt_journal_outcome *outcome = new_outcome(job);

    outcome->done = true;
    outcome->state = tt_step_state_after(&job->work.way);
}

/* Neither done nor failed: its service takes nothing now, or the agent stops. Recorded all the
 * same where a step was done, so that it need not be done again. */
static void put_off(struct job *job) {
    const struct tt_work *work = &job->work;
    struct tt_journal_outcome *outcome;

    if (work->way.is_removal || tt_step_state_before(job->step) == work->row.sync_state) {
        end_job(job);
        return;
    }
    outcome = new_outcome(job);
    memcpy(outcome->last_error, work->row.last_error, sizeof outcome->last_error);
}

/* A removal is never given up: what was deleted here must not stay there. */
static void fail(struct job *job, enum tt_err err, int64_t retry_after_ms, const char *reason) {
    struct tt_agent *agent = job->jobs->agent;
    int64_t attempts = job->work.row.attempts + 1;
    bool is_dead = err == TT_ERR_CLOUD_OBJECT && !job->work.way.is_removal;
    struct tt_journal_outcome *outcome = new_outcome(job);

    outcome->failed = true;
    (void)snprintf(outcome->last_error, sizeof outcome->last_error, "%s", reason);
    if (is_dead) {
        outcome->state = TT_SYNC_DEAD;
        tt_log(TT_LOG_ERROR, "image %s is dead, it stays here alone: %s", outcome->id, reason);
        return;
    }
    /* Where the service pauses, the pause is the wait. */
    if (tt_err_row(err)->retry != TT_RETRY_LATER || err == TT_ERR_STORAGE)
        outcome->retry_at_ms =
            agent->now_ms +
            tt_backoff_wait_ms(&row_backoff, attempts, tt_agent_random(), retry_after_ms);
    tt_log(TT_LOG_DEBUG, "image %s waits after attempt %" PRId64 ": %s", outcome->id, attempts,
           reason);
}

/* ---- step ---- */

void tt_object_key(const struct tt_config *config, enum tt_spool_kind kind, const char *id,
                   enum tt_picture_format format, char key[TT_OBJECT_KEY_SIZE]) {
    (void)snprintf(key, TT_OBJECT_KEY_SIZE, "%s%s.%s",
                   kind == TT_SPOOL_PROCESSED ? config->s3.processed_prefix
                                              : config->s3.original_prefix,
                   id, tt_picture_format_row(format)->extension);
}

/* A file that is not as the row has it can never be carried; one whose row is gone was deleted. */
static enum tt_err open_file(struct job *job, enum tt_spool_kind kind,
                             const struct tt_journal_file *file) {
    static const char *const names[] = {"original", "result"};
    struct tt_agent *agent = job->jobs->agent;
    struct tt_journal_row row;
    int64_t size_bytes;
    enum tt_err err =
        tt_spool_read(&agent->spool, kind, job->work.row.id, file->format, &job->fd, &size_bytes);

    if (err == TT_ERR_NOT_FOUND) {
        err = tt_journal_find(agent->journal, job->work.row.id, &row);
        return err != TT_OK
                   ? err
                   : tt_err_fail(TT_ERR_CLOUD_OBJECT, "its %s is not in the spool", names[kind]);
    }
    if (err == TT_OK && size_bytes != file->size_bytes)
        err = tt_err_fail(TT_ERR_CLOUD_OBJECT,
                          "its %s in the spool has %" PRId64 " bytes, and had %" PRId64,
                          names[kind], size_bytes, file->size_bytes);
    return err;
}

static enum tt_err build_put(struct job *job, struct tt_http_request *request,
                             const struct tt_aws_signer *signer, enum tt_spool_kind kind) {
    const struct tt_config *config = job->jobs->agent->config;
    const struct tt_journal_row *row = &job->work.row;
    const struct tt_journal_file *file =
        kind == TT_SPOOL_PROCESSED ? &row->processed : &row->original;
    char key[TT_OBJECT_KEY_SIZE];
    char sha256[TT_HASH_HEX_SIZE];
    enum tt_err err = open_file(job, kind, file);

    if (err != TT_OK)
        return err;
    tt_object_key(config, kind, row->id, file->format, key);
    tt_hash_format(file->sha256, sha256);
    const struct tt_s3_object object = {
        .bucket = config->s3.bucket,
        .key = key,
        .content_type = tt_picture_format_row(file->format)->media_type,
        .sha256 = sha256,
        .body_fd = job->fd,
        .size_bytes = file->size_bytes,
        .sse = config->s3.sse,
        .sse_kms_key_id = config->s3.sse_kms_key_id,
    };
    return tt_s3_put(request, &job->arena, signer, &object);
}

static enum tt_err build_delete(struct job *job, struct tt_http_request *request,
                                const struct tt_aws_signer *signer, enum tt_spool_kind kind) {
    const struct tt_config *config = job->jobs->agent->config;
    const struct tt_journal_row *row = &job->work.row;
    char key[TT_OBJECT_KEY_SIZE];
    const struct tt_s3_object object = {.bucket = config->s3.bucket, .key = key, .body_fd = -1};

    tt_object_key(config, kind, row->id,
                  kind == TT_SPOOL_PROCESSED ? row->processed.format : row->original.format, key);
    return tt_s3_delete(request, &job->arena, signer, &object);
}

static enum tt_err build_item(struct job *job, struct tt_http_request *request,
                              const struct tt_aws_signer *signer) {
    const struct tt_agent *agent = job->jobs->agent;
    struct tt_dynamodb_attribute attributes[TT_ITEM_ATTRIBUTES_MAX];
    size_t count;
    enum tt_err err =
        tt_item_format(&job->arena, agent->config, agent->node, &job->work.row, attributes, &count);

    if (err != TT_OK)
        return err;
    return tt_dynamodb_put_item(request, &job->arena, signer, agent->config->dynamodb.table,
                                attributes, count);
}

static enum tt_err build(struct job *job, struct tt_http_request *request,
                         const struct tt_aws_signer *signer) {
    const struct tt_config *config = job->jobs->agent->config;

    switch (job->step) {
    case TT_STEP_PUT_PROCESSED: return build_put(job, request, signer, TT_SPOOL_PROCESSED);
    case TT_STEP_PUT_ORIGINAL: return build_put(job, request, signer, TT_SPOOL_ORIGINAL);
    case TT_STEP_PUT_ITEM: return build_item(job, request, signer);
    case TT_STEP_DELETE_ITEM:
        return tt_dynamodb_delete_item(request, &job->arena, signer, config->dynamodb.table,
                                       job->work.row.id);
    case TT_STEP_DELETE_PROCESSED: return build_delete(job, request, signer, TT_SPOOL_PROCESSED);
    case TT_STEP_DELETE_ORIGINAL: return build_delete(job, request, signer, TT_SPOOL_ORIGINAL);
    case TT_STEP_END: break;
    }
    return tt_err_fail(TT_ERR_INTERNAL, "no such step");
}

static void step_done(void *context, const struct tt_aws_outcome *outcome,
                      const struct tt_http_answer *answer);

/* Sends the step's request. TT_ERR_BUSY: keys are on their way, the step waits. */
static enum tt_err send_step(struct job *job) {
    struct tt_agent *agent = job->jobs->agent;
    enum tt_aws_service service = tt_step_service(job->step);
    struct tt_aws_signer signer;
    struct tt_http_request request;
    enum tt_err err = tt_exchange_signer(agent, service, &signer);

    if (err == TT_OK)
        err = build(job, &request, &signer);
    if (err == TT_OK)
        err = tt_exchange_start(&job->exchange, agent, service, &request, step_done, job);
    return err;
}

/* Starts the step, or leaves it waiting for a place in its service's window. */
static void advance(struct job *job) {
    struct tt_agent *agent = job->jobs->agent;
    enum tt_aws_service service = tt_step_service(job->step);
    enum tt_err err;

    if (agent->stopping || (tt_service_is_paused(&agent->services[service]) &&
                            !tt_exchange_may_start(agent, service))) {
        put_off(job);
        return;
    }
    if (!tt_exchange_may_start(agent, service))
        return;
    err = send_step(job);
    if (err == TT_ERR_NOT_FOUND)
        end_job(job);
    else if (err != TT_OK && err != TT_ERR_BUSY)
        fail(job, err, 0, tt_err_cause());
    if (err != TT_OK)
        tt_err_clear();
}

static void step_done(void *context, const struct tt_aws_outcome *outcome,
                      const struct tt_http_answer *answer) {
    struct job *job = context;

    (void)answer;
    tt_file_close(&job->fd);
    tt_arena_reset(&job->arena);
    /* S3 is content with a DELETE of nothing; some that speak its language are not. */
    if (outcome->err != TT_OK && !(job->work.way.is_removal && outcome->err == TT_ERR_NOT_FOUND)) {
        fail(job, outcome->err, outcome->retry_after_ms, outcome->message);
        return;
    }
    job->step = tt_step_next(&job->work.way, job->step);
    if (job->step == TT_STEP_END)
        succeed(job);
    else
        advance(job);
}

/* ---- lease ---- */

static bool is_leased(const void *context, const char *id) {
    const struct tt_jobs *jobs = context;

    for (int i = 0; i < jobs->job_count; i++)
        if (jobs->jobs[i].in_use && strcmp(jobs->jobs[i].work.row.id, id) == 0)
            return true;
    for (int i = 0; i < jobs->outcome_count; i++)
        if (strcmp(jobs->outcomes[i].id, id) == 0)
            return true;
    return false;
}

static struct job *find_free_job(struct tt_jobs *jobs) {
    for (int i = 0; i < jobs->job_count; i++)
        if (!jobs->jobs[i].in_use)
            return &jobs->jobs[i];
    return NULL;
}

/* False where the job cannot go on yet: keys are on their way, say. */
static bool start_job(struct tt_jobs *jobs, const struct tt_work *work) {
    struct job *job = find_free_job(jobs);

    job->in_use = true;
    jobs->in_use++;
    job->work = *work;
    job->step = tt_step_first(&work->way, work->row.sync_state);
    if (job->step == TT_STEP_END)
        succeed(job);
    else
        advance(job);
    return !job->in_use || job->exchange.agent != NULL;
}

/* Every job under way, and the one to be started, find room for their outcomes. */
static bool has_room(const struct tt_jobs *jobs) {
    return jobs->in_use < jobs->job_count && jobs->outcome_count < jobs->job_count;
}

static enum tt_err start_from(struct tt_jobs *jobs, enum tt_aws_service service) {
    while (has_room(jobs) && tt_exchange_may_start(jobs->agent, service)) {
        const struct tt_work *work;
        enum tt_err err = tt_queue_take(&jobs->queues[service], is_leased, jobs, &work);

        if (err != TT_OK || work == NULL)
            return err;
        if (!start_job(jobs, work))
            return TT_OK;
    }
    return TT_OK;
}

static void wake_for(struct tt_jobs *jobs, enum tt_aws_service service) {
    struct tt_agent *agent = jobs->agent;

    if (agent->services[service].resumes_ms > agent->now_ms)
        tt_agent_wake(agent, agent->services[service].resumes_ms);
    else
        tt_queue_wake(&jobs->queues[service]);
}

void tt_jobs_turn(struct tt_jobs *jobs) {
    struct tt_agent *agent = jobs->agent;
    enum tt_err err = TT_OK;

    record(jobs);
    for (int i = 0; i < jobs->job_count; i++)
        if (jobs->jobs[i].in_use && jobs->jobs[i].exchange.agent == NULL)
            advance(&jobs->jobs[i]);
    if (!agent->stopping && agent->now_ms < jobs->rests_until_ms) {
        tt_agent_wake(agent, jobs->rests_until_ms);
        return;
    }
    for (int i = TT_AWS_LOGS - 1; !agent->stopping && err == TT_OK && i >= 0; i--) {
        err = start_from(jobs, (enum tt_aws_service)i);
        wake_for(jobs, (enum tt_aws_service)i);
    }
    if (err != TT_OK)
        rest(jobs);
    record(jobs);
}

void tt_jobs_look(struct tt_jobs *jobs) {
    for (int i = 0; i < TT_AWS_LOGS; i++)
        tt_queue_look(&jobs->queues[i]);
}

bool tt_jobs_is_idle(const struct tt_jobs *jobs) {
    const struct tt_agent *agent = jobs->agent;

    if (jobs->in_use > 0 || jobs->outcome_count > 0)
        return false;
    if (agent->stopping || agent->now_ms < jobs->rests_until_ms)
        return true;
    for (int i = 0; i < TT_AWS_LOGS; i++)
        if (agent->has_service[i] && !tt_service_is_paused(&agent->services[i]) &&
            !tt_queue_has_nothing(&jobs->queues[i]))
            return false;
    return true;
}

/* ---- start and end ---- */

static bool allocate(struct tt_jobs *jobs) {
    size_t count = (size_t)jobs->job_count;

    jobs->jobs = calloc(count, sizeof *jobs->jobs);
    jobs->outcomes = calloc(2 * count, sizeof *jobs->outcomes);
    for (int i = 0; i < TT_AWS_LOGS; i++)
        if (tt_queue_init(&jobs->queues[i], jobs->agent, (enum tt_aws_service)i,
                          3 * jobs->job_count) != TT_OK)
            return false;
    return jobs->jobs != NULL && jobs->outcomes != NULL;
}

struct tt_jobs *tt_jobs_new(struct tt_agent *agent) {
    struct tt_jobs *jobs = calloc(1, sizeof *jobs);

    if (jobs == NULL) {
        (void)tt_err_fail(TT_ERR_NO_MEMORY, "sync: no memory for jobs");
        return NULL;
    }
    jobs->agent = agent;
    /* While some wait for the table, as many others fill the way to S3. */
    jobs->job_count =
        (int)agent->config->sync.in_flight * (agent->has_service[TT_AWS_DYNAMODB] ? 2 : 1);
    if (!allocate(jobs)) {
        (void)tt_err_fail(TT_ERR_NO_MEMORY, "sync: no memory for jobs");
        tt_jobs_free(jobs);
        return NULL;
    }
    for (int i = 0; i < jobs->job_count; i++) {
        jobs->jobs[i].jobs = jobs;
        jobs->jobs[i].fd = -1;
        tt_arena_init(&jobs->jobs[i].arena, ARENA_MAX_BYTES);
    }
    return jobs;
}

void tt_jobs_free(struct tt_jobs *jobs) {
    if (jobs == NULL)
        return;
    for (int i = 0; jobs->jobs != NULL && i < jobs->job_count; i++) {
        tt_file_close(&jobs->jobs[i].fd);
        tt_arena_fini(&jobs->jobs[i].arena);
    }
    free(jobs->jobs);
    free(jobs->outcomes);
    for (int i = 0; i < TT_AWS_LOGS; i++)
        tt_queue_fini(&jobs->queues[i]);
    free(jobs);
}
