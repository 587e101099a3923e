/* src/image/webp_read.c: a WebP's pixels and chunks to rows, and what is refused. The frames were
 * made by libwebp (Pillow 9.4); the files around them are put together here. */
#include "picture_damage.h"

static struct file file;
static struct grid grid;

/* ---- frames ---- */

/* The picture has 3 x 2 pixels and is lossless; the pixels follow. */
static const uint8_t vp8l_alpha[] = {
    0x2f, 0x02, 0x40, 0x00, 0x10, 0x2f, 0x40, 0x98, 0x6d, 0x54, 0x89, 0x7d, 0xcf, 0xdf,
    0xf2, 0x34, 0xc8, 0xa4, 0x6d, 0xda, 0xb7, 0x22, 0xe6, 0xdf, 0xe5, 0x04, 0xb2, 0xc9,
    0x2e, 0x92, 0xbf, 0x65, 0x04, 0x92, 0x36, 0x36, 0x1f, 0x4f, 0xfe, 0xc0, 0xdc, 0xcf,
    0x68, 0x55, 0x5b, 0x20, 0x20, 0x21, 0x53, 0xf2, 0xc8, 0x17, 0x11, 0xfd, 0x8f, 0x58};
static const uint8_t rgba[] = {255, 0,  0,  255, 0,  255, 0,  128, 0,   0,   255, 0,
                               10,  20, 30, 255, 40, 50,  60, 255, 255, 255, 255, 255};
static const uint8_t vp8l_opaque[] = {
    0x2f, 0x02, 0x40, 0x00, 0x00, 0x2f, 0x40, 0x98, 0x6d, 0xb4, 0x41, 0xdc, 0xf7, 0xfc,
    0x2d, 0xa7, 0x41, 0x26, 0x6d, 0x93, 0xbf, 0x1e, 0xe6, 0xdf, 0xe5, 0x08, 0xb2, 0x6d,
    0x36, 0x91, 0xdf, 0x9f, 0x72, 0xf3, 0x1f, 0x68, 0xe4, 0x91, 0xac, 0xfb, 0x06, 0x04,
    0x02, 0x94, 0xb1, 0xe2, 0x81, 0x6d, 0x22, 0xfa, 0x1f, 0xe3, 0x05};
static const uint8_t rgb[] = {255, 0,  0,  0,  255, 0,  0,   0,   255,
                              10,  20, 30, 40, 50,  60, 255, 255, 255};
/* The picture has 5 x 3 pixels and is lossy, all of one colour; it was encoded from 200, 100, 50.
 */
static const uint8_t vp8_orange[] = {0xd0, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x05, 0x00, 0x03, 0x00,
                                     0x00, 0xc0, 0x12, 0x25, 0xa0, 0x02, 0x74, 0xba, 0x01, 0xf8,
                                     0x00, 0x03, 0xb0, 0x00, 0xfe, 0xda, 0x26, 0xff, 0xee, 0xf3,
                                     0x7e, 0xd3, 0xd7, 0xb4, 0xf5, 0xfd, 0x4c, 0xff, 0xf8, 0xca,
                                     0x9f, 0x20, 0x3f, 0xe3, 0x2a, 0x7f, 0xc5, 0xcc, 0x00, 0x00};
/* The picture has 3 x 2 pixels and is lossy, gray 90; its alpha is not compressed. */
static const uint8_t vp8_gray[] = {0x30, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x03, 0x00,
                                   0x02, 0x00, 0x00, 0xc0, 0x12, 0x25, 0xa4, 0x00,
                                   0x03, 0x70, 0x00, 0xfe, 0xf6, 0xe1, 0x00, 0x00};
static const uint8_t alph[] = {0x00, 0xff, 0x07, 0xff, 0xff, 0xff, 0xff};

/* ---- a file, chunk by chunk ---- */

static void append_24(uint32_t value) {
    for (int shift = 0; shift < 24; shift += 8)
        file_append_byte(&file, value >> shift & 0xff);
}

static void append_32(uint32_t value) {
    append_24(value & 0xffffff);
    file_append_byte(&file, value >> 24);
}

static void chunk_begin(const char *name, size_t length) {
    file_append(&file, name, 4);
    append_32((uint32_t)length);
}

static void chunk(const char *name, const void *bytes, size_t length) {
    chunk_begin(name, length);
    file_append(&file, bytes, length);
    if (length % 2 != 0)
        file_append_byte(&file, 0);
}

