/* src/image/gif_read.c: a GIF's first frame on its canvas, and what is refused. */
#include "picture_damage.h"

static struct file file;
static struct grid grid;

/* ---- GIF89a, block by block ---- */

static const char colors[] =
    "\0\0\0\xff\0\0\0\xff\0\x0a\x14\x1e"; /* black, red, green, a gray-blue */
static const char grays[] = "\0\0\0\x55\x55\x55\xaa\xaa\xaa\xff\xff\xff";

static void append_16(unsigned int value) {
    file_append_byte(&file, value & 0xff);
    file_append_byte(&file, value >> 8);
}

/* The palette has four colours, or there is none. */
static void gif_begin(unsigned int width_px, unsigned int height_px, const char *palette) {
    file.length = 0;
    file_append(&file, "GIF89a", 6);
    append_16(width_px);
    append_16(height_px);
    file_append(&file, palette ? "\xf1\0\0" : "\x70\0\0", 3);
    if (palette)
        file_append(&file, palette, 12);
}

static void gif_transparent(unsigned int index) {
    file_append(&file, "\x21\xf9\4\1\0\0", 6);
    file_append_byte(&file, index);
    file_append_byte(&file, 0);
}

static void gif_frame(unsigned int left, unsigned int top, unsigned int width_px,
                      unsigned int height_px, bool interlaced) {
    file_append_byte(&file, ',');
    append_16(left);
    append_16(top);
    append_16(width_px);
    append_16(height_px);
    file_append_byte(&file, interlaced ? 0x40 : 0);
}

/* Codes have 3 bits throughout, as a clear code (4) before every second pixel keeps the table from
 * growing; 5 is the end. */
static void gif_pixels(const char *indices, bool with_end) {
    uint8_t packed[256] = {0};
    size_t bit = 0;
    size_t count = strlen(indices);
    for (size_t i = 0; i <= count; i++) {
        unsigned int codes[2] = {4, 5};
        size_t code_count = 1;
        if (i < count) {
            codes[i % 2 == 0 ? 1 : 0] = (unsigned int)(indices[i] - '0');
            code_count = i % 2 == 0 ? 2 : 1;
        } else if (with_end) {
            codes[0] = 5;
        } else {
            code_count = 0;
        }
        for (size_t c = 0; c < code_count; c++)
            for (unsigned int b = 0; b < 3; b++, bit++)
                packed[bit / 8] |= (uint8_t)((codes[c] >> b & 1) << bit % 8);
    }
    size_t length = (bit + 7) / 8;
    file_append_byte(&file, 2);
    file_append_byte(&file, (unsigned int)length);
    file_append(&file, packed, length);
    file_append_byte(&file, 0);
}

static void gif_end(void) {
    file_append_byte(&file, ';');
}

static void build_color(void) {
    gif_begin(3, 2, colors);
    gif_frame(0, 0, 3, 2, false);
    gif_pixels("012301", true);
}

/* ---- tests ---- */

static void colors_stream(void **state) {
    (void)state;
    build_color();
    gif_end();
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 3, 2, 3, "\0\0\0\xff\0\0\0\xff\0\x0a\x14\x1e\0\0\0\xff\0\0");
    assert_int_equal(grid.header.format, TT_FORMAT_GIF);
    assert_int_equal(grid.header.orientation, 1);
    assert_null(grid.header.icc_profile);
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 3, 2, 1, "\0\x4c\x96\x12\0\x4c");
}

static void a_gray_palette_is_gray(void **state) {
    (void)state;
    gif_begin(4, 1, grays);
    gif_frame(0, 0, 4, 1, false);
    gif_pixels("3210", true);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 4, 1, 1, "\xff\xaa\x55\0");
}

static void a_transparent_color_becomes_alpha(void **state) {
    (void)state;
    gif_begin(4, 1, colors);
    gif_transparent(2);
    gif_frame(0, 0, 4, 1, false);
    gif_pixels("0123", true);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 4, 1, 4, "\0\0\0\xff\xff\0\0\xff\0\xff\0\0\x0a\x14\x1e\xff");
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 4, 1, 2, "\0\xff\x4c\xff\x96\0\x12\xff");
}

