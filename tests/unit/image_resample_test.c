/* Resampling: values against a reference in double precision, what must stay exact, which rows are
 * taken, and when rows are made. */
#include "image/operations.h"

#include <math.h>

#include "picture_build.h"

static const struct tt_row_box no_box = {0, 0, 0, 0};

struct picture {
    const uint8_t *samples;
    int width_px, height_px, channels;
};

/* Resamples a picture into out, whole rows. A box of zeros is the whole picture. Returns how many
 * rows were taken. */
static int resample(const struct picture *picture, const struct tt_row_box *box, int width_px,
                    int height_px, uint8_t *out) {
    struct tt_row_box whole = {0, 0, picture->width_px, picture->height_px};
    const struct tt_row_box *part = box->right > 0 ? box : &whole;
    struct sample_sink to = sample_sink(out, width_px, height_px, picture->channels);
    struct tt_row_sink *sink;
    struct tt_arena arena;
    tt_arena_init(&arena, (size_t)256 << 20);
    assert_int_equal(
        tt_resample_open(&sink, &to.rows, picture->width_px, picture->height_px, part, &arena),
        TT_OK);
    assert_int_equal(sink->width_px, picture->width_px);
    assert_in_range(sink->height_px, 1, picture->height_px);
    assert_int_equal(sink->channels, picture->channels);
    assert_int_equal(put_samples(sink, picture->samples), TT_OK);
    assert_int_equal(to.y, height_px);
    int taken = sink->height_px;
    tt_arena_fini(&arena);
    return taken;
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
    struct picture source = {small_grid, 6, 4, 1};
    uint8_t out[12];

    (void)state;
    resample(&source, &no_box, 3, 2, out);
    assert_samples(out, halved, sizeof halved);
    resample(&source, &box, 3, 4, out);
    assert_samples(out, boxed, sizeof boxed);
}

static void colour_is_weighted_by_alpha(void **state) {
    static const uint8_t row[] = {200, 255, 200, 255, 10, 0, 10, 128};
    static const uint8_t expected[] = {207, 228, 55, 78};
    struct picture source = {row, 4, 1, 2};
    uint8_t out[4];

    (void)state;
    resample(&source, &no_box, 2, 1, out);
    assert_samples(out, expected, sizeof expected);
}

static void what_is_hidden_does_not_shine_through(void **state) {
    uint8_t picture[16 * 16 * 4], out[5 * 5 * 4];
    struct picture source = {picture, 16, 16, 4};

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
            struct picture source = {picture, 61, 47, 4};

            resample(&source, &no_box, width_px, height_px, out);
            for (int i = 0; i < width_px * height_px * 4; i++)
                assert_int_equal(out[i], i % 4 == 3 ? 255 : value);
        }
    }
}

/* Far from its ends, a straight slope stays the same slope. */
static void a_ramp_stays_a_ramp(void **state) {
    uint8_t picture[240], out[80];
    struct picture source = {picture, 240, 1, 1};

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
    struct picture source = {small_grid, 6, 4, 1};
    struct tt_row_box whole = {0, 0, 6, 4};
    struct sample_sink to = sample_sink(NULL, 6, 4, 1);
    struct tt_row_sink *sink;
    struct tt_arena arena;
    uint8_t out[6];

    (void)state;
    int taken = resample(&source, &box, 3, 2, out);
    assert_samples(out, expected, sizeof expected);
    assert_int_equal(taken, 3); /* the last row was not needed */

    tt_arena_init(&arena, 64);
    assert_int_equal(tt_resample_open(&sink, &to.rows, 6, 4, &whole, &arena), TT_OK);
    assert_ptr_equal(sink, &to.rows);
    tt_arena_fini(&arena);
}