static void webp_begin(void) {
    file.length = 0;
    file_append(&file, "RIFF\0\0\0\0WEBP", 12);
}

static void webp_extended(uint32_t width_px, uint32_t height_px) {
    webp_begin();
    chunk_begin("VP8X", 10);
    append_32(0x3e); /* every feature; not looked at */
    append_24(width_px - 1);
    append_24(height_px - 1);
}

static void webp_end(void) {
    for (int i = 0; i < 4; i++)
        file.bytes[4 + i] = (uint8_t)((file.length - 8) >> 8 * i);
}

static void anmf_begin(uint32_t left_px, uint32_t top_px, uint32_t width_px, uint32_t height_px,
                       size_t frame_bytes) {
    chunk_begin("ANMF", 16 + frame_bytes);
    append_24(left_px / 2);
    append_24(top_px / 2);
    append_24(width_px - 1);
    append_24(height_px - 1);
    append_32(100); /* ms, and no flags */
}

static void build_alpha(void) {
    webp_begin();
    chunk("VP8L", vp8l_alpha, sizeof vp8l_alpha);
    webp_end();
}

static void build_lossy_alpha(void) {
    webp_extended(3, 2);
    chunk("ALPH", alph, sizeof alph);
    chunk("VP8 ", vp8_gray, sizeof vp8_gray);
    webp_end();
}

/* The first frame is at (2, 2) of a canvas of 6 x 5. */
static void build_animation(void) {
    webp_extended(6, 5);
    chunk("ANIM", "\xff\xff\xff\xff\0\0", 6);
    anmf_begin(2, 2, 3, 2, 8 + sizeof vp8l_alpha);
    chunk("VP8L", vp8l_alpha, sizeof vp8l_alpha);
    anmf_begin(0, 0, 5, 3, 8 + sizeof vp8_orange);
    chunk("VP8 ", vp8_orange, sizeof vp8_orange);
    webp_end();
}

/* ---- tests ---- */

static void lossless_pixels_are_exact(void **state) {
    (void)state;
    build_alpha();
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 3, 2, 4, rgba);
    assert_int_equal(grid.header.format, TT_FORMAT_WEBP);
    assert_int_equal(grid.header.orientation, 1);
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 3, 2, 2, "\x4c\xff\x96\x80\x1d\0\x12\xff\x30\xff\xff\xff");

    webp_begin();
    chunk("VP8L", vp8l_opaque, sizeof vp8l_opaque);
    webp_end();
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 3, 2, 3, rgb);
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 3, 2, 1, "\x4c\x96\x1d\x12\x30\xff");
}

static void lossy_pixels_are_near(void **state) {
    (void)state;
    webp_begin();
    chunk("VP8 ", vp8_orange, sizeof vp8_orange);
    webp_end();
    assert_decodes(&file, &in_color, &grid);
    assert_int_equal(grid.channels, 3);
    for (int i = 0; i < 5 * 3; i++)
        assert_memory_equal(grid.samples + 3 * i, "\xc9\x64\x32", 3); /* 201, 100, 50 */
}

static void lossy_pixels_may_have_alpha(void **state) {
    (void)state;
    build_lossy_alpha();
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 3, 2, 2, "\x5a\xff\x5a\x07\x5a\xff\x5a\xff\x5a\xff\x5a\xff");
}

static void an_animation_shows_its_first_frame_on_the_canvas(void **state) {
    (void)state;
    build_animation();
    assert_decodes(&file, &in_color, &grid);
    static uint8_t expected[6 * 5 * 4];
    memcpy(expected + (2 * 6 + 2) * 4, rgba, 12);
    memcpy(expected + (3 * 6 + 2) * 4, rgba + 12, 12);
    assert_grid(&grid, 6, 5, 4, expected);
    assert_decodes(&file, &in_gray, &grid);
    assert_int_equal(grid.channels, 2);
    assert_memory_equal(grid.samples + 2 * (2 * 6 + 2), "\x4c\xff\x96\x80\x1d\0\0\0", 8);
}

/* There are more frames, and metadata behind them, than anyone looks for. */
static void an_animation_bomb_is_one_frame(void **state) {
    (void)state;
    webp_extended(3, 2);
    anmf_begin(0, 0, 3, 2, 8 + sizeof vp8l_alpha);
    chunk("VP8L", vp8l_alpha, sizeof vp8l_alpha);
    while (file.length < sizeof file.bytes - 100)
        anmf_begin(0, 0, 1 << 24, 1 << 24, 0);
    webp_end();
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 3, 2, 4, rgba);
}

