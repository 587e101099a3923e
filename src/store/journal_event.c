/* Events of the journal: what waits to be told to CloudWatch Logs. What is in a message is its
 * writer's business, and not known here. */
#include "store/journal_event.h"

#include "tintype/journal_event.h"

static enum tt_err add_dropped(struct tt_journal *journal, int64_t dropped) {
    enum tt_err err = tt_db_prepare(&journal->db, &journal->count_dropped,
                                    "UPDATE event_total SET dropped = dropped + ?1");
    if (err != TT_OK || dropped <= 0)
        return err;
    return tt_db_run(&journal->db, journal->count_dropped,
                     tt_db_bind_int(journal->count_dropped, 1, dropped));
}

/* Drops the oldest of all events, or of failures alone, where more of them wait than may. */
static enum tt_err trim(struct tt_journal *journal, bool failures_alone) {
    sqlite3_stmt **statement = &journal->trim_events[failures_alone];
    int64_t most = failures_alone ? TT_JOURNAL_FAILURES_MAX : TT_JOURNAL_EVENTS_MAX;
    enum tt_err err = tt_db_prepare(
        &journal->db, statement,
        "DELETE FROM event WHERE number IN (SELECT number FROM event %s ORDER BY number "
        "LIMIT (SELECT max(%s - ?1, 0) FROM event_total))",
        failures_alone ? "INDEXED BY event_failure WHERE is_failure = 1" : "",
        failures_alone ? "failures" : "events");
    if (err == TT_OK)
        err = tt_db_run(&journal->db, *statement, tt_db_bind_int(*statement, 1, most));
    if (err == TT_OK)
        err = add_dropped(journal, sqlite3_changes64(journal->db.sqlite));
    return err;
}

enum tt_err tt_journal_add_event(struct tt_journal *journal, const struct tt_journal_note *event,
                                 bool is_failure) {
    enum tt_err err = tt_db_prepare(&journal->db, &journal->add_event,
                                    "INSERT INTO event (time_ms, is_failure, message) VALUES "
                                    "(:time_ms, :is_failure, :message)");
    if (err != TT_OK)
        return err;
    bool is_bound = tt_db_set_int(journal->add_event, ":time_ms", event->time_ms) &&
                    tt_db_set_int(journal->add_event, ":is_failure", is_failure) &&
                    tt_db_set_text(journal->add_event, ":message", event->message);
    err = tt_db_run(&journal->db, journal->add_event, is_bound);
    if (err == TT_OK && is_failure)
        err = trim(journal, true);
    return err == TT_OK ? trim(journal, false) : err;
}

enum tt_err tt_journal_note_failure(struct tt_journal *journal,
                                    const struct tt_journal_note *event) {
    enum tt_err err = tt_db_begin(&journal->db);
    if (err != TT_OK)
        return err;
    return tt_journal_end_and_tell(journal, tt_journal_add_event(journal, event, true));
}

/* Reads the event that the statement stands on. *fits is false, and the event is not read, when its
 * message would take more than *left_bytes; the first is read in any case, so that a long one does
 * not hold up the others for ever. */
static enum tt_err read_event(sqlite3_stmt *statement, struct tt_arena *arena, bool is_first,
                              int64_t *left_bytes, struct tt_journal_event *event, bool *fits) {
    const char *message = (const char *)sqlite3_column_text(statement, 2);
    int size_bytes = sqlite3_column_bytes(statement, 2);
    if (!message)
        return tt_journal_refuse_row();
    *fits = is_first || size_bytes <= *left_bytes;
    if (!*fits)
        return TT_OK;
    *left_bytes -= size_bytes;
    event->number = sqlite3_column_int64(statement, 0);
    event->time_ms = sqlite3_column_int64(statement, 1);
    event->message = tt_arena_copy_text(arena, message, (size_t)size_bytes);
    return event->message ? TT_OK : TT_ERR_NO_MEMORY;
}

static enum tt_err read_events(struct tt_journal *journal, struct tt_arena *arena, int limit,
                               int64_t max_bytes, struct tt_journal_event *events, int *count) {
    enum tt_err err = TT_OK;
    bool has_row = false;
    bool fits = true;
    while (*count < limit && (err = tt_db_step(&journal->db, journal->events, &has_row)) == TT_OK &&
           has_row) {
        err = read_event(journal->events, arena, *count == 0, &max_bytes, &events[*count], &fits);
        if (err != TT_OK || !fits)
            break;
        *count += 1;
    }
    return err;
}

enum tt_err tt_journal_events(struct tt_journal *journal, struct tt_arena *arena, int limit,
                              int64_t max_bytes, struct tt_journal_event *events, int *count) {
    enum tt_err err = tt_db_prepare(&journal->db, &journal->events,
                                    "SELECT number, time_ms, message FROM event ORDER BY number");
    *count = 0;
    if (err != TT_OK)
        return err;
    err = read_events(journal, arena, limit, max_bytes, events, count);
    tt_db_reset(journal->events);
    return err;
}

enum tt_err tt_journal_events_shipped(struct tt_journal *journal, int64_t number, int64_t dropped) {
    enum tt_err err = tt_db_prepare(&journal->db, &journal->remove_events,
                                    "DELETE FROM event WHERE number <= ?1");
    if (err == TT_OK)
        err = tt_db_begin(&journal->db);
    if (err != TT_OK)
        return err;
    err = tt_db_run(&journal->db, journal->remove_events,
                    tt_db_bind_int(journal->remove_events, 1, number));
    if (err == TT_OK)
        err = add_dropped(journal, dropped);
    return tt_db_end(&journal->db, err);
}
