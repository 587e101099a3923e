/* Events, for whoever writes them together with something else. */
#ifndef TINTYPE_STORE_JOURNAL_EVENT_H
#define TINTYPE_STORE_JOURNAL_EVENT_H

#include "store/journal_handle.h"

/* Adds an event, within the caller's transaction. The oldest are dropped, and counted, where more
 * wait than may. TT_ERR_JOURNAL, TT_ERR_SPOOL_FULL. */
enum tt_err tt_journal_add_event(struct tt_journal *journal, const struct tt_journal_note *event,
                                 bool is_failure);

#endif
