/* The eight orientations of a grid of 2 × 3. */
#include "image/operations.h"

#include "picture_build.h"

/* A B
 * C D
 * E F */
static const char grid[] = "ABCDEF";

/* These are the upright pictures, by where tag 0x0112 says row 0 and column 0 of the file belong.
 */
static const struct {
    int width_px, height_px;
    const char *rows;
} upright[] = {
    [1] = {2, 3, "ABCDEF"}, /* top, left */
    [2] = {2, 3, "BADCFE"}, /* top, right */
    [3] = {2, 3, "FEDCBA"}, /* bottom, right */
    [4] = {2, 3, "EFCDAB"}, /* bottom, left */
    [5] = {3, 2, "ACEBDF"}, /* left, top */
    [6] = {3, 2, "ECAFDB"}, /* right, top */
    [7] = {3, 2, "FDBECA"}, /* right, bottom */
    [8] = {3, 2, "BDFACE"}, /* left, bottom */
};

/* Each pixel has its letter in the first channel and the letter plus 32 for each further one. */
static void assert_upright(int orientation, int channels) {
    uint8_t picture[6 * 4];
    uint8_t out[6 * 4];
    struct sample_sink upright_sink =
        sample_sink(out, upright[orientation].width_px, upright[orientation].height_px, channels);
    struct tt_row_sink *sink;
    struct tt_arena arena;
    for (int i = 0; i < 6 * channels; i++)
        picture[i] = (uint8_t)(grid[i / channels] + 32 * (i % channels));
    tt_arena_init(&arena, 4096);
    assert_int_equal(tt_orient_open(&sink, &upright_sink.rows, orientation, &arena), TT_OK);
    assert_int_equal(sink->width_px, 2);
    assert_int_equal(sink->height_px, 3);
    assert_int_equal(sink->channels, channels);
    assert_int_equal(upright_sink.rows.width_px == 3, tt_orientation_swaps_sides(orientation));
    assert_int_equal(put_samples(sink, picture), TT_OK);
    assert_int_equal(upright_sink.y, upright[orientation].height_px);
    for (int i = 0; i < 6 * channels; i++)
        assert_int_equal(out[i],
                         (uint8_t)(upright[orientation].rows[i / channels] + 32 * (i % channels)));
    tt_arena_fini(&arena);
}

static void all_eight_come_out_upright(void **state) {
    (void)state;
    for (int orientation = 1; orientation <= 8; orientation++)
        for (int channels = 1; channels <= 4; channels++)
            assert_upright(orientation, channels);
}

static void the_first_is_handed_through(void **state) {
    struct sample_sink to = sample_sink(NULL, 2, 3, 1);
    struct tt_row_sink *sink;
    struct tt_arena arena;
    (void)state;
    tt_arena_init(&arena, 64);
    assert_int_equal(tt_orient_open(&sink, &to.rows, 1, &arena), TT_OK);
    assert_ptr_equal(sink, &to.rows);
    assert_int_equal(arena.used_bytes, 0);
    tt_arena_fini(&arena);
}

static void a_mirror_takes_a_row_at_a_time(void **state) {
    struct sample_sink to = sample_sink(NULL, 2, 3, 1);
    struct tt_row_sink *sink;
    struct tt_arena arena;
    (void)state;
    tt_arena_init(&arena, 4096);
    assert_int_equal(tt_orient_open(&sink, &to.rows, 2, &arena), TT_OK);
    assert_int_equal(sink->put(sink, (const uint8_t *)grid), TT_OK);
    assert_int_equal(to.y, 1);
    tt_arena_fini(&arena);
}

static void the_sink_s_failure_comes_up(void **state) {
    (void)state;
    for (int orientation = 2; orientation <= 8; orientation++) {
        struct sample_sink to =
            sample_sink(NULL, upright[orientation].width_px, upright[orientation].height_px, 1);
        struct tt_row_sink *sink;
        struct tt_arena arena;
        to.fails_at = 1;
        tt_arena_init(&arena, 4096);
        assert_int_equal(tt_orient_open(&sink, &to.rows, orientation, &arena), TT_OK);
        assert_int_equal(put_samples(sink, (const uint8_t *)grid), TT_ERR_STORAGE);
        tt_arena_fini(&arena);
        tt_err_take(TT_OK);
    }
}

static void a_full_arena_is_reported(void **state) {
    struct sample_sink to = sample_sink(NULL, 100, 100, 1);
    (void)state;
    for (int orientation = 2; orientation <= 8; orientation++) {
        struct tt_row_sink *sink;
        struct tt_arena arena;
        size_t needed_bytes = 0;
        for (size_t cap_bytes = 64; needed_bytes == 0; cap_bytes += TT_ARENA_STEP_BYTES) {
            tt_arena_init(&arena, cap_bytes);
            enum tt_err err = tt_orient_open(&sink, &to.rows, orientation, &arena);
            if (err == TT_OK)
                needed_bytes = cap_bytes;
            else
                assert_int_equal(err, TT_ERR_NO_MEMORY);
            tt_arena_fini(&arena);
        }
        /* It needs a row, or the whole picture and maybe a row. */
        if (orientation == 2)
            assert_in_range(needed_bytes, 100, 400);
        else
            assert_in_range(needed_bytes, 10000, 10400);
    }
    tt_err_take(TT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_eight_come_out_upright),
        cmocka_unit_test(the_first_is_handed_through),
        cmocka_unit_test(a_mirror_takes_a_row_at_a_time),
        cmocka_unit_test(the_sink_s_failure_comes_up),
        cmocka_unit_test(a_full_arena_is_reported),
    };

    return cmocka_run_group_tests_name("image/orient", tests, NULL, NULL);
}
