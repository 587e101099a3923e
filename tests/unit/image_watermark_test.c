/* Watermarks: a picture laid over rows, pixel by pixel; places; memory; what is refused at load.
 * Text has a test of its own. */
#include "image/operations.h"

#include "image/watermark.h"
#include "profile_build.h"
#include "scratch.h"
#include "tintype/image.h"

/* One pixel is red, and the other blue and half transparent. */
static uint8_t red_blue[] = {0xff, 0x00, 0x00, 0xff, 0x00, 0x00, 0xff, 0x80};
static const struct tt_watermark pair = {
    .image = red_blue, .image_width_px = 2, .image_height_px = 1};

/* The watermark is one pixel high, and one from the edges, on a picture with a shorter side of 5.
 */
static const struct tt_picture_watermark small = {
    .use_image = true, .size_percent = 20, .margin_percent = 20, .opacity_percent = 100};

#define ARENA_BYTES ((size_t)64 << 20)

/* Returns the marked picture in hexadecimal, a row a line. */
static const char *mark(const uint8_t *samples, int width_px, int height_px, int channels,
                        const struct tt_watermark *watermark,
                        const struct tt_picture_watermark *wanted) {
    static char text[4096];
    static uint8_t marked[1024];
    struct sample_sink to = sample_sink(marked, width_px, height_px, channels);
    struct tt_row_sink *sink;
    struct tt_arena arena;
    int row_bytes = width_px * channels;
    size_t length = 0;
    assert_true(row_bytes * height_px <= (int)sizeof marked);
    tt_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(tt_watermark_open(&sink, &to.rows, watermark, wanted, &arena), TT_OK);
    assert_int_equal(sink->width_px, width_px);
    assert_int_equal(sink->height_px, height_px);
    assert_int_equal(sink->channels, channels);
    assert_int_equal(put_samples(sink, samples), TT_OK);
    assert_int_equal(to.y, height_px);
    for (int i = 0; i < row_bytes * height_px; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%02x%s",
                                   i % row_bytes > 0 && i % channels == 0 ? " " : "", marked[i],
                                   i % row_bytes == row_bytes - 1 ? "\n" : "");
        assert_true(length < sizeof text);
    }
    tt_arena_fini(&arena);
    return text;
}

static void each_position_has_its_place(void **state) {
    /* Luma of red is 4c, of blue 1d, and half of that and of 40 is 2e. */
    static const char *const expected[TT_POSITION_COUNT] = {
        [TT_POSITION_TOP_LEFT] = "40 40 40 40 40 40\n"
                                 "40 4c 2e 40 40 40\n"
                                 "40 40 40 40 40 40\n"
                                 "40 40 40 40 40 40\n"
                                 "40 40 40 40 40 40\n",
        [TT_POSITION_TOP] = "40 40 40 40 40 40\n"
                            "40 40 4c 2e 40 40\n"
                            "40 40 40 40 40 40\n"
                            "40 40 40 40 40 40\n"
                            "40 40 40 40 40 40\n",
        [TT_POSITION_TOP_RIGHT] = "40 40 40 40 40 40\n"
                                  "40 40 40 4c 2e 40\n"
                                  "40 40 40 40 40 40\n"
                                  "40 40 40 40 40 40\n"
                                  "40 40 40 40 40 40\n",
        [TT_POSITION_LEFT] = "40 40 40 40 40 40\n"
                             "40 40 40 40 40 40\n"
                             "40 4c 2e 40 40 40\n"
                             "40 40 40 40 40 40\n"
                             "40 40 40 40 40 40\n",
        [TT_POSITION_CENTER] = "40 40 40 40 40 40\n"
                               "40 40 40 40 40 40\n"
                               "40 40 4c 2e 40 40\n"
                               "40 40 40 40 40 40\n"
                               "40 40 40 40 40 40\n",
        [TT_POSITION_RIGHT] = "40 40 40 40 40 40\n"
                              "40 40 40 40 40 40\n"
                              "40 40 40 4c 2e 40\n"
                              "40 40 40 40 40 40\n"
                              "40 40 40 40 40 40\n",
        [TT_POSITION_BOTTOM_LEFT] = "40 40 40 40 40 40\n"
                                    "40 40 40 40 40 40\n"
                                    "40 40 40 40 40 40\n"
                                    "40 4c 2e 40 40 40\n"
                                    "40 40 40 40 40 40\n",
        [TT_POSITION_BOTTOM] = "40 40 40 40 40 40\n"
                               "40 40 40 40 40 40\n"
                               "40 40 40 40 40 40\n"
                               "40 40 4c 2e 40 40\n"
                               "40 40 40 40 40 40\n",
        [TT_POSITION_BOTTOM_RIGHT] = "40 40 40 40 40 40\n"
                                     "40 40 40 40 40 40\n"
                                     "40 40 40 40 40 40\n"
                                     "40 40 40 4c 2e 40\n"
                                     "40 40 40 40 40 40\n",
    };
    uint8_t gray[6 * 5];

    (void)state;
    memset(gray, 0x40, sizeof gray);
    for (int position = 0; position < TT_POSITION_COUNT; position++) {
        struct tt_picture_watermark wanted = small;

        wanted.position = (enum tt_picture_position)position;
        assert_string_equal(mark(gray, 6, 5, 1, &pair, &wanted), expected[position]);
    }
}

