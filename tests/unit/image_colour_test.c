/* src/image/colour.c: rows from a profile's colours to sRGB; profiles that are sRGB, of another
 * kind, damaged, or made to harm. */
#include "profile_build.h"

#include <math.h>

#include "image/colour.h"
#include "image/operations.h"

static struct profile profile;
static struct grid grid;

/* ---- running it ---- */

static const size_t arena_bytes = (size_t)16 << 20;

/* Opens as a rendering does: the profile is made ready, then its rows. */
static enum tt_err open_colour(struct tt_row_sink **sink, struct tt_row_sink *to,
                               const struct profile *from, struct tt_arena *arena) {
    struct tt_colour_transform *transform = NULL;
    enum tt_err err = tt_colour_transform_open(&transform, from->bytes, from->length,
                                               (enum tt_colour_samples)to->channels, arena);
    return err == TT_OK ? tt_colour_open(sink, to, transform, arena) : err;
}

/* Converts one row of samples into `grid`, and returns whether there was anything to do. Memory is
 * held to what is said beforehand, and a row. */
static bool convert(const struct profile *from, const uint8_t *samples, int width_px,
                    int channels) {
    struct tt_arena arena;
    struct sample_sink to = sample_sink(grid.samples, width_px, 1, channels);
    struct tt_row_sink *sink = &to.rows;

    tt_err_take(TT_OK);
    tt_arena_init(&arena, arena_bytes);
    assert_int_equal(open_colour(&sink, &to.rows, from, &arena), TT_OK);
    assert_true((int64_t)arena.used_bytes <=
                tt_colour_transform_bytes(from->length) + 4 * width_px + 1024);
    bool converts = sink != &to.rows;
    assert_int_equal(sink->width_px, width_px);
    assert_int_equal(sink->channels, channels);
    assert_int_equal(put_samples(sink, samples), TT_OK);
    tt_arena_fini(&arena);
    return converts;
}

static void assert_near(const uint8_t *got, const uint8_t *wanted, size_t count, int tolerance) {
    for (size_t i = 0; i < count; i++)
        if (abs(got[i] - wanted[i]) > tolerance)
            fail_msg("sample %zu is %d, not %d", i, got[i], wanted[i]);
}

/* Turns light into a value (IEC 61966-2-1). */
static uint8_t srgb_value(double light) {
    double value = light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055;
    return (uint8_t)lround(255 * fmin(fmax(value, 0), 1));
}

/* ---- gray ---- */

static void a_gray_of_another_gamma_is_converted(void **state) {
    static const double gammas[] = {1.0, 1.8, 2.4};
    uint8_t samples[256] = {0};
    uint8_t wanted[256] = {0};
    (void)state;
    for (int v = 0; v < 256; v++)
        samples[v] = (uint8_t)v;
    for (size_t i = 0; i < sizeof gammas / sizeof *gammas; i++) {
        for (int v = 0; v < 256; v++)
            wanted[v] = srgb_value(pow(v / 255.0, gammas[i]));
        profile_gray(&profile, cmsBuildGamma(NULL, gammas[i]));
        assert_true(convert(&profile, samples, 256, 1));
        assert_near(grid.samples, wanted, 256, 1);
        assert_int_equal(grid.samples[0], 0);
        assert_int_equal(grid.samples[255], 255);
    }
}

static void alpha_stays(void **state) {
    (void)state;
    profile_gray(&profile, cmsBuildGamma(NULL, 1.0)); /* 0x37 is the light of 0x80 */
    assert_true(convert(&profile, (const uint8_t *)"\x37\x00\x37\x7f\xff\x01", 3, 2));
    assert_memory_equal(grid.samples, "\x80\x00\x80\x7f\xff\x01", 6);

    profile_rgb(&profile, &srgb_primaries, cmsBuildGamma(NULL, 1.0));
    assert_true(convert(&profile, (const uint8_t *)"\x37\x37\x37\x00\xff\x00\xff\x83", 2, 4));
    assert_near(grid.samples, (const uint8_t *)"\x80\x80\x80\x00\xff\x00\xff\x83", 8, 1);
    assert_int_equal(grid.samples[3], 0x00);
    assert_int_equal(grid.samples[7], 0x83);
}

