/* Events go from the journal to CloudWatch Logs here, one request at a time. How a request looks
 * and what makes a batch is logs.h's, what an answer means for the service cloud.c's, and what a
 * heartbeat says heartbeat.c's. */
#include "sync/ship.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sync/backoff.h"
#include "sync/heartbeat.h"
#include "tintype/journal_event.h"
#include "tintype/log.h"
#include "tintype/logs.h"

/* A batch stays far below what CloudWatch takes, so that memory stays small. */
#define BATCH_MAX_EVENTS 1000
#define BATCH_MAX_BYTES  ((int64_t)512 * 1024)

/* The arena holds a batch and its request, whose JSON may take six bytes for one ("\u0001"). It is
 * seldom near this bound. */
#define ARENA_MAX_BYTES ((size_t)8 * 1024 * 1024)

/* An event waits this long for others that may join its batch. */
#define GATHER_MS 1000

#define HEARTBEAT_MS (60 * 1000) /* from one to the next */

/* Nothing is started for this long after the journal failed. */
#define REST_MS 5000

/* Where a group or stream is missing though it was just made, or may not be made, an operator has
 * to act. The service pauses meanwhile, and only after this long is it made again. */
#define CREATE_AGAIN_MS (10 * 60 * 1000)

/* After this many failures in a row --once leaves the rest. */
#define ONCE_TRIES 3

#define MISSING "ResourceNotFoundException"

static const struct tt_backoff backoff = {.first_ms = 1000, .last_ms = 30000};

enum call { PUT_EVENTS, PUT_HEARTBEAT, CREATE_GROUP, CREATE_STREAM };

struct batch {
    size_t count;    /* of the events sent */
    int64_t number;  /* of the last event: once the batch is over the journal forgets up to here */
    int64_t too_old; /* counts events up to number that were not sent, as none so old is taken */
    int64_t dropped; /* counts, once the batch is over, those too old and those refused */
};

struct tt_ship {
    struct tt_context *context;
    struct tt_cloud *cloud;
    struct tt_cloud_exchange exchange;
    struct tt_arena arena; /* has the request in flight */
    enum call call;        /* the one in flight, or the last */
    enum call next;        /* CREATE_GROUP or CREATE_STREAM; any other means what is due */
    struct batch batch;
    bool is_unrecorded;      /* the batch is over, and the journal does not know yet */
    int limit;               /* of events in a batch, lowered where a batch was refused for good */
    bool waits;              /* events waited at the last look */
    int failures;            /* since the last success */
    int64_t rests_until_ms;  /* Unix: nothing is started before */
    int64_t creates_at_ms;   /* Unix: nothing missing is made before */
    int64_t heartbeat_at_ms; /* Unix: when the next is due */
};

/* ---- what came of it ---- */

static void rest(struct tt_ship *ship, enum tt_err err) {
    const struct tt_err_note note = tt_err_take(err);
    tt_log(TT_LOG_ERROR, "events for CloudWatch Logs rest for %d s: %s", REST_MS / 1000,
           note.cause);
    ship->failures++;
    ship->rests_until_ms = ship->context->now_ms + REST_MS;
    tt_context_wake(ship->context, ship->rests_until_ms);
}

static void record(struct tt_ship *ship) {
    const struct batch *batch = &ship->batch;
    enum tt_err err =
        tt_journal_events_shipped(ship->context->journal, batch->number, batch->dropped);
    if (err == TT_OK)
        ship->is_unrecorded = false;
    else
        rest(ship, err);
}

/* The batch is over: its events are in the cloud, but for those that will never be there. */
static void settle(struct tt_ship *ship, int64_t refused) {
    struct batch *batch = &ship->batch;
    batch->dropped = batch->too_old + refused;
    if (batch->dropped > 0)
        tt_log(TT_LOG_WARNING,
               "events dropped: %" PRId64 " too old for CloudWatch Logs, %" PRId64 " refused by it",
               batch->too_old, refused);
    ship->is_unrecorded = true;
    record(ship);
}

static void schedule_heartbeat(struct tt_ship *ship) {
    ship->heartbeat_at_ms = ship->context->now_ms + HEARTBEAT_MS;
}