/* This is of the overlay's two pixels alone. */
static const struct tt_picture_watermark whole = {
    .use_image = true, .size_percent = 100, .opacity_percent = 100};

static void every_kind_of_row_is_blended(void **state) {
    static const uint8_t gray_alpha[] = {0x40, 0x80, 0x40, 0x80};
    static const uint8_t hidden[] = {0x40, 0x00, 0x40, 0x00};
    static const uint8_t rgb[] = {0x40, 0x60, 0x80, 0x40, 0x60, 0x80};
    static const uint8_t rgb_alpha[] = {0x40, 0x60, 0x80, 0x80, 0x40, 0x60, 0x80, 0x00};

    (void)state;
    /* (1d × 80 + 40 × 80 × 7f/ff) / c0 = 29, and alpha 80 + 80 × 7f/ff = c0 */
    assert_string_equal(mark(gray_alpha, 2, 1, 2, &pair, &whole), "4cff 29c0\n");
    assert_string_equal(mark(hidden, 2, 1, 2, &pair, &whole), "4cff 1d80\n");
    assert_string_equal(mark(rgb, 2, 1, 3, &pair, &whole), "ff0000 2030c0\n");
    assert_string_equal(mark(rgb_alpha, 2, 1, 4, &pair, &whole), "ff0000ff 0000ff80\n");
}

static void opacity_thins_it_out(void **state) {
    static const uint8_t rgb[] = {0x40, 0x60, 0x80, 0x40, 0x60, 0x80};
    struct tt_picture_watermark wanted = whole;

    (void)state;
    wanted.opacity_percent = 50;
    assert_string_equal(mark(rgb, 2, 1, 3, &pair, &wanted), "a03040 3048a0\n");
    wanted.opacity_percent = 1;
    assert_string_equal(mark(rgb, 2, 1, 3, &pair, &wanted), "425f7e 406080\n");
}

static void rows_beside_it_are_handed_through(void **state) {
    uint8_t gray[6 * 5] = {0};
    struct sample_sink to = sample_sink(NULL, 6, 5, 1);
    struct tt_row_sink *sink;
    struct tt_arena arena;
    (void)state;
    tt_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(tt_watermark_open(&sink, &to.rows, &pair, &small, &arena), TT_OK);
    for (int y = 0; y < 5; y++) {
        const uint8_t *row = gray + (size_t)y * 6;
        assert_int_equal(sink->put(sink, row), TT_OK);
        assert_int_equal(to.y, y + 1);
        assert_int_equal(to.row == row, y != 1);
    }
    tt_arena_fini(&arena);
}