static void a_frame_lies_on_its_canvas(void **state) {
    (void)state;
    gif_begin(3, 3, grays);
    gif_frame(1, 1, 1, 1, false);
    gif_pixels("2", true);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 3, 3, 2, "\0\0\0\0\0\0\0\0\xaa\xff\0\0\0\0\0\0\0\0");
}

static void a_canvas_grows_with_its_frame(void **state) {
    (void)state;
    gif_begin(0, 1, grays);
    gif_frame(0, 0, 2, 2, false);
    gif_pixels("0123", true);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 2, 2, 1, "\0\x55\xaa\xff");
}

/* 9 rows of one pixel come as 0 8, then 4, then 2 6, then 1 3 5 7. */
static void interlaced_rows_come_in_order(void **state) {
    (void)state;
    gif_begin(1, 9, grays);
    gif_frame(0, 0, 1, 9, true);
    gif_pixels("011223333", true);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 1, 9, 1, "\0\xff\xaa\xff\x55\xff\xaa\xff\x55");
}

static void a_frame_may_have_its_own_palette(void **state) {
    (void)state;
    gif_begin(2, 1, NULL);
    gif_frame(0, 0, 2, 1, false);
    file.bytes[file.length - 1] = 0x81;
    file_append(&file, grays, 12);
    gif_pixels("13", true);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 2, 1, 1, "\x55\xff");

    gif_begin(2, 1, NULL);
    gif_frame(0, 0, 2, 1, false);
    gif_pixels("13", true);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "no palette");
}

/* An index beyond the palette is an error that leaves open what to show: black, as in a PNG. */
static void an_index_beyond_the_palette_is_black(void **state) {
    (void)state;
    gif_begin(2, 1, NULL);
    gif_frame(0, 0, 2, 1, false);
    file.bytes[file.length - 1] = 0x80; /* two colours */
    file_append(&file, "\x11\x11\x11\x22\x22\x22", 6);
    gif_pixels("13", true);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 2, 1, 1, "\x22\0");
}

static void other_blocks_are_passed_over(void **state) {
    (void)state;
    gif_begin(1, 1, grays);
    file_append(&file, "\x21\xfe\5hello\0", 9); /* a comment */
    file_append(&file, "\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0", 19);
    gif_frame(0, 0, 1, 1, false);
    gif_pixels("1", true);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 1, 1, 1, "\x55");
}

static void the_first_frame_is_the_picture(void **state) {
    (void)state;
    build_color();
    size_t whole_bytes = file.length;
    gif_frame(0, 0, 3, 2, false);
    gif_pixels("000000", true);
    gif_end();
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 3, 2, 1, "\0\x4c\x96\x12\0\x4c");
    assert_cuts_are_refused(file.bytes, file.length, whole_bytes);
}

/* More frames than a decoder could hold cost nothing. */
static void an_animation_bomb_is_one_frame(void **state) {
    (void)state;
    build_color();
    while (file.length < sizeof file.bytes - 100) {
        gif_frame(0, 0, 1000, 1000, false);
        gif_pixels("0", false);
    }
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 3, 2, 1, "\0\x4c\x96\x12\0\x4c");
}

/* Codes of 3 bits, eight in three bytes: so many clear codes, a pixel and the end. */
static void gif_clears(int count) {
    static uint8_t packed[65536];
    size_t bit = 0;
    memset(packed, 0, sizeof packed);
    for (int i = 0; i < count + 2; i++, bit += 3) {
        unsigned int code = i < count ? 4 : i == count ? 1 : 5;
        packed[bit / 8] |= (uint8_t)(code << bit % 8);
        packed[bit / 8 + 1] |= (uint8_t)(code << bit % 8 >> 8);
    }
    file_append_byte(&file, 2);
    for (size_t at = 0, length = bit / 8 + 1; at < length; at += 255) {
        size_t block = length - at < 255 ? length - at : 255;
        file_append_byte(&file, (unsigned int)block);
        file_append(&file, packed + at, block);
    }
    file_append_byte(&file, 0);
}

