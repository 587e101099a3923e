/* The plan of a rendering: a table of sizes and boxes, and what is refused. */
#include "image/plan.h"

#include "image/operations.h"
#include "picture_build.h"

static const struct tt_picture_limits wide_limits = {
    .max_pixels = 100000000,
    .max_memory_bytes = (int64_t)512 << 20,
};

/* Makes the plan of one result. */
static enum tt_err make_plan(struct tt_plan *plan, const struct tt_picture_header *header,
                             const struct tt_picture_options *options) {
    const struct tt_picture_output output = {.fd = -1, .options = options};

    return tt_plan_make(plan, header, &output, 1, &wide_limits);
}

static const struct row {
    int width_px, height_px, orientation;
    int wanted_width_px, wanted_height_px;
    enum tt_picture_fit fit;
    int result_width_px, result_height_px; /* before orientation */
    struct tt_row_box box;
} table[] = {
    /* inside */
    {2725, 2225, 1, 720, 0, TT_FIT_INSIDE, 720, 588, {0, 0, 2725, 2225}},
    {2725, 2225, 1, 0, 720, TT_FIT_INSIDE, 882, 720, {0, 0, 2725, 2225}},
    {2725, 2225, 1, 720, 100, TT_FIT_INSIDE, 122, 100, {0, 0, 2725, 2225}},
    {2725, 2225, 1, 100, 720, TT_FIT_INSIDE, 100, 82, {0, 0, 2725, 2225}},
    {2725, 2225, 1, 2725, 2224, TT_FIT_INSIDE, 2724, 2224, {0, 0, 2725, 2225}},
    {640, 480, 1, 1024, 1024, TT_FIT_INSIDE, 640, 480, {0, 0, 640, 480}},
    {640, 480, 1, 641, 0, TT_FIT_INSIDE, 640, 480, {0, 0, 640, 480}},
    {640, 480, 1, 0, 481, TT_FIT_INSIDE, 640, 480, {0, 0, 640, 480}},
    {640, 480, 1, 640, 480, TT_FIT_INSIDE, 640, 480, {0, 0, 640, 480}},
    {640, 480, 1, 0, 0, TT_FIT_INSIDE, 640, 480, {0, 0, 640, 480}},
    {640, 480, 1, 16384, 1, TT_FIT_INSIDE, 1, 1, {0, 0, 640, 480}},
    {1, 1000000, 1, 1024, 1024, TT_FIT_INSIDE, 1, 1024, {0, 0, 1, 1000000}},
    {1, 1, 1, 1024, 1024, TT_FIT_INSIDE, 1, 1, {0, 0, 1, 1}},
    {3, 2, 1, 2, 2, TT_FIT_INSIDE, 2, 1, {0, 0, 3, 2}},
    {5, 2, 1, 4, 0, TT_FIT_INSIDE, 4, 2, {0, 0, 5, 2}},
    /* cover */
    {400, 200, 1, 100, 100, TT_FIT_COVER, 100, 100, {100, 0, 300, 200}},
    {200, 400, 1, 100, 100, TT_FIT_COVER, 100, 100, {0, 100, 200, 300}},
    {400, 200, 1, 100, 50, TT_FIT_COVER, 100, 50, {0, 0, 400, 200}},
    {8, 35, 1, 7, 32, TT_FIT_COVER, 7, 32, {0.171875, 0, 7.828125, 35}},
    {100, 50, 1, 200, 20, TT_FIT_COVER, 100, 20, {0, 15, 100, 35}},
    {101, 50, 1, 50, 80, TT_FIT_COVER, 50, 50, {25, 0, 75, 50}},
    {100, 50, 1, 300, 300, TT_FIT_COVER, 100, 50, {0, 0, 100, 50}},
    {400, 200, 1, 100, 0, TT_FIT_COVER, 100, 50, {0, 0, 400, 200}},
    {400, 200, 1, 0, 300, TT_FIT_COVER, 400, 200, {0, 0, 400, 200}},
    {400, 200, 1, 0, 0, TT_FIT_COVER, 400, 200, {0, 0, 400, 200}},
    {4000, 2000, 1, 100, 100, TT_FIT_COVER, 100, 100, {1000, 0, 3000, 2000}},
    /* fill */
    {400, 200, 1, 100, 100, TT_FIT_FILL, 100, 100, {0, 0, 400, 200}},
    {400, 200, 1, 1000, 10, TT_FIT_FILL, 1000, 10, {0, 0, 400, 200}},
    {400, 200, 1, 1000, 0, TT_FIT_FILL, 1000, 500, {0, 0, 400, 200}},
    {400, 200, 1, 0, 1000, TT_FIT_FILL, 2000, 1000, {0, 0, 400, 200}},
    {400, 200, 1, 0, 0, TT_FIT_FILL, 400, 200, {0, 0, 400, 200}},
    {8000, 200, 1, 100, 100, TT_FIT_FILL, 100, 100, {0, 0, 8000, 200}},
    {8000, 8000, 1, 100, 2500, TT_FIT_FILL, 100, 2500, {0, 0, 8000, 8000}},
    {8000, 8000, 1, 100, 2000, TT_FIT_FILL, 100, 2000, {0, 0, 8000, 8000}},
    /* orientation: what is asked for holds afterwards */
    {2725, 2225, 6, 720, 0, TT_FIT_INSIDE, 882, 720, {0, 0, 2725, 2225}},
    {2725, 2225, 3, 720, 0, TT_FIT_INSIDE, 720, 588, {0, 0, 2725, 2225}},
    {2725, 2225, 5, 0, 720, TT_FIT_INSIDE, 720, 588, {0, 0, 2725, 2225}},
    {400, 200, 8, 100, 50, TT_FIT_COVER, 50, 100, {150, 0, 250, 200}},
    {400, 200, 7, 30, 60, TT_FIT_FILL, 60, 30, {0, 0, 400, 200}},
};

