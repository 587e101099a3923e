/* src/image/jpeg_read.c: every kind of JPEG to rows, and what is refused. */
#include "jpeg_build.h"

/* ---- what is read ---- */

static void gray_streams(void **state) {
    (void)state;
    build(&gray);
    assert_decodes(&file, &in_gray, &grid);
    assert_halves(32, 16, 1, gray.colors[0], gray.colors[1]);
    assert_int_equal(grid.header.format, TT_FORMAT_JPEG);
    assert_int_equal(grid.header.channels, 1);
    assert_int_equal(grid.header.orientation, 1);
    assert_decodes(&file, &in_color, &grid);
    assert_halves(32, 16, 1, gray.colors[0], gray.colors[1]);
}

/* 0.299 R + 0.587 G + 0.114 B gives 124.2 and 96.45. */
static const uint8_t luma_left[] = {124};
static const uint8_t luma_right[] = {96};

static void color_and_its_luma(void **state) {
    (void)state;
    build(&color);
    assert_decodes(&file, &in_color, &grid);
    assert_halves(32, 16, 3, color.colors[0], color.colors[1]);
    assert_int_equal(grid.header.channels, 3);
    assert_decodes(&file, &in_gray, &grid);
    assert_halves(32, 16, 1, luma_left, luma_right);
}

static void stored_rgb_gives_the_same(void **state) {
    struct recipe rgb = color;
    (void)state;
    rgb.stored = JCS_RGB;
    build(&rgb);
    assert_decodes(&file, &in_color, &grid);
    assert_halves(32, 16, 3, color.colors[0], color.colors[1]);
    assert_decodes(&file, &in_gray, &grid);
    assert_halves(32, 16, 1, luma_left, luma_right);
}

/* 255 is no ink, also without Adobe's marker, as browsers, Pillow and libvips have it. */
static void inks_are_inverted(void **state) {
    struct recipe cmyk = {.width_px = 32,
                          .height_px = 16,
                          .in = JCS_CMYK,
                          .colors = {{0, 255, 127, 204}, {255, 255, 255, 255}}};
    static const uint8_t left[] = {0, 204, 102};
    static const uint8_t white[] = {255, 255, 255};
    static const J_COLOR_SPACE stored[] = {JCS_CMYK, JCS_YCCK};
    (void)state;
    for (int i = 0; i < 2; i++) {
        cmyk.stored = stored[i];
        for (int kind = 0; kind < 3; kind++) {
            cmyk.progressive = kind == 1;
            cmyk.no_adobe = kind == 2; /* by which YCCK is known */
            if (cmyk.no_adobe && cmyk.stored == JCS_YCCK)
                continue;
            build(&cmyk);
            assert_decodes(&file, &in_color, &grid);
            assert_halves(32, 16, 3, left, white);
        }
    }
}

static void progressive_is_held_whole_and_gives_the_same(void **state) {
    struct recipe recipe = progressive(&color);
    (void)state;
    build(&recipe);
    assert_decodes(&file, &in_color, &grid);
    assert_halves(32, 16, 3, color.colors[0], color.colors[1]);
    /* 4:2:0: 4 x 2 blocks of luma, 2 x 1 of each chroma, 64 coefficients of 2 bytes */

    recipe.width_px = 33; /* one more block, rounded up to a whole MCU */
    recipe.height_px = 17;
    build(&recipe);
    assert_decodes(&file, &in_color, &grid);
}

static void several_sequential_scans_are_held_whole_too(void **state) {
    struct recipe recipe = color;
    (void)state;
    recipe.two_scans = true;
    build(&recipe);
    assert_decodes(&file, &in_color, &grid);
    assert_halves(32, 16, 3, color.colors[0], color.colors[1]);
}

