/* Colour: rows from an ICC profile's colours to sRGB, by LittleCMS.
 *
 * Here: the profile read, sRGB itself recognised, and the operation. It runs after the resize, on
 * few pixels; resampling in the file's own encoding is what resizers do with sRGB as well.
 * Where profiles lie in a file is its reader's business.
 *
 * The rendering intent is perceptual, which ICC.1 means for pictures and for which print profiles
 * have their own table; between profiles of monitors and cameras it is the same as the colorimetric
 * one. Black point compensation, so that the blackest ink becomes black and not dark
 * gray: as image editors do it by default.
 *
 * Where gray is asked for nothing of this runs: gray is the luma of the file's own values, whatever
 * their colours are, as in Pillow's convert("L"); so a JPEG's luma can be decoded alone.
 *
 * All of LittleCMS's memory comes from the arena, but for the context, which it allocates by
 * itself: that lives in tt_colour_transform_open alone. A profile is hostile: what LittleCMS takes
 * for it is counted, and at the limit it gets no more. */
#include "image/colour.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <lcms2.h>
#include <lcms2_plugin.h>

#include "image/operations.h"

/* ---- LittleCMS's memory ---- */

/* LittleCMS takes so much for any profile, and so much for each byte of one. Measured with 2.14:
 * 0.5 MB for Adobe RGB and Display P3; 0.9 MB for CMYK with a small table, of which 0.5 MB are the
 * table that it makes for itself. A table of one byte a sample takes the most for its size: it is
 * held in 16 bits, copied again and again, and takes 14 bytes for each. */
#define FIXED_BYTES       (INT64_C(2) << 20)
#define PER_PROFILE_BYTE  16
#define PROFILE_BYTES_MAX (INT32_MAX / PER_PROFILE_BYTE / 2)

struct budget {
    struct tt_arena *arena;
    size_t limit_bytes; /* of arena->used_bytes */
    bool arena_failed;  /* the system had no memory, as the arena's cap had room */
};

/* Each allocation has its size in front of it, which realloc needs. */
union prefix {
    size_t size_bytes;
    max_align_t align;
};

static void *take_memory(cmsContext context, cmsUInt32Number size) {
    struct budget *budget = cmsGetContextUserData(context);
    size_t taken_bytes = sizeof(union prefix) + (size_t)size + TT_ARENA_STEP_BYTES;
    if (!budget || size == 0 || budget->arena->used_bytes + taken_bytes > budget->limit_bytes)
        return NULL;
    union prefix *prefix = tt_arena_alloc(budget->arena, sizeof *prefix + size);
    if (!prefix) {
        budget->arena_failed = true;
        return NULL;
    }
    prefix->size_bytes = size;
    return prefix + 1;
}

static void give_memory_back(cmsContext context, void *memory) {
    (void)context;
    (void)memory; /* with the arena */
}

static void *resize_memory(cmsContext context, void *memory, cmsUInt32Number size) {
    void *larger = take_memory(context, size);
    if (larger && memory) {
        size_t old_bytes = ((union prefix *)memory - 1)->size_bytes;
        memcpy(larger, memory, old_bytes < size ? old_bytes : size);
    }
    return larger;
}

static cmsContext create_context(struct budget *budget) {
    cmsPluginMemHandler plugin = {
        .base = {.Magic = cmsPluginMagicNumber,
                 .ExpectedVersion = 2000, /* LittleCMS 2.0 was the first with this plugin */
                 .Type = cmsPluginMemHandlerSig},
        .MallocPtr = take_memory,
        .FreePtr = give_memory_back,
        .ReallocPtr = resize_memory,
    };
    return cmsCreateContext(&plugin, budget); /* its error handler is the silent one */
}

int64_t tt_colour_transform_bytes(size_t icc_bytes) {
    if (icc_bytes == 0)
        return 0;
    return FIXED_BYTES +
           PER_PROFILE_BYTE * (icc_bytes < PROFILE_BYTES_MAX ? (int64_t)icc_bytes : 0);
}

/* ---- is it sRGB? ---- */

/* This is sRGB's curve from a value to light (IEC 61966-2-1), as ICC's parametric curve of type 3,
 * which is LittleCMS's 4. */
static const cmsFloat64Number srgb_curve[] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};

static double srgb_light(double value) {
    return value <= srgb_curve[4] ? value * srgb_curve[3]
                                  : pow(value * srgb_curve[1] + srgb_curve[2], srgb_curve[0]);
}

/* These are sRGB's primaries (IEC 61966-2-1), adapted from D65 to D50 by Bradford's matrix, as
 * ICC.1:2022, annex E, has it. */