static struct tt_picture_header header_of(const struct row *row) {
    return (struct tt_picture_header){
        .format = TT_FORMAT_PNG,
        .width_px = row->width_px,
        .height_px = row->height_px,
        .channels = 3,
        .orientation = row->orientation,
    };
}

static void assert_near(double got, double expected) {
    if (got < expected - 1e-9 || got > expected + 1e-9)
        fail_msg("%.10f is not %.10f", got, expected);
}

static void assert_row(const struct row *row) {
    struct tt_picture_header header = header_of(row);
    struct tt_picture_options options = {.format = TT_FORMAT_PNG,
                                         .width_px = row->wanted_width_px,
                                         .height_px = row->wanted_height_px,
                                         .fit = row->fit};
    struct tt_plan plan;

    assert_int_equal(make_plan(&plan, &header, &options), TT_OK);
    assert_int_equal(plan.results[0].width_px, row->result_width_px);
    assert_int_equal(plan.results[0].height_px, row->result_height_px);
    assert_near(plan.results[0].box.left, row->box.left);
    assert_near(plan.results[0].box.top, row->box.top);
    assert_near(plan.results[0].box.right, row->box.right);
    assert_near(plan.results[0].box.bottom, row->box.bottom);
}

static void every_row_of_the_table_holds(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        assert_row(&table[i]);
}

/* Whatever is asked of whatever picture, the result is within the box and never enlarged, and its
 * part is inside the picture. */
