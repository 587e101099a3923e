/* Jobs: a row is leased, goes step by step, and its outcome is recorded. The order of steps is
 * step.c's, what each sends step_request.c's, whether a service takes requests cloud.c's, and what
 * an answer means aws/answer.c's. */
#include "sync/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/backoff.h"
#include "sync/queue.h"
#include "sync/step.h"
#include "sync/step_request.h"
#include "tintype/file.h"
#include "tintype/log.h"

/* Outcomes are recorded together, once there are this many or this long after the first, as a
 * transaction for each would be most of the agent's work. */
#define RECORD_AT_COUNT 32
#define RECORD_AFTER_MS 50

/* Nothing is started for this long after the journal failed. */
#define REST_MS 5000

/* A removal is put off for at least this long, and an item whose table takes nothing for longer
 * gives up its job. */
#define PUT_OFF_MS 1000

/* The arena holds the request of one step: its text with a session token of TT_AWS_TOKEN_SIZE
 * several times, and an item as JSON, which has 16 KiB at most, with every rendition and every byte
 * of the filename escaped. */
#define ARENA_MAX_BYTES (256 * 1024)

static const struct tt_backoff row_backoff = {.first_ms = 1000, .last_ms = 5 * 60 * 1000};

struct job {
    struct tt_jobs *jobs;
    bool in_use;
    struct tt_work work;
    struct tt_step step;
    struct tt_cloud_exchange exchange; /* idle while the step waits for its service or for keys */
    struct tt_arena arena;             /* has the step's request */
    int fd;                            /* the file of a PUT, else -1 */
};

struct tt_jobs {
    struct tt_context *context;
    struct tt_cloud *cloud;
    struct tt_queue queues[TT_AWS_LOGS]; /* for S3 and DynamoDB, by tt_aws_service */
    struct job *jobs;
    int job_count;
    int in_use;
    struct tt_journal_outcome *outcomes; /* room for one of each job, and as many again */
    int outcome_count;
    int64_t record_at_ms;   /* Unix: when the outcomes are recorded, however few they are */
    int64_t rests_until_ms; /* Unix: after the journal failed */
    bool queues_go_first;   /* in this turn new jobs come before those that wait */
};

/* ---- record ---- */

/* A journal that fails, for a full disk, say, is left alone for a while. The steps whose outcomes
 * could not be recorded are done again. */
static void rest(struct tt_jobs *jobs, enum tt_err err) {
    const struct tt_err_note note = tt_err_take(err);
    tt_log(TT_LOG_ERROR, "the journal fails, the sync rests for %d s: %s", REST_MS / 1000,
           note.cause);
    jobs->rests_until_ms = jobs->context->now_ms + REST_MS;
    tt_context_wake(jobs->context, jobs->rests_until_ms);
    for (int i = 0; i < TT_AWS_LOGS; i++)
        tt_queue_clear(&jobs->queues[i]);
}

/* A row whose outcome was recorded is no longer leased, and may be due again, with another service
 * or at another time. So the queues look again: in this turn or, where it ends here, in the next.
 */
static void record(struct tt_jobs *jobs, bool is_end_of_turn) {
    struct tt_context *context = jobs->context;
    if (jobs->outcome_count == 0)
        return;
    if (jobs->outcome_count < RECORD_AT_COUNT && jobs->outcome_count < jobs->job_count &&
        jobs->in_use > 0 && context->now_ms < jobs->record_at_ms) {
        tt_context_wake(context, jobs->record_at_ms);
        return;
    }
    enum tt_err err =
        tt_journal_record(context->journal, jobs->outcomes, jobs->outcome_count, context->now_ms);
    if (err != TT_OK)
        rest(jobs, err);
    jobs->outcome_count = 0;
    tt_jobs_look(jobs);
    if (is_end_of_turn)
        tt_context_wake(context, context->now_ms);
}

static void end_job(struct job *job) {
    tt_file_close(&job->fd);
    tt_arena_reset(&job->arena);
    job->in_use = false;
    job->jobs->in_use--;
}

/* Ends the job with an outcome that the caller goes on to fill. There is room for it, as has_room
 * lets no job start that would not find some. */