static void succeed(struct tt_ship *ship, const struct tt_http_answer *answer) {
    ship->next = PUT_EVENTS;
    if (ship->call == CREATE_GROUP) {
        ship->next = CREATE_STREAM;
        return;
    }
    if (ship->call == CREATE_STREAM)
        return;
    ship->failures = 0;
    ship->creates_at_ms = 0;
    if (ship->call == PUT_HEARTBEAT) {
        schedule_heartbeat(ship);
        return;
    }
    ship->limit = ship->limit > BATCH_MAX_EVENTS / 2 ? BATCH_MAX_EVENTS : 2 * ship->limit;
    settle(ship, (int64_t)tt_logs_rejected(answer, ship->batch.count));
}

/* A batch was refused for good, and the answer does not say for which event. So half of it is
 * tried, until the event is alone. */
static void refuse(struct tt_ship *ship, const struct tt_aws_outcome *outcome) {
    if (ship->call == PUT_EVENTS && ship->batch.count > 1) {
        ship->limit = (int)(ship->batch.count / 2);
        return;
    }
    tt_log(TT_LOG_ERROR, "CloudWatch Logs refuses an event for good: %s", outcome->message);
    if (ship->call == PUT_EVENTS)
        settle(ship, 1);
    else
        schedule_heartbeat(ship);
}

/* After "The specified log stream does not exist" the group is there, and keys that may not make
 * one need not try. */
static bool lacks_stream_alone(const char *message) {
    return strcasestr(message, "stream") && !strcasestr(message, "group");
}

static bool is_put(enum call call) {
    return call == PUT_EVENTS || call == PUT_HEARTBEAT;
}

static void fail(struct tt_ship *ship, const struct tt_aws_outcome *outcome) {
    struct tt_context *context = ship->context;
    ship->next = PUT_EVENTS;
    if (is_put(ship->call) && strcmp(outcome->code, MISSING) == 0 &&
        context->now_ms >= ship->creates_at_ms) {
        ship->creates_at_ms = context->now_ms + CREATE_AGAIN_MS;
        ship->next = lacks_stream_alone(outcome->message) ? CREATE_STREAM : CREATE_GROUP;
        return;
    }
    if (is_put(ship->call) && outcome->err == TT_ERR_CLOUD_OBJECT) {
        refuse(ship, outcome);
        return;
    }
    ship->failures++;
    /* Where the service pauses, the end of the pause is all that is waited for. */
    if (!tt_cloud_is_paused(ship->cloud, TT_AWS_LOGS))
        ship->rests_until_ms =
            context->now_ms + tt_backoff_wait_ms(&backoff, ship->failures, tt_context_random(),
                                                 outcome->retry_after_ms);
}

static void answered(void *context, const struct tt_aws_outcome *outcome,
                     const struct tt_http_answer *answer) {
    struct tt_ship *ship = context;
    tt_arena_reset(&ship->arena);
    if (outcome->err == TT_OK)
        succeed(ship, answer);
    else
        fail(ship, outcome);
}

/* ---- requests ---- */

static const char *stream_name(const struct tt_context *context) {
    const char *name = context->config->cloudwatch.log_stream;
    return name[0] != '\0' ? name : context->node;
}

static enum tt_err send_request(struct tt_ship *ship, enum call call,
                                struct tt_http_request *request) {
    struct tt_context *context = ship->context;
    ship->call = call;
    ship->exchange.forgiven_code = is_put(call) && context->now_ms >= ship->creates_at_ms &&
                                           !tt_cloud_is_paused(ship->cloud, TT_AWS_LOGS)
                                       ? MISSING
                                       : NULL;
    return tt_cloud_start(ship->cloud, TT_AWS_LOGS, &ship->exchange, request, answered, ship);
}

static enum tt_err create(struct tt_ship *ship) {
    struct tt_context *context = ship->context;
    const char *group = context->config->cloudwatch.log_group;
    struct tt_aws_signer signer;
    struct tt_http_request request;
    enum tt_err err = tt_cloud_signer(ship->cloud, TT_AWS_LOGS, &signer);
    if (err != TT_OK)
        return err;
    if (ship->next == CREATE_GROUP)
        err = tt_logs_create_group(&request, &ship->arena, &signer, group);
    else
        err = tt_logs_create_stream(&request, &ship->arena, &signer, group, stream_name(context));
    if (err == TT_OK)
        err = send_request(ship, ship->next, &request);
    return err;
}

