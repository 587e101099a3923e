/* ICC profiles made by LittleCMS for the tests of src/image. */
#ifndef TINTYPE_TESTS_PROFILE_BUILD_H
#define TINTYPE_TESTS_PROFILE_BUILD_H

#include <lcms2.h>

#include "image/colour.h"
#include "image/operations.h"
#include "picture_build.h"

struct profile {
    uint8_t bytes[60000];
    size_t length;
};

/* Saves the profile, which is taken over. */
static inline void profile_save(struct profile *to, cmsHPROFILE from) {
    cmsUInt32Number length = sizeof to->bytes;
    assert_non_null(from);
    assert_true(cmsSaveProfileToMem(from, NULL, &length));
    assert_true(length <= sizeof to->bytes);
    assert_true(cmsSaveProfileToMem(from, to->bytes, &length));
    to->length = length;
    assert_true(cmsCloseProfile(from));
}

static inline cmsToneCurve *srgb_tone_curve(void) {
    static const cmsFloat64Number parameters[] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92,
                                                  0.04045};
    return cmsBuildParametricToneCurve(NULL, 4, parameters);
}

/* Makes a profile of a gray of D50; curve is taken over. */
static inline void profile_gray(struct profile *to, cmsToneCurve *curve) {
    profile_save(to, cmsCreateGrayProfile(cmsD50_xyY(), curve));
    cmsFreeToneCurve(curve);
}

static const cmsCIExyYTRIPLE srgb_primaries = {{0.64, 0.33, 1}, {0.30, 0.60, 1}, {0.15, 0.06, 1}};
static const cmsCIExyYTRIPLE p3_primaries = {
    {0.680, 0.320, 1}, {0.265, 0.690, 1}, {0.150, 0.060, 1}};

/* Makes a profile of a white of D65, as sRGB and Display P3 have; curve is taken over. */
static inline void profile_rgb(struct profile *to, const cmsCIExyYTRIPLE *primaries,
                               cmsToneCurve *curve) {
    static const cmsCIExyY white = {0.3127, 0.3290, 1};
    cmsToneCurve *const curves[] = {curve, curve, curve};
    profile_save(to, cmsCreateRGBProfile(&white, primaries, curves));
    cmsFreeToneCurve(curve);
}

/* Turns inks into CIELAB in 16 bits: paper is L* 100, all black L* 20; magenta 100 % is a* 64 and
 * cyan 100 % is a* -64, where there is no black. The darkest that it can be is L* 20. */
static inline cmsInt32Number mix_test_inks(const cmsUInt16Number inks[], cmsUInt16Number lab[],
                                           void *unused) {
    double black = inks[3] / 65535.0;
    cmsCIELab color = {100 - 80 * black, 64 * (inks[1] - inks[0]) / 65535.0 * (1 - black), 0};
    (void)unused;
    cmsFloat2LabEncodedV2(lab, &color);
    return TRUE;
}

/* Makes a printer's profile with a table of 2 to the 4th colours. */
static inline void profile_cmyk(struct profile *to) {
    cmsHPROFILE made = cmsCreateProfilePlaceholder(NULL);
    cmsPipeline *pipeline = cmsPipelineAlloc(NULL, 4, 3);
    cmsStage *table = cmsStageAllocCLut16bit(NULL, 2, 4, 3, NULL);
    assert_non_null(made);
    assert_non_null(pipeline);
    assert_non_null(table);
    assert_true(cmsStageSampleCLut16bit(table, mix_test_inks, NULL, 0));
    assert_true(
        cmsPipelineInsertStage(pipeline, cmsAT_END, cmsStageAllocToneCurves(NULL, 4, NULL)));
    assert_true(cmsPipelineInsertStage(pipeline, cmsAT_END, table));
    assert_true(
        cmsPipelineInsertStage(pipeline, cmsAT_END, cmsStageAllocToneCurves(NULL, 3, NULL)));
    cmsSetProfileVersion(made, 2.4); /* 4 prescribes its darkest colour */
    cmsSetDeviceClass(made, cmsSigOutputClass);
    cmsSetColorSpace(made, cmsSigCmykData);
    cmsSetPCS(made, cmsSigLabData);
    assert_true(cmsWriteTag(made, cmsSigAToB0Tag, pipeline));
    profile_save(to, made);
    cmsPipelineFree(pipeline);
}

