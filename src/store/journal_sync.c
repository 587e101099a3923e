/* The agent's statements: what is due, what came of it, removals, eviction. In which order an image
 * is carried, and when it is tried again, is src/sync's to say. */
#include "tintype/journal_sync.h"

#include <stdio.h>
#include <string.h>

#include "store/journal_row.h"
#include "tintype/log.h"

/* Room for what is no id: the table takes any 36 characters, of up to 4 bytes each. */
#define ANY_ID_SIZE 160

/* SQLite takes a negative LIMIT for none. */
static bool bind_limit(sqlite3_stmt *statement, int parameter, int limit) {
    return tt_db_bind_int(statement, parameter, limit > 0 ? limit : 0);
}

/* ---- commits that wait for the disk, and those that do not ---- */

enum tt_err tt_journal_relax(struct tt_journal *journal) {
    journal->is_relaxed = true;
    return tt_db_set_durable(&journal->db, false);
}

static enum tt_err begin_durable(struct tt_journal *journal) {
    enum tt_err err = tt_db_set_durable(&journal->db, true);
    return err == TT_OK ? tt_db_begin(&journal->db) : err;
}

static enum tt_err end_durable(struct tt_journal *journal, enum tt_err err) {
    enum tt_err back = TT_OK;
    err = tt_db_end(&journal->db, err);
    if (journal->is_relaxed)
        back = tt_db_set_durable(&journal->db, false);
    return err != TT_OK ? err : back;
}

/* ---- what is due ----
 *
 * In the statements of one state, the state is a literal and the index is named: SQLite proves a
 * partial index usable from literals alone, and where it cannot, the statement fails when it is
 * prepared instead of walking every row. */

enum tt_err tt_journal_adopt(struct tt_journal *journal, int limit, int *changed) {
    struct tt_journal_totals totals;
    enum tt_err err = tt_journal_totals(journal, &totals);
    *changed = 0;
    /* The agent asks often and mostly in vain, and a write would wait for those of the workers. */
    if (err != TT_OK || totals.rows[TT_SYNC_OFF] == 0)
        return err;
    err = tt_db_prepare(&journal->db, &journal->adopt,
                        "UPDATE image SET sync_state = 'pending', retry_at_ms = 0 "
                        "WHERE id IN (SELECT id FROM image INDEXED BY image_by_sync_state "
                        "WHERE sync_state = 'off' ORDER BY id LIMIT ?1)");
    if (err != TT_OK)
        return err;
    err = begin_durable(journal);
    if (err == TT_OK)
        err = tt_db_run(&journal->db, journal->adopt, bind_limit(journal->adopt, 1, limit));
    if (err == TT_OK)
        *changed = sqlite3_changes(journal->db.sqlite);
    return end_durable(journal, err);
}

/* Reads the rows that are due, up to the first that this program does not know: the id of that one
 * goes to unreadable, which is "" otherwise. */
static enum tt_err read_due(struct tt_journal *journal, sqlite3_stmt *due, int limit,
                            struct tt_journal_row *rows, int *count, char unreadable[ANY_ID_SIZE]) {
    bool has_row = false;
    bool is_known = true;
    enum tt_err err;
    *count = 0;
    unreadable[0] = '\0';
    while ((err = tt_db_step(&journal->db, due, &has_row)) == TT_OK && has_row && *count < limit) {
        err = tt_journal_read_row(journal, due, TT_COLUMNS_IMAGE, &rows[*count], &is_known);
        if (err != TT_OK)
            break;
        *count += 1;
    }
    if (!is_known) {
        tt_db_read_text(due, TT_COLUMNS_ID, unreadable, ANY_ID_SIZE);
        err = TT_OK;
    }
    tt_db_reset(due);
    return err;
}

/* A row that cannot be read is dead, as it would hold up all that come after it. */
static enum tt_err bury(struct tt_journal *journal, const char *id) {
    const struct tt_err_note note = tt_err_take(TT_ERR_JOURNAL);
    enum tt_err err = tt_db_prepare(&journal->db, &journal->bury,
                                    "UPDATE image SET sync_state = 'dead', last_error = ?2 "
                                    "WHERE id = ?1");
    if (err != TT_OK)
        return err;
    tt_log(TT_LOG_ERROR, "image %s is dead: %s", id, note.cause);
    err = tt_db_run(&journal->db, journal->bury,
                    tt_db_bind_text(journal->bury, 1, id) &&
                        tt_db_bind_text(journal->bury, 2, note.cause));
    if (err == TT_OK && sqlite3_changes64(journal->db.sqlite) == 0)
        err = tt_err_fail(TT_ERR_JOURNAL, "journal: a row with an unreadable id is due");
    return err;
}

