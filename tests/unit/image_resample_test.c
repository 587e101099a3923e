/* Resampling: values against a reference in double precision, what must stay exact, which rows are
 * pulled, how much memory is taken. */
#include "image/operations.h"

#include <math.h>

#include "picture_build.h"

static const struct tt_row_box no_box = {0, 0, 0, 0};

/* Resamples samples into out, whole rows; *source_rows is how many were pulled. A box of zeros is
 * the whole picture. */
static void resample(struct sample_source *source, const struct tt_row_box *box, int width_px,
                     int height_px, uint8_t *out) {
    struct tt_row_box whole = {0, 0, source->rows.width_px, source->rows.height_px};
    const struct tt_row_box *part = box->right > 0 ? box : &whole;
    size_t row_bytes = (size_t)width_px * (size_t)source->rows.channels;
    int64_t bound_bytes = tt_resample_bytes(source->rows.width_px, source->rows.height_px,
                                            source->rows.channels, part, width_px, height_px);
    struct tt_arena arena;
    struct tt_row_source *rows;

    tt_arena_init(&arena, (size_t)bound_bytes);
    assert_int_equal(tt_resample_open(&rows, &source->rows, part, width_px, height_px, &arena),
                     TT_OK);
    assert_int_equal(rows->width_px, width_px);
    assert_int_equal(rows->height_px, height_px);
    assert_int_equal(rows->channels, source->rows.channels);
    for (int y = 0; y < height_px; y++) {
        const uint8_t *row;

        assert_int_equal(rows->next(rows, &row), TT_OK);
        memcpy(out + (size_t)y * row_bytes, row, row_bytes);
    }
    tt_arena_fini(&arena);
}

static void assert_samples(const uint8_t *got, const uint8_t *expected, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (got[i] != expected[i])
            fail_msg("sample %zu is %d, not %d", i, got[i], expected[i]);
}

static const uint8_t small_grid[] = {
    10,  20, 30,  40,  50,  60,  /**/
    20,  40, 60,  80,  100, 120, /**/
    255, 0,  255, 0,   255, 0,   /**/
    0,   0,  0,   255, 255, 255,
};

/* The expected values are those of a double-precision Lanczos, rounded. */
static void small_grids_match_the_reference(void **state) {
    static const uint8_t halved[] = {43, 58, 73, 61, 126, 190};
    static const uint8_t boxed[] = {20, 45, 71, 55, 82, 110, 122, 122, 116, 29, 164, 228};
    const struct tt_row_box box = {1, 0.5, 5.5, 3.5};
    struct sample_source source = sample_source(small_grid, 6, 4, 1);
    uint8_t out[12];

    (void)state;
    resample(&source, &no_box, 3, 2, out);
    assert_samples(out, halved, sizeof halved);
    source.y = 0;
    resample(&source, &box, 3, 4, out);
    assert_samples(out, boxed, sizeof boxed);
}

static void colour_is_weighted_by_alpha(void **state) {
    static const uint8_t row[] = {200, 255, 200, 255, 10, 0, 10, 128};
    static const uint8_t expected[] = {207, 228, 55, 78};
    struct sample_source source = sample_source(row, 4, 1, 2);
    uint8_t out[4];

    (void)state;
    resample(&source, &no_box, 2, 1, out);
    assert_samples(out, expected, sizeof expected);
}

static void what_is_hidden_does_not_shine_through(void **state) {
    uint8_t picture[16 * 16 * 4], out[5 * 5 * 4];
    struct sample_source source = sample_source(picture, 16, 16, 4);

    (void)state;
    for (int i = 0; i < 16 * 16; i++) {
        bool hidden = i / 16 % 4 < 2;
        const uint8_t pixel[4] = {hidden ? 255 : 40, 90, hidden ? 0 : 200, hidden ? 0 : 255};

        memcpy(picture + (size_t)i * 4, pixel, 4);
    }
    resample(&source, &no_box, 5, 5, out);
    for (int i = 0; i < 5 * 5; i++) {
        const uint8_t *pixel = out + (size_t)i * 4;

        if (pixel[3] == 0)
            assert_int_equal(pixel[0] + pixel[1] + pixel[2], 0);
        if (pixel[3] > 16) {
            assert_in_range(pixel[0], 39, 41);
            assert_in_range(pixel[1], 89, 91);
            assert_in_range(pixel[2], 199, 201);
        }
    }
}

