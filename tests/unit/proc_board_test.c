/* What workers show each other and their master: src/proc/board.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>

#include "tintype/board.h"

#define NOW_MS INT64_C(1000000)

static struct tt_board board;
static const struct tt_post posts[] = {{&board, 0, false}, {&board, 1, false}, {&board, 2, true}};

static int open_board(void **state) {
    (void)state;
    if (tt_board_open(&board, 3) != TT_OK)
        return -1;
    tt_board_enter(&board, 0);
    tt_board_enter(&board, 1);
    return 0;
}

static int close_board(void **state) {
    (void)state;
    tt_board_close(&board);
    tt_board_close(&board); /* nothing more happens */
    return board.shared || board.wake_fd >= 0 ? -1 : 0;
}

static bool is_woken(void) {
    struct pollfd wake = {.fd = board.wake_fd, .events = POLLIN};
    return poll(&wake, 1, 0) == 1;
}

static void test_states(void **state) {
    (void)state;
    assert_int_equal(tt_board_state(&board, 0, NOW_MS), TT_BOARD_BUSY);
    assert_int_equal(tt_board_state(&board, 2, NOW_MS), TT_BOARD_ABSENT);
    assert_false(tt_board_has_accepted(&board, 0));
    tt_post_idle(&posts[0]);
    assert_int_equal(tt_board_state(&board, 0, NOW_MS), TT_BOARD_IDLE);
    tt_post_busy(&posts[0]);
    assert_int_equal(tt_board_state(&board, 0, NOW_MS), TT_BOARD_BUSY);
    assert_true(tt_board_has_accepted(&board, 0));
    tt_board_leave(&board, 0);
    assert_int_equal(tt_board_state(&board, 0, NOW_MS), TT_BOARD_ABSENT);
    assert_true(tt_board_has_accepted(&board, 0)); /* who reaps it may still ask */
    tt_board_enter(&board, 0);
    assert_false(tt_board_has_accepted(&board, 0));
}

static void test_long_waits(void **state) {
    (void)state;
    tt_post_wait(&posts[0], NOW_MS);
    assert_int_equal(tt_board_state(&board, 0, NOW_MS + TT_BOARD_LONG_WAIT_MS - 1), TT_BOARD_BUSY);
    assert_int_equal(tt_board_state(&board, 0, NOW_MS + TT_BOARD_LONG_WAIT_MS), TT_BOARD_WAITING);
    const struct tt_board_count count = tt_board_count(&board, NOW_MS + TT_BOARD_LONG_WAIT_MS);
    assert_int_equal(count.workers, 2);
    assert_int_equal(count.waiting, 1);
    tt_post_wait(&posts[0], 0);
    assert_int_equal(tt_board_state(&board, 0, NOW_MS + TT_BOARD_LONG_WAIT_MS), TT_BOARD_BUSY);
    /* The next worker in that place has no part in the wait. */
    tt_post_wait(&posts[0], NOW_MS);
    tt_board_leave(&board, 0);
    tt_board_enter(&board, 0);
    assert_int_equal(tt_board_state(&board, 0, 2 * NOW_MS), TT_BOARD_BUSY);
}

static void test_the_last_idle_one_wakes_the_master(void **state) {
    (void)state;
    assert_false(tt_board_rest(&board)); /* none is idle */
    tt_post_idle(&posts[0]);
    tt_post_idle(&posts[1]);
    assert_true(tt_board_rest(&board));
    tt_post_busy(&posts[0]);
    assert_false(is_woken());
    tt_post_busy(&posts[1]);
    assert_true(is_woken());
    tt_board_quiet(&board);
    assert_false(is_woken());
    /* A master that looks by itself is not woken. */
    tt_post_idle(&posts[1]);
    tt_post_busy(&posts[1]);
    assert_false(is_woken());
    tt_post_idle(&posts[0]);
    assert_true(tt_board_rest(&board));
    tt_post_busy(&posts[0]);
    assert_true(is_woken());
    tt_board_quiet(&board);
    tt_board_quiet(&board);
}

static void test_a_worker_without_a_board(void **state) {
    (void)state;
    tt_post_idle(NULL);
    tt_post_busy(NULL);
    tt_post_wait(NULL, NOW_MS);
    assert_int_equal(tt_board_count(&board, NOW_MS).waiting, 0);
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, open_board, close_board)
    const struct CMUnitTest tests[] = {
        CASE(test_states),
        CASE(test_long_waits),
        CASE(test_the_last_idle_one_wakes_the_master),
        CASE(test_a_worker_without_a_board),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