enum tt_err tt_journal_due(struct tt_journal *journal, enum tt_sync_state state, int64_t now_ms,
                           int limit, struct tt_journal_row *rows, int *count) {
    sqlite3_stmt **due = &journal->due[state];
    char unreadable[ANY_ID_SIZE];
    enum tt_err err =
        tt_db_prepare(&journal->db, due,
                      "SELECT %s FROM image INDEXED BY image_to_carry WHERE sync_state = '%s' "
                      "AND retry_at_ms <= ?1 ORDER BY retry_at_ms, id LIMIT ?2",
                      journal->columns[TT_COLUMNS_IMAGE].names, tt_sync_state_name(state));
    *count = 0;
    while (err == TT_OK) {
        if (!tt_db_bind_int(*due, 1, now_ms) || !bind_limit(*due, 2, limit))
            return tt_db_fail_bind(&journal->db);
        err = read_due(journal, *due, limit, rows, count, unreadable);
        if (unreadable[0] == '\0')
            break;
        err = bury(journal, unreadable);
    }
    return err;
}

static enum tt_err find_next_removal(struct tt_journal *journal, int64_t *retry_at_ms) {
    int64_t removal_ms = INT64_MAX;
    enum tt_err err = tt_db_prepare(&journal->db, &journal->next_removal,
                                    "SELECT retry_at_ms FROM removal INDEXED BY removal_to_carry "
                                    "ORDER BY retry_at_ms, id LIMIT 1");
    if (err == TT_OK)
        err = tt_db_ask_int(&journal->db, journal->next_removal, &removal_ms);
    if (removal_ms < *retry_at_ms)
        *retry_at_ms = removal_ms;
    return err;
}

enum tt_err tt_journal_next_due(struct tt_journal *journal, enum tt_sync_state state,
                                bool with_removals, int64_t *retry_at_ms) {
    sqlite3_stmt **next = &journal->next_due[state];
    enum tt_err err = tt_db_prepare(&journal->db, next,
                                    "SELECT retry_at_ms FROM image INDEXED BY image_to_carry "
                                    "WHERE sync_state = '%s' ORDER BY retry_at_ms, id LIMIT 1",
                                    tt_sync_state_name(state));
    *retry_at_ms = INT64_MAX;
    if (err == TT_OK)
        err = tt_db_ask_int(&journal->db, *next, retry_at_ms);
    if (err == TT_OK && with_removals)
        err = find_next_removal(journal, retry_at_ms);
    return err;
}

enum tt_err tt_journal_due_removals(struct tt_journal *journal, int64_t now_ms, int limit,
                                    struct tt_journal_row *rows, int *count) {
    enum tt_err err =
        tt_db_prepare(&journal->db, &journal->due_removals,
                      "SELECT %s FROM removal INDEXED BY removal_to_carry WHERE retry_at_ms <= ?1 "
                      "ORDER BY retry_at_ms, id LIMIT ?2",
                      journal->columns[TT_COLUMNS_REMOVAL].names);
    *count = 0;
    if (err != TT_OK)
        return err;
    sqlite3_stmt *due = journal->due_removals;
    bool has_row = false;
    bool is_known;
    if (!tt_db_bind_int(due, 1, now_ms) || !bind_limit(due, 2, limit))
        err = tt_db_fail_bind(&journal->db);
    while (err == TT_OK && (err = tt_db_step(&journal->db, due, &has_row)) == TT_OK && has_row) {
        err = tt_journal_read_row(journal, due, TT_COLUMNS_REMOVAL, &rows[*count], &is_known);
        if (err == TT_OK)
            *count += 1;
    }
    tt_db_reset(due);
    return err;
}

static enum tt_err cap_images(struct tt_journal *journal, enum tt_sync_state state,
                              int64_t latest_ms) {
    sqlite3_stmt **cap = &journal->cap_images[state];
    enum tt_err err = tt_db_prepare(&journal->db, cap,
                                    "UPDATE image INDEXED BY image_to_carry SET retry_at_ms = ?1 "
                                    "WHERE sync_state = '%s' AND retry_at_ms > ?1",
                                    tt_sync_state_name(state));
    return err != TT_OK ? err : tt_db_run(&journal->db, *cap, tt_db_bind_int(*cap, 1, latest_ms));
}

