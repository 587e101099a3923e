/* A queue reads ahead what is due. Which job takes it, and when, is job.c's. */
#include "sync/queue.h"

#include <stdlib.h>

/* This many rows are read at once where there are many, as a look costs about as much as twenty of
 * them. */
#define QUEUE_ROWS 64

/* Rows from a time without a bucket are taken along, at most this many at each look. */
#define ADOPT_ROWS 1000

/* The queue looks this often without any news, too, as a change may go unnoticed: tt_journal_watch
 * is told of it by a file that somebody may remove, or that could not be opened. */
#define LOOK_EVERY_MS 60000

/* Who has a lease, for the time of one look. */
struct look {
    bool (*is_leased)(const void *context, const char *id);
    const void *context;
};

enum tt_err tt_queue_init(struct tt_queue *queue, struct tt_context *context,
                          const struct tt_cloud *cloud, enum tt_aws_service service,
                          int leased_max) {
    *queue = (struct tt_queue){.context = context, .cloud = cloud, .service = service};
    /* Leased rows are due as well, and must not keep a look from finding others. */
    queue->look_max = QUEUE_ROWS + leased_max;
    queue->works = calloc(QUEUE_ROWS, sizeof *queue->works);
    queue->rows = calloc((size_t)queue->look_max, sizeof *queue->rows);
    if (queue->works && queue->rows)
        return TT_OK;
    return tt_err_fail(TT_ERR_NO_MEMORY, "sync: no memory for a queue");
}

void tt_queue_fini(struct tt_queue *queue) {
    free(queue->works);
    free(queue->rows);
}

/* Adds those of queue->rows[0..row_count) that are not leased, as far as there is room. */
static void add_works(struct tt_queue *queue, const struct look *look, bool is_removal,
                      int row_count) {
    for (int i = 0; i < row_count && queue->count < QUEUE_ROWS; i++) {
        const struct tt_journal_row *row = &queue->rows[i];
        struct tt_work *work = &queue->works[queue->count];
        if (look->is_leased(look->context, row->id))
            continue;
        work->row = *row;
        work->way = (struct tt_step_way){
            .is_removal = is_removal,
            .has_table = tt_cloud_has(queue->cloud, TT_AWS_DYNAMODB),
        };
        queue->count++;
    }
}

static enum tt_err look_for_rows(struct tt_queue *queue, const struct look *look,
                                 enum tt_sync_state state) {
    struct tt_context *context = queue->context;
    int count = 0;
    enum tt_err err = tt_journal_due(context->journal, state, context->now_ms, queue->look_max,
                                     queue->rows, &count);
    if (err == TT_OK)
        add_works(queue, look, false, count);
    return err;
}

static enum tt_err look_for_removals(struct tt_queue *queue, const struct look *look) {
    struct tt_context *context = queue->context;
    int count = 0;
    enum tt_err err = tt_journal_due_removals(context->journal, context->now_ms, queue->look_max,
                                              queue->rows, &count);
    if (err == TT_OK)
        add_works(queue, look, true, count);
    return err;
}

/* All removals go on to S3, wherever they begin. While S3 pauses each would only begin again and
 * again. */
static bool may_begin_removals(const struct tt_cloud *cloud) {
    return !tt_cloud_is_paused(cloud, TT_AWS_S3) || tt_cloud_may_start(cloud, TT_AWS_S3);
}

/* Fills an empty queue, or finds out when the next look will be worth it. */
static enum tt_err look_for_all(struct tt_queue *queue, const struct look *look) {
    struct tt_context *context = queue->context;
    enum tt_sync_state state = queue->service == TT_AWS_S3 ? TT_SYNC_PENDING : TT_SYNC_STORED;
    bool has_removals =
        queue->service == TT_AWS_DYNAMODB || !tt_cloud_has(queue->cloud, TT_AWS_DYNAMODB);
    enum tt_err err = TT_OK;
    int adopted = 0;
    if (queue->service == TT_AWS_S3)
        err = tt_journal_adopt(context->journal, ADOPT_ROWS, &adopted);
    if (err == TT_OK && has_removals && may_begin_removals(queue->cloud))
        err = look_for_removals(queue, look);
    if (err == TT_OK)
        err = look_for_rows(queue, look, state);
    queue->has_nothing = queue->count == 0 && adopted == 0;
    if (err == TT_OK && queue->has_nothing)
        err = tt_journal_next_due(context->journal, state, has_removals, &queue->look_at_ms);
    if (queue->look_at_ms > context->now_ms + LOOK_EVERY_MS)
        queue->look_at_ms = context->now_ms + LOOK_EVERY_MS;
    return err;
}

enum tt_err tt_queue_take(struct tt_queue *queue,
                          bool (*is_leased)(const void *context, const char *id),
                          const void *context, const struct tt_work **work) {
    const struct look look = {is_leased, context};
    *work = NULL;
    while (queue->next == queue->count) {
        if (queue->has_nothing && queue->context->now_ms < queue->look_at_ms)
            return TT_OK;
        queue->next = queue->count = 0;
        enum tt_err err = look_for_all(queue, &look);
        if (err != TT_OK || queue->has_nothing)
            return err;
    }
    *work = &queue->works[queue->next++];
    return TT_OK;
}

void tt_queue_look(struct tt_queue *queue) {
    queue->look_at_ms = 0;
}

void tt_queue_clear(struct tt_queue *queue) {
    queue->next = queue->count = 0;
    queue->has_nothing = false;
}

bool tt_queue_has_nothing(const struct tt_queue *queue) {
    return queue->next == queue->count && queue->has_nothing;
}

void tt_queue_wake(const struct tt_queue *queue) {
    /* Rows that are due already wait for a job to end, and not for the clock. */
    if (queue->has_nothing && queue->look_at_ms > queue->context->now_ms)
        tt_context_wake(queue->context, queue->look_at_ms);
}