/* ---- RGB ---- */

/* This leads from linear Display P3 to linear sRGB, by the primaries of both: CSS Color 4, 10.3. */
static const double p3_to_srgb[3][3] = {{1.2249401763, -0.2249401763, 0},
                                        {-0.0420569547, 1.0420569547, 0},
                                        {-0.0196375546, -0.0786360456, 1.0982736001}};

static void display_p3_is_converted(void **state) {
    static const uint8_t samples[] = "\xff\xff\xff\x80\x80\x80\x00\x00\x00"
                                     "\xc0\x60\x40\x30\xa0\x50\x50\x50\xd0\xff\x00\x00";
    uint8_t wanted[sizeof samples - 1] = {0};
    (void)state;
    for (size_t i = 0; i < sizeof wanted; i++) {
        size_t pixel = i - i % 3;
        double light = 0;
        for (size_t c = 0; c < 3; c++) {
            double value = samples[pixel + c] / 255.0;
            light += p3_to_srgb[i % 3][c] *
                     (value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4));
        }
        wanted[i] = srgb_value(light);
    }
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    assert_true(convert(&profile, samples, sizeof wanted / 3, 3));
    assert_near(grid.samples, wanted, sizeof wanted, 1);
    /* Colours change, and visibly; grays do not. */
    assert_in_range(grid.samples[9], 0xcc, 0xd2);
    assert_memory_equal(grid.samples, "\xff\xff\xff\x80\x80\x80\x00\x00\x00", 9);
    assert_memory_equal(grid.samples + 18, "\xff\x00\x00", 3); /* out of sRGB: cut off there */
}

/* ---- nothing to do ---- */

static void assert_untouched(const struct profile *from, int channels) {
    static const uint8_t samples[] = "\x12\x34\x56\x78\x9a\xbc\xde\xf0\x11\x22\x33\x44";
    assert_false(convert(from, samples, 3, channels));
    assert_memory_equal(grid.samples, samples, 3 * (size_t)channels);
}

static void no_profile_is_nothing_to_do(void **state) {
    struct tt_arena arena;
    struct sample_sink to = sample_sink(NULL, 1, 1, 3);
    struct tt_row_sink *sink = &to.rows;
    (void)state;
    tt_arena_init(&arena, 1);
    profile.length = 0;
    assert_int_equal(open_colour(&sink, &to.rows, &profile, &arena), TT_OK);
    assert_ptr_equal(sink, &to.rows);
    assert_int_equal(tt_colour_transform_bytes(0), 0);
    tt_arena_fini(&arena);
}

/* This profile has the curve as a table, and the primaries with 4 decimals, as the commonest
 * profile of all has them. */
static void profile_srgb_of_tables(struct profile *to) {
    static const cmsCIEXYZ colors[] = {
        {0.4361, 0.2225, 0.0139}, {0.3851, 0.7169, 0.0971}, {0.1431, 0.0606, 0.7141}};
    static const cmsTagSignature tags[] = {cmsSigRedColorantTag, cmsSigGreenColorantTag,
                                           cmsSigBlueColorantTag};
    cmsUInt16Number table[1024];
    cmsToneCurve *smooth = srgb_tone_curve();
    for (cmsUInt16Number i = 0; i < 1024; i++)
        table[i] = (cmsUInt16Number)lround(65535.0 *
                                           (double)cmsEvalToneCurveFloat(smooth, (float)i / 1023));
    cmsFreeToneCurve(smooth);
    profile_rgb(to, &srgb_primaries, cmsBuildTabulatedToneCurve16(NULL, 1024, table));
    cmsHPROFILE changed = cmsOpenProfileFromMem(to->bytes, (cmsUInt32Number)to->length);
    cmsHPROFILE copy = cmsCreateProfilePlaceholder(NULL);
    cmsSetProfileVersion(copy, 2.1);
    cmsSetDeviceClass(copy, cmsSigDisplayClass);
    cmsSetColorSpace(copy, cmsSigRgbData);
    cmsSetPCS(copy, cmsSigXYZData);
    cmsToneCurve *curve = cmsReadTag(changed, cmsSigRedTRCTag);
    for (int i = 0; i < 3; i++)
        assert_true(cmsWriteTag(copy, tags[i], &colors[i]));
    assert_true(cmsWriteTag(copy, cmsSigRedTRCTag, curve));
    assert_true(cmsWriteTag(copy, cmsSigGreenTRCTag, curve));
    assert_true(cmsWriteTag(copy, cmsSigBlueTRCTag, curve));
    assert_true(cmsWriteTag(copy, cmsSigMediaWhitePointTag, cmsD50_XYZ()));
    profile_save(to, copy);
    assert_true(cmsCloseProfile(changed));
}

