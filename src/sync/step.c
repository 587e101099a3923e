/* The order of the steps. Doing them is job.c's. */
#include "sync/step.h"

static struct tt_step plain_step(enum tt_step_kind kind) {
    return (struct tt_step){.kind = kind};
}

static struct tt_step put_item(const struct tt_step_way *way) {
    return plain_step(way->has_table ? TT_STEP_PUT_ITEM : TT_STEP_END);
}

/* Objects in their order: the result first. */
static struct tt_step first_object(const struct tt_step_way *way) {
    return (struct tt_step){.kind = way->is_removal ? TT_STEP_DELETE_OBJECT : TT_STEP_PUT_OBJECT,
                            .number = TT_JOURNAL_PROCESSED};
}

/* Then the renditions, which follow the result by number, then the original; past them, what
 * follows the objects. */
static struct tt_step next_object(const struct tt_step_way *way, struct tt_step step) {
    if (step.number != TT_JOURNAL_ORIGINAL) {
        step.number++;
        if (step.number < TT_JOURNAL_RENDITION + way->rendition_count)
            return step;
        step.number = TT_JOURNAL_ORIGINAL;
        if (way->has_original)
            return step;
    }
    return way->is_removal ? plain_step(TT_STEP_END) : put_item(way);
}

struct tt_step tt_step_first(const struct tt_step_way *way, enum tt_sync_state state) {
    if (way->is_removal)
        return way->has_table ? plain_step(TT_STEP_DELETE_ITEM) : first_object(way);
    return state == TT_SYNC_STORED ? put_item(way) : first_object(way);
}

struct tt_step tt_step_next(const struct tt_step_way *way, struct tt_step step) {
    switch (step.kind) {
    case TT_STEP_DELETE_ITEM: return first_object(way);
    case TT_STEP_PUT_OBJECT:
    case TT_STEP_DELETE_OBJECT: return next_object(way, step);
    case TT_STEP_PUT_ITEM:
    case TT_STEP_END: break;
    }
    return plain_step(TT_STEP_END);
}

bool tt_step_is_same(struct tt_step a, struct tt_step b) {
    return a.kind == b.kind && a.number == b.number;
}

enum tt_aws_service tt_step_service(struct tt_step step) {
    return step.kind == TT_STEP_PUT_ITEM || step.kind == TT_STEP_DELETE_ITEM ? TT_AWS_DYNAMODB
                                                                             : TT_AWS_S3;
}

enum tt_sync_state tt_step_state_before(struct tt_step step) {
    return step.kind == TT_STEP_PUT_ITEM ? TT_SYNC_STORED : TT_SYNC_PENDING;
}

enum tt_sync_state tt_step_state_after(const struct tt_step_way *way) {
    return way->has_table ? TT_SYNC_SYNCED : TT_SYNC_STORED;
}
