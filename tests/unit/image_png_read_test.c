/* src/image/png_read.c: every kind of PNG to rows, and what is refused. */
#include "profile_build.h"

static struct file file;
static struct grid grid;

/* The picture has 4 x 3 gray pixels, with the filters none, sub and up. */
static void build_gray(void) {
    png_build(&file, 4, 3, 8, 0, "\0\x10\x20\x30\x40\1\x01\x01\x01\x01\2\x10\x10\x10\x10", 15);
}

static void gray_streams(void **state) {
    (void)state;
    build_gray();
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 4, 3, 1, "\x10\x20\x30\x40\x01\x02\x03\x04\x11\x12\x13\x14");
    assert_int_equal(grid.header.format, TT_FORMAT_PNG);
    assert_int_equal(grid.header.channels, 1);
    assert_int_equal(grid.header.orientation, 1);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 4, 3, 1, "\x10\x20\x30\x40\x01\x02\x03\x04\x11\x12\x13\x14");
}

static void low_depths_fill_the_range(void **state) {
    (void)state;
    png_build(&file, 5, 1, 1, 0, "\0\xa8", 2);
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 5, 1, 1, "\xff\0\xff\0\xff");

    png_build(&file, 4, 1, 2, 0, "\0\x1b", 2);
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 4, 1, 1, "\0\x55\xaa\xff");

    png_build(&file, 2, 1, 4, 0, "\0\x3c", 2);
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 2, 1, 1, "\x33\xcc");
}

/* 0x0180 / 257 is 1.49, 0x0181 / 257 is 1.498, 0x0182 / 257 is 1.502 */
static void sixteen_bits_are_rounded_not_cut(void **state) {
    (void)state;
    png_build(&file, 5, 1, 16, 0, "\0\x00\x00\x01\x80\x01\x82\xff\x7f\xff\xff", 11);
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 5, 1, 1, "\x00\x01\x02\xff\xff");
}

/* Every value v becomes v / 257 to the nearest, which is (v * 255 + 32895) >> 16. */
static void sixteen_bits_are_exact(void **state) {
    enum { WIDTH = 8192 };
    static uint8_t line[1 + 2 * WIDTH];
    (void)state;
    for (unsigned int first = 0; first < 65536; first += WIDTH) {
        for (unsigned int x = 0; x < WIDTH; x++) {
            line[1 + 2 * x] = (uint8_t)((first + x) >> 8);
            line[2 + 2 * x] = (uint8_t)(first + x);
        }
        png_build(&file, WIDTH, 1, 16, 0, line, sizeof line);
        assert_decodes(&file, &in_gray, &grid);
        for (unsigned int x = 0; x < WIDTH; x++)
            assert_int_equal(grid.samples[x], ((first + x) * 255 + 32895) >> 16);
    }
}

static void color_becomes_rec_601_luma(void **state) {
    (void)state;
    png_build(&file, 5, 1, 8, 2, "\0\xff\0\0\0\xff\0\0\0\xff\xff\xff\xff\x0a\x14\x1e", 16);
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 5, 1, 1, "\x4c\x96\x1d\xff\x12"); /* 76, 150, 29, 255, 18 */
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 5, 1, 3, "\xff\0\0\0\xff\0\0\0\xff\xff\xff\xff\x0a\x14\x1e");
}

static void alpha_is_kept(void **state) {
    (void)state;
    png_build(&file, 2, 1, 8, 4, "\0\x11\x22\x33\x44", 5);
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 2, 1, 2, "\x11\x22\x33\x44");

    png_build(&file, 2, 1, 8, 6, "\0\xff\0\0\x22\0\xff\0\x44", 9);
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 2, 1, 2, "\x4c\x22\x96\x44");
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 2, 1, 4, "\xff\0\0\x22\0\xff\0\x44");
}