static void srgb_is_nothing_to_do(void **state) {
    (void)state;
    profile_save(&profile, cmsCreate_sRGBProfile());
    assert_untouched(&profile, 3);
    assert_untouched(&profile, 4);
    profile_srgb_of_tables(&profile);
    assert_untouched(&profile, 3);
    profile_gray(&profile, srgb_tone_curve());
    assert_untouched(&profile, 1);
    assert_untouched(&profile, 2);
}

/* What is let through as sRGB would have come out within a step of itself. */
static void what_counts_as_srgb_is_within_a_step(void **state) {
    (void)state;
    profile_srgb_of_tables(&profile);
    cmsHPROFILE from = cmsOpenProfileFromMem(profile.bytes, (cmsUInt32Number)profile.length);
    cmsHPROFILE to = cmsCreate_sRGBProfile();
    cmsHTRANSFORM exact = cmsCreateTransform(from, TYPE_RGB_8, to, TYPE_RGB_8, INTENT_PERCEPTUAL,
                                             cmsFLAGS_NOOPTIMIZE);
    assert_non_null(exact);
    for (int i = 0; i < 16 * 16 * 16; i++) {
        uint8_t color[] = {(uint8_t)(i % 16 * 17), (uint8_t)(i / 16 % 16 * 17),
                           (uint8_t)(i / 256 * 17)};
        uint8_t converted[3] = {0};
        cmsDoTransform(exact, color, converted, 1);
        assert_near(converted, color, 3, 1);
    }
    cmsDeleteTransform(exact);
    assert_true(cmsCloseProfile(from));
    assert_true(cmsCloseProfile(to));
}

/* This profile has sRGB's primaries, and a curve that differs in the shadows alone. */
static void nearly_srgb_is_converted(void **state) {
    (void)state;
    profile_rgb(&profile, &srgb_primaries, cmsBuildGamma(NULL, 2.2));
    assert_true(convert(&profile, (const uint8_t *)"\x10\x10\x10\xff\xff\xff", 2, 3));
    assert_near(grid.samples, (const uint8_t *)"\x08\x08\x08\xff\xff\xff", 6, 1);
}

static void a_profile_of_other_channels_is_ignored(void **state) {
    (void)state;
    profile_gray(&profile, cmsBuildGamma(NULL, 1.0));
    assert_untouched(&profile, 3);
    assert_untouched(&profile, 4);
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    assert_untouched(&profile, 1);
    assert_untouched(&profile, 2);
    profile_cmyk(&profile);
    assert_untouched(&profile, 3);
    assert_untouched(&profile, 4);
    profile_save(&profile, cmsCreateLab4Profile(NULL));
    assert_untouched(&profile, 3);
}

static void a_link_between_devices_is_ignored(void **state) {
    cmsToneCurve *curve = cmsBuildGamma(NULL, 2);
    cmsToneCurve *const curves[] = {curve, curve, curve};
    (void)state;
    profile_save(&profile, cmsCreateLinearizationDeviceLink(cmsSigRgbData, curves));
    cmsFreeToneCurve(curve);
    assert_untouched(&profile, 3);
}

/* ---- CMYK, for the JPEG reader ---- */