static enum tt_err put(struct tt_ship *ship, enum call call, const struct tt_aws_signer *signer,
                       const struct tt_logs_event *events, size_t count) {
    const struct tt_context *context = ship->context;
    struct tt_http_request request;
    enum tt_err err =
        tt_logs_put_events(&request, &ship->arena, signer, context->config->cloudwatch.log_group,
                           stream_name(context), events, count);
    return err == TT_OK ? send_request(ship, call, &request) : err;
}

/* A heartbeat is written when it is sent, so that after an outage it tells once what is true then.
 */
static enum tt_err put_heartbeat(struct tt_ship *ship) {
    struct tt_context *context = ship->context;
    struct tt_journal_backlog backlog;
    struct tt_aws_signer signer;
    struct tt_buf text;
    enum tt_err err = tt_cloud_signer(ship->cloud, TT_AWS_LOGS, &signer);
    if (err == TT_OK)
        err = tt_journal_backlog(context->journal, tt_cloud_has(ship->cloud, TT_AWS_DYNAMODB),
                                 &backlog);
    if (err != TT_OK)
        return err;
    tt_buf_init(&text, TT_HEARTBEAT_MAX_BYTES);
    const int64_t time_ms = tt_cloud_now_ms(ship->cloud);
    tt_heartbeat_format(&text, context->node, &backlog, context->now_ms, time_ms);
    const struct tt_logs_event event = {.time_ms = time_ms, .message = tt_buf_text(&text)};
    if (text.overflowed)
        err = tt_err_fail(TT_ERR_NO_MEMORY, "no memory for a heartbeat");
    else
        err = put(ship, PUT_HEARTBEAT, &signer, &event, 1);
    tt_buf_fini(&text);
    return err;
}

/* ---- a batch ---- */

/* Keeps events[0..count] in order of time, and those of one time in the order in which they came.
 * This is quick for events, as they come nearly in order. */
static void insert_by_time(struct tt_logs_event *events, size_t count, struct tt_logs_event event) {
    while (count > 0 && events[count - 1].time_ms > event.time_ms) {
        events[count] = events[count - 1];
        count--;
    }
    events[count] = event;
}

static void fill_batch(struct tt_ship *ship, const struct tt_journal_event *taken, int count,
                       struct tt_logs_event *events) {
    int64_t oldest_ms = tt_cloud_now_ms(ship->cloud) - TT_LOGS_EVENT_MAX_AGE_MS;
    struct batch *batch = &ship->batch;
    *batch = (struct batch){0};
    for (int i = 0; i < count; i++) {
        batch->number = taken[i].number;
        if (taken[i].time_ms < oldest_ms)
            batch->too_old++;
        else
            insert_by_time(events, batch->count++,
                           (struct tt_logs_event){taken[i].time_ms, taken[i].message});
    }
}

/* A batch has the longest waiting events, all of them up to a number, as the journal forgets by
 * numbers. Where they are too far apart in time for one batch, fewer are taken. */
static enum tt_err take_batch(struct tt_ship *ship, struct tt_logs_event **events) {
    size_t limit = (size_t)ship->limit;
    int count;
    struct tt_journal_event *taken = tt_arena_alloc_array(&ship->arena, limit, sizeof *taken);
    *events = tt_arena_alloc_array(&ship->arena, limit, sizeof **events);
    if (!taken || !*events)
        return TT_ERR_NO_MEMORY;
    enum tt_err err = tt_journal_events(ship->context->journal, &ship->arena, ship->limit,
                                        BATCH_MAX_BYTES, taken, &count);
    if (err != TT_OK)
        return err;
    do {
        fill_batch(ship, taken, count, *events);
        count /= 2;
    } while (tt_logs_batch_length(*events, ship->batch.count) < ship->batch.count);
    return TT_OK;
}

static enum tt_err put_events(struct tt_ship *ship) {
    struct tt_logs_event *events;
    struct tt_aws_signer signer;
    enum tt_err err = tt_cloud_signer(ship->cloud, TT_AWS_LOGS, &signer);
    if (err == TT_OK)
        err = take_batch(ship, &events);
    if (err != TT_OK)
        return err;
    if (ship->batch.count > 0)
        return put(ship, PUT_EVENTS, &signer, events, ship->batch.count);
    if (ship->batch.too_old > 0)
        settle(ship, 0);
    tt_context_wake(ship->context, ship->context->now_ms);
    return TT_OK;
}

/* Looks at the longest waiting event; *due_ms is TT_NEVER_MS when there is none. After the clock
 * was set back an event may be of the future, and is due at once. */