static void an_even_picture_stays_even(void **state) {
    static const struct {
        int width_px, height_px;
    } sizes[] = {{61, 47}, {20, 15}, {3, 2}, {1, 1}, {61, 5}, {9, 47}, {200, 90}};
    static uint8_t picture[61 * 47 * 4], out[200 * 90 * 4];

    (void)state;
    for (int value = 0; value <= 255; value += 5) {
        for (size_t i = 0; i < sizeof picture; i++)
            picture[i] = i % 4 == 3 ? 255 : (uint8_t)value;
        for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++) {
            int width_px = sizes[size].width_px, height_px = sizes[size].height_px;
            struct sample_source source = sample_source(picture, 61, 47, 4);

            resample(&source, &no_box, width_px, height_px, out);
            for (int i = 0; i < width_px * height_px * 4; i++)
                assert_int_equal(out[i], i % 4 == 3 ? 255 : value);
        }
    }
}

/* Far from its ends, a straight slope stays the same slope. */
static void a_ramp_stays_a_ramp(void **state) {
    uint8_t picture[240], out[80];
    struct sample_source source = sample_source(picture, 240, 1, 1);

    (void)state;
    for (int x = 0; x < 240; x++)
        picture[x] = (uint8_t)x;
    resample(&source, &no_box, 80, 1, out);
    for (int x = 4; x < 76; x++)
        assert_int_equal(out[x], x * 3 + 1);
}

static void unchanged_pixels_are_handed_through(void **state) {
    const struct tt_row_box box = {2, 1, 5, 3};
    static const uint8_t expected[] = {60, 80, 100, 255, 0, 255};
    struct sample_source source = sample_source(small_grid, 6, 4, 1);
    struct tt_row_box whole = {0, 0, 6, 4};
    struct tt_row_source *rows;
    struct tt_arena arena;
    uint8_t out[6];

    (void)state;
    resample(&source, &box, 3, 2, out);
    assert_samples(out, expected, sizeof expected);
    assert_int_equal(source.y, 3); /* the last row was not needed */

    tt_arena_init(&arena, 1 << 20);
    assert_int_equal(tt_resample_open(&rows, &source.rows, &whole, 6, 4, &arena), TT_OK);
    assert_ptr_equal(rows, &source.rows);
    tt_arena_fini(&arena);
}

/* Also with alpha, where premultiplying could not be undone. */
static void a_crop_keeps_faint_colours(void **state) {
    static const uint8_t picture[] = {200, 1, 100, 0, 50, 2, 7, 3};
    const struct tt_row_box box = {1, 0, 4, 1};
    struct sample_source source = sample_source(picture, 4, 1, 2);
    uint8_t out[6];

    (void)state;
    resample(&source, &box, 3, 1, out);
    assert_samples(out, picture + 2, sizeof out);
}

static void one_axis_alone_may_change(void **state) {
    struct sample_source source = sample_source(small_grid, 6, 4, 1);
    static const uint8_t column[] = {0, 20, 40};
    uint8_t out[24];

    (void)state;
    resample(&source, &no_box, 6, 1, out);
    source = sample_source(small_grid, 6, 2, 1);
    resample(&source, &no_box, 1, 2, out);
    assert_in_range(out[0], 33, 37); /* the means of rows 0 and 1 are 35 and 70 */
    assert_in_range(out[1], 67, 73);
    source = sample_source(column, 1, 3, 1);
    resample(&source, &no_box, 4, 3, out);
    for (int i = 0; i < 12; i++)
        assert_int_equal(out[i], column[i / 4]);
}

static void only_needed_rows_are_pulled(void **state) {
    static uint8_t picture[200 * 200];
    const struct tt_row_box box = {0, 100, 200, 120};
    struct sample_source source = sample_source(picture, 200, 200, 1);
    uint8_t out[20 * 2];

    (void)state;
    resample(&source, &box, 20, 2, out);
    assert_int_equal(source.y, 145); /* centre 115 and three lobes of 10 */
}

static void extreme_shapes_work(void **state) {
    static uint8_t tall[1000000], out[16384 * 2];
    struct sample_source source = sample_source(tall, 1, 1000000, 1);

    (void)state;
    memset(tall, 90, sizeof tall);
    resample(&source, &no_box, 1, 7, out);
    for (int i = 0; i < 7; i++)
        assert_int_equal(out[i], 90);
    source = sample_source(tall, 1000000, 1, 1);
    resample(&source, &no_box, 1, 1, out);
    assert_int_equal(out[0], 90);
    source = sample_source(tall, 1, 1, 1);
    resample(&source, &no_box, 1, 1, out);
    assert_int_equal(out[0], 90);
    source = sample_source(tall, 1, 1, 1);
    resample(&source, &no_box, 16384, 2, out);
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(out[i], 90);
}