/* That holds with alpha as well, where premultiplying could not be undone. */
static void a_crop_keeps_faint_colours(void **state) {
    static const uint8_t picture[] = {200, 1, 100, 0, 50, 2, 7, 3};
    const struct tt_row_box box = {1, 0, 4, 1};
    struct picture source = {picture, 4, 1, 2};
    uint8_t out[6];

    (void)state;
    resample(&source, &box, 3, 1, out);
    assert_samples(out, picture + 2, sizeof out);
}

static void one_axis_alone_may_change(void **state) {
    struct picture source = {small_grid, 6, 4, 1};
    static const uint8_t column[] = {0, 20, 40};
    uint8_t out[24];

    (void)state;
    resample(&source, &no_box, 6, 1, out);
    source = (struct picture){small_grid, 6, 2, 1};
    resample(&source, &no_box, 1, 2, out);
    assert_in_range(out[0], 33, 37); /* the means of rows 0 and 1 are 35 and 70 */
    assert_in_range(out[1], 67, 73);
    source = (struct picture){column, 1, 3, 1};
    resample(&source, &no_box, 4, 3, out);
    for (int i = 0; i < 12; i++)
        assert_int_equal(out[i], column[i / 4]);
}

static void only_needed_rows_are_taken(void **state) {
    static uint8_t picture[200 * 200];
    const struct tt_row_box box = {0, 100, 200, 120};
    struct picture source = {picture, 200, 200, 1};
    uint8_t out[20 * 2];

    (void)state;
    int taken = resample(&source, &box, 20, 2, out);
    assert_int_equal(taken, 145); /* centre 115 and three lobes of 10 */
}

static void extreme_shapes_work(void **state) {
    static uint8_t tall[1000000], out[16384 * 2];
    struct picture source = {tall, 1, 1000000, 1};

    (void)state;
    memset(tall, 90, sizeof tall);
    resample(&source, &no_box, 1, 7, out);
    for (int i = 0; i < 7; i++)
        assert_int_equal(out[i], 90);
    source = (struct picture){tall, 1000000, 1, 1};
    resample(&source, &no_box, 1, 1, out);
    assert_int_equal(out[0], 90);
    source = (struct picture){tall, 1, 1, 1};
    resample(&source, &no_box, 1, 1, out);
    assert_int_equal(out[0], 90);
    source = (struct picture){tall, 1, 1, 1};
    resample(&source, &no_box, 16384, 2, out);
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(out[i], 90);
}

/* The full range of alpha lies over the largest block there is: sums of 65536 × 255² must not wrap.
 */
static void a_huge_reduction_with_alpha_does_not_wrap(void **state) {
    static uint8_t tall[1000000 * 2];
    struct picture source = {tall, 1, 1000000, 2};
    uint8_t out[2];

    (void)state;
    memset(tall, 255, sizeof tall);
    resample(&source, &no_box, 1, 1, out);
    assert_int_equal(out[0], 255);
    assert_int_equal(out[1], 255);
}

static void the_sink_s_failure_comes_up(void **state) {
    static uint8_t picture[100 * 100];
    const struct tt_row_box box = {0, 0, 100, 100};
    struct sample_sink to = sample_sink(NULL, 10, 10, 1);
    struct tt_row_sink *sink;
    struct tt_arena arena;
    (void)state;
    to.fails_at = 2;
    tt_arena_init(&arena, 1 << 20);
    assert_int_equal(tt_resample_open(&sink, &to.rows, 100, 100, &box, &arena), TT_OK);
    for (int y = 0; y < 54; y++)
        assert_int_equal(sink->put(sink, picture), TT_OK);
    assert_int_equal(to.y, 2);
    assert_int_equal(sink->put(sink, picture), TT_ERR_STORAGE); /* row 2 needs 25 + 30 rows */
    tt_arena_fini(&arena);
    tt_err_take(TT_OK);
}

static double lanczos(double x) {
    const double pi = 3.14159265358979323846;

    if (x == 0)
        return 1;
    return fabs(x) < 3 ? 3 * sin(pi * x) * sin(pi * x / 3) / (pi * pi * x * x) : 0;
}