static enum tt_err look(struct tt_journal *journal, struct tt_arena *arena, int64_t now_ms,
                        int64_t *due_ms) {
    struct tt_journal_event first;
    int count;
    enum tt_err err = tt_journal_events(journal, arena, 1, 0, &first, &count);
    *due_ms = TT_NEVER_MS;
    if (err == TT_OK && count > 0)
        *due_ms = first.time_ms <= now_ms ? first.time_ms + GATHER_MS : now_ms;
    return err;
}

/* ---- turns ---- */

/* After the clock was set back the heartbeat seems to be due later than in a minute, and is sent at
 * once. */
static bool is_heartbeat_due(const struct tt_ship *ship) {
    int64_t left_ms = ship->heartbeat_at_ms - ship->context->now_ms;
    return !ship->context->once && (left_ms <= 0 || left_ms > HEARTBEAT_MS);
}

static enum tt_err start(struct tt_ship *ship) {
    struct tt_context *context = ship->context;
    int64_t due_ms;
    if (!is_put(ship->next))
        return create(ship);
    if (is_heartbeat_due(ship))
        return put_heartbeat(ship);
    if (!context->once)
        tt_context_wake(context, ship->heartbeat_at_ms);
    enum tt_err err = look(context->journal, &ship->arena, context->now_ms, &due_ms);
    if (err != TT_OK)
        return err;
    ship->waits = due_ms != TT_NEVER_MS;
    if (!ship->waits)
        return TT_OK;
    if (!context->once && context->now_ms < due_ms) {
        tt_context_wake(context, due_ms);
        return TT_OK;
    }
    return put_events(ship);
}

void tt_ship_turn(struct tt_ship *ship) {
    struct tt_context *context = ship->context;
    int64_t resumes_ms = tt_cloud_resumes_ms(ship->cloud, TT_AWS_LOGS);
    int64_t free_ms = resumes_ms > ship->rests_until_ms ? resumes_ms : ship->rests_until_ms;
    if (context->stopping || ship->exchange.in_flight)
        return;
    if (context->now_ms < free_ms) {
        tt_context_wake(context, free_ms);
        return;
    }
    if (ship->is_unrecorded)
        record(ship);
    if (ship->is_unrecorded || !tt_cloud_may_start(ship->cloud, TT_AWS_LOGS))
        return;
    enum tt_err err = start(ship);
    if (!ship->exchange.in_flight)
        tt_arena_reset(&ship->arena);
    /* Keys that are on their way bring another turn, and of keys that are not to be had cloud.c has
     * told. */
    if (err == TT_ERR_BUSY || err == TT_ERR_CLOUD_KEYS)
        tt_err_take(err);
    else if (err != TT_OK)
        rest(ship, err);
}

void tt_ship_hurry(struct tt_ship *ship) {
    ship->rests_until_ms = 0;
    ship->creates_at_ms = 0;
}

bool tt_ship_is_idle(const struct tt_ship *ship) {
    const struct tt_context *context = ship->context;
    if (ship->exchange.in_flight)
        return false;
    return context->stopping || !ship->waits || ship->failures >= ONCE_TRIES ||
           tt_cloud_is_paused(ship->cloud, TT_AWS_LOGS);
}

bool tt_ship_has_left(const struct tt_ship *ship) {
    struct tt_arena arena;
    int64_t due_ms;
    tt_arena_init(&arena, ARENA_MAX_BYTES);
    enum tt_err err = look(ship->context->journal, &arena, ship->context->now_ms, &due_ms);
    tt_arena_fini(&arena);
    if (err != TT_OK) {
        const struct tt_err_note note = tt_err_take(err);
        tt_log(TT_LOG_ERROR, "%s", note.cause);
    }
    return err != TT_OK || due_ms != TT_NEVER_MS;
}

/* ---- start and end ---- */

struct tt_ship *tt_ship_new(struct tt_context *context, struct tt_cloud *cloud) {
    struct tt_ship *ship = calloc(1, sizeof *ship);
    if (!ship) {
        tt_err_fail(TT_ERR_NO_MEMORY, "sync: no memory for events");
        return NULL;
    }
    ship->context = context;
    ship->cloud = cloud;
    ship->limit = BATCH_MAX_EVENTS;
    tt_arena_init(&ship->arena, ARENA_MAX_BYTES);
    return ship;
}

void tt_ship_free(struct tt_ship *ship) {
    if (!ship)
        return;
    tt_arena_fini(&ship->arena);
    free(ship);
}
