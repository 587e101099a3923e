/* The text of a list statement, apart from its running, so that its plan can be looked at. */
#ifndef TINTYPE_STORE_JOURNAL_LIST_H
#define TINTYPE_STORE_JOURNAL_LIST_H

#include "tintype/journal.h"

#define TT_JOURNAL_LIST_SQL_SIZE 1024
#define TT_JOURNAL_LIST_KINDS    16

/* Parameters, whatever the query: ?1 the lower bound of the id, ?2 its upper bound (exclusive),
 * ?3 the filename, ?4 the sync state, ?5 the most rows. Returns which of the TT_JOURNAL_LIST_KINDS
 * texts it is: queries of one kind differ in their parameters alone. */
int tt_journal_list_sql(const struct tt_journal_query *query, char sql[TT_JOURNAL_LIST_SQL_SIZE]);

#endif
