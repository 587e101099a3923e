/* The order of the steps is here; doing them is job.c's. */
#include "sync/step.h"

static struct tt_step plain_step(enum tt_step_kind kind) {
    return (struct tt_step){.kind = kind};
}

static struct tt_step put_item(const struct tt_step_way *way) {
    return plain_step(way->has_table ? TT_STEP_PUT_ITEM : TT_STEP_END);
}

/* The step about the first kept file from that number on; after the last file, the step that
 * follows the objects. */
static struct tt_step object_from(const struct tt_step_way *way, const struct tt_journal_row *row,
                                  int number) {
    while (number < row->file_count && !row->files[number].kept)
        number++;
    if (number < row->file_count)
        return (struct tt_step){way->is_removal ? TT_STEP_DELETE_OBJECT : TT_STEP_PUT_OBJECT,
                                number};
    return way->is_removal ? plain_step(TT_STEP_END) : put_item(way);
}

struct tt_step tt_step_first(const struct tt_step_way *way, const struct tt_journal_row *row) {
    if (way->is_removal && way->has_table)
        return plain_step(TT_STEP_DELETE_ITEM);
    if (!way->is_removal && row->sync_state == TT_SYNC_STORED)
        return put_item(way);
    return object_from(way, row, 0);
}

struct tt_step tt_step_next(const struct tt_step_way *way, const struct tt_journal_row *row,
                            struct tt_step step) {
    switch (step.kind) {
    case TT_STEP_DELETE_ITEM: return object_from(way, row, 0);
    case TT_STEP_PUT_OBJECT:
    case TT_STEP_DELETE_OBJECT: return object_from(way, row, step.number + 1);
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