/* The full range of alpha over the largest block there is: sums of 65536 × 255² must not wrap. */
static void a_huge_reduction_with_alpha_does_not_wrap(void **state) {
    static uint8_t tall[1000000 * 2];
    struct sample_source source = sample_source(tall, 1, 1000000, 2);
    uint8_t out[2];

    (void)state;
    memset(tall, 255, sizeof tall);
    resample(&source, &no_box, 1, 1, out);
    assert_int_equal(out[0], 255);
    assert_int_equal(out[1], 255);
}

static void a_failure_below_comes_up(void **state) {
    static uint8_t picture[100 * 100];
    const struct tt_row_box box = {0, 0, 100, 100};
    struct sample_source source = sample_source(picture, 100, 100, 1);
    struct tt_row_source *rows;
    struct tt_arena arena;
    const uint8_t *row;
    enum tt_err err = TT_OK;
    int good_rows = 0;

    (void)state;
    source.fails_at = 50;
    tt_arena_init(&arena, 1 << 20);
    assert_int_equal(tt_resample_open(&rows, &source.rows, &box, 10, 10, &arena), TT_OK);
    while ((err = rows->next(rows, &row)) == TT_OK)
        good_rows++;
    assert_int_equal(err, TT_ERR_PICTURE_BROKEN);
    assert_int_equal(good_rows, 2); /* row 2 needs input up to 25 + 30 */
    tt_arena_fini(&arena);
    tt_err_take(TT_OK);
}

/* Noise that is the same in every run. */
static void fill_noise(uint8_t *samples, size_t count) {
    uint32_t random = 1;

    for (size_t i = 0; i < count; i++) {
        random = random * 1664525u + 1013904223u; /* Numerical Recipes */
        samples[i] = (uint8_t)(random >> 24);
    }
}

static double lanczos(double x) {
    const double pi = 3.14159265358979323846;

    if (x == 0)
        return 1;
    return fabs(x) < 3 ? 3 * sin(pi * x) * sin(pi * x / 3) / (pi * pi * x * x) : 0;
}

/* One pass in double precision, from rows of count × in_px to rows of size_px × count: twice is
 * both passes, and the picture upright again. */
static void reference_pass(const double *in, int in_px, int count, double *out, int size_px) {
    double ratio = (double)in_px / size_px;

    for (int i = 0; i < size_px; i++) {
        double weight_sum = 0;

        for (int x = 0; x < in_px; x++)
            weight_sum += lanczos((x + 0.5) / ratio - i - 0.5);
        for (int y = 0; y < count; y++) {
            double sum = 0;

            for (int x = 0; x < in_px; x++)
                sum += in[y * in_px + x] * lanczos((x + 0.5) / ratio - i - 0.5);
            out[i * count + y] = sum / weight_sum;
        }
    }
}

/* Block means before the filter are off by up to five steps here. */
static void a_strong_reduction_is_the_filter_itself(void **state) {
    enum { IN_PX = 400, OUT_PX = 23 };
    static uint8_t picture[IN_PX * IN_PX];
    static double exact[IN_PX * IN_PX], halfway[OUT_PX * IN_PX], expected[OUT_PX * OUT_PX];
    struct sample_source source = sample_source(picture, IN_PX, IN_PX, 1);
    uint8_t out[OUT_PX * OUT_PX];

    (void)state;
    for (int i = 0; i < IN_PX * IN_PX; i++) {
        int x = i % IN_PX, y = i / IN_PX;

        picture[i] = (uint8_t)(127.5 + 127.5 * cos(0.004 * (x * x + y * y))); /* a zone plate */
        exact[i] = picture[i];
    }
    reference_pass(exact, IN_PX, IN_PX, halfway, OUT_PX);
    reference_pass(halfway, IN_PX, OUT_PX, expected, OUT_PX);
    resample(&source, &no_box, OUT_PX, OUT_PX, out);
    for (int i = 0; i < OUT_PX * OUT_PX; i++)
        if (fabs(out[i] - fmin(fmax(expected[i], 0), 255)) > 0.6)
            fail_msg("sample %d is %d, not %f", i, out[i], expected[i]);
}

/* Pushes one row at a time; each row popped must be the one that is pulled, and come as soon as
 * pulling could give it. */
