/* src/web/health.c: what the metrics say of the way to the cloud. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_worker.h"
#include "tintype/clock.h"
#include "tintype/journal_event.h"

static long long metric(const char *name) {
    char line[128];
    const char *found;

    assert_int_equal(ask_worker("GET", "/api/metrics"), 200);
    snprintf(line, sizeof line, "\n%s ", name);
    found = strstr(answer_body(), line);
    assert_non_null(found);
    return strtoll(found + strlen(line), NULL, 10);
}

/* Inserts a row that was uploaded an hour ago. */
static struct tt_journal_row insert_old_row(enum tt_sync_state state) {
    struct tt_journal_row row = new_row(state);
    char floor[TT_UUID_SIZE];

    tt_uuid_floor(tt_clock_now_ms() - 3600000, floor);
    memcpy(row.id, floor, strlen("01234567-0123"));
    assert_int_equal(tt_journal_insert(worker.journal, &row, NULL, 0), TT_OK);
    return row;
}

static void nothing_waits(void **state) {
    (void)state;
    insert_row(TT_SYNC_OFF);
    insert_row(TT_SYNC_SYNCED);
    assert_int_equal(metric("tintype_oldest_waiting_seconds"), 0);
    assert_int_equal(metric("tintype_removals"), 0);
    assert_int_equal(metric("tintype_events_waiting"), 0);
    assert_int_equal(metric("tintype_events_dropped_total"), 0);
    assert_non_null(strstr(answer_body(), "# TYPE tintype_removals gauge\n"));
    assert_non_null(strstr(answer_body(), "# TYPE tintype_events_dropped_total counter\n"));
}

static void oldest_image_that_waits(void **state) {
    struct tt_journal_row row;

    (void)state;
    insert_row(TT_SYNC_PENDING);
    assert_in_range(metric("tintype_oldest_waiting_seconds"), 0, 300);
    row = insert_old_row(TT_SYNC_PENDING);
    assert_in_range(metric("tintype_oldest_waiting_seconds"), 3600, 3900);
    assert_int_equal(tt_journal_delete(worker.journal, row.id, &row), TT_OK);
    assert_in_range(metric("tintype_oldest_waiting_seconds"), 0, 300);
    assert_int_equal(metric("tintype_removals"), 1);
}

/* A stored image waits for its item, where there is a table for it. */
static void stored_waits_for_a_table_alone(void **state) {
    (void)state;
    insert_old_row(TT_SYNC_STORED);
    assert_int_equal(metric("tintype_oldest_waiting_seconds"), 0);
    strcpy(config.dynamodb.table, "Images");
    assert_in_range(metric("tintype_oldest_waiting_seconds"), 3600, 3900);
}

static void events(void **state) {
    const struct tt_journal_note note = {.time_ms = 1, .message = "{}"};

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(tt_journal_note_failure(worker.journal, &note), TT_OK);
    assert_int_equal(metric("tintype_events_waiting"), 3);
    assert_int_equal(tt_journal_events_shipped(worker.journal, 2, 1), TT_OK);
    assert_int_equal(metric("tintype_events_waiting"), 1);
    assert_int_equal(metric("tintype_events_dropped_total"), 1);
}

static void workers(void **state) {
    struct tt_board board;
    (void)state;
    assert_int_equal(metric("tintype_workers"), 1);
    assert_int_equal(metric("tintype_workers_waiting"), 0);
    assert_int_equal(tt_board_open(&board, 4), TT_OK);
    const struct tt_post posts[] = {{&board, 0, false}, {&board, 1, false}, {&board, 2, true}};
    for (int64_t i = 0; i < 3; i++)
        tt_board_enter(&board, i);
    tt_post_wait(&posts[1], 1);
    worker.post = &posts[0];
    assert_int_equal(metric("tintype_workers"), 3);
    assert_int_equal(metric("tintype_workers_waiting"), 1);
    tt_board_close(&board);
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, worker_open, worker_close)
    const struct CMUnitTest tests[] = {
        CASE(nothing_waits),
        CASE(oldest_image_that_waits),
        CASE(stored_waits_for_a_table_alone),
        CASE(events),
        CASE(workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
