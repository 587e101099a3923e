/* src/image/detail.c: what passes, what is too fine, and when that is said. */
#include "image/detail.h"

#include "image/operations.h"
#include "picture_build.h"

#define WIDTH_PX  16
#define HEIGHT_PX 40

static uint8_t samples[WIDTH_PX * HEIGHT_PX * 3];

/* Rows of the samples that get through; -1 where all do. */
static int rows_before_exceeding(int channels, double most) {
    struct sample_source source = sample_source(samples, WIDTH_PX, HEIGHT_PX, channels);
    struct tt_row_source *detail;
    struct tt_arena arena;
    int y = 0;
    enum tt_err err = TT_OK;

    tt_arena_init(&arena, (size_t)tt_detail_bytes(WIDTH_PX, channels));
    assert_int_equal(tt_detail_open(&detail, &source.rows, most, &arena), TT_OK);
    for (; y < HEIGHT_PX && err == TT_OK; y++) {
        const uint8_t *row = NULL;

        err = detail->next(detail, &row);
        if (err == TT_OK)
            assert_memory_equal(row, samples + (size_t)y * WIDTH_PX * (size_t)channels,
                                (size_t)WIDTH_PX * (size_t)channels);
    }
    assert_int_equal(err == TT_OK, !tt_detail_is_exceeded(detail));
    tt_arena_fini(&arena);
    return err == TT_OK ? -1 : y - 1;
}

static void fill(int (*value)(int x, int y), int channels) {
    for (int y = 0; y < HEIGHT_PX; y++)
        for (int x = 0; x < WIDTH_PX; x++)
            memset(samples + (y * WIDTH_PX + x) * channels, value(x, y), (size_t)channels);
}

static int ramp(int x, int y) {
    return 10 * x + 2 * y;
}

/* Stripes of 0 and 2: second differences of 4 or -4 along one axis, 0 along the other. */
static int columns(int x, int y) {
    (void)y;
    return 2 * (x % 2);
}

static int rows(int x, int y) {
    (void)x;
    return 2 * (y % 2);
}

static int dots_below(int x, int y) {
    return y < HEIGHT_PX / 2 ? 100 : 255 * ((x + y) % 2);
}

static int dots(int x, int y) {
    return 255 * ((x + y) % 2);
}

static void slopes_have_no_detail(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        fill(ramp, channels);
        assert_int_equal(rows_before_exceeding(channels, 0), -1);
    }
}

/* 16 along one axis, 0 along the other: 8 in the mean, less what has no neighbours at the edges. */
static void both_axes_count_alike(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        fill(rows, channels);
        assert_int_equal(rows_before_exceeding(channels, 8.1), -1);
        assert_int_not_equal(rows_before_exceeding(channels, 7.9), -1);
        fill(columns, channels);
        assert_int_equal(rows_before_exceeding(channels, 8.1), -1);
        assert_int_not_equal(rows_before_exceeding(channels, 6.9), -1);
    }
}

static void it_is_said_as_soon_as_it_is_sure(void **state) {
    (void)state;
    fill(dots, 1);
    assert_int_equal(rows_before_exceeding(1, 76), 2);
    fill(dots_below, 1);
    assert_int_equal(rows_before_exceeding(1, 76), 22);
    assert_int_equal(rows_before_exceeding(1, 510.0 * 510.0), -1);
}

/* The larger the plane, against its result, the more it may have. */
static void bounds_grow_with_ratio_and_scale(void **state) {
    static const double ratios[] = {1.8, 2.3, 3, 4, 6, 9};

    (void)state;
    for (size_t i = 0; i < sizeof ratios / sizeof *ratios; i++) {
        double ratio = ratios[i];

        assert_true(tt_detail_bound(2, ratio) < tt_detail_bound(4, ratio));
        for (int eighths = 1; eighths <= 4; eighths *= 2)
            assert_true(tt_detail_bound(eighths, 1.3 * ratio) >
                        1.6 * tt_detail_bound(eighths, ratio));
    }
    /* What leaves 50 dB of the largest errors measured. */
    assert_true(tt_detail_bound(1, 1.8) * 0.0073 < 0.57);
    assert_true(tt_detail_bound(1, 3.6) * 0.0016 < 0.57);
    assert_true(tt_detail_bound(2, 1.8) * 0.0090 < 0.57);
    assert_true(tt_detail_bound(2, 2.6) * 0.0034 < 0.57);
    assert_true(tt_detail_bound(2, 3.6) * 0.0013 < 0.573);
    assert_true(tt_detail_bound(4, 1.8) * 0.0046 < 0.57);
    assert_true(tt_detail_bound(4, 3.6) * 0.0002 < 0.57);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slopes_have_no_detail),
        cmocka_unit_test(both_axes_count_alike),
        cmocka_unit_test(it_is_said_as_soon_as_it_is_sure),
        cmocka_unit_test(bounds_grow_with_ratio_and_scale),
    };

    return cmocka_run_group_tests_name("image/detail", tests, NULL, NULL);
}