static void nothing_wanted_is_nothing_done(void **state) {
    static const struct tt_watermark none = {0};
    const struct tt_picture_watermark no_room = {
        .use_image = true, .size_percent = 5, .margin_percent = 50, .opacity_percent = 100};
    const struct tt_picture_watermark no_font = {
        .text = "text", .use_image = true, .size_percent = 50, .opacity_percent = 100};
    const struct tt_picture_watermark unwanted = {.size_percent = 5, .opacity_percent = 100};
    const struct {
        const struct tt_watermark *watermark;
        const struct tt_picture_watermark *wanted;
    } cases[] = {
        {NULL, &whole}, {&none, &whole}, {&pair, &no_room}, {&pair, &no_font}, {&pair, &unwanted}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sample_sink to = sample_sink(NULL, 2, 2, 1);
        struct tt_row_sink *sink;
        struct tt_arena arena;

        tt_arena_init(&arena, 4096);
        assert_int_equal(
            tt_watermark_open(&sink, &to.rows, cases[i].watermark, cases[i].wanted, &arena), TT_OK);
        assert_ptr_equal(sink, &to.rows);
        tt_arena_fini(&arena);
    }
}

static void the_sink_s_failure_comes_up(void **state) {
    static const uint8_t gray[] = {0x40, 0x41};
    struct sample_sink to = sample_sink(NULL, 2, 1, 1);
    struct tt_row_sink *sink;
    struct tt_arena arena;
    (void)state;
    to.fails_at = 0;
    tt_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(tt_watermark_open(&sink, &to.rows, &pair, &whole, &arena), TT_OK);
    assert_int_equal(put_samples(sink, gray), TT_ERR_STORAGE);
    tt_arena_fini(&arena);
    tt_err_take(TT_OK);
}

static void a_full_arena_is_reported(void **state) {
    struct sample_sink to = sample_sink(NULL, 600, 600, 4);
    enum tt_err err = TT_ERR_NO_MEMORY;
    (void)state;
    for (size_t cap_bytes = 100; err != TT_OK; cap_bytes *= 2) {
        struct tt_row_sink *sink;
        struct tt_arena arena;
        assert_true(cap_bytes < ARENA_BYTES);
        tt_arena_init(&arena, cap_bytes);
        err = tt_watermark_open(&sink, &to.rows, &pair, &whole, &arena);
        assert_true(err == TT_OK || err == TT_ERR_NO_MEMORY);
        if (cap_bytes < 600 * 300 * 4) /* the overlay alone is more */
            assert_int_equal(err, TT_ERR_NO_MEMORY);
        tt_arena_fini(&arena);
        tt_err_take(TT_OK);
    }
}

/* ---- every size: within the picture ---- */

/* Opens, and puts every row, while the sanitizers watch. */
static void mark_any(int width_px, int height_px, const struct tt_watermark *watermark,
                     const struct tt_picture_watermark *wanted) {
    static const uint8_t samples[4 * 3000 * 40];
    assert_true((size_t)width_px * (size_t)height_px * 4 <= sizeof samples);
    for (int channels = 1; channels <= 4; channels++) {
        struct sample_sink to = sample_sink(NULL, width_px, height_px, channels);
        struct tt_row_sink *sink;
        struct tt_arena arena;
        tt_arena_init(&arena, ARENA_BYTES);
        assert_int_equal(tt_watermark_open(&sink, &to.rows, watermark, wanted, &arena), TT_OK);
        assert_int_equal(put_samples(sink, samples), TT_OK);
        assert_int_equal(to.y, height_px);
        tt_arena_fini(&arena);
    }
}

static const struct {
    int width_px, height_px;
} picture_sizes[] = {{1, 1},     {1, 9},     {8, 8},    {2, 700},   {300, 40},
                     {100, 101}, {3000, 40}, {3000, 1}, {200, 300}, {40, 3000}};