static enum tt_err cap_removals(struct tt_journal *journal, int64_t latest_ms) {
    sqlite3_stmt **cap = &journal->cap_removals;
    enum tt_err err =
        tt_db_prepare(&journal->db, cap,
                      "UPDATE removal INDEXED BY removal_to_carry SET retry_at_ms = ?1 "
                      "WHERE retry_at_ms > ?1");
    return err != TT_OK ? err : tt_db_run(&journal->db, *cap, tt_db_bind_int(*cap, 1, latest_ms));
}

enum tt_err tt_journal_cap_retries(struct tt_journal *journal, int64_t latest_ms) {
    enum tt_err err = tt_db_begin(&journal->db);
    if (err != TT_OK)
        return err;
    err = cap_images(journal, TT_SYNC_PENDING, latest_ms);
    if (err == TT_OK)
        err = cap_images(journal, TT_SYNC_STORED, latest_ms);
    if (err == TT_OK)
        err = cap_removals(journal, latest_ms);
    return tt_db_end(&journal->db, err);
}

/* ---- what came of it ---- */

static enum tt_err prepare_record(struct tt_journal *journal) {
    /* A row is done twice when a table is configured after the bucket, so coalesce keeps the first
     * time that the cloud had what lies here. */
    enum tt_err err = tt_db_prepare(
        &journal->db, &journal->record_image,
        "UPDATE image SET sync_state = :state, attempts = attempts + :failed, "
        "retry_at_ms = :retry_at_ms, last_error = :last_error, "
        "synced_at_ms = iif(:state = 'synced' AND sync_state <> 'synced', :now_ms, synced_at_ms), "
        "local_since_ms = iif(:done AND kept_bytes > 0, "
        "coalesce(local_since_ms, :now_ms), local_since_ms) WHERE id = :id");

    if (err == TT_OK)
        err = tt_db_prepare(
            &journal->db, &journal->record_removal,
            "UPDATE removal SET attempts = attempts + :failed, retry_at_ms = :retry_at_ms "
            "WHERE id = :id");
    if (err == TT_OK)
        err = tt_db_prepare(&journal->db, &journal->end_removal,
                            "DELETE FROM removal WHERE id = :id");
    return err;
}

/* The error may be cut within a character, or hold whatever bytes a service answered. It becomes
 * part of documents in UTF-8, so the half character goes, and where that does not help every byte
 * that is not ASCII. */
static void clean_error(const char *raw, char clean[TT_JOURNAL_ERROR_SIZE]) {
    size_t length = strnlen(raw, TT_JOURNAL_ERROR_SIZE - 1);
    size_t end = length;
    memcpy(clean, raw, length);
    clean[length] = '\0';
    for (int i = 0; i < 4 && end > 0; i++, end--) {
        if (!tt_text_is_utf8(clean, end))
            continue;
        clean[end] = '\0';
        return;
    }
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)clean[i] >= 0x80)
            clean[i] = '?';
}

static enum tt_err record_image(struct tt_journal *journal,
                                const struct tt_journal_outcome *outcome, int64_t now_ms) {
    sqlite3_stmt *statement = journal->record_image;
    char last_error[TT_JOURNAL_ERROR_SIZE];
    clean_error(outcome->last_error, last_error);
    bool is_bound = tt_db_set_text(statement, ":id", outcome->id) &&
                    tt_db_set_text(statement, ":state", tt_sync_state_name(outcome->state)) &&
                    tt_db_set_int(statement, ":failed", outcome->failed) &&
                    tt_db_set_int(statement, ":retry_at_ms", outcome->retry_at_ms) &&
                    tt_db_set_text(statement, ":last_error", last_error) &&
                    tt_db_set_int(statement, ":done", outcome->done) &&
                    tt_db_set_int(statement, ":now_ms", now_ms);
    return tt_db_run(&journal->db, statement, is_bound);
}

static enum tt_err record_removal(struct tt_journal *journal,
                                  const struct tt_journal_outcome *outcome) {
    sqlite3_stmt *statement = outcome->done ? journal->end_removal : journal->record_removal;
    bool is_bound = tt_db_set_text(statement, ":id", outcome->id);
    if (!outcome->done)
        is_bound = is_bound && tt_db_set_int(statement, ":failed", outcome->failed) &&
                   tt_db_set_int(statement, ":retry_at_ms", outcome->retry_at_ms);
    enum tt_err err = tt_db_run(&journal->db, statement, is_bound);
    if (err == TT_OK && outcome->done)
        err = tt_journal_drop_renditions(journal, outcome->id);
    return err;
}