static void an_odd_size_is_whole(void **state) {
    struct recipe recipe = gray;
    (void)state;
    recipe.width_px = 17;
    recipe.height_px = 9;
    build(&recipe);
    assert_decodes(&file, &in_gray, &grid);
    assert_int_equal(grid.width_px, 17);
    assert_int_equal(grid.height_px, 9);
    assert_int_equal(grid.header.width_px, 17);
    assert_int_equal(grid.header.height_px, 9);
}

static const char exif[] = "Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0";

static void the_orientation_is_read(void **state) {
    struct recipe recipe = gray;
    (void)state;
    recipe.app1 = exif;
    recipe.app1_length = 32;
    recipe.app1_count = 1;
    build(&recipe);
    assert_decodes(&file, &in_gray, &grid);
    assert_int_equal(grid.header.orientation, 6);
    recipe.app1_length = 8; /* a block too short to say anything */
    build(&recipe);
    assert_decodes(&file, &in_gray, &grid);
    assert_int_equal(grid.header.orientation, 1);
    recipe.app1 = "http://ns.adobe.com/xap/1.0/\0<x/>";
    recipe.app1_length = 33;
    build(&recipe);
    assert_decodes(&file, &in_gray, &grid);
    assert_int_equal(grid.header.orientation, 1);
}

/* One buffer serves all, as their sum is more than the arena holds. */
static void many_markers_share_one_buffer(void **state) {
    static const uint8_t marker[4] = {0xff, 0xe1, 0xff, 0xff};
    static uint8_t filler[65533];
    struct tt_picture_limits limits = test_limits;
    struct tt_arena arena;
    struct tt_decoder *decoder = NULL;
    struct tt_picture_header header;
    int count = 10;
    (void)state;
    build(&gray);
    int fd = file_open(file.bytes, 2);
    off_t at = 2;
    for (int i = 0; i < count; i++) {
        assert_int_equal(pwrite(fd, marker, 4, at), 4);
        assert_int_equal(pwrite(fd, filler, sizeof filler, at + 4), sizeof filler);
        at += 4 + (off_t)sizeof filler;
    }
    assert_int_equal(pwrite(fd, file.bytes + 2, file.length - 2, at), file.length - 2);
    limits.max_memory_bytes = 200000;
    tt_arena_init(&arena, 200000);
    assert_int_equal(tt_decoder_open(&decoder, fd, &arena, &limits, &header), TT_OK);
    assert_int_equal(header.width_px, gray.width_px);
    tt_decoder_close(decoder);
    tt_arena_fini(&arena);
    (void)close(fd);
}

static void bytes_after_the_end_are_allowed(void **state) {
    (void)state;
    build(&color);
    file_append(&file, "\x89PNG trailing", 13);
    assert_decodes(&file, &in_gray, &grid);
}

static void a_few_bytes_before_the_end_are_allowed(void **state) {
    static const uint8_t zeros[600]; /* some of them vanish in the bits read ahead */
    (void)state;
    for (size_t padding = 16; padding <= 32; padding += 16) {
        build(&gray);
        file.length -= 2;
        file_append(&file, zeros, padding);
        file_append(&file, "\xff\xd9", 2);
        assert_int_equal(decode(file.bytes, file.length, &in_gray, &grid),
                         padding <= 16 ? TT_OK : TT_ERR_PICTURE_BROKEN);
    }
}

/* ---- what is refused ---- */

/* Sixteen ones are no Huffman code (T.81, C.2). They stand far from the end of the buffer, where
 * the library would take its fast path. */
static void a_code_that_is_none_is_broken(void **state) {
    struct recipe large = gray;
    static const uint8_t ones[] = {0xff, 0x00, 0xff, 0x00, 0xff, 0x00};
    (void)state;
    large.width_px = large.height_px = 256; /* 1024 blocks of 6 bits */
    build(&large);
    uint8_t *at = file.bytes + file.length - 700;
    memmove(at + sizeof ones, at, 700);
    memcpy(at, ones, sizeof ones);
    file.length += sizeof ones;
    assert_int_equal(decode(file.bytes, file.length, &in_gray, &grid), TT_ERR_PICTURE_BROKEN);
    assert_non_null(strstr(tt_err_detail(TT_ERR_PICTURE_BROKEN), "Huffman"));
}