static void pictures_of_every_size_keep_within_bounds(void **state) {
    static const struct {
        int width_px, height_px;
    } image_sizes[] = {{1, 1}, {2048, 1}, {1, 2048}, {33, 17}, {700, 2048}};
    static uint8_t image[700 * 2048 * 4];
    static const int percents[] = {1, 20, 50, 100};

    (void)state;
    memset(image, 0x80, sizeof image);
    for (size_t i = 0; i < sizeof image_sizes / sizeof *image_sizes; i++) {
        struct tt_watermark watermark = {.image = image,
                                         .image_width_px = image_sizes[i].width_px,
                                         .image_height_px = image_sizes[i].height_px};

        for (size_t p = 0; p < sizeof picture_sizes / sizeof *picture_sizes; p++)
            for (int k = 0; k < 16; k++) {
                struct tt_picture_watermark wanted = {
                    .use_image = true,
                    .position = (enum tt_picture_position)((i + p + (size_t)k) % 9),
                    .size_percent = percents[k / 4],
                    .margin_percent = percents[k % 4] / 2,
                    .opacity_percent = 50};

                mark_any(picture_sizes[p].width_px, picture_sizes[p].height_px, &watermark,
                         &wanted);
            }
    }
}

/* ---- loading ---- */

static const char *put_file(const char *name, const void *bytes, size_t length) {
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    return path;
}

static struct file png;