static void no_size_breaks_a_promise(void **state) {
    static const int sides[] = {1, 2, 3, 7, 8, 9, 63, 100, 101, 999, 1000, 4096, 9999};
    const size_t count = sizeof sides / sizeof *sides;

    (void)state;
    for (size_t i = 0; i < count * count * count * count; i++) {
        int width_px = sides[i % count], height_px = sides[i / count % count];
        int wanted_width_px = sides[i / count / count % count];
        int wanted_height_px = sides[i / count / count / count];

        for (int fit = TT_FIT_INSIDE; fit <= TT_FIT_COVER; fit++) {
            struct tt_picture_header header = {
                .width_px = width_px, .height_px = height_px, .channels = 3, .orientation = 1};
            struct tt_picture_options options = {.format = TT_FORMAT_PNG,
                                                 .width_px = wanted_width_px,
                                                 .height_px = wanted_height_px,
                                                 .fit = (enum tt_picture_fit)fit};
            struct tt_plan plan;

            assert_int_equal(make_plan(&plan, &header, &options), TT_OK);
            assert_true(plan.results[0].width_px >= 1 && plan.results[0].width_px <= width_px);
            assert_true(plan.results[0].height_px >= 1 && plan.results[0].height_px <= height_px);
            assert_true(plan.results[0].width_px <= wanted_width_px &&
                        plan.results[0].height_px <= wanted_height_px);
            assert_true(plan.results[0].box.left >= 0 &&
                        plan.results[0].box.left < plan.results[0].box.right);
            assert_true(plan.results[0].box.top >= 0 &&
                        plan.results[0].box.top < plan.results[0].box.bottom);
            assert_true(plan.results[0].box.right <= width_px);
            assert_true(plan.results[0].box.bottom <= height_px);
        }
    }
}

static void grayscale_keeps_alpha(void **state) {
    static const int gray_channels[] = {0, 1, 2, 1, 2};

    (void)state;
    for (int channels = 1; channels <= 4; channels++) {
        struct tt_picture_header header = {
            .width_px = 10, .height_px = 10, .channels = channels, .orientation = 1};
        struct tt_picture_options options = {.grayscale = true, .format = TT_FORMAT_PNG};
        struct tt_plan plan;

        assert_int_equal(make_plan(&plan, &header, &options), TT_OK);
        assert_int_equal(plan.channels, gray_channels[channels]);
        assert_int_equal(plan.results[0].channels, gray_channels[channels]);
        assert_true(plan.grayscale);
        options.grayscale = false;
        assert_int_equal(make_plan(&plan, &header, &options), TT_OK);
        assert_int_equal(plan.channels, channels);
    }
}

static void assert_too_large(const struct tt_picture_header *header,
                             const struct tt_picture_options *options, const char *words) {
    struct tt_plan plan;

    tt_err_take(TT_OK);
    assert_int_equal(make_plan(&plan, header, options), TT_ERR_PICTURE_TOO_LARGE);
    if (!strstr(tt_err_detail(TT_ERR_PICTURE_TOO_LARGE), words))
        fail_msg("\"%s\" is not in \"%s\"", words, tt_err_detail(TT_ERR_PICTURE_TOO_LARGE));
    tt_err_take(TT_OK);
}

static void bombs_are_refused_with_their_numbers(void **state) {
    struct tt_picture_header picture = {
        .width_px = 50000, .height_px = 50000, .channels = 3, .orientation = 1};
    struct tt_picture_header dot = {
        .width_px = 1, .height_px = 1000, .channels = 3, .orientation = 1};
    struct tt_picture_options small = {.width_px = 100, .format = TT_FORMAT_PNG};
    struct tt_picture_options largest = {
        .width_px = 16384, .height_px = 16384, .fit = TT_FIT_FILL, .format = TT_FORMAT_PNG};
    struct tt_picture_options wide = {
        .width_px = 16384, .fit = TT_FIT_FILL, .format = TT_FORMAT_PNG};

    (void)state;
    assert_too_large(&picture, &small, "50000 x 50000");
    assert_too_large(&dot, &largest, "16384 x 16384");
    assert_too_large(&dot, &wide, "16384 x 16384000");
    dot.height_px = 1000001;
    assert_too_large(&dot, &small, "1 x 1000001");
}

