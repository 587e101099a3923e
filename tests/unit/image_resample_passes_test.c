/* The passes of every vector unit this machine has, held to the C version bit by bit, on seeded
 * noise with its extremes; and that they stay within the memory they may read and write. */
#include "image/resample_passes.h"

#include "image/operations.h"
#include "picture_build.h"

static uint32_t seed;

/* Numerical Recipes' linear congruential generator; its upper bits are the better ones. */
static uint32_t next_random(void) {
    seed = seed * 1664525u + 1013904223u;
    return seed >> 8;
}

/* Half of the bytes are 0 or 255. */
static uint8_t next_byte(void) {
    uint32_t random = next_random();

    return random & 1 ? (uint8_t)(random >> 1) : (random & 2 ? 255 : 0);
}

/* The memory is of exactly that size, so that valgrind and ASan see a step beyond it. */
static void *exactly(size_t count, size_t size_bytes) {
    void *memory = calloc(count > 0 ? count : 1, size_bytes);

    assert_non_null(memory);
    return memory;
}

static int pad(int length_px) {
    return (length_px + TT_PASS_BLOCK_PX - 1) / TT_PASS_BLOCK_PX * TT_PASS_BLOCK_PX;
}

static void assert_same(const struct tt_resample_passes *passes, const char *pass, int size,
                        const void *got, const void *expected, size_t bytes) {
    if (memcmp(got, expected, bytes) != 0)
        fail_msg("%s of %s differs from c at %d", pass, passes->name, size);
}

static void assert_split(const struct tt_resample_passes *passes, int width_px, int channels) {
    int plane_px = pad(width_px);
    size_t row_bytes = (size_t)width_px * (size_t)channels;
    size_t samples = (size_t)plane_px * (size_t)channels;
    uint8_t *row = exactly(row_bytes, 1);
    int16_t *got = exactly(samples, sizeof *got);
    int16_t *expected = exactly(samples, sizeof *expected);

    for (size_t i = 0; i < row_bytes; i++)
        row[i] = next_byte();
    passes->split[channels - 1](row, width_px, got, plane_px);
    tt_resample_passes_c.split[channels - 1](row, width_px, expected, plane_px);
    for (int plane = 0; plane < channels; plane++)
        assert_same(passes, "split", width_px, got + (size_t)plane * (size_t)plane_px,
                    expected + (size_t)plane * (size_t)plane_px, (size_t)width_px * sizeof *got);
    free(row);
    free(got);
    free(expected);
}

static void every_split_is_that_of_c(void **state) {
    (void)state;
    for (size_t i = 0; tt_resample_passes_at(i); i++)
        for (int width_px = 1; width_px <= 200; width_px++)
            for (int channels = 1; channels <= 4; channels++)
                assert_split(tt_resample_passes_at(i), width_px, channels);
}

/* These are what split and the horizontal pass make of bytes: 0 to 16320, and a little beyond both
 * ends. */
static void fill_samples(int16_t *samples, size_t count, bool is_resampled) {
    for (size_t i = 0; i < count; i++) {
        int value = next_byte() * 64;

        if (is_resampled)
            value = value * 3 - 24480;
        samples[i] = (int16_t)value;
    }
}

static void assert_filter_columns(const struct tt_resample_passes *passes, int in_px, double start,
                                  double end, int size_px) {
    size_t ring_px = (size_t)pad(size_px);
    int16_t *got = exactly(ring_px, 2 * sizeof *got);
    int16_t *expected = exactly(ring_px, 2 * sizeof *expected);
    struct tt_arena arena;
    struct tt_kernel kernel;
    struct tt_kernel_span last;
    int16_t *samples;
    size_t count;

    tt_arena_init(&arena, (size_t)16 << 20);
    assert_int_equal(tt_kernel_open(&kernel, in_px, start, end, size_px, TT_PASS_TAPS, &arena),
                     TT_OK);
    last = kernel.spans[size_px - 1];
    count = (size_t)last.first + (size_t)kernel.taps;
    samples = exactly(count, sizeof *samples);
    for (int row = 0; row < 4; row++) {
        fill_samples(samples, count, false);
        passes->filter_columns(&kernel, 0, samples, got, row % 2);
        tt_resample_passes_c.filter_columns(&kernel, 0, samples, expected, row % 2);
        assert_same(passes, "filter_columns", size_px, got, expected, ring_px * 2 * sizeof *got);
    }
    free(samples);
    free(got);
    free(expected);
    tt_arena_fini(&arena);
}

