/* The order of the steps. Doing them is job.c's. */
#include "sync/step.h"

/* Whether a way has this step at all. */
static bool has_step(const struct tt_step_way *way, enum tt_step step) {
    switch (step) {
    case TT_STEP_PUT_ORIGINAL:
    case TT_STEP_DELETE_ORIGINAL: return way->has_original;
    case TT_STEP_PUT_ITEM:
    case TT_STEP_DELETE_ITEM: return way->has_table;
    case TT_STEP_PUT_PROCESSED:
    case TT_STEP_DELETE_PROCESSED:
    case TT_STEP_END: break;
    }
    return true;
}

/* This step, or the first after it that the way has; PUT_ITEM and DELETE_ORIGINAL end theirs. */
static enum tt_step skip_missing(const struct tt_step_way *way, enum tt_step step) {
    while (!has_step(way, step)) {
        if (step == TT_STEP_PUT_ITEM || step == TT_STEP_DELETE_ORIGINAL)
            return TT_STEP_END;
        step = (enum tt_step)(step + 1);
    }
    return step;
}

enum tt_step tt_step_first(const struct tt_step_way *way, enum tt_sync_state state) {
    if (way->is_removal)
        return skip_missing(way, TT_STEP_DELETE_ITEM);
    return skip_missing(way, state == TT_SYNC_STORED ? TT_STEP_PUT_ITEM : TT_STEP_PUT_PROCESSED);
}

enum tt_step tt_step_next(const struct tt_step_way *way, enum tt_step step) {
    if (step == TT_STEP_PUT_ITEM || step == TT_STEP_DELETE_ORIGINAL || step == TT_STEP_END)
        return TT_STEP_END;
    return skip_missing(way, (enum tt_step)(step + 1));
}

enum tt_aws_service tt_step_service(enum tt_step step) {
    return step == TT_STEP_PUT_ITEM || step == TT_STEP_DELETE_ITEM ? TT_AWS_DYNAMODB : TT_AWS_S3;
}

bool tt_step_puts_object(enum tt_step step) {
    return step == TT_STEP_PUT_PROCESSED || step == TT_STEP_PUT_ORIGINAL;
}

enum tt_sync_state tt_step_state_before(enum tt_step step) {
    return step == TT_STEP_PUT_ITEM ? TT_SYNC_STORED : TT_SYNC_PENDING;
}

enum tt_sync_state tt_step_state_after(const struct tt_step_way *way) {
    return way->has_table ? TT_SYNC_SYNCED : TT_SYNC_STORED;
}