/* Runs one pass in double precision, from rows of count × in_px to rows of size_px × count: twice
 * is both passes, and the picture upright again. */
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
    struct picture source = {picture, IN_PX, IN_PX, 1};
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

/* Returns the end of the rows that the filter wants for row y of the result: Lanczos has three
 * lobes. */
static int window_end(const struct tt_row_box *box, int in_height_px, int height_px, int y) {
    double scale = (box->bottom - box->top) / height_px;
    if (scale == 1 && box->top == floor(box->top))
        return (int)box->top + y + 1;
    double end = floor(box->top + (y + 0.5) * scale + 3 * fmax(scale, 1) + 0.5);
    return (int)fmin(end, in_height_px);
}

/* A row of the result is made with the last row that its window wants, and no later. */
static void assert_made_in_time(const struct tt_row_box *box, int channels, int width_px,
                                int height_px) {
    static uint8_t picture[90 * 70 * 4];
    struct sample_sink to = sample_sink(NULL, width_px, height_px, channels);
    struct tt_row_sink *sink;
    struct tt_arena arena;
    int made = 0;
    tt_arena_init(&arena, 1 << 24);
    assert_int_equal(tt_resample_open(&sink, &to.rows, 90, 70, box, &arena), TT_OK);
    for (int row = 0; row < sink->height_px; row++) {
        assert_int_equal(sink->put(sink, picture), TT_OK);
        while (made < height_px && window_end(box, 70, height_px, made) <= row + 1)
            made++;
        assert_int_equal(to.y, made);
    }
    assert_int_equal(made, height_px);
    tt_arena_fini(&arena);
}

static void rows_are_made_in_time(void **state) {
    static const struct tt_row_box boxes[] = {
        {0, 0, 90, 70}, {0, 0, 89.5, 69.25}, {10, 5, 50, 45}, {3.5, 20.25, 80, 70}};
    static const int sizes[][2] = {{40, 40}, {48, 37}, {90, 70},  {40, 5},  {7, 40},
                                   {1, 2},   {4, 4},   {150, 90}, {33, 200}};
    (void)state;
    for (size_t box = 0; box < sizeof boxes / sizeof *boxes; box++)
        for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++)
            for (int channels = 1; channels <= 4; channels++)
                assert_made_in_time(&boxes[box], channels, sizes[size][0], sizes[size][1]);
}

static void a_full_arena_is_reported(void **state) {
    const struct tt_row_box box = {0, 0, 100, 100};
    struct sample_sink to = sample_sink(NULL, 10, 10, 1);
    enum tt_err err = TT_ERR_NO_MEMORY;
    (void)state;
    for (size_t cap_bytes = 64; err != TT_OK; cap_bytes += 512) {
        struct tt_row_sink *sink;
        struct tt_arena arena;
        assert_true(cap_bytes < 1 << 20);
        tt_arena_init(&arena, cap_bytes);
        err = tt_resample_open(&sink, &to.rows, 100, 100, &box, &arena);
        assert_true(err == TT_OK || err == TT_ERR_NO_MEMORY);
        if (cap_bytes < 1024)
            assert_int_equal(err, TT_ERR_NO_MEMORY);
        tt_arena_fini(&arena);
        tt_err_take(TT_OK);
    }
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
        cmocka_unit_test(only_needed_rows_are_taken),
        cmocka_unit_test(extreme_shapes_work),
        cmocka_unit_test(a_huge_reduction_with_alpha_does_not_wrap),
        cmocka_unit_test(the_sink_s_failure_comes_up),
        cmocka_unit_test(a_strong_reduction_is_the_filter_itself),
        cmocka_unit_test(rows_are_made_in_time),
        cmocka_unit_test(a_full_arena_is_reported),
    };

    return cmocka_run_group_tests_name("image/resample", tests, NULL, NULL);
}