static void each_kind_of_png_is_loaded(void **state) {
    static const struct {
        unsigned int color_type;
        uint8_t line[9];
        size_t length;
        uint8_t rgba[8];
    } cases[] = {
        {0, {0, 0x10, 0x20}, 3, {0x10, 0x10, 0x10, 0xff, 0x20, 0x20, 0x20, 0xff}},
        {4, {0, 0x10, 0x80, 0x20, 0x00}, 5, {0x10, 0x10, 0x10, 0x80, 0x20, 0x20, 0x20, 0x00}},
        {2, {0, 1, 2, 3, 4, 5, 6}, 7, {1, 2, 3, 0xff, 4, 5, 6, 0xff}},
        {6, {0, 1, 2, 3, 4, 5, 6, 7, 8}, 9, {1, 2, 3, 4, 5, 6, 7, 8}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tt_watermark *watermark;

        png_begin(&png, 2, 1, 8, cases[i].color_type, false);
        png_pixels(&png, cases[i].line, cases[i].length);
        png_end(&png);
        assert_int_equal(
            tt_watermark_load(&watermark, "", put_file("mark.png", png.bytes, png.length)), TT_OK);
        assert_int_equal(watermark->image_width_px, 2);
        assert_int_equal(watermark->image_height_px, 1);
        assert_memory_equal(watermark->image, cases[i].rgba, 8);
        tt_watermark_free(watermark);
    }
}

/* Display P3's orange is worked out in image_colour_test.c. */
static void its_profile_is_applied(void **state) {
    static struct profile profile;
    struct tt_watermark *watermark;

    (void)state;
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    png_begin(&png, 1, 1, 8, 6, false);
    png_profile(&png, &profile);
    png_pixels(&png, "\0\xc0\x60\x40\x80", 5);
    png_end(&png);
    assert_int_equal(tt_watermark_load(&watermark, "", put_file("mark.png", png.bytes, png.length)),
                     TT_OK);
    assert_in_range(watermark->image[0], 0xcc, 0xd2);
    assert_int_equal(watermark->image[3], 0x80);
    tt_watermark_free(watermark);
}

static void a_large_png_is_reduced(void **state) {
    static uint8_t lines[4097 * 8];
    struct tt_watermark *watermark;

    (void)state;
    for (size_t i = 0; i < sizeof lines; i++)
        lines[i] = i % 4097 == 0 ? 0 : 0x77;
    png_begin(&png, 4096, 8, 8, 0, false);
    png_pixels(&png, lines, sizeof lines);
    png_end(&png);
    assert_int_equal(
        tt_watermark_load(&watermark, "", put_file("large.png", png.bytes, png.length)), TT_OK);
    assert_int_equal(watermark->image_width_px, 2048);
    assert_int_equal(watermark->image_height_px, 4);
    assert_int_equal(watermark->image[0], 0x77);
    tt_watermark_free(watermark);
}

static void assert_load_fails(const char *font, const char *image, const char *path,
                              const char *reason) {
    struct tt_watermark *watermark = (struct tt_watermark *)&png;

    assert_int_equal(tt_watermark_load(&watermark, font, image), TT_ERR_CONFIG);
    assert_null(watermark);
    if (!strstr(tt_err_cause(), path) || !strstr(tt_err_cause(), reason))
        fail_msg("\"%s\" or \"%s\" is not in \"%s\"", path, reason, tt_err_cause());
    tt_err_take(TT_OK);
}

static void a_bad_png_is_refused_with_its_path_and_why(void **state) {
    static const uint8_t line[] = {0, 0x10, 0x20};

    (void)state;
    assert_load_fails("", scratch_path("none.png"), "none.png", "No such file");
    assert_load_fails("", scratch, scratch, "not a regular file");
    assert_load_fails("", put_file("empty.png", "", 0), "empty.png", "no picture");
    assert_load_fails("", put_file("text.png", "hello", 5), "text.png", "no picture");
    png_begin(&png, 2, 1, 8, 0, false);
    png_pixels(&png, line, sizeof line);
    png_end(&png);
    for (size_t length = 16; length < png.length; length++)
        assert_load_fails("", put_file("cut.png", png.bytes, length), "cut.png",
                          length < 33 ? "" : "cut short");
    png_begin(&png, 5000, 5000, 8, 0, false);
    assert_load_fails("", put_file("huge.png", png.bytes, png.length), "huge.png", "5000 x 5000");
}

static void a_picture_of_another_format_is_refused(void **state) {
    static const uint8_t gray[8 * 8] = {0};
    const struct tt_encoder_wish wish = {TT_FORMAT_JPEG, 8, 8, 1, 75};
    struct file jpeg;
    int fd = memfd_create("jpeg", MFD_CLOEXEC);

    (void)state;
    assert_int_equal(encode(fd, &wish, gray, 1 << 20), TT_OK);
    file_read_back(&jpeg, fd);
    assert_load_fails("", put_file("mark.jpg", jpeg.bytes, jpeg.length), "mark.jpg", "not a PNG");
}

static void a_bad_font_is_refused_with_its_path_and_why(void **state) {
    (void)state;
    assert_load_fails(scratch_path("none.ttf"), "", "none.ttf", "No such file");
    assert_load_fails(put_file("empty.ttf", "", 0), "", "empty.ttf", "0 bytes");
    assert_load_fails(put_file("text.ttf", "hello", 5), "", "text.ttf", "cannot read it");
}

static void nothing_to_load_is_no_failure(void **state) {
    struct tt_watermark *watermark;

    (void)state;
    assert_int_equal(tt_watermark_load(&watermark, "", ""), TT_OK);
    assert_non_null(watermark);
    tt_watermark_free(watermark);
    tt_watermark_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_position_has_its_place),
        cmocka_unit_test(every_kind_of_row_is_blended),
        cmocka_unit_test(opacity_thins_it_out),
        cmocka_unit_test(rows_beside_it_are_handed_through),
        cmocka_unit_test(nothing_wanted_is_nothing_done),
        cmocka_unit_test(the_sink_s_failure_comes_up),
        cmocka_unit_test(a_full_arena_is_reported),
        cmocka_unit_test(pictures_of_every_size_keep_within_bounds),
        cmocka_unit_test_setup_teardown(each_kind_of_png_is_loaded, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(its_profile_is_applied, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_large_png_is_reduced, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_bad_png_is_refused_with_its_path_and_why, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_picture_of_another_format_is_refused, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_bad_font_is_refused_with_its_path_and_why, scratch_make,
                                        scratch_remove),
        cmocka_unit_test(nothing_to_load_is_no_failure),
    };

    return cmocka_run_group_tests_name("image/watermark", tests, NULL, NULL);
}
