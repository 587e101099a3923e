/* Item: what the table gets of an image. Pure. */
#ifndef TINTYPE_SYNC_ITEM_H
#define TINTYPE_SYNC_ITEM_H

#include "tintype/arena.h"
#include "tintype/config.h"
#include "tintype/dynamodb.h"
#include "tintype/journal.h"

/* This many attributes have room; tt_item_format fails where an item has more. */
#define TT_ITEM_ATTRIBUTES_MAX 32

/* Fills attributes[0..*count) with what the table has of the row; text and members live in the
 * arena. TT_ERR_NO_MEMORY, also where there are more. */
enum tt_err tt_item_format(struct tt_arena *arena, const struct tt_config *config, const char *node,
                           const struct tt_journal_row *row,
                           struct tt_dynamodb_attribute attributes[TT_ITEM_ATTRIBUTES_MAX],
                           size_t *count);

#endif
