/* Whole rows of the journal: an image, or a removal, with its renditions. */
#ifndef TINTYPE_STORE_JOURNAL_ROW_H
#define TINTYPE_STORE_JOURNAL_ROW_H

#include "store/journal_handle.h"

/* The row of that table (of images or removals) that the statement stands on. Its renditions come
 * with it, which costs a statement more where there are any. *is_known is false where the row, and
 * not the reading, is at fault. TT_ERR_JOURNAL. */
enum tt_err tt_journal_read_row(struct tt_journal *journal, sqlite3_stmt *statement,
                                enum tt_columns_table table, struct tt_journal_row *row,
                                bool *is_known);

/* Runs a statement that gives images, reads the first limit of them into rows[0..*count), and
 * resets it. *more tells whether it gave any beyond them; is_bound says whether its parameters
 * could be bound. TT_ERR_JOURNAL. */
enum tt_err tt_journal_run_rows(struct tt_journal *journal, sqlite3_stmt *statement, bool is_bound,
                                int limit, struct tt_journal_row *rows, int *count, bool *more);

/* Both are called within a transaction of the caller's. */
enum tt_err tt_journal_add_renditions(struct tt_journal *journal, const struct tt_journal_row *row);
enum tt_err tt_journal_drop_renditions(struct tt_journal *journal, const char *id);

#endif