static struct tt_journal_outcome *new_outcome(struct job *job) {
    struct tt_jobs *jobs = job->jobs;
    struct tt_journal_outcome *outcome = &jobs->outcomes[jobs->outcome_count++];
    *outcome = (struct tt_journal_outcome){
        .is_removal = job->work.way.is_removal,
        .state = tt_step_state_before(job->step),
    };
    memcpy(outcome->id, job->work.row.id, sizeof outcome->id);
    if (jobs->outcome_count == 1)
        jobs->record_at_ms = jobs->context->now_ms + RECORD_AFTER_MS;
    end_job(job);
    return outcome;
}

static void succeed(struct job *job) {
    struct tt_journal_outcome *outcome = new_outcome(job);
    outcome->done = true;
    outcome->state = tt_step_state_after(&job->work.way);
}

/* A removal that S3 holds up begins at the table again once it is due, and the table may take
 * requests while S3 does not. So it is due no sooner than S3 takes requests, lest it ask the table
 * all the time. */
static void put_off_removal(struct job *job) {
    struct tt_context *context = job->jobs->context;
    int64_t resumes_ms = tt_cloud_resumes_ms(job->jobs->cloud, TT_AWS_S3);
    int64_t soon_ms = context->now_ms + PUT_OFF_MS;
    if (context->stopping ||
        tt_step_is_same(job->step, tt_step_first(&job->work.way, &job->work.row)))
        end_job(job);
    else
        new_outcome(job)->retry_at_ms = resumes_ms > soon_ms ? resumes_ms : soon_ms;
}

/* The job ends neither done nor failed, as its service takes nothing now or the agent stops. Where
 * objects were stored that is recorded, so that they need not be sent again. */
static void put_off(struct job *job) {
    const struct tt_work *work = &job->work;
    if (work->way.is_removal) {
        put_off_removal(job);
        return;
    }
    if (tt_step_state_before(job->step) == work->row.sync_state) {
        end_job(job);
        return;
    }
    struct tt_journal_outcome *outcome = new_outcome(job);
    memcpy(outcome->last_error, work->row.last_error, sizeof outcome->last_error);
}

/* An image whose service pauses waits only for the end of that pause. It is due at once, behind
 * the others that are due, so that an image that makes the service pause by itself is not what
 * tries the service out each time. A removal always backs off: it has time, and where the keys may
 * not delete, each of its requests pauses the service. */
static int64_t find_retry_time(const struct job *job, enum tt_err err, int64_t retry_after_ms) {
    int64_t now_ms = job->jobs->context->now_ms;
    if (!job->work.way.is_removal && tt_err_row(err)->retry == TT_RETRY_LATER &&
        tt_cloud_is_paused(job->jobs->cloud, tt_step_service(job->step)))
        return now_ms;
    return now_ms + tt_backoff_wait_ms(&row_backoff, job->work.row.attempts + 1,
                                       tt_context_random(), retry_after_ms);
}

/* An image that the cloud refuses for good is dead. A removal is never given up, as what was
 * deleted here must not stay there. */
static void fail(struct job *job, enum tt_err err, int64_t retry_after_ms, const char *reason) {
    int64_t retry_at_ms = find_retry_time(job, err, retry_after_ms);
    bool is_dead = err == TT_ERR_CLOUD_OBJECT && !job->work.way.is_removal;
    struct tt_journal_outcome *outcome = new_outcome(job);
    outcome->failed = true;
    snprintf(outcome->last_error, sizeof outcome->last_error, "%s", reason);
    if (is_dead) {
        outcome->state = TT_SYNC_DEAD;
        tt_log(TT_LOG_ERROR, "image %s is dead, it stays here alone: %s", outcome->id, reason);
        return;
    }
    outcome->retry_at_ms = retry_at_ms;
    tt_log(TT_LOG_DEBUG, "image %s waits after attempt %" PRId64 ": %s", outcome->id,
           job->work.row.attempts + 1, reason);
}

/* ---- step ---- */

static void step_done(void *context, const struct tt_aws_outcome *outcome,
                      const struct tt_http_answer *answer);

/* Sends the step's request. TT_ERR_BUSY: keys are on their way, and the step waits for them.
 * TT_ERR_NOT_FOUND: the image was deleted. */
static enum tt_err send_step(struct job *job) {
    struct tt_jobs *jobs = job->jobs;
    enum tt_aws_service service = tt_step_service(job->step);
    struct tt_aws_signer signer;
    struct tt_http_request request;
    const struct tt_step_needs needs = {jobs->context, &job->work.row, &job->arena, &job->fd};
    enum tt_err err = tt_cloud_signer(jobs->cloud, service, &signer);
    if (err == TT_OK)
        err = tt_step_build_request(&request, &needs, job->step, &signer);
    if (err == TT_OK)
        err = tt_cloud_start(jobs->cloud, service, &job->exchange, &request, step_done, job);
    return err;
}