/* Returns whether there is a transform, and converts four inks to RGB. */
static bool convert_inks(const struct profile *from, const char *inks, uint8_t rgb[12]) {
    struct tt_arena arena;
    struct tt_colour_transform *transform = NULL;
    tt_arena_init(&arena, arena_bytes);
    assert_int_equal(
        tt_colour_transform_open(&transform, from->bytes, from->length, TT_COLOUR_CMYK, &arena),
        TT_OK);
    assert_true((int64_t)arena.used_bytes <= tt_colour_transform_bytes(from->length));
    if (transform)
        tt_colour_transform_row(transform, rgb, (const uint8_t *)inks, 4);
    tt_arena_fini(&arena);
    return transform != NULL;
}

/* The inks are paper, half and all black, and magenta. L* 60 of black half way is compensated for a
 * darkest of L* 20: Y 0.2812 and 0.0299 give (0.2812 - 0.0299) / (1 - 0.0299) = 0.2590, which is
 * 0x8b. CIELAB (100, 64, 0) is redder than sRGB can be. */
static void inks_are_converted(void **state) {
    uint8_t rgb[12] = {0};
    (void)state;
    profile_cmyk(&profile);
    assert_true(convert_inks(&profile,
                             "\xff\xff\xff\xff"
                             "\xff\xff\xff\x7f"
                             "\xff\xff\xff\0"
                             "\xff\0\xff\xff",
                             rgb));
    assert_near(rgb, (const uint8_t *)"\xff\xff\xff\x8b\x8b\x8b\0\0\0", 9, 2);
    assert_int_equal(rgb[9], 0xff);
    assert_in_range(rgb[10], 0x90, 0xd8);
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    assert_false(convert_inks(&profile, "", rgb));
}

/* ---- profiles that harm ---- */

static void store_tag(struct profile *to, size_t index, const char *name, uint32_t offset,
                      uint32_t length) {
    uint8_t *entry = to->bytes + 132 + 12 * index;
    memcpy(entry, name, 4);
    store_32(entry + 4, offset);
    store_32(entry + 8, length);
}

static void what_is_no_profile_is_ignored(void **state) {
    (void)state;
    memset(&profile, 0, sizeof profile);
    for (size_t length = 1; length < 300; length++) {
        profile.length = length;
        assert_untouched(&profile, 3);
    }
    memset(&profile, 0xff, sizeof profile);
    profile.length = sizeof profile.bytes;
    assert_untouched(&profile, 3);
}

static void a_profile_cut_anywhere_does_no_harm(void **state) {
    (void)state;
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    size_t whole = profile.length;
    for (profile.length = 1; profile.length < whole; profile.length += 7)
        (void)convert(&profile, (const uint8_t *)"\x12\x34\x56", 1, 3);
    profile.length = 200; /* the list of tags is cut */
    assert_untouched(&profile, 3);
}

/* The header's own length, smaller and larger than what there is, is no reason to read beyond. */
static void a_length_that_lies_does_no_harm(void **state) {
    static const uint32_t lengths[] = {0, 1, 128, 131, 133, 0x7fffffff, 0xffffffff};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
        store_32(profile.bytes, lengths[i]);
        bool converts = convert(&profile, (const uint8_t *)"\xc0\x60\x40", 1, 3);
        assert_int_equal(converts, lengths[i] > 1000); /* where all the tags still lie within it */
    }
}

static void tags_that_lie_are_ignored(void **state) {
    static const uint32_t numbers[] = {0, 0x7fffffff, 0xfffffff0, 0xffffffff};
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
        store_32(profile.bytes + 128, numbers[i]); /* how many */
        assert_untouched(&profile, 3);
        for (int field = 4; field <= 8; field += 4) { /* offset and length of each */
            profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
            for (size_t tag = 0; tag < profile.bytes[131]; tag++)
                store_32(profile.bytes + 132 + 12 * tag + field, numbers[i]);
            assert_untouched(&profile, 3);
        }
    }
}

/* 4 inputs of 33 points each with 3 outputs would be 7 MB of table in a profile of 400 bytes, and
 * 255 to the 4th is more than 32 bits hold. */