static void assert_pushed_as_pulled(const struct tt_row_box *box, int channels, int width_px,
                                    int height_px) {
    static uint8_t picture[90 * 70 * 4];
    size_t in_bytes = (size_t)90 * (size_t)channels;
    size_t out_bytes = (size_t)width_px * (size_t)channels;
    int64_t bound_bytes = tt_resample_bytes(90, 70, channels, box, width_px, height_px);
    struct sample_source source = sample_source(picture, 90, 70, channels);
    struct tt_arena pull_arena, push_arena;
    struct tt_resampler *resampler;
    struct tt_row_source *rows;
    const uint8_t *popped, *pulled;
    int y = 0;

    fill_noise(picture, sizeof picture);
    tt_arena_init(&pull_arena, (size_t)bound_bytes);
    tt_arena_init(&push_arena, (size_t)bound_bytes);
    assert_int_equal(tt_resample_open(&rows, &source.rows, box, width_px, height_px, &pull_arena),
                     TT_OK);
    assert_int_equal(
        tt_resampler_open(&resampler, 90, 70, channels, box, width_px, height_px, &push_arena),
        TT_OK);
    for (int row = 0; row < 70; row++) {
        assert_false(tt_resampler_pop(resampler, &popped));
        tt_resampler_push(resampler, picture + (size_t)row * in_bytes);
        for (; tt_resampler_pop(resampler, &popped); y++) {
            assert_true(y < height_px);
            assert_int_equal(rows->next(rows, &pulled), TT_OK);
            assert_memory_equal(popped, pulled, out_bytes);
            assert_int_equal(source.y, row + 1);
        }
    }
    assert_int_equal(y, height_px);
    tt_arena_fini(&pull_arena);
    tt_arena_fini(&push_arena);
}

static void pushed_rows_are_the_pulled_ones(void **state) {
    static const struct tt_row_box boxes[] = {
        {0, 0, 90, 70}, {0, 0, 89.5, 69.25}, {10, 5, 50, 45}, {3.5, 20.25, 80, 70}};
    static const int sizes[][2] = {{40, 40}, {48, 37}, {90, 70},  {40, 5},  {7, 40},
                                   {1, 1},   {4, 4},   {150, 90}, {33, 200}};

    (void)state;
    for (size_t box = 0; box < sizeof boxes / sizeof *boxes; box++)
        for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++)
            for (int channels = 1; channels <= 4; channels++)
                assert_pushed_as_pulled(&boxes[box], channels, sizes[size][0], sizes[size][1]);
}

static void a_full_arena_is_reported(void **state) {
    static uint8_t picture[100 * 100];
    const struct tt_row_box box = {0, 0, 100, 100};
    int64_t bound_bytes = tt_resample_bytes(100, 100, 1, &box, 10, 10);
    struct tt_row_source *rows;

    (void)state;
    for (int64_t cap_bytes = 64; cap_bytes < bound_bytes - 2048; cap_bytes += 512) {
        struct sample_source source = sample_source(picture, 100, 100, 1);
        struct tt_arena arena;

        tt_arena_init(&arena, (size_t)cap_bytes);
        assert_int_equal(tt_resample_open(&rows, &source.rows, &box, 10, 10, &arena),
                         TT_ERR_NO_MEMORY);
        tt_arena_fini(&arena);
    }
    tt_err_take(TT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_grids_match_the_reference),
        cmocka_unit_test(colour_is_weighted_by_alpha),
        cmocka_unit_test(what_is_hidden_does_not_shine_through),
        cmocka_unit_test(an_even_picture_stays_even),
        cmocka_unit_test(a_ramp_stays_a_ramp),
        cmocka_unit_test(unchanged_pixels_are_handed_through),
        cmocka_unit_test(a_crop_keeps_faint_colours),
        cmocka_unit_test(one_axis_alone_may_change),
        cmocka_unit_test(only_needed_rows_are_pulled),
        cmocka_unit_test(extreme_shapes_work),
        cmocka_unit_test(a_huge_reduction_with_alpha_does_not_wrap),
        cmocka_unit_test(a_failure_below_comes_up),
        cmocka_unit_test(a_strong_reduction_is_the_filter_itself),
        cmocka_unit_test(pushed_rows_are_the_pulled_ones),
        cmocka_unit_test(a_full_arena_is_reported),
    };

    return cmocka_run_group_tests_name("image/resample", tests, NULL, NULL);
}