static void every_horizontal_pass_is_that_of_c(void **state) {
    static const double ratios[] = {0.3, 1, 1.3, 1.89, 2.4, 3.7, 5, 8.2, 15.9};

    (void)state;
    for (size_t i = 0; tt_resample_passes_at(i); i++) {
        for (size_t ratio = 0; ratio < sizeof ratios / sizeof *ratios; ratio++) {
            for (int size_px = 1; size_px <= 40; size_px++) {
                int in_px = (int)(size_px * ratios[ratio]) + 3;
                double start = (next_random() % 100) / 100.0;

                assert_filter_columns(tt_resample_passes_at(i), in_px, start,
                                      start + size_px * ratios[ratio], size_px);
            }
        }
    }
}

/* A window's weights are like Lanczos's: they sum to 1, and their absolute values to less than 2.
 */
static void fill_weights(int16_t *weights, int count) {
    int sum = 0;

    for (int i = 0; i < 2 * count; i++) {
        weights[i] = (int16_t)((int)(next_random() % 16384) / (2 * count) - 4096 / count);
        sum += weights[i];
    }
    weights[count] = (int16_t)(weights[count] + TT_KERNEL_ONE - sum);
}

static void assert_filter_rows(const struct tt_resample_passes *passes, int length, int count) {
    const int16_t **pairs = exactly((size_t)count, sizeof *pairs);
    int16_t *weights = exactly((size_t)count, 2 * sizeof *weights);
    int16_t *samples = exactly((size_t)length * (size_t)count, 2 * sizeof *samples);
    struct tt_pass_window window = {.pairs = pairs, .weights = weights, .count = count};
    uint8_t *bytes = exactly((size_t)length * 2, 1);
    int32_t *sums = exactly((size_t)length * 2, sizeof *sums);

    fill_samples(samples, (size_t)length * (size_t)count * 2, true);
    fill_weights(weights, count);
    for (int row = 0; row < count; row++)
        pairs[row] = samples + (size_t)row * (size_t)length * 2;
    passes->filter_rows(&window, length, bytes + length);
    passes->sum_rows(&window, length, sums + length);
    tt_resample_passes_c.filter_rows(&window, length, bytes);
    tt_resample_passes_c.sum_rows(&window, length, sums);
    assert_same(passes, "filter_rows", length, bytes + length, bytes, (size_t)length);
    assert_same(passes, "sum_rows", length, sums + length, sums, (size_t)length * sizeof *sums);
    free(pairs);
    free(weights);
    free(samples);
    free(bytes);
    free(sums);
}

static void every_vertical_pass_is_that_of_c(void **state) {
    (void)state;
    for (size_t i = 0; tt_resample_passes_at(i); i++)
        for (int length = TT_PASS_BLOCK_PX; length <= 160; length += TT_PASS_BLOCK_PX)
            for (int count = 1; count <= 50; count++)
                assert_filter_rows(tt_resample_passes_at(i), length, count);
}

/* Alpha is around 0 and 255, and colours are such as it makes large. */
static int32_t next_sum(void) {
    uint32_t random = next_random();
    int32_t sum = (int32_t)(next_random() % (256u << TT_PASS_SUM_BITS));

    switch (random % 4) {
    case 0: return (int32_t)(random % 8) * TT_PASS_SUM_HALF;
    case 1: return -sum / 2;
    case 2: return sum + sum / 2;
    default: return sum;
    }
}