/* giflib takes longer for each than for many pixels. */
static void many_clear_codes_are_refused(void **state) {
    (void)state;
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        gif_begin(1, 1, grays);
        gif_frame(0, 0, 1, 1, interlaced != 0);
        gif_clears(20000);
        gif_end();
        assert_decodes(&file, &in_gray, &grid);
        assert_int_equal(grid.samples[0], 0x55);
        gif_begin(1, 1, grays);
        gif_frame(0, 0, 1, 1, interlaced != 0);
        gif_clears(20001);
        gif_end();
        assert_refused(&file, TT_ERR_PICTURE_TOO_COSTLY, "compression anew");
    }
    /* What comes behind the picture's end is not read. */
    build_color();
    gif_clears(30000);
    assert_decodes(&file, &in_color, &grid);
}

static void pixels_that_end_early_are_broken(void **state) {
    (void)state;
    for (int interlaced = 0; interlaced < 2; interlaced++)
        for (int with_end = 0; with_end < 2; with_end++) {
            gif_begin(3, 2, colors);
            gif_frame(0, 0, 3, 2, interlaced != 0);
            gif_pixels("01230", with_end != 0);
            gif_end();
            assert_refused(&file, TT_ERR_PICTURE_BROKEN, "GIF");
        }
}

static void a_cut_below_the_rows_in_use_is_found(void **state) {
    struct decoding one_row = {.grayscale = true, .rows = 1};
    (void)state;
    build_color();
    assert_int_equal(decode(file.bytes, file.length, &one_row, &grid), TT_OK);
    assert_int_equal(decode(file.bytes, file.length - 1, &one_row, &grid), TT_ERR_PICTURE_BROKEN);
}

static void every_cut_is_refused(void **state) {
    (void)state;
    build_color();
    assert_cuts_are_refused(file.bytes, file.length, file.length);
    gif_begin(1, 9, grays);
    gif_transparent(1);
    gif_frame(0, 0, 1, 9, true);
    gif_pixels("011223333", true);
    assert_cuts_are_refused(file.bytes, file.length, file.length);
}

static void flipped_bits_are_answered(void **state) {
    (void)state;
    build_color();
    assert_flips_are_answered(file.bytes, file.length);
    gif_begin(2, 10, grays);
    gif_transparent(1);
    gif_frame(1, 1, 1, 9, true);
    gif_pixels("011223333", true);
    assert_flips_are_answered(file.bytes, file.length);
}

static void an_empty_picture_is_broken(void **state) {
    (void)state;
    gif_begin(5, 5, grays);
    gif_end();
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "no picture");
    gif_begin(5, 5, grays);
    gif_frame(0, 0, 0, 5, false);
    gif_pixels("0", true);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "no width");
    gif_begin(0, 0, grays);
    gif_frame(0, 0, 0, 0, false);
    gif_pixels("0", true);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "no width");
}

static void the_limit_of_pixels_holds_before_any_pixel(void **state) {
    (void)state;
    gif_begin(65535, 65535, grays);
    gif_frame(0, 0, 1, 1, false);
    gif_pixels("0", true);
    assert_refused(&file, TT_ERR_PICTURE_TOO_LARGE, "65535 x 65535");
    gif_begin(1, 1, grays);
    gif_frame(65535, 65535, 65535, 65535, true);
    gif_pixels("0", true);
    assert_refused(&file, TT_ERR_PICTURE_TOO_LARGE, "131070 x 131070");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colors_stream),
        cmocka_unit_test(a_gray_palette_is_gray),
        cmocka_unit_test(a_transparent_color_becomes_alpha),
        cmocka_unit_test(a_frame_lies_on_its_canvas),
        cmocka_unit_test(a_canvas_grows_with_its_frame),
        cmocka_unit_test(interlaced_rows_come_in_order),
        cmocka_unit_test(a_frame_may_have_its_own_palette),
        cmocka_unit_test(an_index_beyond_the_palette_is_black),
        cmocka_unit_test(other_blocks_are_passed_over),
        cmocka_unit_test(the_first_frame_is_the_picture),
        cmocka_unit_test(an_animation_bomb_is_one_frame),
        cmocka_unit_test(many_clear_codes_are_refused),
        cmocka_unit_test(pixels_that_end_early_are_broken),
        cmocka_unit_test(a_cut_below_the_rows_in_use_is_found),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(flipped_bits_are_answered),
        cmocka_unit_test(an_empty_picture_is_broken),
        cmocka_unit_test(the_limit_of_pixels_holds_before_any_pixel),
    };
    return cmocka_run_group_tests_name("image_gif_read", tests, NULL, NULL);
}
