/* Block means: exact, rounded once, weighted by alpha, cut off at the edges. */
#include "image/operations.h"

#include "picture_build.h"

/* Pushes width_px × height_px samples, and expects as many rows as expected has. */
static void assert_shrinks(const uint8_t *picture, int width_px, int height_px, int channels,
                           int factor_x, int factor_y, const uint8_t *expected,
                           size_t expected_bytes) {
    size_t in_bytes = (size_t)width_px * (size_t)channels;
    size_t out_bytes = (size_t)((width_px + factor_x - 1) / factor_x) * (size_t)channels;
    size_t got_bytes = 0;
    struct tt_shrinker *shrinker;
    struct tt_arena arena;

    tt_arena_init(&arena, 1 << 24);
    assert_int_equal(
        tt_shrinker_open(&shrinker, width_px, height_px, channels, factor_x, factor_y, &arena),
        TT_OK);
    for (int y = 0; y < height_px; y++) {
        const uint8_t *row;
        bool is_whole = tt_shrinker_push(shrinker, picture + (size_t)y * in_bytes, &row);

        assert_int_equal(is_whole, (y + 1) % factor_y == 0 || y + 1 == height_px);
        if (!is_whole)
            continue;
        assert_true(got_bytes + out_bytes <= expected_bytes);
        assert_memory_equal(row, expected + got_bytes, out_bytes);
        got_bytes += out_bytes;
    }
    assert_int_equal(got_bytes, expected_bytes);
    tt_arena_fini(&arena);
}

static void means_are_rounded_and_edges_cut(void **state) {
    static const uint8_t picture[] = {
        1, 2, 9,  /**/
        3, 4, 10, /**/
        5, 5, 255,
    };
    static const uint8_t expected[] = {2, 10, 5, 255}; /* 2.5 and 9.5 go to the even */

    (void)state;
    assert_shrinks(picture, 3, 3, 1, 2, 2, expected, sizeof expected);
}

static void the_axes_are_independent(void **state) {
    static const uint8_t picture[] = {0, 100, 200, 50, 10, 20, 30, 40};
    static const uint8_t across[] = {50, 125, 15, 35};
    static const uint8_t down[] = {5, 60, 115, 45};

    (void)state;
    assert_shrinks(picture, 4, 2, 1, 2, 1, across, sizeof across);
    assert_shrinks(picture, 4, 2, 1, 1, 2, down, sizeof down);
}

static void channels_keep_apart(void **state) {
    static const uint8_t picture[] = {10, 20, 30, 30, 60, 90};
    static const uint8_t expected[] = {20, 40, 60};

    (void)state;
    assert_shrinks(picture, 2, 1, 3, 2, 1, expected, sizeof expected);
}

static void alpha_weights_colour(void **state) {
    static const uint8_t picture[] = {100, 255, 200, 85, 77, 0, 99, 0};
    static const uint8_t expected[] = {125, 170, 0, 0};

    (void)state;
    assert_shrinks(picture, 4, 1, 2, 2, 1, expected, sizeof expected);
}

static void a_full_arena_is_reported(void **state) {
    struct tt_shrinker *shrinker;

    (void)state;
    for (int64_t cap_bytes = 64; cap_bytes < 1000 * 3 * 4 + 250 * 3; cap_bytes += 64) {
        struct tt_arena arena;

        tt_arena_init(&arena, (size_t)cap_bytes);
        assert_int_equal(tt_shrinker_open(&shrinker, 1000, 10, 3, 4, 4, &arena), TT_ERR_NO_MEMORY);
        tt_arena_fini(&arena);
    }
    tt_err_take(TT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_are_rounded_and_edges_cut),
        cmocka_unit_test(the_axes_are_independent),
        cmocka_unit_test(channels_keep_apart),
        cmocka_unit_test(alpha_weights_colour),
        cmocka_unit_test(a_full_arena_is_reported),
    };

    return cmocka_run_group_tests_name("image/shrink", tests, NULL, NULL);
}