static void palettes_are_expanded(void **state) {
    (void)state;
    png_begin(&file, 4, 1, 2, 3, false);
    png_chunk(&file, "PLTE", "\1\2\3\4\5\6\7\x08\x09\xff\0\0", 12);
    png_pixels(&file, "\0\x1b", 2);
    png_end(&file);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 4, 1, 3, "\1\2\3\4\5\6\7\x08\x09\xff\0\0");

    png_begin(&file, 4, 1, 2, 3, false);
    png_chunk(&file, "PLTE", "\1\2\3\4\5\6\7\x08\x09\xff\0\0", 12);
    png_chunk(&file, "tRNS", "\x80\x00", 2);
    png_pixels(&file, "\0\x1b", 2);
    png_end(&file);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 4, 1, 4, "\1\2\3\x80\4\5\6\0\7\x08\x09\xff\xff\0\0\xff");
    assert_decodes(&file, &in_gray, &grid);
    assert_int_equal(grid.channels, 2);
    assert_memory_equal(grid.samples + 6, "\x4c\xff", 2);
}

static void a_transparent_color_becomes_alpha(void **state) {
    (void)state;
    png_begin(&file, 3, 1, 8, 0, false);
    png_chunk(&file, "tRNS", "\0\x07", 2);
    png_pixels(&file, "\0\6\7\x08", 4);
    png_end(&file);
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 3, 1, 2, "\6\xff\7\0\x08\xff");

    png_begin(&file, 2, 1, 16, 2, false); /* compared at 16 bits, before rounding to 8 */
    png_chunk(&file, "tRNS", "\x01\x01\x02\x02\x03\x03", 6);
    png_pixels(&file, "\0\x01\x01\x02\x02\x03\x03\x01\x01\x02\x02\x03\x04", 13);
    png_end(&file);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 2, 1, 4, "\1\2\3\0\1\2\3\xff");
}

/* 3 x 3 pixels come in the passes 1 (0,0), 4 (2,0), 5 (0,2) (2,2), 6 (1,0) (1,2), and 7, which is
 * row 1. */
static void interlaced_rows_come_in_order(void **state) {
    (void)state;
    png_begin(&file, 3, 3, 8, 0, true);
    png_pixels(&file, "\0\1\0\3\0\7\x09\0\2\0\x08\0\4\5\6", 15);
    png_end(&file);
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 3, 3, 1, "\1\2\3\4\5\6\7\x08\x09");
}

static void the_orientation_is_read(void **state) {
    static const char tiff[] = "MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0";
    (void)state;
    png_begin(&file, 1, 1, 8, 0, false);
    png_chunk(&file, "tEXt", "Author\0me", 9);
    png_chunk(&file, "eXIf", tiff, 26);
    png_pixels(&file, "\0\x55", 2);
    png_end(&file);
    assert_decodes(&file, &in_gray, &grid);
    assert_int_equal(grid.header.orientation, 6);
}

static void a_picture_cut_anywhere_is_broken(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        if (kind == 0) {
            build_gray();
        } else {
            png_begin(&file, 3, 3, 8, 0, true);
            png_pixels(&file, "\0\1\0\3\0\7\x09\0\2\0\x08\0\4\5\6", 15);
            png_end(&file);
        }
        for (size_t length = 8; length < file.length; length++)
            assert_int_equal(decode(file.bytes, length, &in_gray, &grid), TT_ERR_PICTURE_BROKEN);
    }
    file.length -= 12; /* IEND */
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "cut short");
}

static void a_cut_below_the_rows_in_use_is_found(void **state) {
    struct decoding one_row = {.grayscale = true, .rows = 1};
    (void)state;
    build_gray();
    assert_int_equal(decode(file.bytes, file.length, &one_row, &grid), TT_OK);
    assert_int_equal(decode(file.bytes, file.length - 1, &one_row, &grid), TT_ERR_PICTURE_BROKEN);
}

static void bytes_after_the_end_are_allowed(void **state) {
    (void)state;
    build_gray();
    file_append(&file, "\xff\xd8\xff trailing", 12);
    assert_decodes(&file, &in_gray, &grid);
}

