/* Queue: images and removals that are due and begin with one service, read ahead from the journal.
 * What is leased (in a job, or not recorded yet) is the caller's to know. */
#ifndef TINTYPE_SYNC_QUEUE_H
#define TINTYPE_SYNC_QUEUE_H

#include "sync/cloud.h"
#include "sync/step.h"

/* What a job is about; of a removal the row has what tt_journal_due_removals says. */
struct tt_work {
    struct tt_step_way way;
    struct tt_journal_row row;
};

struct tt_queue {
    /* All private. */
    struct tt_context *context;
    const struct tt_cloud *cloud;
    enum tt_aws_service service;
    struct tt_work *works;
    int next;
    int count;
    bool has_nothing;   /* the last look found nothing that was not leased */
    int64_t look_at_ms; /* when something will be due, if the journal does not change; Unix */
    struct tt_journal_row *rows; /* of one look */
    int look_max;
};

/* Of S3 or DynamoDB; at most leased_max are ever leased. TT_ERR_NO_MEMORY. */
enum tt_err tt_queue_init(struct tt_queue *queue, struct tt_context *context,
                          const struct tt_cloud *cloud, enum tt_aws_service service,
                          int leased_max);
/* Safe on a zeroed struct. */
void tt_queue_fini(struct tt_queue *queue);

/* The next work that is due and not leased, the longest due first, removals before images; NULL
 * when there is none. It lives until the next call. TT_ERR_JOURNAL. */
enum tt_err tt_queue_take(struct tt_queue *queue,
                          bool (*is_leased)(const void *context, const char *id),
                          const void *context, const struct tt_work **work);

/* The journal has changed: the next take looks. */
void tt_queue_look(struct tt_queue *queue);

/* Forgets what was read ahead. */
void tt_queue_clear(struct tt_queue *queue);

/* At the last look nothing was due that was not leased. */
bool tt_queue_has_nothing(const struct tt_queue *queue);

/* Asks (tt_context_wake) for a turn when something will be due. */
void tt_queue_wake(const struct tt_queue *queue);

#endif