static void assert_joins(const struct tt_resample_passes *passes, int plane_px) {
    size_t count = (size_t)plane_px * 4;
    uint8_t *bytes = exactly((size_t)plane_px * 3, 1);
    int32_t *sums = exactly(count, sizeof *sums);
    uint8_t *got = exactly(count, 1);
    uint8_t *expected = exactly(count, 1);

    for (size_t i = 0; i < count; i++)
        sums[i] = next_sum();
    for (int i = 0; i < plane_px * 3; i++)
        bytes[i] = next_byte();
    passes->join_rgb(bytes, plane_px, got);
    tt_resample_passes_c.join_rgb(bytes, plane_px, expected);
    assert_same(passes, "join_rgb", plane_px, got, expected, count);
    passes->join_gray_alpha(sums, plane_px, got);
    tt_resample_passes_c.join_gray_alpha(sums, plane_px, expected);
    assert_same(passes, "join_gray_alpha", plane_px, got, expected, count);
    passes->join_rgb_alpha(sums, plane_px, got);
    tt_resample_passes_c.join_rgb_alpha(sums, plane_px, expected);
    assert_same(passes, "join_rgb_alpha", plane_px, got, expected, count);
    free(bytes);
    free(sums);
    free(got);
    free(expected);
}

static void every_join_is_that_of_c(void **state) {
    (void)state;
    for (size_t i = 0; tt_resample_passes_at(i); i++)
        for (int plane_px = TT_PASS_BLOCK_PX; plane_px <= 2048; plane_px += TT_PASS_BLOCK_PX)
            assert_joins(tt_resample_passes_at(i), plane_px);
}

/* Plain C itself is checked on values that can be worked out by hand. */
static void c_does_what_the_contract_says(void **state) {
    static const uint8_t pixel[] = {100, 255, 3, 128};
    static const int32_t sums[TT_PASS_BLOCK_PX * 2] = {
        [0] = 100 * 128 / 4 * TT_KERNEL_ONE + TT_PASS_SUM_HALF,
        [1] = 100 * 128 / 4 * TT_KERNEL_ONE + TT_PASS_SUM_HALF,
        [TT_PASS_BLOCK_PX] = 128 * 64 * TT_KERNEL_ONE + TT_PASS_SUM_HALF,
        [TT_PASS_BLOCK_PX + 1] = TT_PASS_SUM_HALF,
    };
    int16_t planes[4 * TT_PASS_BLOCK_PX];
    uint8_t out[2 * TT_PASS_BLOCK_PX];

    (void)state;
    tt_resample_passes_c.split[3](pixel, 1, planes, TT_PASS_BLOCK_PX);
    assert_int_equal(planes[0], 100 * 128 / 4);
    assert_int_equal(planes[TT_PASS_BLOCK_PX], 255 * 128 / 4);
    assert_int_equal(planes[2 * TT_PASS_BLOCK_PX], 3 * 128 / 4);
    assert_int_equal(planes[3 * TT_PASS_BLOCK_PX], 128 * 64);
    tt_resample_passes_c.join_gray_alpha(sums, TT_PASS_BLOCK_PX, out);
    assert_int_equal(out[0], 100);
    assert_int_equal(out[1], 128);
    assert_int_equal(out[2], 0);
    assert_int_equal(out[3], 0);
}

static void plain_c_is_the_last(void **state) {
    size_t count = 0;

    (void)state;
    while (tt_resample_passes_at(count))
        count++;
    assert_true(count >= 1);
    assert_ptr_equal(tt_resample_passes_at(count - 1), &tt_resample_passes_c);
#if defined(__x86_64__)
    assert_int_equal(count, __builtin_cpu_supports("avx2") ? 3 : 2);
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_is_that_of_c),
        cmocka_unit_test(every_horizontal_pass_is_that_of_c),
        cmocka_unit_test(every_vertical_pass_is_that_of_c),
        cmocka_unit_test(every_join_is_that_of_c),
        cmocka_unit_test(c_does_what_the_contract_says),
        cmocka_unit_test(plain_c_is_the_last),
    };

    return cmocka_run_group_tests_name("image/resample_passes", tests, NULL, NULL);
}