/* ---- pictures with a profile ---- */

/* Adds an iCCP chunk (PNG, third edition, 11.3.2.3): name, method, and the profile in one stored
 * block of zlib's. */
static inline void png_profile(struct file *file, const struct profile *profile) {
    static struct file packed;
    packed.length = 0;
    png_pixels(&packed, profile->bytes, profile->length); /* the same stream, to be taken out */
    size_t start = file_find(&packed, "IDAT", 4) + 4;
    static uint8_t chunk[sizeof packed.bytes];
    size_t stream = packed.length - start - 4;
    memcpy(chunk, "a\0\0", 3);
    memcpy(chunk + 3, packed.bytes + start, stream);
    png_chunk(file, "iCCP", chunk, stream + 3);
}

static inline enum tt_err pull_to_srgb(struct tt_row_source *source,
                                       const struct tt_colour_transform *transform,
                                       struct grid *grid, struct tt_arena *arena) {
    grid->width_px = source->width_px;
    grid->height_px = source->height_px;
    grid->channels = source->channels;
    struct sample_sink to =
        sample_sink(grid->samples, source->width_px, source->height_px, source->channels);
    struct tt_row_sink *sink;
    enum tt_err err = tt_colour_open(&sink, &to.rows, transform, arena);
    for (int y = 0; y < source->height_px && err == TT_OK; y++) {
        const uint8_t *row;
        err = source->next(source, &row);
        if (err == TT_OK)
            err = sink->put(sink, row);
    }
    return err;
}

/* Decodes to sRGB: opens, starts, pulls rows and puts them through the operation, finishes and
 * closes. */
static inline enum tt_err decode_to_srgb(const uint8_t *bytes, size_t length, struct grid *grid) {
    struct tt_picture_limits limits = test_limits;
    struct tt_arena arena;
    struct tt_decoder *decoder = NULL;
    struct tt_row_source *source = NULL;
    struct tt_colour_transform *transform = NULL;
    int fd = file_open(bytes, length);

    limits.max_pixels = sizeof grid->samples / 4;
    tt_err_take(TT_OK);
    tt_arena_init(&arena, (size_t)limits.max_memory_bytes);
    enum tt_err err = tt_decoder_open(&decoder, fd, &arena, &limits, &grid->header);
    if (err == TT_OK)
        err = tt_decoder_start(decoder, false, &source);
    if (err == TT_OK)
        err = tt_colour_transform_open(&transform, grid->header.icc_profile, grid->header.icc_bytes,
                                       (enum tt_colour_samples)source->channels, &arena);
    if (err == TT_OK)
        err = pull_to_srgb(source, transform, grid, &arena);
    if (err == TT_OK)
        err = tt_decoder_finish(decoder);
    tt_decoder_close(decoder);
    tt_arena_fini(&arena);
    (void)close(fd);
    return err;
}

/* Returns a made number with a seed: xorshift, Marsaglia, "Xorshift RNGs", 2003. */
static inline uint32_t next_random(uint32_t *random) {
    *random ^= *random << 13;
    *random ^= *random >> 17;
    *random ^= *random << 5;
    return *random;
}

/* One bit is flipped at a time; each gives a picture or says what is wrong with it. */
static inline void assert_flips_do_no_harm(const struct file *whole, int times) {
    static struct file changed;
    static struct grid grid;
    uint32_t random = 20240117;
    for (int i = 0; i < times; i++) {
        size_t bit = next_random(&random) % (8 * whole->length);
        changed = *whole;
        changed.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum tt_err err = decode_to_srgb(changed.bytes, changed.length, &grid);
        assert_true(err == TT_OK || err == TT_ERR_PICTURE_BROKEN || err == TT_ERR_PICTURE_TYPE ||
                    err == TT_ERR_PICTURE_TOO_LARGE);
    }
}

#endif