static void a_table_larger_than_its_profile_is_ignored(void **state) {
    static const uint8_t points[] = {33, 64, 255};
    uint8_t rgb[12] = {0};
    (void)state;
    for (size_t i = 0; i < sizeof points; i++) {
        profile_cmyk(&profile);
        memset(profile.bytes + 128, 0, sizeof profile.bytes - 128);
        profile.length = 400;
        store_32(profile.bytes, 400);
        store_32(profile.bytes + 128, 1);
        store_tag(&profile, 0, "A2B0", 144, 256);
        memcpy(profile.bytes + 144, "mft1\0\0\0\0\4\3", 10); /* ICC.1:2022, 10.11 */
        profile.bytes[154] = points[i];
        assert_false(convert_inks(&profile, "", rgb));
    }
}

static void flipped_bits_do_no_harm(void **state) {
    uint32_t random = 20240117;
    uint8_t rgb[12] = {0};
    (void)state;
    for (int i = 0; i < 500; i++) {
        bool inks = i % 5 == 0;
        if (!inks)
            profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
        else
            profile_cmyk(&profile);
        for (uint32_t flips = 1 + next_random(&random) % 4; flips > 0; flips--) {
            uint32_t bit = next_random(&random) % (uint32_t)(8 * profile.length);
            profile.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        if (!inks)
            (void)convert(&profile, (const uint8_t *)"\x12\x34\x56\xff\x80\0", 2, 3);
        else
            (void)convert_inks(&profile, "0123456789abcdef", rgb);
    }
}

/* ---- failures ---- */

static void without_its_memory_it_is_not_begun(void **state) {
    struct tt_arena arena;
    struct sample_sink to = sample_sink(NULL, 1, 1, 3);
    struct tt_row_sink *sink = &to.rows;
    (void)state;
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    size_t most_bytes = (size_t)tt_colour_transform_bytes(profile.length);
    for (size_t cap = 1; cap < most_bytes; cap += most_bytes / 7) {
        tt_err_take(TT_OK);
        tt_arena_init(&arena, cap);
        assert_int_equal(open_colour(&sink, &to.rows, &profile, &arena), TT_ERR_NO_MEMORY);
        tt_arena_fini(&arena);
    }
    tt_arena_init(&arena, most_bytes + 1024);
    assert_int_equal(open_colour(&sink, &to.rows, &profile, &arena), TT_OK);
    assert_ptr_not_equal(sink, &to.rows);
    tt_arena_fini(&arena);
}

static void it_fails_as_its_sink_does(void **state) {
    struct tt_arena arena;
    struct sample_sink to = sample_sink(NULL, 1, 2, 3);
    struct tt_row_sink *sink = &to.rows;
    (void)state;
    to.fails_at = 1;
    tt_err_take(TT_OK);
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    tt_arena_init(&arena, arena_bytes);
    assert_int_equal(open_colour(&sink, &to.rows, &profile, &arena), TT_OK);
    assert_int_equal(put_samples(sink, (const uint8_t *)"abcdef"), TT_ERR_STORAGE);
    tt_arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gray_of_another_gamma_is_converted),
        cmocka_unit_test(alpha_stays),
        cmocka_unit_test(display_p3_is_converted),
        cmocka_unit_test(no_profile_is_nothing_to_do),
        cmocka_unit_test(srgb_is_nothing_to_do),
        cmocka_unit_test(what_counts_as_srgb_is_within_a_step),
        cmocka_unit_test(nearly_srgb_is_converted),
        cmocka_unit_test(a_profile_of_other_channels_is_ignored),
        cmocka_unit_test(a_link_between_devices_is_ignored),
        cmocka_unit_test(inks_are_converted),
        cmocka_unit_test(what_is_no_profile_is_ignored),
        cmocka_unit_test(a_profile_cut_anywhere_does_no_harm),
        cmocka_unit_test(a_length_that_lies_does_no_harm),
        cmocka_unit_test(tags_that_lie_are_ignored),
        cmocka_unit_test(a_table_larger_than_its_profile_is_ignored),
        cmocka_unit_test(flipped_bits_do_no_harm),
        cmocka_unit_test(without_its_memory_it_is_not_begun),
        cmocka_unit_test(it_fails_as_its_sink_does),
    };
    return cmocka_run_group_tests_name("image_colour", tests, NULL, NULL);
}
