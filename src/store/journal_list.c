/* Pages of the journal: a filter and a cursor become one walk along an index. */
#include <string.h>

#include "store/journal_row.h"

/* This lies above every id, as ids are lower-case hexadecimal. */
#define LAST_BOUND "g"

/* Whether the page starts just after a row. Otherwise it starts at its lower bound, which belongs
 * to it. */
static bool starts_after_row(const struct tt_journal_query *query) {
    return query->ascending && query->after_id &&
           (!query->since_id || strcmp(query->after_id, query->since_id) >= 0);
}

/* Queries that differ in their values alone share one of the TT_JOURNAL_LIST_KINDS statements. */
static enum tt_err prepare_list(struct tt_journal *journal, const struct tt_journal_query *query,
                                sqlite3_stmt **list) {
    /* The index is named, so that no statistics can turn a walk into a sort. */
    static const char *const sources[4] = {
        "image WHERE",
        "image INDEXED BY image_by_filename WHERE filename = :filename AND",
        "image INDEXED BY image_by_sync_state WHERE sync_state = :state AND",
        "image INDEXED BY image_by_filename WHERE filename = :filename AND sync_state = :state AND",
    };
    int source = (query->filename ? 1 : 0) + (query->has_state ? 2 : 0);
    int is_after = starts_after_row(query) ? 1 : 0;
    int is_ascending = query->ascending ? 1 : 0;
    sqlite3_stmt **statement = &journal->lists[source * 4 + is_after * 2 + is_ascending];
    enum tt_err err =
        tt_db_prepare(&journal->db, statement,
                      "SELECT %s FROM %s id %s :lower AND id < :upper ORDER BY id%s LIMIT :rows",
                      journal->columns[TT_COLUMNS_IMAGE].names, sources[source],
                      is_after ? ">" : ">=", is_ascending ? "" : " DESC");

    *list = *statement;
    return err;
}

/* A bound of the page is the narrower one of the filter's and the cursor's. */
static bool bind_list(sqlite3_stmt *statement, const struct tt_journal_query *query) {
    const char *lower = query->since_id ? query->since_id : "";
    const char *upper = query->until_id ? query->until_id : LAST_BOUND;
    if (starts_after_row(query))
        lower = query->after_id;
    if (!query->ascending && query->after_id && strcmp(query->after_id, upper) < 0)
        upper = query->after_id;
    if (query->filename && !tt_db_set_text(statement, ":filename", query->filename))
        return false;
    if (query->has_state && !tt_db_set_text(statement, ":state", tt_sync_state_name(query->state)))
        return false;
    /* One row more than asked for tells whether there is a next page. */
    return tt_db_set_text(statement, ":lower", lower) &&
           tt_db_set_text(statement, ":upper", upper) &&
           tt_db_set_int(statement, ":rows", (int64_t)query->limit + 1);
}

enum tt_err tt_journal_list(struct tt_journal *journal, const struct tt_journal_query *query,
                            struct tt_journal_row *rows, int *count, bool *more) {
    sqlite3_stmt *list;
    enum tt_err err = prepare_list(journal, query, &list);
    *count = 0;
    *more = false;
    if (err != TT_OK)
        return err;
    return tt_journal_run_rows(journal, list, bind_list(list, query), query->limit, rows, count,
                               more);
}