static void a_picture_cut_anywhere_is_broken(void **state) {
    struct recipe recipes[] = {gray, color, progressive(&color)};
    (void)state;
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        build(&recipes[i]);
        for (size_t length = 3; length < file.length; length++)
            assert_int_equal(decode(file.bytes, length, &in_gray, &grid), TT_ERR_PICTURE_BROKEN);
        file.length -= 2; /* only the end marker is missing */
        assert_refused(&file, TT_ERR_PICTURE_BROKEN, "cut short");
    }
}

static void a_cut_below_the_rows_in_use_is_found(void **state) {
    struct decoding one_row = {.grayscale = true, .rows = 1};
    (void)state;
    build(&color);
    assert_int_equal(decode(file.bytes, file.length, &one_row, &grid), TT_OK);
    assert_int_equal(decode(file.bytes, file.length - 1, &one_row, &grid), TT_ERR_PICTURE_BROKEN);
}

static void data_missing_before_the_end_marker_is_broken(void **state) {
    struct recipe recipe = progressive(&color);
    (void)state;
    build(&gray);
    file.length -= 6;
    file_append(&file, "\xff\xd9", 2);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "a part of it is missing");
    build(&recipe); /* in its first scan */
    size_t scan = file_find(&file, "\xff\xda", 2) + 14;
    file.bytes[scan] = 0xff;
    file.bytes[scan + 1] = 0xd9;
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "a part of it is missing");
}

/* libjpeg itself would fill in an even gray. */
static void a_missing_scan_before_the_end_marker_is_broken(void **state) {
    struct recipe recipe = color;
    (void)state;
    recipe.two_scans = true;
    build(&recipe);
    while (memcmp(file.bytes + file.length, "\xff\xda", 2) != 0)
        file.length--;
    file_append(&file, "\xff\xd9", 2);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "lacks");
}

static void a_wrong_restart_marker_is_broken(void **state) {
    struct recipe recipe = gray;
    (void)state;
    recipe.restart_interval = 2;
    build(&recipe);
    assert_decodes(&file, &in_gray, &grid);
    assert_halves(32, 16, 1, gray.colors[0], gray.colors[1]);
    size_t marker = file_find(&file, "\xff\xd1", 2);
    file.bytes[marker + 1] = 0xd5;
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "damaged");
}

static void a_bad_huffman_code_is_broken(void **state) {
    (void)state;
    build(&gray);
    size_t scan = file_find(&file, "\xff\xda", 2) + 10;
    for (int i = 0; i < 8; i += 2) { /* all ones is no code in any table: T.81 C */
        file.bytes[scan + (size_t)i] = 0xff;
        file.bytes[scan + (size_t)i + 1] = 0x00;
    }
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "bad Huffman code");
}

static void the_limit_of_pixels_holds_before_any_pixel(void **state) {
    (void)state;
    build(&gray);
    size_t frame = file_find(&file, "\xff\xc0", 2);
    memcpy(file.bytes + frame + 5, "\xff\xdc\xff\xdc", 4); /* 65500 x 65500 */
    assert_refused(&file, TT_ERR_PICTURE_TOO_LARGE, "65500 x 65500");
    memcpy(file.bytes + frame + 5, "\xff\xdd\xff\xdd", 4);
    assert_refused(&file, TT_ERR_PICTURE_TOO_LARGE, "65500 pixels");
}

