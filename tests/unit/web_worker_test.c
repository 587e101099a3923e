/* src/web/worker.c: what the preparation of a storage directory removes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "scratch.h"
#include "tintype/file.h"
#include "tintype/journal_sync.h"
#include "tintype/spool.h"
#include "tintype/web.h"

static struct tt_spool spool;
static struct tt_journal *journal;

static int set_up(void **state) {
    tt_err_take(TT_OK);
    return scratch_make(state) == 0 && tt_spool_open(&spool, scratch) == TT_OK &&
                   tt_journal_open(&journal, scratch) == TT_OK
               ? 0
               : -1;
}

static int tear_down(void **state) {
    tt_journal_close(journal);
    tt_spool_close(&spool);
    return scratch_remove(state);
}

/* The name of a rendition is that of the one preset there is. */
static struct tt_spool_name name_of(enum tt_spool_kind kind, const char *id) {
    const char *rendition = kind == TT_SPOOL_RENDITION ? "thumb" : "";

    return (struct tt_spool_name){kind, id, rendition, TT_FORMAT_PNG};
}

static void put(enum tt_spool_kind kind, const char *id) {
    const struct tt_spool_name name = name_of(kind, id);
    struct tt_staged staged;

    assert_int_equal(tt_spool_stage(&spool, &staged), TT_OK);
    assert_int_equal(tt_file_write(staged.fd, "x", 1), TT_OK);
    assert_int_equal(tt_spool_keep(&spool, &staged, &name), TT_OK);
    tt_spool_discard(&spool, &staged);
}

static bool has(enum tt_spool_kind kind, const char *id) {
    const struct tt_spool_name name = name_of(kind, id);
    int64_t size_bytes;
    int fd;
    enum tt_err err = tt_spool_read(&spool, &name, &fd, &size_bytes);

    if (err == TT_OK)
        tt_file_close(&fd);
    return err == TT_OK;
}

static bool has_all(const char *id) {
    return has(TT_SPOOL_ORIGINAL, id) && has(TT_SPOOL_PROCESSED, id) && has(TT_SPOOL_RENDITION, id);
}

/* Inserts a row with all three files; id is set. */
static void insert(char id[TT_UUID_SIZE]) {
    struct tt_journal_row row;

    tt_journal_row_init(&row, 1);
    strcpy(row.filename, "a.png");
    row.sync_state = TT_SYNC_PENDING;
    for (int i = 0; i < row.file_count; i++) {
        row.files[i].format = TT_FORMAT_PNG;
        row.files[i].size_bytes = row.files[i].width_px = row.files[i].height_px = 1;
    }
    strcpy(row.files[TT_JOURNAL_RENDITION].name, "thumb");
    assert_int_equal(tt_uuid_new(row.id, NULL), TT_OK);
    memcpy(id, row.id, TT_UUID_SIZE);
    assert_int_equal(tt_journal_insert(journal, &row, NULL, 0), TT_OK);
    put(TT_SPOOL_ORIGINAL, id);
    put(TT_SPOOL_PROCESSED, id);
    put(TT_SPOOL_RENDITION, id);
}

static void evict(const char *id) {
    struct tt_journal_outcome outcome = {.done = true, .state = TT_SYNC_SYNCED};
    struct tt_journal_row rows[2];
    int count;

    memcpy(outcome.id, id, TT_UUID_SIZE);
    assert_int_equal(tt_journal_record(journal, &outcome, 1, 1000), TT_OK);
    assert_int_equal(tt_journal_evict(journal, 1000, 2, rows, &count), TT_OK);
    assert_int_equal(count, 1);
}

static void prepare(void) {
    static struct tt_config config;

    snprintf(config.storage.dir, sizeof config.storage.dir, "%s", scratch);
    assert_int_equal(tt_web_sweep(&config), TT_OK);
}

static void files_without_a_row_go(void **state) {
    char known[TT_UUID_SIZE];
    char stray[TT_UUID_SIZE];

    (void)state;
    insert(known);
    assert_int_equal(tt_uuid_new(stray, NULL), TT_OK);
    put(TT_SPOOL_ORIGINAL, stray);
    put(TT_SPOOL_RENDITION, stray);
    prepare();
    assert_true(has_all(known));
    assert_false(has(TT_SPOOL_ORIGINAL, stray) || has(TT_SPOOL_RENDITION, stray));
}

/* The agent may have ended between the journal's word and the unlinking. */
static void evicted_files_go(void **state) {
    char known[TT_UUID_SIZE];
    char evicted[TT_UUID_SIZE];

    (void)state;
    insert(known);
    insert(evicted);
    evict(evicted);
    prepare();
    assert_true(has_all(known));
    assert_false(has(TT_SPOOL_ORIGINAL, evicted) || has(TT_SPOOL_PROCESSED, evicted) ||
                 has(TT_SPOOL_RENDITION, evicted));
}

/* One of the three files was fetched back. */
static void evicted_is_said_of_each_file(void **state) {
    struct tt_journal_row row;
    char id[TT_UUID_SIZE];

    (void)state;
    insert(id);
    evict(id);
    assert_int_equal(tt_journal_find(journal, id, &row), TT_OK);
    assert_int_equal(tt_journal_fetched(journal, &row, TT_JOURNAL_PROCESSED, 2000), TT_OK);
    prepare();
    assert_true(has(TT_SPOOL_PROCESSED, id));
    assert_false(has(TT_SPOOL_ORIGINAL, id) || has(TT_SPOOL_RENDITION, id));
    put(TT_SPOOL_RENDITION, id);
    assert_int_equal(tt_journal_fetched(journal, &row, TT_JOURNAL_RENDITION, 2000), TT_OK);
    prepare();
    assert_true(has(TT_SPOOL_PROCESSED, id) && has(TT_SPOOL_RENDITION, id));
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(files_without_a_row_go),
        CASE(evicted_files_go),
        CASE(evicted_is_said_of_each_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