/* The damage is in the header, in a chunk nobody reads, in the pixels, and in the end. */
static void a_wrong_crc_is_broken_in_every_chunk(void **state) {
    static const char *const types[] = {"IHDR", "tEXt", "IDAT", "IEND"};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        png_begin(&file, 1, 1, 8, 0, false);
        png_chunk(&file, "tEXt", "Author\0me", 9);
        png_pixels(&file, "\0\x55", 2);
        png_end(&file);
        size_t type = file_find(&file, types[i], 4);
        size_t length = file.bytes[type - 1];
        file.bytes[type + 4 + length] ^= 1;
        assert_refused(&file, TT_ERR_PICTURE_BROKEN, "CRC error");
    }
}

/* Makes a picture of four gray pixels a row, with that stream for its pixels. */
static void assert_stream_refused(uint32_t height_px, const uint8_t *packed, size_t length) {
    png_begin(&file, 4, height_px, 8, 0, false);
    png_chunk(&file, "IDAT", packed, length);
    png_end(&file);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "damaged");
}

static void damaged_pixels_with_a_good_crc_are_broken(void **state) {
    static uint8_t packed[4096];
    (void)state;
    build_gray();
    size_t type = file_find(&file, "IDAT", 4);
    size_t length = file.bytes[type - 1];
    memcpy(packed, file.bytes + type + 4, length);

    packed[length - 1] ^= 1; /* the Adler-32 sum */
    assert_stream_refused(3, packed, length);
    packed[length - 1] ^= 1;
    assert_stream_refused(2, packed, length); /* a row too many */
    assert_stream_refused(4, packed, length); /* a row too few */
    packed[7] = 9;                            /* no such filter */
    assert_stream_refused(3, packed, length);
}

/* An index beyond the palette is an error (11.2.3) that leaves open what to show: all show black.
 */
static void an_index_beyond_the_palette_is_black(void **state) {
    (void)state;
    png_begin(&file, 4, 1, 2, 3, false);
    png_chunk(&file, "PLTE", "\1\2\3\4\5\6", 6);
    png_pixels(&file, "\0\x1b", 2);
    png_end(&file);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 4, 1, 3, "\1\2\3\4\5\6\0\0\0\0\0\0");
}

static void the_limit_of_pixels_holds_before_any_pixel(void **state) {
    (void)state;
    png_build(&file, 50000, 50000, 8, 2, "\0", 1);
    assert_refused(&file, TT_ERR_PICTURE_TOO_LARGE, "50000 x 50000");
    png_begin(&file, 0xffffffffu, 0xffffffffu, 16, 6, true);
    assert_int_equal(decode(file.bytes, file.length, &in_gray, &grid), TT_ERR_PICTURE_TOO_LARGE);
    png_begin(&file, 1001, 1000, 8, 0, false);
    assert_int_equal(decode(file.bytes, file.length, &in_gray, &grid), TT_ERR_PICTURE_TOO_LARGE);
}

static void an_empty_picture_is_broken(void **state) {
    (void)state;
    png_build(&file, 0, 7, 8, 0, "\0", 1);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "damaged");
}

static void the_limit_of_chunks_holds(void **state) {
    static uint8_t filler[10001];
    (void)state;
    png_begin(&file, 1, 1, 8, 0, false);
    png_chunk(&file, "tEXt", filler, 10000);
    png_pixels(&file, "\0\x55", 2);
    png_end(&file);
    assert_decodes(&file, &in_gray, &grid);
    png_begin(&file, 1, 1, 8, 0, false);
    png_chunk(&file, "tEXt", filler, 10001);
    png_pixels(&file, "\0\x55", 2);
    png_end(&file);
    assert_refused(&file, TT_ERR_PICTURE_TOO_LARGE, "10001 bytes");
}