enum tt_err tt_journal_record(struct tt_journal *journal, const struct tt_journal_outcome *outcomes,
                              int count, int64_t now_ms) {
    enum tt_err err = prepare_record(journal);
    if (err != TT_OK || count <= 0)
        return err;
    err = tt_db_begin(&journal->db);
    if (err != TT_OK)
        return err;
    for (int i = 0; err == TT_OK && i < count; i++)
        err = outcomes[i].is_removal ? record_removal(journal, &outcomes[i])
                                     : record_image(journal, &outcomes[i], now_ms);
    return tt_db_end(&journal->db, err);
}

/* ---- files that come and go ---- */

static enum tt_err prepare_evict(struct tt_journal *journal) {
    enum tt_err err =
        tt_db_prepare(&journal->db, &journal->next_local,
                      "SELECT local_since_ms FROM image INDEXED BY image_local "
                      "WHERE local_since_ms IS NOT NULL ORDER BY local_since_ms, id LIMIT 1");
    if (err == TT_OK)
        err = tt_db_prepare(&journal->db, &journal->evict,
                            "UPDATE image SET processed_evicted = 1, "
                            "original_evicted = original_kept, "
                            "renditions_evicted = (1 << rendition_count) - 1, "
                            "rendition_bytes = 0, local_since_ms = NULL "
                            "WHERE id IN (SELECT id FROM image INDEXED BY image_local "
                            "WHERE local_since_ms <= ?1 ORDER BY local_since_ms, id LIMIT ?2) "
                            "RETURNING %s",
                            journal->columns[TT_COLUMNS_IMAGE].names);
    return err;
}

enum tt_err tt_journal_evict(struct tt_journal *journal, int64_t before_ms, int limit,
                             struct tt_journal_row *rows, int *count) {
    int64_t local_since_ms = INT64_MAX;
    bool more = false;
    enum tt_err err = prepare_evict(journal);
    *count = 0;
    if (err == TT_OK)
        err = tt_db_ask_int(&journal->db, journal->next_local, &local_since_ms);
    if (err != TT_OK || local_since_ms > before_ms)
        return err;
    err = begin_durable(journal);
    if (err == TT_OK) {
        bool is_bound =
            tt_db_bind_int(journal->evict, 1, before_ms) && bind_limit(journal->evict, 2, limit);
        err = tt_journal_run_rows(journal, journal->evict, is_bound, limit, rows, count, &more);
    }
    err = end_durable(journal, err);
    if (err != TT_OK)
        *count = 0;
    return err;
}

enum tt_err tt_journal_fetched(struct tt_journal *journal, const struct tt_journal_row *row,
                               int number, int64_t now_ms) {
    /* The size of a rendition is added once, however often its fetch is told. */
    static const char *const changes[] = {
        [TT_SPOOL_PROCESSED] = "processed_evicted = 0",
        [TT_SPOOL_RENDITION] =
            "renditions_evicted = renditions_evicted & ~(1 << :number), "
            "rendition_bytes = rendition_bytes + iif(renditions_evicted >> :number & 1, "
            "(SELECT size_bytes FROM rendition WHERE id = :id AND number = :number), 0)",
        [TT_SPOOL_ORIGINAL] = "original_evicted = 0",
    };
    enum tt_spool_kind kind = row->files[number].kind;
    sqlite3_stmt **fetched = &journal->fetched[kind];
    enum tt_err err = tt_db_prepare(&journal->db, fetched,
                                    "UPDATE image SET %s, local_since_ms = :now_ms WHERE id = :id",
                                    changes[kind]);

    if (err != TT_OK)
        return err;
    bool is_bound =
        tt_db_set_text(*fetched, ":id", row->id) && tt_db_set_int(*fetched, ":now_ms", now_ms);
    if (kind == TT_SPOOL_RENDITION)
        is_bound =
            is_bound && tt_db_set_int(*fetched, ":number", (int64_t)number - TT_JOURNAL_RENDITION);
    err = tt_db_run(&journal->db, *fetched, is_bound);
    if (err == TT_OK && sqlite3_changes(journal->db.sqlite) == 0)
        err = TT_ERR_NOT_FOUND;
    return err;
}
