/* A text's coverage: softened outlines, letters laid over them. */
#include "image/watermark_ink.h"

#include "picture_build.h"

/* Each pair has the coverage of letters and that of outlines. */
static void a_point_spreads_evenly(void **state) {
    uint8_t samples[5 * 5 * 2] = {0};
    /* Each axis is softened by 1 2 3 2 1, of 9, and rounded twice: 81 × 3 / 9 = 27, then 27 × 3 / 9
     * = 9. */
    static const uint8_t expected[5][5] = {
        {1, 2, 3, 2, 1}, {2, 4, 6, 4, 2}, {3, 6, 9, 6, 3}, {2, 4, 6, 4, 2}, {1, 2, 3, 2, 1},
    };
    struct tt_overlay overlay = {.width_px = 5, .height_px = 5, .colours = 1, .samples = samples};
    struct tt_arena arena;

    (void)state;
    samples[(2 * 5 + 2) * 2 + TT_INK_OUTLINES] = 81;
    tt_arena_init(&arena, 64);
    assert_int_equal(tt_ink_soften_outlines(&overlay, 1, &arena), TT_OK);
    for (size_t i = 0; i < 25; i++) {
        assert_int_equal(samples[i * 2 + TT_INK_OUTLINES], expected[i / 5][i % 5]);
        assert_int_equal(samples[i * 2 + TT_INK_LETTERS], 0);
    }
    tt_arena_fini(&arena);
}

static void a_window_wider_than_all_is_the_mean_with_nothing(void **state) {
    uint8_t samples[2 * 2] = {0, 90, 0, 90};
    struct tt_overlay overlay = {.width_px = 2, .height_px = 1, .colours = 1, .samples = samples};
    struct tt_arena arena;

    (void)state;
    tt_arena_init(&arena, 64);
    /* twice two of nine along the row, then one of nine: 90 → 20 → 2 → 1 → 0 */
    assert_int_equal(tt_ink_soften_outlines(&overlay, 4, &arena), TT_OK);
    assert_int_equal(samples[1], 0);
    assert_int_equal(samples[3], 0);
    tt_arena_fini(&arena);
}

static void letters_lie_over_outlines(void **state) {
    uint8_t samples[] = {0, 0, 255, 255, 255, 0, 0, 255, 128, 0, 128, 255};
    static const uint8_t gray_alpha[] = {0, 0, 255, 255, 255, 255, 0, 210, 255, 128, 140, 233};
    struct tt_overlay overlay = {.width_px = 3, .height_px = 2, .colours = 1, .samples = samples};

    (void)state;
    tt_ink_mix(&overlay);
    for (size_t i = 0; i < sizeof samples; i++)
        assert_int_equal(samples[i], gray_alpha[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_point_spreads_evenly),
        cmocka_unit_test(a_window_wider_than_all_is_the_mean_with_nothing),
        cmocka_unit_test(letters_lie_over_outlines),
    };

    return cmocka_run_group_tests_name("image/watermark_ink", tests, NULL, NULL);
}