static const struct primary {
    cmsTagSignature colour, curve;
    cmsCIEXYZ xyz;
} srgb_primaries[] = {
    {cmsSigRedColorantTag, cmsSigRedTRCTag, {0.43607, 0.22249, 0.01392}},
    {cmsSigGreenColorantTag, cmsSigGreenTRCTag, {0.38515, 0.71687, 0.09708}},
    {cmsSigBlueColorantTag, cmsSigBlueTRCTag, {0.14307, 0.06061, 0.71410}},
};

/* Profiles are written with 4 decimals, some rounded twice. */
#define PRIMARY_TOLERANCE 0.0003

static bool is_srgb_primary(cmsHPROFILE profile, const struct primary *primary) {
    const cmsCIEXYZ *xyz = cmsReadTag(profile, primary->colour);
    return xyz != NULL && fabs(xyz->X - primary->xyz.X) <= PRIMARY_TOLERANCE &&
           fabs(xyz->Y - primary->xyz.Y) <= PRIMARY_TOLERANCE &&
           fabs(xyz->Z - primary->xyz.Z) <= PRIMARY_TOLERANCE;
}

/* Whether each of the 256 values gives the light of sRGB to within half a step. */
static bool is_srgb_curve(cmsHPROFILE profile, cmsTagSignature tag) {
    const cmsToneCurve *curve = cmsReadTag(profile, tag);
    if (!curve)
        return false;
    for (int value = 0; value < 256; value++) {
        double light = (double)cmsEvalToneCurveFloat(curve, (float)value / 255);
        if (!(light >= srgb_light((value - 0.5) / 255) && light <= srgb_light((value + 0.5) / 255)))
            return false;
    }
    return true;
}

/* Most pictures say that they are sRGB, and seeing that in the profile takes a 20th of the time
 * that LittleCMS takes to make a transform. A profile with tables is none of sRGB's, even if it is
 * called so. */
static bool is_srgb(cmsHPROFILE profile) {
    if (cmsIsTag(profile, cmsSigAToB0Tag) || cmsIsTag(profile, cmsSigDToB0Tag))
        return false;
    if (cmsGetColorSpace(profile) == cmsSigGrayData)
        return is_srgb_curve(profile, cmsSigGrayTRCTag);
    for (int i = 0; i < 3; i++)
        if (!is_srgb_primary(profile, &srgb_primaries[i]) ||
            !is_srgb_curve(profile, srgb_primaries[i].curve))
            return false;
    return true;
}

/* ---- the transform ---- */

struct tt_colour_transform {
    cmsHTRANSFORM library;
    int channels;      /* of a gray picture, 1 or 2; 0 for others */
    uint8_t gray[256]; /* what becomes of each gray */
};

static const struct kind {
    cmsColorSpaceSignature space;
    cmsUInt32Number from, to;
} kinds[] = {
    [TT_COLOUR_GRAY] = {cmsSigGrayData, TYPE_GRAY_8, TYPE_GRAY_8},
    [TT_COLOUR_GRAY_ALPHA] = {cmsSigGrayData, TYPE_GRAY_8, TYPE_GRAY_8},
    [TT_COLOUR_RGB] = {cmsSigRgbData, TYPE_RGB_8, TYPE_RGB_8},
    [TT_COLOUR_RGB_ALPHA] = {cmsSigRgbData, TYPE_RGBA_8, TYPE_RGBA_8},
    [TT_COLOUR_CMYK] = {cmsSigCmykData, TYPE_CMYK_8_REV, TYPE_RGB_8},
};

/* Links between two devices, abstract effects and lists of named colours say nothing about what a
 * picture's samples look like. */
static bool is_of_a_device(cmsHPROFILE profile) {
    switch (cmsGetDeviceClass(profile)) {
    case cmsSigInputClass:
    case cmsSigDisplayClass:
    case cmsSigOutputClass:
    case cmsSigColorSpaceClass: return true;
    default: return false;
    }
}

/* Creates sRGB's profile, or that of the grays on its axis. */
static cmsHPROFILE create_srgb(cmsContext context, cmsColorSpaceSignature space) {
    if (space != cmsSigGrayData)
        return cmsCreate_sRGBProfileTHR(context);
    cmsToneCurve *curve = cmsBuildParametricToneCurve(context, 4, srgb_curve);
    return curve ? cmsCreateGrayProfileTHR(context, cmsD50_xyY(), curve) : NULL;
}

