/* src/image/jpeg_icc.c and what jpeg_read.c does with a profile: chunks that make one, chunks that
 * do not, pictures of inks. */
#include "jpeg_build.h"

static struct profile profile;

/* Decodes with a copy of the profile kept, as grid's header points into an arena that is gone. */
static void assert_profile(const uint8_t *wanted, size_t wanted_bytes, int64_t max_chunk_bytes) {
    struct tt_arena arena;
    struct tt_decoder *decoder = NULL;
    struct tt_picture_header header;
    struct tt_picture_limits limits = test_limits;
    int fd = file_open(file.bytes, file.length);
    limits.max_chunk_bytes = max_chunk_bytes;
    tt_err_take(TT_OK);
    tt_arena_init(&arena, (size_t)limits.max_memory_bytes);
    assert_int_equal(tt_decoder_open(&decoder, fd, &arena, &limits, &header), TT_OK);
    assert_int_equal(header.icc_bytes, wanted_bytes);
    if (wanted)
        assert_memory_equal(header.icc_profile, wanted, wanted_bytes);
    else
        assert_null(header.icc_profile);
    tt_decoder_close(decoder);
    tt_arena_fini(&arena);
    (void)close(fd);
}

static void build_with_profile(const struct recipe *recipe, unsigned int chunks) {
    struct recipe changed = *recipe;
    changed.icc = &profile;
    changed.icc_chunks = chunks;
    build(&changed);
}

static void a_profile_is_put_together(void **state) {
    (void)state;
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    for (unsigned int chunks = 1; chunks <= 255; chunks += 127) {
        build_with_profile(&color, chunks);
        assert_profile(profile.bytes, profile.length, 10000);
        assert_profile(profile.bytes, profile.length, (int64_t)profile.length);
        assert_profile(NULL, 0, (int64_t)profile.length - 1);
    }
    build_with_profile(&gray, 3);
    assert_profile(profile.bytes, profile.length, 10000);
    build(&color);
    assert_profile(NULL, 0, 10000);
    memset(profile.bytes, 0x5a, 300); /* no profile at all: not the reader's business */
    profile.length = 300;
    build_with_profile(&color, 2);
    assert_profile(profile.bytes, 300, 10000);
}

/* Returns the place of the number of the nth chunk; its count follows. */
static uint8_t *chunk_number(int n) {
    uint8_t *at = file.bytes;
    for (;; at++) {
        at = memmem(at, file.length - (size_t)(at - file.bytes), "ICC_PROFILE", 12);
        assert_non_null(at);
        if (n-- == 0)
            return at + 12;
    }
}

/* The picture is as whoever ignores such a profile decodes it. */
static void assert_profile_ignored(void) {
    assert_profile(NULL, 0, 10000);
    assert_decodes(&file, &in_color, &grid);
    assert_halves(32, 16, 3, color.colors[0], color.colors[1]);
}

static void chunks_that_do_not_fit_are_no_profile(void **state) {
    (void)state;
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    static const struct {
        int chunk;
        uint8_t number, count;
    } lies[] = {
        {0, 0, 3},   /* numbers begin with 1 */
        {2, 4, 3},   /* beyond the count */
        {2, 255, 3}, /* likewise */
        {1, 1, 3},   /* twice */
        {1, 2, 2},   /* counts that differ */
        {0, 1, 1},   /* likewise */
        {0, 1, 0},   {0, 255, 255},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        build_with_profile(&color, 3);
        chunk_number(lies[i].chunk)[0] = lies[i].number;
        chunk_number(lies[i].chunk)[1] = lies[i].count;
        assert_profile_ignored();
    }
    for (int missing = 0; missing < 3; missing++) {
        build_with_profile(&color, 3);
        chunk_number(missing)[-1] = '!'; /* it is another's */
        assert_profile_ignored();
    }
    for (int i = 0; i < 3; i++) /* all agree on a fourth, which never comes */
        chunk_number(i < 2 ? i : 1)[1] = 4;
    assert_profile_ignored();
}

static void chunks_in_any_order_are_a_profile(void **state) {
    (void)state;
    memcpy(profile.bytes, "bbbbaaaacccc", 12);
    profile.length = 12;
    build_with_profile(&color, 3);
    chunk_number(0)[0] = 2;
    chunk_number(1)[0] = 1;
    assert_profile((const uint8_t *)"aaaabbbbcccc", 12, 10000);
}

/* One APP2 is too short for an intro, and another has nothing behind its intro. */
static void short_markers_are_passed_over(void **state) {
    static const char marker[] = "\xff\xe2\x00\x10"
                                 "ICC_PROFILE\0\1\1";
    struct file picture;
    (void)state;
    build(&color);
    memcpy(&picture, &file, sizeof picture);
    for (size_t length = 2; length <= 16; length++) {
        file.length = 2; /* SOI */
        file_append(&file, marker, 2 + length);
        file.bytes[5] = (uint8_t)length;
        file_append(&file, picture.bytes + 2, picture.length - 2);
        assert_profile_ignored();
    }
}

static const struct recipe inks = {
    .width_px = 32,
    .height_px = 16,
    .in = JCS_CMYK,
    .stored = JCS_CMYK,
    .colors = {{255, 255, 255, 255}, {255, 255, 255, 127}}, /* paper, black of 50 %, inverted */
};

/* What the profile's black of 50 % looks like is worked out in image_colour_test.c. */
static void inks_with_a_profile_are_converted(void **state) {
    (void)state;
    profile_cmyk(&profile);
    for (int kind = 0; kind < 3; kind++) {
        struct recipe recipe = inks;
        if (kind == 1)
            recipe.stored = JCS_YCCK;
        recipe.no_adobe = kind == 2;
        build_with_profile(&recipe, 2);
        assert_profile(NULL, 0, 10000); /* applied, and so nobody else's */
        assert_decodes(&file, &in_color, &grid);
        assert_halves(32, 16, 3, (const uint8_t *)"\xff\xff\xff", (const uint8_t *)"\x8b\x8b\x8b");
        assert_int_equal(grid.header.channels, 3);
        assert_decodes(&file, &in_gray, &grid);
        assert_halves(32, 16, 1, (const uint8_t *)"\xff", (const uint8_t *)"\x8b");
    }
}

static void inks_with_another_profile_are_mixed(void **state) {
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
        if (kind == 1)
            memset(profile.bytes, 'x', profile.length);
        build_with_profile(&inks, 1);
        assert_profile(NULL, 0, 10000);
        assert_decodes(&file, &in_color, &grid);
        assert_halves(32, 16, 3, (const uint8_t *)"\xff\xff\xff", (const uint8_t *)"\x7f\x7f\x7f");
    }
}

/* The bits are of a picture of light and of one of inks. */
static void flipped_bits_do_no_harm(void **state) {
    (void)state;
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    build_with_profile(&color, 2);
    assert_flips_do_no_harm(&file, 1000);
    profile_cmyk(&profile);
    build_with_profile(&inks, 2);
    assert_flips_do_no_harm(&file, 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_is_put_together),
        cmocka_unit_test(chunks_that_do_not_fit_are_no_profile),
        cmocka_unit_test(chunks_in_any_order_are_a_profile),
        cmocka_unit_test(short_markers_are_passed_over),
        cmocka_unit_test(inks_with_a_profile_are_converted),
        cmocka_unit_test(inks_with_another_profile_are_mixed),
        cmocka_unit_test(flipped_bits_do_no_harm),
    };
    return cmocka_run_group_tests_name("image_jpeg_icc", tests, NULL, NULL);
}