/* Whether the job is better given up than kept waiting for its service. An item does not wait long
 * for the table, as jobs that do would leave none for S3, and the item of an image that was stored
 * can be sent by another job. */
static bool is_far_off(const struct job *job) {
    const struct tt_context *context = job->jobs->context;
    const struct tt_cloud *cloud = job->jobs->cloud;
    enum tt_aws_service service = tt_step_service(job->step);
    return context->stopping || tt_cloud_is_paused(cloud, service) ||
           (job->step.kind == TT_STEP_PUT_ITEM &&
            tt_cloud_resumes_ms(cloud, service) > context->now_ms + PUT_OFF_MS);
}

/* Starts the step, or leaves it waiting for a place in its service's window. */
static void advance(struct job *job) {
    struct tt_jobs *jobs = job->jobs;
    if (jobs->context->stopping || !tt_cloud_may_start(jobs->cloud, tt_step_service(job->step))) {
        if (is_far_off(job))
            put_off(job);
        return;
    }
    enum tt_err err = send_step(job);
    const struct tt_err_note note = tt_err_take(err);
    /* An image that was deleted and keys that are on their way are no failures to tell of. */
    if (err == TT_ERR_NOT_FOUND)
        end_job(job);
    else if (err != TT_OK && err != TT_ERR_BUSY)
        fail(job, err, 0, note.cause);
}

