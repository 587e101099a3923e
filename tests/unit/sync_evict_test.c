/* Units of src/sync/evict.c: what goes, what stays, and when it looks again. */
#include "sync/evict.h"

#include "sync_cloud.h"
#include "tintype/file.h"

static struct tt_evict evict;

static int setup(void **state) {
    if (open_journal(state) != 0)
        return -1;
    make_agent(IN_FLIGHT);
    config.storage.keep_local_seconds = 60;
    tt_evict_init(&evict, &agent, cloud);
    return 0;
}

static int teardown(void **state) {
    tt_cloud_free(cloud);
    free_agent();
    return close_journal(state);
}

static void keep_file(const struct tt_journal_row *row, int number) {
    const struct tt_spool_name name = tt_journal_row_name(row, number);
    struct tt_staged staged;

    assert_int_equal(tt_spool_stage(&agent.spool, &staged), TT_OK);
    assert_int_equal(tt_file_write(staged.fd, "x", 1), TT_OK);
    assert_int_equal(tt_spool_keep(&agent.spool, &staged, &name), TT_OK);
    tt_spool_discard(&agent.spool, &staged);
}

/* A row with two renditions. */
static struct tt_journal_row new_row(int number) {
    struct tt_journal_row row = make_row(number);

    add_renditions(&row, 2);
    return row;
}

/* Adds a row whose files are here and, since then, in the cloud as well. */
static void add_row(int number, int64_t since_ms) {
    struct tt_journal_row row = new_row(number);
    struct tt_journal_outcome outcome = {.done = true, .state = TT_SYNC_SYNCED};

    insert(&row);
    for (int i = 0; i < row.file_count; i++)
        keep_file(&row, i);
    memcpy(outcome.id, row.id, sizeof outcome.id);
    assert_int_equal(tt_journal_record(journal, &outcome, 1, since_ms), TT_OK);
}

static bool is_here(int number, int file) {
    struct tt_journal_row row = new_row(number);
    const struct tt_spool_name name = tt_journal_row_name(&row, file);
    int fd;
    int64_t size_bytes;
    enum tt_err err = tt_spool_read(&agent.spool, &name, &fd, &size_bytes);

    tt_file_close(&fd);
    return err == TT_OK;
}

static void assert_here(int number, bool expected) {
    struct tt_journal_row row = make_row(number);

    assert_int_equal(tt_journal_find(journal, row.id, &row), TT_OK);
    assert_int_equal(row.file_count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(is_here(number, i), expected);
        assert_int_equal(tt_journal_row_is_local(&row, i), expected);
    }
}

static void turn(void) {
    agent.woken_ms = TT_NEVER_MS;
    tt_evict_turn(&evict);
    assert_string_equal(tt_err_cause(), "");
}

static void what_is_due_goes(void **state) {
    struct tt_journal_row waiting = make_row(3);

    (void)state;
    add_row(1, NOW_MS - 60000);
    add_row(2, NOW_MS - 59000);
    insert(&waiting);
    keep_file(&waiting, TT_JOURNAL_PROCESSED);
    turn();
    assert_here(1, false);
    assert_here(2, true);
    assert_true(is_here(3, TT_JOURNAL_PROCESSED));
    assert_int_equal(agent.woken_ms, NOW_MS + 1000);
    agent.now_ms = NOW_MS + 1000;
    turn();
    assert_here(2, false);
    assert_true(is_here(3, TT_JOURNAL_PROCESSED));
}

/* There are more turns than looks; a row that came between two looks is found by the second. */
static void looks_once_a_second(void **state) {
    (void)state;
    turn();
    add_row(1, NOW_MS - 60000);
    agent.now_ms = NOW_MS + 999;
    turn();
    assert_here(1, true);
    assert_int_equal(agent.woken_ms, NOW_MS + 1000);
    agent.now_ms = NOW_MS + 1000;
    turn();
    assert_here(1, false);
}

static void nobody_wakes_where_nothing_is_local(void **state) {
    (void)state;
    turn();
    assert_int_equal(agent.woken_ms, TT_NEVER_MS);
}

static void turn_without_bucket(void) {
    tt_cloud_free(cloud);
    config.s3.bucket[0] = '\0';
    cloud = tt_cloud_new(&agent);
    assert_non_null(cloud);
    tt_evict_init(&evict, &agent, cloud);
    turn();
}

static void nothing_goes_unless_told(void **state) {
    (void)state;
    add_row(1, NOW_MS - 60000);
    agent.stopping = true;
    turn();
    agent.stopping = false;
    config.storage.keep_local_seconds = -1;
    turn();
    config.storage.keep_local_seconds = 60;
    turn_without_bucket();
    assert_here(1, true);
    assert_int_equal(agent.woken_ms, TT_NEVER_MS);
}

/* A file is kept so long even with keep_local_seconds=0, so that whoever had it fetched back finds
 * it. */
static void stays_two_seconds_at_least(void **state) {
    (void)state;
    config.storage.keep_local_seconds = 0;
    add_row(1, NOW_MS);
    turn();
    assert_here(1, true);
    assert_int_equal(agent.woken_ms, NOW_MS + 2000);
    agent.now_ms = NOW_MS + 2000;
    turn();
    assert_here(1, false);
}

static void many_go_in_several_turns(void **state) {
    (void)state;
    for (int i = 0; i < 101; i++)
        add_row(i, NOW_MS - 60000);
    turn();
    assert_int_equal(ask("SELECT count(*) FROM image WHERE processed_evicted = 1"), 100);
    assert_int_equal(agent.woken_ms, NOW_MS);
    turn();
    assert_int_equal(ask("SELECT count(*) FROM image WHERE processed_evicted = 1"), 101);
    assert_int_equal(agent.woken_ms, TT_NEVER_MS);
}

static void a_file_that_is_gone_is_no_failure(void **state) {
    struct tt_journal_row row = new_row(1);
    const struct tt_spool_name name = tt_journal_row_name(&row, TT_JOURNAL_PROCESSED);

    (void)state;
    add_row(1, NOW_MS - 60000);
    assert_int_equal(tt_spool_remove(&agent.spool, &name), TT_OK);
    turn();
    assert_here(1, false);
}

static void journal_that_fails_is_asked_again(void **state) {
    (void)state;
    add_row(1, NOW_MS - 60000);
    execute("CREATE TRIGGER stop BEFORE UPDATE ON image BEGIN SELECT RAISE(ABORT, 'no'); END");
    turn();
    assert_here(1, true);
    assert_int_equal(agent.woken_ms, NOW_MS + 5000);
    execute("DROP TRIGGER stop");
    agent.now_ms = NOW_MS + 4999;
    turn();
    assert_here(1, true);
    agent.now_ms = NOW_MS + 5000;
    turn();
    assert_here(1, false);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_due_goes),
        TEST(looks_once_a_second),
        TEST(nobody_wakes_where_nothing_is_local),
        TEST(nothing_goes_unless_told),
        TEST(stays_two_seconds_at_least),
        TEST(many_go_in_several_turns),
        TEST(a_file_that_is_gone_is_no_failure),
        TEST(journal_that_fails_is_asked_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
