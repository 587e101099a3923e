/* The agent's calls on rows of store_rows.h, for the tests of the journal's agent side. This is
 * included after cmocka.h. */
#ifndef TINTYPE_TESTS_STORE_AGENT_H
#define TINTYPE_TESTS_STORE_AGENT_H

#include "store_rows.h"
#include "tintype/journal_event.h"
#include "tintype/journal_sync.h"

#define NOW_MS   (BASE_MS + 1000000)
#define ROWS_MAX 128

/* The rows that were read last. */
static struct tt_journal_row rows[ROWS_MAX];
static int count;

static inline int open_relaxed(void **state) {
    return open_journal(state) == 0 && tt_journal_relax(journal) == TT_OK ? 0 : -1;
}

static inline struct tt_journal_row insert_as(int number, enum tt_sync_state sync_state) {
    struct tt_journal_row row = make_row(number);

    row.sync_state = sync_state;
    insert(&row);
    return row;
}

static inline struct tt_journal_row find(int number) {
    struct tt_journal_row row;

    assert_int_equal(tt_journal_find(journal, make_row(number).id, &row), TT_OK);
    return row;
}

/* The numbers of the rows that were read last, as "3 2 1". */
static inline const char *numbers(void) {
    static char text[1024];
    size_t length = 0;

    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        int64_t time_ms = 0;

        assert_true(tt_uuid_parse(rows[i].id, &time_ms));
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%d", i > 0 ? " " : "",
                                   (int)(time_ms - BASE_MS));
        assert_true(length < sizeof text);
    }
    return text;
}

static inline const char *due(enum tt_sync_state state, int limit) {
    assert_int_equal(tt_journal_due(journal, state, NOW_MS, limit, rows, &count), TT_OK);
    return numbers();
}

static inline struct tt_journal_outcome outcome_of(int number, enum tt_sync_state state) {
    struct tt_journal_outcome outcome = {.state = state};

    memcpy(outcome.id, make_row(number).id, sizeof outcome.id);
    return outcome;
}

static inline void record(const struct tt_journal_outcome *outcome, int64_t now_ms) {
    assert_int_equal(tt_journal_record(journal, outcome, 1, now_ms), TT_OK);
}

static inline void record_done(int number, enum tt_sync_state state, int64_t now_ms) {
    struct tt_journal_outcome outcome = outcome_of(number, state);

    outcome.done = true;
    record(&outcome, now_ms);
}

static inline struct tt_journal_backlog backlog(bool stored_waits) {
    struct tt_journal_backlog found;

    assert_int_equal(tt_journal_backlog(journal, stored_waits, &found), TT_OK);
    return found;
}

static inline int64_t kept_bytes(void) {
    struct tt_journal_totals totals;

    assert_int_equal(tt_journal_totals(journal, &totals), TT_OK);
    return totals.bytes;
}

#endif