static void step_done(void *context, const struct tt_aws_outcome *outcome,
                      const struct tt_http_answer *answer) {
    struct job *job = context;
    tt_file_close(&job->fd);
    tt_arena_reset(&job->arena);
    /* S3 itself answers a DELETE of nothing with success, but some services like it do not. */
    if (outcome->err != TT_OK && !(job->work.way.is_removal && outcome->err == TT_ERR_NOT_FOUND)) {
        fail(job, outcome->err, outcome->retry_after_ms, outcome->message);
        return;
    }
    /* The eviction may remove the local file because of this answer, so it must be S3's own. */
    if (job->step.kind == TT_STEP_PUT_OBJECT && !answer->has_etag) {
        fail(job, TT_ERR_CLOUD_FAILED, 0,
             "the answer to a PUT has no ETag: is it S3 that answers?");
        return;
    }
    job->step = tt_step_next(&job->work.way, &job->work.row, job->step);
    if (job->step.kind == TT_STEP_END)
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

/* False where the job cannot go on yet, as when keys are on their way. */
static bool start_job(struct tt_jobs *jobs, const struct tt_work *work) {
    struct job *job = find_free_job(jobs);
    job->in_use = true;
    jobs->in_use++;
    job->work = *work;
    job->step = tt_step_first(&work->way, &work->row);
    if (job->step.kind == TT_STEP_END)
        succeed(job);
    else
        advance(job);
    return !job->in_use || job->exchange.in_flight;
}

/* An image that was read ahead may have been deleted since, and its removal be over: carried now,
 * it would stay in the cloud. A removal that comes after this question finds the image leased, and
 * waits. */
static enum tt_err find_out_whether_gone(const struct tt_jobs *jobs, const struct tt_work *work,
                                         bool *is_gone) {
    struct tt_journal_row row;
    *is_gone = false;
    if (work->way.is_removal)
        return TT_OK;
    enum tt_err err = tt_journal_find(jobs->context->journal, work->row.id, &row);
    *is_gone = err == TT_ERR_NOT_FOUND;
    return *is_gone ? TT_OK : err;
}

/* Whether every job under way and one more will find room for their outcomes. */
static bool has_room(const struct tt_jobs *jobs) {
    return jobs->in_use < jobs->job_count && jobs->outcome_count < jobs->job_count;
}

static enum tt_err start_from(struct tt_jobs *jobs, enum tt_aws_service service) {
    while (has_room(jobs) && tt_cloud_may_start(jobs->cloud, service)) {
        const struct tt_work *work;
        bool is_gone = false;
        enum tt_err err = tt_queue_take(&jobs->queues[service], is_leased, jobs, &work);
        if (err == TT_OK && work)
            err = find_out_whether_gone(jobs, work, &is_gone);
        if (err != TT_OK || !work)
            return err;
        if (!is_gone && !start_job(jobs, work))
            return TT_OK;
    }
    return TT_OK;
}

static void wake_for(struct tt_jobs *jobs, enum tt_aws_service service) {
    int64_t next_ms = tt_cloud_next_ms(jobs->cloud, service);
    if (next_ms > jobs->context->now_ms)
        tt_context_wake(jobs->context, next_ms);
    else
        tt_queue_wake(&jobs->queues[service]);
}

static void start_from_all(struct tt_jobs *jobs) {
    struct tt_context *context = jobs->context;
    enum tt_err err = TT_OK;
    if (context->stopping)
        return;
    if (context->now_ms < jobs->rests_until_ms) {
        tt_context_wake(context, jobs->rests_until_ms);
        return;
    }
    for (int i = TT_AWS_LOGS - 1; err == TT_OK && i >= 0; i--) {
        err = start_from(jobs, (enum tt_aws_service)i);
        wake_for(jobs, (enum tt_aws_service)i);
    }
    if (err != TT_OK)
        rest(jobs, err);
}

static void advance_waiting(struct tt_jobs *jobs) {
    for (int i = 0; i < jobs->job_count; i++)
        if (jobs->jobs[i].in_use && !jobs->jobs[i].exchange.in_flight)
            advance(&jobs->jobs[i]);
}

void tt_jobs_turn(struct tt_jobs *jobs) {
    record(jobs, false);
    /* New jobs and those that wait go first by turns. Else images that come from S3 would take
     * every place at the table from removals and from images that were stored before, or these from
     * them. */
    jobs->queues_go_first = !jobs->queues_go_first;
    if (!jobs->queues_go_first)
        advance_waiting(jobs);
    start_from_all(jobs);
    if (jobs->queues_go_first)
        advance_waiting(jobs);
    record(jobs, true);
}

void tt_jobs_hurry(struct tt_jobs *jobs) {
    jobs->rests_until_ms = 0;
    jobs->record_at_ms = 0;
    enum tt_err err = tt_journal_cap_retries(jobs->context->journal, jobs->context->now_ms);
    if (err != TT_OK)
        rest(jobs, err);
    tt_jobs_look(jobs);
}

void tt_jobs_look(struct tt_jobs *jobs) {
    for (int i = 0; i < TT_AWS_LOGS; i++)
        tt_queue_look(&jobs->queues[i]);
}

bool tt_jobs_is_idle(const struct tt_jobs *jobs) {
    const struct tt_context *context = jobs->context;
    if (jobs->in_use > 0 || jobs->outcome_count > 0)
        return false;
    if (context->stopping || context->now_ms < jobs->rests_until_ms)
        return true;
    for (int i = 0; i < TT_AWS_LOGS; i++)
        if (tt_cloud_has(jobs->cloud, (enum tt_aws_service)i) &&
            !tt_cloud_is_paused(jobs->cloud, (enum tt_aws_service)i) &&
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
        if (tt_queue_init(&jobs->queues[i], jobs->context, jobs->cloud, (enum tt_aws_service)i,
                          3 * jobs->job_count) != TT_OK)
            return false;
    return jobs->jobs && jobs->outcomes;
}

struct tt_jobs *tt_jobs_new(struct tt_context *context, struct tt_cloud *cloud) {
    struct tt_jobs *jobs = calloc(1, sizeof *jobs);
    if (!jobs) {
        tt_err_fail(TT_ERR_NO_MEMORY, "sync: no memory for jobs");
        return NULL;
    }
    jobs->context = context;
    jobs->cloud = cloud;
    /* With a table there are twice as many jobs, so that while some wait for the table as many
     * others keep the way to S3 full. */
    jobs->job_count =
        (int)context->config->sync.in_flight * (tt_cloud_has(cloud, TT_AWS_DYNAMODB) ? 2 : 1);
    if (!allocate(jobs)) {
        tt_err_fail(TT_ERR_NO_MEMORY, "sync: no memory for jobs");
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
    if (!jobs)
        return;
    for (int i = 0; jobs->jobs && i < jobs->job_count; i++) {
        tt_file_close(&jobs->jobs[i].fd);
        tt_arena_fini(&jobs->jobs[i].arena);
    }
    free(jobs->jobs);
    free(jobs->outcomes);
    for (int i = 0; i < TT_AWS_LOGS; i++)
        tt_queue_fini(&jobs->queues[i]);
    free(jobs);
}
