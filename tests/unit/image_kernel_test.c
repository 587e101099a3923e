/* Resampling weights: sums, windows, bounds. */
#include "image/kernel.h"

#include "picture_build.h"

static const struct axis {
    int in_px;
    double start, end;
    int size_px;
} axes[] = {
    {2725, 0, 2725, 720},
    {1363, 0, 1362.5, 720},
    {1, 0, 1, 1},
    {1, 0, 1, 16384},
    {2, 0, 2, 3},
    {3, 0.25, 0.5, 50},
    {100, 10.5, 90.25, 5},
    {100, 0, 100, 200},
    {7, 0, 7, 6},
    {16000, 0, 16000, 1000},
    {100, 99.5, 100, 4},
    {5000, 0.125, 4999.875, 313},
    {125001, 0, 125000.5, 7813},
    {24, 0, 24, 8},
    {16, 0, 15.999999999, 1},
};

static void assert_axis_holds(const struct axis *axis, int multiple) {
    struct tt_arena arena;
    struct tt_kernel kernel;

    tt_arena_init(&arena, (size_t)64 << 20);
    assert_int_equal(tt_kernel_open(&kernel, axis->in_px, axis->start, axis->end, axis->size_px,
                                    multiple, &arena),
                     TT_OK);
    assert_int_equal(kernel.size_px, axis->size_px);
    assert_int_equal(kernel.taps % multiple, 0);
    for (int i = 0; i < kernel.size_px; i++) {
        struct tt_kernel_span span = kernel.spans[i];
        const int16_t *weights = kernel.weights + (size_t)i * (size_t)kernel.taps;
        int sum = 0, absolute_sum = 0;

        assert_true(span.first >= 0 && span.count >= 1 && span.count <= kernel.taps);
        assert_true(span.first + span.count <= axis->in_px);
        assert_true(i == 0 || span.first >= kernel.spans[i - 1].first);
        for (int tap = 0; tap < kernel.taps; tap++) {
            sum += weights[tap];
            absolute_sum += abs(weights[tap]);
            assert_true(tap < span.count || weights[tap] == 0);
        }
        assert_int_equal(sum, TT_KERNEL_ONE);
        assert_true(absolute_sum <= 2 * TT_KERNEL_ONE);
    }
    tt_arena_fini(&arena);
}

static void weights_sum_to_one_within_their_windows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++) {
        assert_axis_holds(&axes[i], 4);
        assert_axis_holds(&axes[i], 8);
    }
}

/* Every small size is made from every small size: no rounding of a window leads out of it. */
static void every_small_axis_holds(void **state) {
    (void)state;
    for (int in_px = 1; in_px <= 40; in_px++) {
        for (int size_px = 1; size_px <= 20; size_px++) {
            struct axis whole = {in_px, 0, in_px, size_px};
            struct axis part = {in_px, in_px / 3.0, in_px * 0.9, size_px};

            assert_axis_holds(&whole, 4);
            assert_axis_holds(&part, 8);
        }
    }
}

/* Halving takes the weights at distances 0.25, 0.75, … of sinc(x) sinc(x/3), normalised. */
static void halving_has_the_lanczos_weights(void **state) {
    static const int16_t expected[12] = {60,   247,  -557,  -1092, 2220, 7314,
                                         7314, 2220, -1092, -557,  247,  60};
    struct tt_arena arena;
    struct tt_kernel kernel;
    const int16_t *weights;

    (void)state;
    tt_arena_init(&arena, 1 << 20);
    assert_int_equal(tt_kernel_open(&kernel, 40, 0, 40, 20, 4, &arena), TT_OK);
    assert_int_equal(kernel.spans[10].first, 15);
    assert_int_equal(kernel.spans[10].count, 12);
    weights = kernel.weights + (size_t)10 * (size_t)kernel.taps;
    for (int tap = 0; tap < 12; tap++)
        assert_int_equal(weights[tap], expected[tap]);
    tt_arena_fini(&arena);
}

static void an_axis_that_does_not_change_is_a_copy(void **state) {
    struct tt_arena arena;
    struct tt_kernel kernel;

    (void)state;
    tt_arena_init(&arena, 1 << 20);
    assert_int_equal(tt_kernel_open(&kernel, 40, 3, 13, 10, 8, &arena), TT_OK);
    assert_true(kernel.is_copy);
    assert_int_equal(kernel.spans[9].first, 12);
    assert_int_equal(kernel.spans[9].count, 1);
    assert_int_equal(tt_kernel_open(&kernel, 40, 3.5, 13.5, 10, 8, &arena), TT_OK);
    assert_false(kernel.is_copy);
    tt_arena_fini(&arena);
}

static void a_full_arena_is_reported(void **state) {
    struct tt_arena arena;
    struct tt_kernel kernel;

    (void)state;
    tt_arena_init(&arena, 1000);
    assert_int_equal(tt_kernel_open(&kernel, 4000, 0, 4000, 2000, 8, &arena), TT_ERR_NO_MEMORY);
    tt_arena_fini(&arena);
    tt_err_take(TT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_sum_to_one_within_their_windows),
        cmocka_unit_test(every_small_axis_holds),
        cmocka_unit_test(halving_has_the_lanczos_weights),
        cmocka_unit_test(an_axis_that_does_not_change_is_a_copy),
        cmocka_unit_test(a_full_arena_is_reported),
    };

    return cmocka_run_group_tests_name("image/kernel", tests, NULL, NULL);
}
