/* Units of src/sync/backoff.c: the doubling ceiling, its bounds, and how random numbers become
 * times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sync/backoff.h"

static const struct tt_backoff usual = {.first_ms = 1000, .last_ms = 60000};

/* The wait is random % (ceiling + 1), which is the ceiling itself for that random number and 0 for
 * the next. */
static void assert_ceiling(const struct tt_backoff *backoff, int64_t attempts, int64_t ceiling) {
    assert_int_equal(tt_backoff_wait_ms(backoff, attempts, (uint64_t)ceiling, 0), ceiling);
    assert_int_equal(tt_backoff_wait_ms(backoff, attempts, (uint64_t)ceiling + 1, 0), 0);
}

static void the_ceiling_doubles_up_to_the_last(void **state) {
    (void)state;
    assert_ceiling(&usual, 1, 1000);
    assert_ceiling(&usual, 2, 2000);
    assert_ceiling(&usual, 3, 4000);
    assert_ceiling(&usual, 6, 32000);
    assert_ceiling(&usual, 7, 60000);
    assert_ceiling(&usual, 8, 60000);
}

static void any_number_of_attempts(void **state) {
    (void)state;
    for (int64_t attempts = 7; attempts < 200; attempts++)
        assert_ceiling(&usual, attempts, 60000);
    assert_ceiling(&usual, INT32_MAX, 60000);
    assert_ceiling(&usual, INT64_MAX - 1, 60000);
    assert_ceiling(&usual, INT64_MAX, 60000);
    assert_ceiling(&usual, 0, 1000);
    assert_ceiling(&usual, -1, 1000);
    assert_ceiling(&usual, INT64_MIN, 1000);
}

static void any_bounds(void **state) {
    const struct tt_backoff widest = {.first_ms = 1, .last_ms = INT64_MAX};
    const struct tt_backoff turned = {.first_ms = 5000, .last_ms = 300};
    const struct tt_backoff even = {.first_ms = 300, .last_ms = 300};
    const struct tt_backoff highest = {.first_ms = INT64_MAX, .last_ms = INT64_MAX};

    (void)state;
    for (int attempts = 1; attempts <= 63; attempts++)
        assert_ceiling(&widest, attempts, INT64_C(1) << (attempts - 1));
    assert_ceiling(&widest, 64, INT64_MAX);
    assert_ceiling(&widest, INT64_MAX, INT64_MAX);
    assert_ceiling(&turned, 1, 300);
    assert_ceiling(&turned, INT64_MAX, 300);
    assert_ceiling(&even, 1, 300);
    assert_ceiling(&even, 2, 300);
    assert_ceiling(&highest, 1, INT64_MAX);
    assert_ceiling(&highest, 2, INT64_MAX);
}

static void never_outside_the_range(void **state) {
    static const uint64_t randoms[] = {0, 1, 999, 1000, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};

    (void)state;
    for (int64_t attempts = 1; attempts < 100; attempts++)
        for (size_t i = 0; i < sizeof randoms / sizeof *randoms; i++)
            assert_in_range(tt_backoff_wait_ms(&usual, attempts, randoms[i], 0), 0, 60000);
}

/* Numbers spread over all 64 bits (multiples of 2^64 / golden ratio; Knuth, The Art of Computer
 * Programming, volume 3, 6.4) fall evenly over the whole range. */
static void the_whole_range_is_used_evenly(void **state) {
    int counts[10] = {0};
    uint64_t random = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        int64_t wait_ms = tt_backoff_wait_ms(&usual, 20, random, 0);

        counts[wait_ms * 10 / 60001]++;
        random += UINT64_C(0x9E3779B97F4A7C15);
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(counts[i], 900, 1100);
}

static void the_servers_own_word_is_the_least(void **state) {
    (void)state;
    assert_int_equal(tt_backoff_wait_ms(&usual, 1, 0, 5000), 5000);
    assert_int_equal(tt_backoff_wait_ms(&usual, 1, 1000, 5000), 6000);
    assert_int_equal(tt_backoff_wait_ms(&usual, 1, 700, 1), 701);
    assert_int_equal(tt_backoff_wait_ms(&usual, 1, 700, 0), 700);
    assert_int_equal(tt_backoff_wait_ms(&usual, 1, 700, -5), 700);
    assert_int_equal(tt_backoff_wait_ms(&usual, 1, 700, INT64_MIN), 700);
    assert_int_equal(tt_backoff_wait_ms(&usual, 1, 700, INT64_MAX - 700), INT64_MAX);
    assert_int_equal(tt_backoff_wait_ms(&usual, 1, 700, INT64_MAX - 699), INT64_MAX);
    assert_int_equal(tt_backoff_wait_ms(&usual, 1, 700, INT64_MAX), INT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ceiling_doubles_up_to_the_last),
        cmocka_unit_test(any_number_of_attempts),
        cmocka_unit_test(any_bounds),
        cmocka_unit_test(never_outside_the_range),
        cmocka_unit_test(the_whole_range_is_used_evenly),
        cmocka_unit_test(the_servers_own_word_is_the_least),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