static void too_many_chunks_before_the_pixels_are_broken(void **state) {
    static uint8_t bytes[12 + 10001 * 8];
    (void)state;
    memcpy(bytes, "RIFF\0\0\0\0WEBP", 12);
    for (size_t at = 12; at < sizeof bytes; at += 8)
        memcpy(bytes + at, "JUNK\0\0\0\0", 8);
    for (int i = 0; i < 4; i++)
        bytes[4 + i] = (uint8_t)((sizeof bytes - 8) >> 8 * i);
    assert_int_equal(decode(bytes, sizeof bytes, &in_color, &grid), TT_ERR_PICTURE_BROKEN);
    assert_non_null(strstr(tt_err_detail(TT_ERR_PICTURE_BROKEN), "too many blocks"));
}

static void orientation_and_profile_are_read(void **state) {
    static const char tiff[] = "MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0";
    static const char jpeg_like[] = "Exif\0\0II*\0\x08\0\0\0\1\0\x12\x01\3\0\1\0\0\0\x08\0\0";
    struct tt_arena arena;
    struct tt_decoder *decoder = NULL;
    struct tt_picture_header header;
    (void)state;
    webp_extended(3, 2);
    chunk("ICCP", "profile", 7);
    chunk("VP8L", vp8l_alpha, sizeof vp8l_alpha);
    chunk("EXIF", tiff, 26);
    webp_end();
    int fd = file_open(file.bytes, file.length);
    tt_arena_init(&arena, (size_t)1 << 20);
    assert_int_equal(tt_decoder_open(&decoder, fd, &arena, &test_limits, &header), TT_OK);
    assert_int_equal(header.orientation, 6);
    assert_int_equal(header.icc_bytes, 7);
    assert_memory_equal(header.icc_profile, "profile", 7);
    tt_decoder_close(decoder);
    tt_arena_fini(&arena);
    (void)close(fd);

    webp_extended(3, 2);
    chunk("VP8L", vp8l_alpha, sizeof vp8l_alpha);
    chunk("EXIF", jpeg_like, sizeof jpeg_like);
    webp_end();
    assert_decodes(&file, &in_color, &grid);
    assert_int_equal(grid.header.orientation, 8);
}

static void odd_metadata_is_passed_over(void **state) {
    static uint8_t profile[10001];
    (void)state;
    webp_extended(3, 2);
    chunk("ICCP", profile, sizeof profile); /* longer than max_chunk_bytes */
    chunk("ALPH", alph, sizeof alph);       /* of no use to a lossless frame */
    chunk("XYZW", "unknown", 7);
    chunk("VP8L", vp8l_alpha, sizeof vp8l_alpha);
    chunk("EXIF", "MM\0*\xff\xff\xff\xff", 8); /* its directory lies outside */
    chunk("EXIF", "", 0);
    webp_end();
    file_append(&file, "behind the end", 14);
    assert_decodes(&file, &in_color, &grid);
    assert_grid(&grid, 3, 2, 4, rgba);
    assert_int_equal(grid.header.orientation, 1);
    assert_null(grid.header.icc_profile);
    assert_int_equal(grid.header.icc_bytes, 0);
}

/* Each Exif would take 64 KiB; the first decides. */
static void one_exif_chunk_is_read(void **state) {
    static const char tiff[] = "MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0";
    (void)state;
    webp_extended(3, 2);
    chunk("VP8L", vp8l_alpha, sizeof vp8l_alpha);
    while (file.length < sizeof file.bytes - 100)
        chunk("EXIF", tiff, 8);
    chunk("EXIF", tiff, 26);
    webp_end();
    assert_decodes(&file, &in_color, &grid);
    assert_int_equal(grid.header.orientation, 1);
}

static void a_chunk_longer_than_the_file_is_broken(void **state) {
    (void)state;
    webp_extended(3, 2);
    chunk_begin("ICCP", 0xffffffff);
    chunk("VP8L", vp8l_alpha, sizeof vp8l_alpha);
    webp_end();
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "longer than the file");
}

