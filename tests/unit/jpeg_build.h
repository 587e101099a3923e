/* JPEGs made by libjpeg's writing side, of two plain halves, for the tests of the reader. */
#ifndef TINTYPE_TESTS_JPEG_BUILD_H
#define TINTYPE_TESTS_JPEG_BUILD_H

#include "profile_build.h"

#include <jpeglib.h>

static struct file file;
static struct grid grid;

struct recipe {
    int width_px, height_px;
    J_COLOR_SPACE in, stored;
    uint8_t colors[2][4]; /* of the left and the right half; the border is one of blocks */
    bool progressive;
    bool two_scans; /* sequential, gray first, then colour */
    bool no_adobe;
    unsigned int restart_interval;
    const void *app1;
    unsigned int app1_length;
    int app1_count;
    const struct profile *icc;
    unsigned int icc_chunks; /* that it comes in; 0: one */
};

static inline void set_scans(struct jpeg_compress_struct *library) {
    static const jpeg_scan_info scans[] = {
        {.comps_in_scan = 1, .component_index = {0}, .Se = 63},
        {.comps_in_scan = 2, .component_index = {1, 2}, .Se = 63}};
    library->scan_info = scans;
    library->num_scans = 2;
}

/* The profile comes in equal parts, of which the last has the rest: ICC.1:2022, B.4. */
static inline void write_profile(struct jpeg_compress_struct *library,
                                 const struct recipe *recipe) {
    static uint8_t marker[65533];
    unsigned int count = recipe->icc_chunks ? recipe->icc_chunks : 1;
    size_t part = recipe->icc->length / count;
    for (unsigned int i = 0; i < count; i++) {
        size_t length = i + 1 < count ? part : recipe->icc->length - i * part;
        memcpy(marker, "ICC_PROFILE", 12);
        marker[12] = (uint8_t)(i + 1);
        marker[13] = (uint8_t)count;
        memcpy(marker + 14, recipe->icc->bytes + i * part, length);
        jpeg_write_marker(library, JPEG_APP0 + 2, marker, (unsigned int)length + 14);
    }
}

static inline void write_row(struct jpeg_compress_struct *library, const struct recipe *recipe) {
    uint8_t samples[4 * 256];
    JSAMPROW row = samples;
    int channels = library->input_components;
    assert_true(recipe->width_px <= 256);
    for (int x = 0; x < recipe->width_px; x++)
        memcpy(samples + x * channels, recipe->colors[x * 2 >= recipe->width_px ? 1 : 0],
               (size_t)channels);
    jpeg_write_scanlines(library, &row, 1);
}

/* Builds a JPEG in `file`. libjpeg's own error handler ends the test's process, which is a failure.
 */
static inline void build(const struct recipe *recipe) {
    struct jpeg_compress_struct library;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long length = 0;

    library.err = jpeg_std_error(&errors);
    jpeg_create_compress(&library);
    jpeg_mem_dest(&library, &bytes, &length);
    library.image_width = (JDIMENSION)recipe->width_px;
    library.image_height = (JDIMENSION)recipe->height_px;
    library.in_color_space = recipe->in;
    library.input_components = recipe->in == JCS_GRAYSCALE ? 1 : recipe->in == JCS_CMYK ? 4 : 3;
    jpeg_set_defaults(&library);
    jpeg_set_colorspace(&library, recipe->stored);
    jpeg_set_quality(&library, 100, TRUE);
    library.restart_interval = recipe->restart_interval;
    if (recipe->no_adobe)
        library.write_Adobe_marker = FALSE;
    if (recipe->progressive)
        jpeg_simple_progression(&library);
    if (recipe->two_scans)
        set_scans(&library);
    jpeg_start_compress(&library, TRUE);
    for (int i = 0; i < recipe->app1_count; i++)
        jpeg_write_marker(&library, JPEG_APP0 + 1, recipe->app1, recipe->app1_length);
    if (recipe->icc)
        write_profile(&library, recipe);
    while (library.next_scanline < library.image_height)
        write_row(&library, recipe);
    jpeg_finish_compress(&library);
    jpeg_destroy_compress(&library);
    file.length = 0;
    file_append(&file, bytes, length);
    free(bytes);
}

static const struct recipe gray = {
    .width_px = 32,
    .height_px = 16,
    .in = JCS_GRAYSCALE,
    .stored = JCS_GRAYSCALE,
    .colors = {{40}, {200}},
};

static const struct recipe color = {
    .width_px = 32,
    .height_px = 16,
    .in = JCS_RGB,
    .stored = JCS_YCbCr,
    .colors = {{200, 100, 50}, {50, 100, 200}},
};

static inline struct recipe progressive(const struct recipe *recipe) {
    struct recipe changed = *recipe;
    changed.progressive = true;
    return changed;
}

/* Every pixel is within 2 of its half's colour (flat blocks survive the DCT but for rounding). */
static inline void assert_halves(int width_px, int height_px, int channels, const uint8_t *left,
                                 const uint8_t *right) {
    assert_int_equal(grid.width_px, width_px);
    assert_int_equal(grid.height_px, height_px);
    assert_int_equal(grid.channels, channels);
    for (int y = 0; y < height_px; y++) {
        for (int x = 0; x < width_px; x++) {
            for (int c = 0; c < channels; c++) {
                int sample = grid.samples[(y * width_px + x) * channels + c];
                int wanted = (x * 2 >= width_px ? right : left)[c];
                /* the two columns at the border mix colours when chroma is upsampled */
                bool border = channels == 3 && abs(x * 2 + 1 - width_px) <= 3;
                if (!border)
                    assert_in_range(sample, wanted < 2 ? 0 : wanted - 2, wanted + 2);
            }
        }
    }
}

#endif