static void chunks_out_of_order_are_broken(void **state) {
    (void)state;
    png_begin(&file, 1, 1, 8, 0, false);
    png_end(&file);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "damaged");
    png_begin(&file, 1, 1, 8, 0, false);
    png_chunk(&file, "IHDR", "\0\0\0\1\0\0\0\1\x08\0\0\0\0", 13);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "one header");
    png_begin(&file, 1, 1, 8, 0, false);
    file.length = 8;
    png_chunk(&file, "IDAT", "x", 1);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "one header");
    png_build(&file, 1, 1, 8, 3, "\0\0", 2); /* a palette picture without palette */
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "damaged");
}

/* These chunks are legal and change no pixel; some of them are where they do not belong. */
static void what_changes_no_pixel_is_let_through(void **state) {
    (void)state;
    png_begin(&file, 1, 1, 8, 0, false);
    png_chunk(&file, "acTL", "\0\0\0\1\0\0\0\0", 8);
    png_chunk(&file, "iCCP", "not a profile", 13);
    png_chunk(&file, "PLTE", "\1\2\3", 3);
    png_chunk(&file, "gAMA", "\0\0\xb1\x8f", 4);
    png_pixels(&file, "\0\x55", 2);
    png_chunk(&file, "fdAT", "\0\0\0\1xyz", 7);
    png_chunk(&file, "tEXt", "Author\0me", 9);
    png_end(&file);
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 1, 1, 1, "\x55");
}

static void a_full_arena_is_no_memory(void **state) {
    struct tt_arena arena;
    (void)state;
    build_gray();
    int fd = file_open(file.bytes, file.length);
    bool opened = false;
    for (size_t cap = 1000; !opened; cap += 1000) {
        struct tt_decoder *decoder = NULL;
        struct tt_row_source *source = NULL;
        struct tt_picture_header header;
        assert_true(cap < 1000000);
        tt_err_take(TT_OK);
        tt_arena_init(&arena, cap);
        enum tt_err err = tt_decoder_open(&decoder, fd, &arena, &test_limits, &header);
        if (err == TT_OK)
            err = tt_decoder_start(decoder, true, &source);
        opened = err == TT_OK;
        if (!opened)
            assert_int_equal(err, TT_ERR_NO_MEMORY);
        tt_decoder_close(decoder);
        tt_arena_fini(&arena);
    }
    (void)close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gray_streams),
        cmocka_unit_test(low_depths_fill_the_range),
        cmocka_unit_test(sixteen_bits_are_rounded_not_cut),
        cmocka_unit_test(sixteen_bits_are_exact),
        cmocka_unit_test(color_becomes_rec_601_luma),
        cmocka_unit_test(alpha_is_kept),
        cmocka_unit_test(palettes_are_expanded),
        cmocka_unit_test(a_transparent_color_becomes_alpha),
        cmocka_unit_test(interlaced_rows_come_in_order),
        cmocka_unit_test(the_orientation_is_read),
        cmocka_unit_test(a_picture_cut_anywhere_is_broken),
        cmocka_unit_test(a_cut_below_the_rows_in_use_is_found),
        cmocka_unit_test(bytes_after_the_end_are_allowed),
        cmocka_unit_test(a_wrong_crc_is_broken_in_every_chunk),
        cmocka_unit_test(damaged_pixels_with_a_good_crc_are_broken),
        cmocka_unit_test(an_index_beyond_the_palette_is_black),
        cmocka_unit_test(the_limit_of_pixels_holds_before_any_pixel),
        cmocka_unit_test(an_empty_picture_is_broken),
        cmocka_unit_test(the_limit_of_chunks_holds),
        cmocka_unit_test(chunks_out_of_order_are_broken),
        cmocka_unit_test(what_changes_no_pixel_is_let_through),
        cmocka_unit_test(a_full_arena_is_no_memory),
    };
    return cmocka_run_group_tests_name("image_png_read", tests, NULL, NULL);
}