/* Returns NULL where there is nothing to do, or no memory. */
static cmsHTRANSFORM create_transform(cmsContext context, const uint8_t *icc_profile,
                                      size_t icc_bytes, const struct kind *kind) {
    cmsUInt32Number flags = cmsFLAGS_BLACKPOINTCOMPENSATION | cmsFLAGS_COPY_ALPHA;
    /* For gray LittleCMS would make a table of 33 steps, which is seen in the shadows: a step of 7
     * values of 255 for a profile of linear light. Here all 256 are converted, once. */
    if (kind->space == cmsSigGrayData)
        flags |= cmsFLAGS_NOOPTIMIZE;
    cmsHPROFILE profile =
        cmsOpenProfileFromMemTHR(context, icc_profile, (cmsUInt32Number)icc_bytes);
    if (!profile)
        return NULL;
    cmsHPROFILE srgb = NULL;
    if (cmsGetColorSpace(profile) == kind->space && is_of_a_device(profile) && !is_srgb(profile))
        srgb = create_srgb(context, kind->space);
    cmsHTRANSFORM transform = NULL;
    if (srgb) {
        transform = cmsCreateTransformTHR(context, profile, kind->from, srgb, kind->to,
                                          INTENT_PERCEPTUAL, flags);
        cmsCloseProfile(srgb); /* this fails for profiles that are written alone */
    }
    cmsCloseProfile(profile);
    return transform;
}

static void convert_grays(struct tt_colour_transform *self, int channels) {
    uint8_t grays[256];
    self->channels = channels;
    for (int value = 0; value < 256; value++)
        grays[value] = (uint8_t)value;
    cmsDoTransform(self->library, grays, self->gray, 256);
}

enum tt_err tt_colour_transform_open(struct tt_colour_transform **transform,
                                     const uint8_t *icc_profile, size_t icc_bytes,
                                     enum tt_colour_samples samples, struct tt_arena *arena) {
    size_t most_bytes = (size_t)tt_colour_transform_bytes(icc_bytes);
    struct budget budget = {.arena = arena, .limit_bytes = arena->used_bytes + most_bytes};
    *transform = NULL;
    if (!icc_profile || icc_bytes == 0 || icc_bytes > PROFILE_BYTES_MAX)
        return TT_OK;
    if (most_bytes > arena->cap_bytes - arena->used_bytes)
        return tt_err_fail(TT_ERR_NO_MEMORY, "a colour profile may take %zu bytes; %zu of %zu used",
                           most_bytes, arena->used_bytes, arena->cap_bytes);
    struct tt_colour_transform *made = tt_arena_alloc(arena, sizeof *made);
    if (!made)
        return TT_ERR_NO_MEMORY;
    cmsContext context = create_context(&budget);
    if (!context)
        return tt_err_fail(TT_ERR_NO_MEMORY, "cmsCreateContext");
    made->library = create_transform(context, icc_profile, icc_bytes, &kinds[samples]);
    /* The library has a list of all contexts, which must not outlive the arena. The transform stays
     * where it is, as give_memory_back keeps everything; converting looks no context up. */
    cmsDeleteContext(context);
    if (budget.arena_failed)
        return TT_ERR_NO_MEMORY;
    if (!made->library)
        return TT_OK;
    if (kinds[samples].space == cmsSigGrayData)
        convert_grays(made, (int)samples);
    *transform = made;
    return TT_OK;
}

void tt_colour_transform_row(const struct tt_colour_transform *transform, uint8_t *to,
                             const uint8_t *from, int width_px) {
    int channels = transform->channels;
    if (channels == 0) {
        cmsDoTransform(transform->library, from, to, (cmsUInt32Number)width_px);
        return;
    }
    for (int x = 0; x < width_px; x++, from += channels, to += channels) {
        to[0] = transform->gray[from[0]];
        if (channels == 2)
            to[1] = from[1];
    }
}

/* ---- the operation ---- */

struct colour {
    struct tt_row_sink base;
    struct tt_row_sink *to;
    const struct tt_colour_transform *transform;
    uint8_t *out;
};

static enum tt_err put_converted(struct tt_row_sink *sink, const uint8_t *row) {
    struct colour *self = (struct colour *)sink;
    tt_colour_transform_row(self->transform, self->out, row, sink->width_px);
    return self->to->put(self->to, self->out);
}

enum tt_err tt_colour_open(struct tt_row_sink **sink, struct tt_row_sink *to,
                           const struct tt_colour_transform *transform, struct tt_arena *arena) {
    if (!transform) {
        *sink = to;
        return TT_OK;
    }
    struct colour *self = tt_arena_alloc(arena, sizeof *self);
    if (!self)
        return TT_ERR_NO_MEMORY;
    self->base = *to;
    self->base.put = put_converted;
    self->to = to;
    self->transform = transform;
    self->out = tt_arena_alloc_array(arena, (size_t)to->width_px, (size_t)to->channels);
    if (!self->out)
        return TT_ERR_NO_MEMORY;
    *sink = &self->base;
    return TT_OK;
}
