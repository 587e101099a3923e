/* What renderings cost: src/image/cost.c. Nothing is measured here; whoever asks only has to be
 * told small from large. */
#include "image/cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct tt_picture_limits limits = {.max_pixels = 100000000};

/* Returns the cost of count results of width_px, or of the picture's own size for 0. */
static int64_t cost(enum tt_picture_format format, int side_px, int channels, int width_px,
                    enum tt_picture_format to, int count) {
    const struct tt_picture_header header = {.format = format,
                                             .width_px = side_px,
                                             .height_px = side_px,
                                             .channels = channels,
                                             .orientation = 1};
    const struct tt_picture_options options = {.format = to, .width_px = width_px};
    struct tt_picture_output outputs[TT_PICTURE_RESULTS_MAX];
    struct tt_plan plan;
    for (int i = 0; i < count; i++)
        outputs[i] = (struct tt_picture_output){.options = &options};
    assert_int_equal(tt_plan_make(&plan, &header, outputs, count, &limits), TT_OK);
    return tt_cost_ms(&plan, &header, outputs);
}

static void small_and_large_are_told_apart(void **state) {
    (void)state;
    assert_in_range(cost(TT_FORMAT_PNG, 128, 4, 64, TT_FORMAT_PNG, 1), 0, 10);
    assert_in_range(cost(TT_FORMAT_JPEG, 2400, 3, 1024, TT_FORMAT_PNG, 1), 50, 1000);
    static const enum tt_picture_format formats[] = {TT_FORMAT_PNG, TT_FORMAT_JPEG, TT_FORMAT_WEBP,
                                                     TT_FORMAT_GIF, TT_FORMAT_HEIC, TT_FORMAT_AVIF};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        assert_true(cost(formats[i], 10000, 1, 64, TT_FORMAT_PNG, 1) > 1000);
        assert_in_range(cost(formats[i], 100, 4, 64, TT_FORMAT_PNG, 1), 0, 10);
    }
}

static void results_cost_as_well(void **state) {
    (void)state;
    int64_t small = cost(TT_FORMAT_PNG, 4000, 3, 64, TT_FORMAT_PNG, 1);
    assert_true(cost(TT_FORMAT_PNG, 4000, 3, 0, TT_FORMAT_PNG, 1) > small);
    assert_true(cost(TT_FORMAT_PNG, 4000, 3, 0, TT_FORMAT_WEBP, 1) >
                2 * cost(TT_FORMAT_PNG, 4000, 3, 0, TT_FORMAT_PNG, 1));
    assert_true(cost(TT_FORMAT_PNG, 4000, 3, 0, TT_FORMAT_PNG, 9) >
                2 * cost(TT_FORMAT_PNG, 4000, 3, 0, TT_FORMAT_PNG, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_and_large_are_told_apart),
        cmocka_unit_test(results_cost_as_well),
    };
    return cmocka_run_group_tests_name("image_cost", tests, NULL, NULL);
}
