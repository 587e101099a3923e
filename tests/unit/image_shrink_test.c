/* Block means: exact, rounded once, weighted by alpha, cut off at the edges. */
#include "image/operations.h"

#include "picture_build.h"

static void assert_shrinks(struct sample_source source, int factor_x, int factor_y,
                           const uint8_t *expected, int width_px, int height_px) {
    size_t row_bytes = (size_t)width_px * (size_t)source.rows.channels;
    struct tt_row_source *rows;
    struct tt_arena arena;

    tt_arena_init(&arena,
                  (size_t)tt_shrink_bytes(source.rows.width_px, source.rows.channels, factor_x));
    assert_int_equal(tt_shrink_open(&rows, &source.rows, factor_x, factor_y, &arena), TT_OK);
    assert_int_equal(rows->width_px, width_px);
    assert_int_equal(rows->height_px, height_px);
    for (int y = 0; y < height_px; y++) {
        const uint8_t *row;

        assert_int_equal(rows->next(rows, &row), TT_OK);
        assert_memory_equal(row, expected + (size_t)y * row_bytes, row_bytes);
    }
    assert_int_equal(source.y, source.rows.height_px);
    tt_arena_fini(&arena);
}

static void means_are_rounded_and_edges_cut(void **state) {
    static const uint8_t picture[] = {
        1, 2, 9,  /**/
        3, 4, 10, /**/
        5, 5, 255,
    };
    static const uint8_t expected[] = {3, 10, 5, 255}; /* 2.5 and 9.5 round up */

    (void)state;
    assert_shrinks(sample_source(picture, 3, 3, 1), 2, 2, expected, 2, 2);
}

static void the_axes_are_independent(void **state) {
    static const uint8_t picture[] = {0, 100, 200, 50, 10, 20, 30, 40};
    static const uint8_t across[] = {50, 125, 15, 35};
    static const uint8_t down[] = {5, 60, 115, 45};

    (void)state;
    assert_shrinks(sample_source(picture, 4, 2, 1), 2, 1, across, 2, 2);
    assert_shrinks(sample_source(picture, 4, 2, 1), 1, 2, down, 4, 1);
}

static void channels_keep_apart(void **state) {
    static const uint8_t picture[] = {10, 20, 30, 30, 60, 90};
    static const uint8_t expected[] = {20, 40, 60};

    (void)state;
    assert_shrinks(sample_source(picture, 2, 1, 3), 2, 1, expected, 1, 1);
}

static void alpha_weights_colour(void **state) {
    static const uint8_t picture[] = {100, 255, 200, 85, 77, 0, 99, 0};
    static const uint8_t expected[] = {125, 170, 0, 0};

    (void)state;
    assert_shrinks(sample_source(picture, 4, 1, 2), 2, 1, expected, 2, 1);
}

static void a_failure_below_comes_up(void **state) {
    static const uint8_t picture[9] = {0};
    struct sample_source source = sample_source(picture, 3, 3, 1);
    struct tt_row_source *rows;
    struct tt_arena arena;
    const uint8_t *row;

    (void)state;
    source.fails_at = 1;
    tt_arena_init(&arena, 1 << 16);
    assert_int_equal(tt_shrink_open(&rows, &source.rows, 2, 2, &arena), TT_OK);
    assert_int_equal(rows->next(rows, &row), TT_ERR_PICTURE_BROKEN);
    tt_arena_fini(&arena);
    tt_err_clear();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_are_rounded_and_edges_cut),
        cmocka_unit_test(the_axes_are_independent),
        cmocka_unit_test(channels_keep_apart),
        cmocka_unit_test(alpha_weights_colour),
        cmocka_unit_test(a_failure_below_comes_up),
    };

    return cmocka_run_group_tests_name("image/shrink", tests, NULL, NULL);
}
