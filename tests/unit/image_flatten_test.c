/* Alpha laid onto white. */
#include "image/operations.h"

#include <math.h>

#include "picture_build.h"

static void every_gray_at_every_alpha_is_the_nearest(void **state) {
    uint8_t picture[256 * 2];
    uint8_t out[256];
    (void)state;
    for (int alpha = 0; alpha <= 255; alpha++) {
        struct sample_sink to = sample_sink(out, 256, 1, 1);
        struct tt_row_sink *sink;
        struct tt_arena arena;
        for (int gray = 0; gray < 256; gray++) {
            picture[gray * 2] = (uint8_t)gray;
            picture[gray * 2 + 1] = (uint8_t)alpha;
        }
        tt_arena_init(&arena, 4096);
        assert_int_equal(tt_flatten_open(&sink, &to.rows, &arena), TT_OK);
        assert_int_equal(sink->channels, 2);
        assert_int_equal(put_samples(sink, picture), TT_OK);
        for (int gray = 0; gray < 256; gray++)
            assert_int_equal(out[gray], lrint(gray * (alpha / 255.0) + 255 - alpha));
        tt_arena_fini(&arena);
    }
}

static void colours_keep_apart(void **state) {
    static const uint8_t picture[] = {10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 255, 51};
    static const uint8_t expected[] = {10, 20, 30, 255, 255, 255, 204, 224, 255};
    uint8_t out[sizeof expected];
    struct sample_sink to = sample_sink(out, 3, 1, 3);
    struct tt_row_sink *sink;
    struct tt_arena arena;
    (void)state;
    tt_arena_init(&arena, 4096);
    assert_int_equal(tt_flatten_open(&sink, &to.rows, &arena), TT_OK);
    assert_int_equal(sink->channels, 4);
    assert_int_equal(put_samples(sink, picture), TT_OK);
    assert_memory_equal(out, expected, sizeof expected);
    tt_arena_fini(&arena);
}

static void the_sink_s_failure_comes_up(void **state) {
    static const uint8_t picture[4] = {0};
    struct sample_sink to = sample_sink(NULL, 1, 1, 3);
    struct tt_row_sink *sink;
    struct tt_arena arena;
    (void)state;
    to.fails_at = 0;
    tt_arena_init(&arena, 4096);
    assert_int_equal(tt_flatten_open(&sink, &to.rows, &arena), TT_OK);
    assert_int_equal(put_samples(sink, picture), TT_ERR_STORAGE);
    tt_arena_fini(&arena);
    tt_err_take(TT_OK);
}

static void a_full_arena_is_reported(void **state) {
    struct sample_sink to = sample_sink(NULL, 1000, 1, 1);
    struct tt_row_sink *sink;
    struct tt_arena arena;
    (void)state;
    tt_arena_init(&arena, 500);
    assert_int_equal(tt_flatten_open(&sink, &to.rows, &arena), TT_ERR_NO_MEMORY);
    tt_arena_fini(&arena);
    tt_err_take(TT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_gray_at_every_alpha_is_the_nearest),
        cmocka_unit_test(colours_keep_apart),
        cmocka_unit_test(the_sink_s_failure_comes_up),
        cmocka_unit_test(a_full_arena_is_reported),
    };

    return cmocka_run_group_tests_name("image/flatten", tests, NULL, NULL);
}
