/* Queue: images and removals that are due and begin with one service, read ahead from the journal.
 * Which rows are leased, as they have a job or an outcome that is not recorded yet, is the caller's
 * to know. */
#ifndef TINTYPE_SYNC_QUEUE_H
#define TINTYPE_SYNC_QUEUE_H

#include "sync/cloud.h"
#include "sync/step.h"

/* What a job is about. The row of a removal has only what tt_journal_due_removals says. */
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
    int64_t look_at_ms; /* Unix: when something will be due, if the journal does not change */
    struct tt_journal_row *rows; /* what one look reads */
    int look_max;                /* how many rows that may be */
};

/* The service is S3 or DynamoDB; context and cloud are borrowed. At most leased_max rows may ever
 * be leased. TT_ERR_NO_MEMORY. */
enum tt_err tt_queue_init(struct tt_queue *queue, struct tt_context *context,
                          const struct tt_cloud *cloud, enum tt_aws_service service,
                          int leased_max);
/* A zeroed struct is allowed. */
void tt_queue_fini(struct tt_queue *queue);

/* Finds the next work that is due and not leased, removals before images and of each the longest
 * due first; *work is NULL when there is none. It lives until the next call. TT_ERR_JOURNAL. */
enum tt_err tt_queue_take(struct tt_queue *queue,
                          bool (*is_leased)(const void *context, const char *id),
                          const void *context, const struct tt_work **work);

/* Tells that the journal has changed: the next take looks there. */
void tt_queue_look(struct tt_queue *queue);

/* Forgets what was read ahead. */
void tt_queue_clear(struct tt_queue *queue);

/* Whether at the last look nothing was due that was not leased. */
bool tt_queue_has_nothing(const struct tt_queue *queue);

/* Asks (tt_context_wake) for a turn when something will be due. */
void tt_queue_wake(const struct tt_queue *queue);

#endif