static void every_cut_is_refused(void **state) {
    (void)state;
    build_alpha();
    assert_cuts_are_refused(file.bytes, file.length, file.length);
    build_lossy_alpha();
    assert_cuts_are_refused(file.bytes, file.length, file.length);
    build_animation();
    assert_cuts_are_refused(file.bytes, file.length, file.length);
    file.length--;
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "cut short");
}

/* The file's length is right, but its pixels end early. */
static void pixels_that_end_early_are_broken(void **state) {
    (void)state;
    webp_begin();
    chunk("VP8L", vp8l_alpha, sizeof vp8l_alpha - 8);
    webp_end();
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "WebP");
    webp_begin();
    chunk("VP8 ", vp8_orange, 24);
    webp_end();
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "WebP");
    webp_extended(3, 2);
    chunk("ALPH", alph, 3);
    chunk("VP8 ", vp8_gray, sizeof vp8_gray);
    webp_end();
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "WebP");
}

static void flipped_bits_are_answered(void **state) {
    (void)state;
    build_alpha();
    assert_flips_are_answered(file.bytes, file.length);
    build_lossy_alpha();
    assert_flips_are_answered(file.bytes, file.length);
    build_animation();
    assert_flips_are_answered(file.bytes, file.length);
    webp_begin();
    chunk("VP8 ", vp8_orange, sizeof vp8_orange);
    webp_end();
    assert_flips_are_answered(file.bytes, file.length);
}

static void a_picture_without_pixels_is_broken(void **state) {
    (void)state;
    webp_begin();
    webp_end();
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "no pixels");
    webp_extended(3, 2);
    chunk("ALPH", alph, sizeof alph);
    webp_end();
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "no pixels");
    webp_begin(); /* of no width: a VP8 header has 14 bits for it, from its 6th byte on */
    chunk("VP8 ", "\xd0\x01\x00\x9d\x01\x2a\x00\x00\x03\x00\x00\xc0", 12);
    webp_end();
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "WebP");
}

static void sizes_that_differ_are_broken(void **state) {
    (void)state;
    webp_extended(4, 2);
    chunk("VP8L", vp8l_alpha, sizeof vp8l_alpha);
    webp_end();
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "sizes differ");
    webp_extended(6, 5);
    anmf_begin(0, 0, 4, 2, 8 + sizeof vp8l_alpha);
    chunk("VP8L", vp8l_alpha, sizeof vp8l_alpha);
    webp_end();
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "sizes differ");
    webp_extended(6, 5);
    anmf_begin(4, 2, 3, 2, 8 + sizeof vp8l_alpha);
    chunk("VP8L", vp8l_alpha, sizeof vp8l_alpha);
    webp_end();
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "outside the canvas");
}

static void the_limit_of_pixels_holds_before_any_pixel(void **state) {
    (void)state;
    webp_extended(1 << 24, 1 << 24);
    chunk("VP8L", vp8l_alpha, sizeof vp8l_alpha);
    webp_end();
    assert_refused(&file, TT_ERR_PICTURE_TOO_LARGE, "16777216 x 16777216");
    webp_begin(); /* 16383 x 16383 in a lossless header */
    chunk("VP8L", "\x2f\xfe\xbf\xff\x0f\0\0\0\0\0", 10);
    webp_end();
    assert_refused(&file, TT_ERR_PICTURE_TOO_LARGE, "16383 x 16383");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lossless_pixels_are_exact),
        cmocka_unit_test(lossy_pixels_are_near),
        cmocka_unit_test(lossy_pixels_may_have_alpha),
        cmocka_unit_test(an_animation_shows_its_first_frame_on_the_canvas),
        cmocka_unit_test(an_animation_bomb_is_one_frame),
        cmocka_unit_test(too_many_chunks_before_the_pixels_are_broken),
        cmocka_unit_test(orientation_and_profile_are_read),
        cmocka_unit_test(odd_metadata_is_passed_over),
        cmocka_unit_test(one_exif_chunk_is_read),
        cmocka_unit_test(a_chunk_longer_than_the_file_is_broken),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(pixels_that_end_early_are_broken),
        cmocka_unit_test(flipped_bits_are_answered),
        cmocka_unit_test(a_picture_without_pixels_is_broken),
        cmocka_unit_test(sizes_that_differ_are_broken),
        cmocka_unit_test(the_limit_of_pixels_holds_before_any_pixel),
    };
    return cmocka_run_group_tests_name("image_webp_read", tests, NULL, NULL);
}