/* Of its own result a client is told what to ask for; of a rendition, which preset it is. */
static void what_a_format_cannot_hold_is_refused(void **state) {
    static const struct {
        enum tt_picture_format format;
        int side_max_px;
        const char *words, *rendition_words;
    } rows[] = {
        {TT_FORMAT_WEBP, 16383, "16383 on a side of a WEBP, are made. Ask for a smaller size, or",
         "rendition \"very-tall\" of every picture, which would be 16384 x 2 pixels"},
        {TT_FORMAT_JPEG, 65500, "65500 on a side of a JPEG, are made. Ask for a smaller size, or",
         "rendition \"very-tall\" of every picture, which would be 65501 x 2 pixels"},
    };
    static const struct tt_picture_options small = {.width_px = 1, .format = TT_FORMAT_PNG};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tt_picture_options options = {.format = rows[i].format};
        struct tt_picture_output outputs[] = {{-1, &small, NULL}, {-1, &options, "very-tall"}};
        struct tt_picture_header header = {
            .width_px = 2, .height_px = rows[i].side_max_px, .channels = 1, .orientation = 6};
        struct tt_plan plan;

        assert_int_equal(make_plan(&plan, &header, &options), TT_OK);
        assert_int_equal(tt_plan_make(&plan, &header, outputs, 2, &wide_limits), TT_OK);
        header.height_px++;
        assert_too_large(&header, &options, rows[i].words);
        assert_int_equal(tt_plan_make(&plan, &header, outputs, 2, &wide_limits),
                         TT_ERR_PICTURE_TOO_LARGE);
        assert_non_null(strstr(tt_err_detail(TT_ERR_PICTURE_TOO_LARGE), rows[i].rendition_words));
        assert_null(strstr(tt_err_detail(TT_ERR_PICTURE_TOO_LARGE), "Ask"));
        tt_err_take(TT_OK);
    }
}

/* One decode serves them all, and is as colourful as the result that needs most. */
static void several_results_share_a_decode(void **state) {
    static const struct tt_picture_header header = {
        .width_px = 8000, .height_px = 8000, .channels = 3, .orientation = 1};
    static const struct tt_picture_options small = {
        .width_px = 100, .grayscale = true, .format = TT_FORMAT_PNG};
    static const struct tt_picture_options large = {
        .width_px = 2000, .grayscale = true, .format = TT_FORMAT_PNG};
    static const struct tt_picture_options colour = {
        .format = TT_FORMAT_PNG, .width_px = 50, .height_px = 80, .fit = TT_FIT_COVER};
    static const struct tt_picture_output outputs[] = {
        {-1, &small, NULL}, {-1, &large, NULL}, {-1, &colour, NULL}};
    struct tt_plan plan;

    (void)state;
    assert_int_equal(tt_plan_make(&plan, &header, outputs, 1, &wide_limits), TT_OK);
    assert_int_equal(tt_plan_make(&plan, &header, outputs, 2, &wide_limits), TT_OK);
    assert_int_equal(plan.channels, 1);
    assert_near(plan.results[0].box.right, 8000);
    assert_int_equal(plan.results[0].width_px, 100);
    assert_int_equal(plan.results[1].width_px, 2000);
    assert_int_equal(tt_plan_make(&plan, &header, outputs, 3, &wide_limits), TT_OK);
    assert_int_equal(plan.channels, 3);
    assert_false(plan.grayscale);
    assert_int_equal(plan.results[0].channels, 1);
    assert_int_equal(plan.results[2].channels, 3);
    assert_near(plan.results[2].box.left, 1500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table_holds),
        cmocka_unit_test(no_size_breaks_a_promise),
        cmocka_unit_test(grayscale_keeps_alpha),
        cmocka_unit_test(bombs_are_refused_with_their_numbers),
        cmocka_unit_test(what_a_format_cannot_hold_is_refused),
        cmocka_unit_test(several_results_share_a_decode),
    };

    return cmocka_run_group_tests_name("image/plan", tests, NULL, NULL);
}
