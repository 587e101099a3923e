/* The eight orientations of a grid of 2 × 3. */
#include "image/operations.h"

#include "picture_build.h"

/* A B
 * C D
 * E F */
static const char grid[] = "ABCDEF";

/* What the upright picture is, by where tag 0x0112 says row 0 and column 0 of the file belong. */
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
static void assert_rows_upright(struct tt_row_source *rows, int orientation, int channels) {
    assert_int_equal(rows->width_px, upright[orientation].width_px);
    assert_int_equal(rows->height_px, upright[orientation].height_px);
    assert_int_equal(rows->channels, channels);
    assert_int_equal(rows->width_px == 3, tt_orientation_swaps_sides(orientation));
    for (int y = 0; y < rows->height_px; y++) {
        const uint8_t *row;

        assert_int_equal(rows->next(rows, &row), TT_OK);
        for (int i = 0; i < rows->width_px * channels; i++) {
            char letter = upright[orientation].rows[y * rows->width_px + i / channels];

            assert_int_equal(row[i], (uint8_t)(letter + 32 * (i % channels)));
        }
    }
}

static void assert_upright(int orientation, int channels) {
    uint8_t picture[6 * 4];
    struct sample_source source = sample_source(picture, 2, 3, channels);
    struct tt_row_source *rows;
    struct tt_arena arena;

    for (int i = 0; i < 6 * channels; i++)
        picture[i] = (uint8_t)(grid[i / channels] + 32 * (i % channels));
    tt_arena_init(&arena, (size_t)tt_orient_bytes(2, 3, channels, orientation) + 1);
    assert_int_equal(tt_orient_open(&rows, &source.rows, orientation, &arena), TT_OK);
    assert_rows_upright(rows, orientation, channels);
    tt_arena_fini(&arena);
}

static void all_eight_come_out_upright(void **state) {
    (void)state;
    for (int orientation = 1; orientation <= 8; orientation++)
        for (int channels = 1; channels <= 4; channels++)
            assert_upright(orientation, channels);
}

/* The same, put row by row; also the first orientation, which nothing is done to. */
static void assert_canvas_upright(int orientation, int channels) {
    uint8_t picture[6 * 4];
    struct tt_canvas *canvas;
    struct tt_row_source *rows;
    struct tt_arena arena;

    for (int i = 0; i < 6 * channels; i++)
        picture[i] = (uint8_t)(grid[i / channels] + 32 * (i % channels));
    tt_arena_init(&arena, (size_t)tt_canvas_bytes(2, 3, channels, orientation));
    assert_int_equal(tt_canvas_open(&canvas, 2, 3, channels, orientation, &arena), TT_OK);
    for (int y = 0; y < 3; y++)
        tt_canvas_put(canvas, picture + (size_t)y * 2 * (size_t)channels);
    rows = tt_canvas_rows(canvas);
    assert_rows_upright(rows, orientation, channels);
    tt_arena_fini(&arena);
}

static void a_canvas_comes_out_upright(void **state) {
    (void)state;
    for (int orientation = 1; orientation <= 8; orientation++)
        for (int channels = 1; channels <= 4; channels++)
            assert_canvas_upright(orientation, channels);
}

static void the_first_is_handed_through(void **state) {
    struct sample_source source = sample_source((const uint8_t *)grid, 2, 3, 1);
    struct tt_row_source *rows;
    struct tt_arena arena;

    (void)state;
    tt_arena_init(&arena, 64);
    assert_int_equal(tt_orient_open(&rows, &source.rows, 1, &arena), TT_OK);
    assert_ptr_equal(rows, &source.rows);
    assert_int_equal(arena.used_bytes, 0);
    tt_arena_fini(&arena);
}

static void a_mirror_takes_a_row_at_a_time(void **state) {
    struct sample_source source = sample_source((const uint8_t *)grid, 2, 3, 1);
    struct tt_row_source *rows;
    struct tt_arena arena;
    const uint8_t *row;

    (void)state;
    tt_arena_init(&arena, 4096);
    assert_int_equal(tt_orient_open(&rows, &source.rows, 2, &arena), TT_OK);
    assert_int_equal(rows->next(rows, &row), TT_OK);
    assert_int_equal(source.y, 1);
    tt_arena_fini(&arena);
}

static void a_failure_below_comes_up(void **state) {
    (void)state;
    for (int orientation = 2; orientation <= 8; orientation++) {
        struct sample_source source = sample_source((const uint8_t *)grid, 2, 3, 1);
        struct tt_row_source *rows;
        struct tt_arena arena;
        const uint8_t *row;
        enum tt_err err = TT_OK;

        source.fails_at = 2;
        tt_arena_init(&arena, 4096);
        assert_int_equal(tt_orient_open(&rows, &source.rows, orientation, &arena), TT_OK);
        for (int y = 0; y < rows->height_px && err == TT_OK; y++)
            err = rows->next(rows, &row);
        assert_int_equal(err, TT_ERR_PICTURE_BROKEN);
        tt_arena_fini(&arena);
        tt_err_take(TT_OK);
    }
}

static void a_full_arena_is_reported(void **state) {
    static const uint8_t picture[100 * 100];
    struct sample_source source = sample_source(picture, 100, 100, 1);
    struct tt_row_source *rows;
    struct tt_arena arena;

    (void)state;
    for (int orientation = 2; orientation <= 8; orientation++) {
        int64_t bound_bytes = tt_orient_bytes(100, 100, 1, orientation);

        for (int64_t cap_bytes = 64; cap_bytes < bound_bytes; cap_bytes += TT_ARENA_STEP_BYTES) {
            tt_arena_init(&arena, (size_t)cap_bytes);
            assert_int_equal(tt_orient_open(&rows, &source.rows, orientation, &arena),
                             TT_ERR_NO_MEMORY);
            tt_arena_fini(&arena);
        }
    }
    tt_err_take(TT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_eight_come_out_upright),
        cmocka_unit_test(a_canvas_comes_out_upright),
        cmocka_unit_test(the_first_is_handed_through),
        cmocka_unit_test(a_mirror_takes_a_row_at_a_time),
        cmocka_unit_test(a_failure_below_comes_up),
        cmocka_unit_test(a_full_arena_is_reported),
    };

    return cmocka_run_group_tests_name("image/orient", tests, NULL, NULL);
}
