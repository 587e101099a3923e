/* src/base/stats.c: counters that processes share. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tintype/stats.h"

static void counters_start_at_zero(void **state) {
    struct tt_stats *stats = tt_stats_new();
    (void)state;
    assert_non_null(stats);
    assert_int_equal(atomic_load(&stats->requests), 0);
    for (int i = 0; i < TT_ERR_COUNT; i++)
        assert_int_equal(atomic_load(&stats->uploads[i]), 0);
}

static void children_count_for_all_whatever_their_end(void **state) {
    struct tt_stats *stats = tt_stats_new();
    (void)state;
    assert_non_null(stats);
    for (int i = 0; i < 4; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            for (int j = 0; j < 1000; j++)
                atomic_fetch_add(&stats->requests, 1);
            tt_stats_raise(&stats->decoder_peak_rss_bytes, 100 + i % 3);
            kill(getpid(), SIGKILL);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
    }
    assert_int_equal(atomic_load(&stats->requests), 4000);
    assert_int_equal(atomic_load(&stats->decoder_peak_rss_bytes), 102);
}

static void raise_never_lowers(void **state) {
    _Atomic int64_t peak = 10;

    (void)state;
    tt_stats_raise(&peak, 9);
    assert_int_equal(atomic_load(&peak), 10);
    tt_stats_raise(&peak, 10);
    assert_int_equal(atomic_load(&peak), 10);
    tt_stats_raise(&peak, 11);
    assert_int_equal(atomic_load(&peak), 11);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_start_at_zero),
        cmocka_unit_test(children_count_for_all_whatever_their_end),
        cmocka_unit_test(raise_never_lowers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
