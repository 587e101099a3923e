/* Step: what comes next for an image on its way to the cloud, or out of it. Pure.
 *
 * An image's objects are put in the order of the row's files and its item last, so that an object
 * is always there before the item that names it. A removal begins with the item, so that no item is
 * left without its objects. Every step may be repeated, as keys and items depend on id and presets
 * alone. */
#ifndef TINTYPE_SYNC_STEP_H
#define TINTYPE_SYNC_STEP_H

#include <stdbool.h>

#include "tintype/aws.h"
#include "tintype/journal.h"

enum tt_step_kind {
    TT_STEP_PUT_OBJECT,
    TT_STEP_PUT_ITEM,
    TT_STEP_DELETE_ITEM,
    TT_STEP_DELETE_OBJECT,
    TT_STEP_END,
};

struct tt_step {
    enum tt_step_kind kind;
    int number; /* of the object's file in its row; 0 where the step is about no object */
};

/* What the order of the steps depends on, beside the row. */
struct tt_step_way {
    bool is_removal;
    bool has_table; /* the configuration names one */
};

/* The first step of a row that is pending or stored; the state of a removal's row is not read. */
struct tt_step tt_step_first(const struct tt_step_way *way, const struct tt_journal_row *row);

/* The step that follows one that succeeded. */
struct tt_step tt_step_next(const struct tt_step_way *way, const struct tt_journal_row *row,
                            struct tt_step step);

bool tt_step_is_same(struct tt_step a, struct tt_step b);

/* The service that a step asks; of END there is none to ask for. */
enum tt_aws_service tt_step_service(struct tt_step step);

/* The state of an image's row after this step failed or was put off: pending or stored. */
enum tt_sync_state tt_step_state_before(struct tt_step step);

/* The state of an image's row after all steps are done: stored or synced. */
enum tt_sync_state tt_step_state_after(const struct tt_step_way *way);

#endif
