/* Alpha laid onto white. */
#include "image/operations.h"

#include <math.h>

#include "picture_build.h"

static void every_gray_at_every_alpha_is_the_nearest(void **state) {
    uint8_t picture[256 * 2];

    (void)state;
    for (int alpha = 0; alpha <= 255; alpha++) {
        struct sample_source source = sample_source(picture, 256, 1, 2);
        struct tt_row_source *rows;
        struct tt_arena arena;
        const uint8_t *row;

        for (int gray = 0; gray < 256; gray++) {
            picture[gray * 2] = (uint8_t)gray;
            picture[gray * 2 + 1] = (uint8_t)alpha;
        }
        tt_arena_init(&arena, (size_t)tt_flatten_bytes(256));
        assert_int_equal(tt_flatten_open(&rows, &source.rows, &arena), TT_OK);
        assert_int_equal(rows->channels, 1);
        assert_int_equal(rows->next(rows, &row), TT_OK);
        for (int gray = 0; gray < 256; gray++)
            assert_int_equal(row[gray], lrint(gray * (alpha / 255.0) + 255 - alpha));
        tt_arena_fini(&arena);
    }
}

static void colours_keep_apart(void **state) {
    static const uint8_t picture[] = {10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 255, 51};
    static const uint8_t expected[] = {10, 20, 30, 255, 255, 255, 204, 224, 255};
    struct sample_source source = sample_source(picture, 3, 1, 4);
    struct tt_row_source *rows;
    struct tt_arena arena;
    const uint8_t *row;

    (void)state;
    tt_arena_init(&arena, (size_t)tt_flatten_bytes(3));
    assert_int_equal(tt_flatten_open(&rows, &source.rows, &arena), TT_OK);
    assert_int_equal(rows->channels, 3);
    assert_int_equal(rows->next(rows, &row), TT_OK);
    assert_memory_equal(row, expected, sizeof expected);
    tt_arena_fini(&arena);
}

static void without_alpha_rows_are_handed_through(void **state) {
    static const uint8_t picture[3] = {0};
    struct sample_source source = sample_source(picture, 1, 1, 3);
    struct tt_row_source *rows;
    struct tt_arena arena;

    (void)state;
    tt_arena_init(&arena, 64);
    assert_int_equal(tt_flatten_open(&rows, &source.rows, &arena), TT_OK);
    assert_ptr_equal(rows, &source.rows);
    tt_arena_fini(&arena);
}

static void a_failure_below_comes_up(void **state) {
    static const uint8_t picture[4] = {0};
    struct sample_source source = sample_source(picture, 1, 1, 4);
    struct tt_row_source *rows;
    struct tt_arena arena;
    const uint8_t *row;

    (void)state;
    source.fails_at = 0;
    tt_arena_init(&arena, 4096);
    assert_int_equal(tt_flatten_open(&rows, &source.rows, &arena), TT_OK);
    assert_int_equal(rows->next(rows, &row), TT_ERR_PICTURE_BROKEN);
    tt_arena_fini(&arena);
    tt_err_take(TT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_gray_at_every_alpha_is_the_nearest),
        cmocka_unit_test(colours_keep_apart),
        cmocka_unit_test(without_alpha_rows_are_handed_through),
        cmocka_unit_test(a_failure_below_comes_up),
    };

    return cmocka_run_group_tests_name("image/flatten", tests, NULL, NULL);
}
