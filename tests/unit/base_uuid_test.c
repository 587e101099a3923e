/* src/base/uuid.c: the form, the time within, and the order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tintype/clock.h"
#include "tintype/uuid.h"

#define TIME_MAX_MS ((INT64_C(1) << 48) - 1)

static void new_ids_are_valid_and_carry_their_time(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t before_ms = tt_clock_now_ms(), time_ms = -1, parsed_ms = -1;
        char id[TT_UUID_SIZE];
        assert_int_equal(tt_uuid_new(id, &time_ms), TT_OK);
        assert_true(tt_uuid_parse(id, &parsed_ms));
        assert_int_equal(parsed_ms, time_ms);
        assert_true(time_ms >= before_ms && time_ms <= tt_clock_now_ms());
    }
}

static void new_ids_differ(void **state) {
    (void)state;
    char one[TT_UUID_SIZE];
    assert_int_equal(tt_uuid_new(one, NULL), TT_OK);
    char two[TT_UUID_SIZE];
    assert_int_equal(tt_uuid_new(two, NULL), TT_OK);
    assert_string_not_equal(one, two);
}

/* RFC 9562, appendix A.6 */
static void example_of_the_rfc(void **state) {
    int64_t time_ms = 0;
    (void)state;
    assert_true(tt_uuid_parse("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", &time_ms));
    assert_int_equal(time_ms, INT64_C(1645557742000));
    assert_true(tt_uuid_parse("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", NULL));
}

static void other_texts_are_no_ids(void **state) {
    static const char *const texts[] = {
        "",
        "017f22e2",
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",  /* upper case */
        "017f22e2-79b0-4cc3-98c4-dc0c0c07398f",  /* version 4 */
        "017f22e2-79b0-7cc3-78c4-dc0c0c07398f",  /* variant below 10 */
        "017f22e2-79b0-7cc3-c8c4-dc0c0c07398f",  /* variant above 10 */
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",   /* too short */
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0", /* too long */
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",  /* no digit */
        "017f22e2x79b0-7cc3-98c4-dc0c0c07398f",  /* no hyphen */
        "017f22e2-79b0-7cc398c4--dc0c0c07398f",  /* a hyphen elsewhere */
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
        "../../../../../../../etc/passwd",
        "../../../../../../../../../etc/passw",
        " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    };
    int64_t time_ms = 42;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(tt_uuid_parse(texts[i], &time_ms));
    assert_int_equal(time_ms, 42);
}

static void floor_is_the_least_id_of_its_millisecond(void **state) {
    int64_t time_ms = 0;
    (void)state;
    char floor[TT_UUID_SIZE];
    tt_uuid_floor(INT64_C(1645557742000), floor);
    char next[TT_UUID_SIZE];
    tt_uuid_floor(INT64_C(1645557742001), next);
    assert_string_equal(floor, "017f22e2-79b0-7000-8000-000000000000");
    assert_true(tt_uuid_parse(floor, &time_ms));
    assert_int_equal(time_ms, INT64_C(1645557742000));
    assert_true(strcmp("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", floor) > 0);
    assert_true(strcmp("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", next) < 0);
    assert_true(strcmp("017f22e2-79b0-7fff-bfff-ffffffffffff", next) < 0);
}

static void floors_sort_as_their_times(void **state) {
    static const int64_t times_ms[] = {0,          1,           0xFFFF,        0x10000,
                                       0xFFFFFFFF, 0x100000000, 1700000000000, TIME_MAX_MS};
    (void)state;
    for (size_t i = 1; i < sizeof times_ms / sizeof *times_ms; i++) {
        char earlier[TT_UUID_SIZE];
        tt_uuid_floor(times_ms[i - 1], earlier);
        char later[TT_UUID_SIZE];
        tt_uuid_floor(times_ms[i], later);
        assert_true(strcmp(earlier, later) < 0);
    }
}

static void new_id_lies_between_the_floors_around_it(void **state) {
    (void)state;
    char id[TT_UUID_SIZE];
    int64_t time_ms;
    assert_int_equal(tt_uuid_new(id, &time_ms), TT_OK);
    char floor[TT_UUID_SIZE];
    tt_uuid_floor(time_ms, floor);
    char next[TT_UUID_SIZE];
    tt_uuid_floor(time_ms + 1, next);
    assert_true(strcmp(id, floor) >= 0);
    assert_true(strcmp(id, next) < 0);
}

static void floor_is_clamped(void **state) {
    (void)state;
    char id[TT_UUID_SIZE];
    tt_uuid_floor(-1, id);
    assert_string_equal(id, "00000000-0000-7000-8000-000000000000");
    tt_uuid_floor(INT64_MIN, id);
    assert_string_equal(id, "00000000-0000-7000-8000-000000000000");
    tt_uuid_floor(TIME_MAX_MS + 1, id);
    assert_string_equal(id, "ffffffff-ffff-7000-8000-000000000000");
    tt_uuid_floor(INT64_MAX, id);
    assert_string_equal(id, "ffffffff-ffff-7000-8000-000000000000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_ids_are_valid_and_carry_their_time),
        cmocka_unit_test(new_ids_differ),
        cmocka_unit_test(example_of_the_rfc),
        cmocka_unit_test(other_texts_are_no_ids),
        cmocka_unit_test(floor_is_the_least_id_of_its_millisecond),
        cmocka_unit_test(floors_sort_as_their_times),
        cmocka_unit_test(new_id_lies_between_the_floors_around_it),
        cmocka_unit_test(floor_is_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
