/* What src/image/png_read.c does with a colour profile: handed on, or ignored where it cannot be
 * one of the picture's. */
#include "profile_build.h"

static struct file file;
static struct grid grid;
static struct profile profile;

/* Makes one pixel of each colour type, 0x60 or (0xc0, 0x60, 0x40) with alpha 0x80. */
static void build_with_profile(unsigned int color_type) {
    static const char *const lines[] = {
        [0] = "\0\x60", [2] = "\0\xc0\x60\x40", [4] = "\0\x60\x80", [6] = "\0\xc0\x60\x40\x80"};
    png_begin(&file, 1, 1, 8, color_type, false);
    png_profile(&file, &profile);
    png_pixels(&file, lines[color_type], strlen(lines[color_type] + 1) + 1);
    png_end(&file);
}

static void assert_srgb(int channels, const char *samples) {
    assert_int_equal(decode_to_srgb(file.bytes, file.length, &grid), TT_OK);
    assert_grid(&grid, 1, 1, channels, samples);
}

/* The light of 0x60 in linear gray is srgb(0.376) = 0xa5; Display P3's orange is worked out in
 * image_colour_test.c. */
static void a_profile_is_handed_on(void **state) {
    (void)state;
    profile_gray(&profile, cmsBuildGamma(NULL, 1.0));
    build_with_profile(0);
    assert_srgb(1, "\xa5");
    build_with_profile(4);
    assert_srgb(2, "\xa5\x80");
    assert_int_equal(grid.header.icc_bytes, profile.length);
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    build_with_profile(2);
    assert_srgb(3, "\xce\x59\x36");
    build_with_profile(6);
    assert_srgb(4, "\xce\x59\x36\x80");
    /* Gray is the luma of the file's own values: 0.299 × 192 + 0.587 × 96 + 0.114 × 64. */
    assert_decodes(&file, &in_gray, &grid);
    assert_grid(&grid, 1, 1, 2, "\x79\x80");
}

static void a_profile_of_the_other_kind_is_ignored(void **state) {
    (void)state;
    profile_gray(&profile, cmsBuildGamma(NULL, 1.0));
    build_with_profile(2);
    assert_srgb(3, "\xc0\x60\x40");
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    build_with_profile(0);
    assert_srgb(1, "\x60");
}

/* A profile beats an sRGB chunk; gamma and chromaticities alone change nothing. */
static void other_chunks_of_color_are_ignored(void **state) {
    (void)state;
    profile_gray(&profile, cmsBuildGamma(NULL, 1.0));
    png_begin(&file, 1, 1, 8, 0, false);
    png_chunk(&file, "sRGB", "\0", 1);
    png_chunk(&file, "gAMA", "\0\1\x86\xa0", 4); /* 1.0 */
    png_pixels(&file, "\0\x60", 2);
    png_end(&file);
    assert_srgb(1, "\x60");
    png_begin(&file, 1, 1, 8, 0, false);
    png_chunk(&file, "sRGB", "\0", 1);
    png_profile(&file, &profile);
    png_pixels(&file, "\0\x60", 2);
    png_end(&file);
    assert_srgb(1, "\xa5");
}

static void a_profile_out_of_place_is_ignored(void **state) {
    (void)state;
    profile_gray(&profile, cmsBuildGamma(NULL, 1.0));
    png_begin(&file, 1, 1, 8, 0, false);
    png_pixels(&file, "\0\x60", 2);
    png_profile(&file, &profile);
    png_end(&file);
    assert_srgb(1, "\x60");
    assert_null(grid.header.icc_profile);
}

/* The faults are a header that says another length than there is; a profile over max_chunk_bytes in
 * a chunk under it; a stream that is none, or cut. */
static void a_profile_that_lies_is_ignored(void **state) {
    static const uint32_t lengths[] = {0, 131, 133, 10001, 0x7fffffff, 0xffffffff};
    static const char cut[] = "a\0\0\x78\x01\x01\xff\x0f\0\xf0\0\0\x10\0lcms\2 \0\0mntrGRAY";
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        profile_gray(&profile, cmsBuildGamma(NULL, 1.0));
        store_32(profile.bytes, lengths[i]);
        build_with_profile(0);
        assert_srgb(1, "\x60");
        assert_null(grid.header.icc_profile);
    }
    for (size_t length = 0; length < sizeof cut; length++) {
        png_begin(&file, 1, 1, 8, 0, false);
        png_chunk(&file, "iCCP", cut, length);
        png_pixels(&file, "\0\x60", 2);
        png_end(&file);
        assert_srgb(1, "\x60");
        assert_null(grid.header.icc_profile);
    }
}

/* Bits are flipped in the file, which its sums mostly find, and in the profile before it is packed.
 */
static void flipped_bits_do_no_harm(void **state) {
    static struct profile whole;
    uint32_t random = 20240118;
    (void)state;
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    build_with_profile(6);
    assert_flips_do_no_harm(&file, 1000);
    whole = profile;
    for (int i = 0; i < 200; i++) {
        size_t bit = next_random(&random) % (8 * whole.length);
        profile = whole;
        profile.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        build_with_profile(6);
        assert_int_equal(decode_to_srgb(file.bytes, file.length, &grid), TT_OK);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_is_handed_on),
        cmocka_unit_test(a_profile_of_the_other_kind_is_ignored),
        cmocka_unit_test(other_chunks_of_color_are_ignored),
        cmocka_unit_test(a_profile_out_of_place_is_ignored),
        cmocka_unit_test(a_profile_that_lies_is_ignored),
        cmocka_unit_test(flipped_bits_do_no_harm),
    };
    return cmocka_run_group_tests_name("image_png_profile", tests, NULL, NULL);
}