static void the_limit_of_scans_holds(void **state) {
    struct recipe recipe = progressive(&color);
    struct tt_picture_limits limits = test_limits;
    struct decoding decoding = {.rows = -1, .limits = &limits};
    (void)state;
    build(&recipe); /* libjpeg's script for YCbCr has 10 scans */
    limits.max_scans = 10;
    assert_int_equal(decode(file.bytes, file.length, &decoding, &grid), TT_OK);
    limits.max_scans = 9;
    assert_int_equal(decode(file.bytes, file.length, &decoding, &grid), TT_ERR_PICTURE_TOO_LARGE);
    assert_non_null(strstr(tt_err_detail(TT_ERR_PICTURE_TOO_LARGE), "9 scans"));
}

static void coefficients_over_the_memory_limit_are_refused(void **state) {
    struct recipe recipe = progressive(&color);
    struct tt_picture_limits limits = test_limits;
    struct decoding decoding = {.grayscale = true, .rows = -1, .limits = &limits};
    (void)state;
    recipe.width_px = 256;
    recipe.height_px = 256;
    build(&recipe);
    limits.max_memory_bytes = 100000; /* of 196608 */
    assert_int_equal(decode(file.bytes, file.length, &decoding, &grid), TT_ERR_PICTURE_TOO_LARGE);
}

static void other_kinds_are_named(void **state) {
    (void)state;
    build(&gray);
    size_t frame = file_find(&file, "\xff\xc0", 2);
    file.bytes[frame + 4] = 12;
    assert_refused(&file, TT_ERR_PICTURE_TYPE, "8 bits a sample");
    file.bytes[frame + 4] = 8;
    file.bytes[frame + 1] = 0xc3;
    assert_refused(&file, TT_ERR_PICTURE_TYPE, "lossless");
    file.bytes[frame + 1] = 0xc9;
    assert_refused(&file, TT_ERR_PICTURE_TYPE, "arithmetic");
    file.bytes[frame + 1] = 0xc0;
    memset(file.bytes + frame + 5, 0, 2); /* its height to be told after the first scan (DNL) */
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "no height");
}

static void a_second_frame_or_table_out_of_range_is_broken(void **state) {
    (void)state;
    build(&gray);
    size_t tables = file_find(&file, "\xff\xc4", 2);
    file.bytes[tables + 5] = 255; /* 255 codes of one bit */
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "damaged");
    build(&gray);
    file.bytes[file_find(&file, "\xff\xc4", 2) + 1] = 0xc0; /* a frame after the frame */
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "damaged");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gray_streams),
        cmocka_unit_test(color_and_its_luma),
        cmocka_unit_test(stored_rgb_gives_the_same),
        cmocka_unit_test(inks_are_inverted),
        cmocka_unit_test(progressive_is_held_whole_and_gives_the_same),
        cmocka_unit_test(several_sequential_scans_are_held_whole_too),
        cmocka_unit_test(an_odd_size_is_whole),
        cmocka_unit_test(the_orientation_is_read),
        cmocka_unit_test(many_markers_share_one_buffer),
        cmocka_unit_test(bytes_after_the_end_are_allowed),
        cmocka_unit_test(a_few_bytes_before_the_end_are_allowed),
        cmocka_unit_test(a_code_that_is_none_is_broken),
        cmocka_unit_test(a_picture_cut_anywhere_is_broken),
        cmocka_unit_test(a_cut_below_the_rows_in_use_is_found),
        cmocka_unit_test(data_missing_before_the_end_marker_is_broken),
        cmocka_unit_test(a_missing_scan_before_the_end_marker_is_broken),
        cmocka_unit_test(a_wrong_restart_marker_is_broken),
        cmocka_unit_test(a_bad_huffman_code_is_broken),
        cmocka_unit_test(the_limit_of_pixels_holds_before_any_pixel),
        cmocka_unit_test(the_limit_of_scans_holds),
        cmocka_unit_test(coefficients_over_the_memory_limit_are_refused),
        cmocka_unit_test(other_kinds_are_named),
        cmocka_unit_test(a_second_frame_or_table_out_of_range_is_broken),
    };
    return cmocka_run_group_tests_name("image_jpeg_read", tests, NULL, NULL);
}
