/* A whole rendering, from a file in memory to a file in memory. */
#include "tintype/image.h"

#include <fcntl.h>

#include "image/codec.h"
#include "image/colour.h"
#include "profile_build.h"

static const struct tt_picture_options plain = {.width_px = 10,
                                                .fit = TT_FIT_INSIDE,
                                                .grayscale = true,
                                                .format = TT_FORMAT_PNG,
                                                .quality = 90};

static enum tt_err render_to(int picture_fd, int result_fd,
                             const struct tt_picture_options *options,
                             const struct tt_picture_limits *limits,
                             struct tt_picture_report *report) {
    const struct tt_picture_output output = {.fd = result_fd, .options = options};
    const struct tt_image_job job = {
        .picture_fd = picture_fd, .outputs = &output, .output_count = 1, .limits = limits};

    return tt_image_render(&job, report);
}

/* Renders file into result; the report is checked against the code returned. */
static struct tt_picture_report render(const struct file *file,
                                       const struct tt_picture_options *options,
                                       const struct tt_picture_limits *limits,
                                       struct file *result) {
    struct tt_picture_report report;
    int picture_fd = file_open(file->bytes, file->length);
    int result_fd = memfd_create("result", MFD_CLOEXEC);
    enum tt_err err;

    assert_true(result_fd >= 0);
    memset(&report, 0xff, sizeof report);
    err = render_to(picture_fd, result_fd, options, limits, &report);
    assert_int_equal(err, report.err);
    assert_string_equal(tt_err_cause(), "");
    (void)close(picture_fd);
    file_read_back(result, result_fd);
    return report;
}

/* Builds 20 × 16 pixels, the left half red, the right half blue, alpha 0 below the middle if it has
 * any. */
static void build_picture(struct file *file, enum tt_picture_format format, int channels) {
    static uint8_t samples[20 * 16 * 4];
    const struct tt_encoder_wish wish = {format, 20, 16, channels, 95};
    int fd = memfd_create("picture", MFD_CLOEXEC);
    for (int i = 0; i < 20 * 16; i++) {
        const uint8_t pixel[4] = {i % 20 < 10 ? 255 : 0, 0, i % 20 < 10 ? 0 : 255,
                                  i / 20 < 8 ? 255 : 0};
        memcpy(samples + i * channels, pixel, (size_t)channels);
    }
    assert_int_equal(encode(fd, &wish, samples, (size_t)1 << 24), TT_OK);
    file_read_back(file, fd);
}

/* Adds an APP1 segment with this orientation, right after SOI. */
static void add_orientation(struct file *file, unsigned int orientation) {
    static const uint8_t segment[] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0,    0,    'I', 'I',
                                      42,   0,    8, 0,  0,   0,   1,   0,   0x12, 0x01, 3,   0,
                                      1,    0,    0, 0,  0,   0,   0,   0,   0,    0,    0,   0};

    memmove(file->bytes + 2 + sizeof segment, file->bytes + 2, file->length - 2);
    memcpy(file->bytes + 2, segment, sizeof segment);
    file->bytes[2 + 28] = (uint8_t)orientation;
    file->length += sizeof segment;
}

static void assert_rendered(const struct tt_picture_report *report, int width_px, int height_px) {
    if (report->err != TT_OK)
        fail_msg("%s; %s", report->detail, report->cause);
    assert_int_equal(report->source_width_px, 20);
    assert_int_equal(report->source_height_px, 16);
    assert_int_equal(report->results[0].width_px, width_px);
    assert_int_equal(report->results[0].height_px, height_px);
    assert_string_equal(report->detail, "");
}

static void a_photo_becomes_a_gray_png(void **state) {
    static struct file photo, result;
    static struct grid grid;
    struct tt_picture_report report;

    (void)state;
    build_picture(&photo, TT_FORMAT_JPEG, 3);
    report = render(&photo, &plain, &test_limits, &result);
    assert_rendered(&report, 10, 8);
    assert_decodes(&result, &in_color, &grid);
    assert_int_equal(grid.header.format, TT_FORMAT_PNG);
    assert_int_equal(grid.channels, 1);
    assert_int_equal(grid.width_px, 10);
    assert_int_equal(grid.height_px, 8);
    assert_in_range(grid.samples[0], 72, 80); /* Rec. 601 luma of red, 76, and of blue, 29 */
    assert_in_range(grid.samples[9], 25, 33);
}

static void orientation_is_applied_and_dropped(void **state) {
    static struct file photo, result;
    static struct grid grid;
    struct tt_picture_report report;

    (void)state;
    build_picture(&photo, TT_FORMAT_JPEG, 3);
    add_orientation(&photo, 6);
    report = render(&photo, &plain, &test_limits, &result);
    assert_rendered(&report, 10, 13);
    assert_decodes(&result, &in_color, &grid);
    assert_int_equal(grid.header.orientation, 1);
    assert_int_equal(grid.width_px, 10);
    assert_in_range(grid.samples[0], 72, 80); /* the left half is above now */
    assert_in_range(grid.samples[10 * 12 + 9], 25, 33);
}

static void transparency_is_kept_in_png_and_white_in_jpeg(void **state) {
    static struct file picture, result;
    static struct grid grid;
    struct tt_picture_options options = plain;
    struct tt_picture_report report;

    (void)state;
    build_picture(&picture, TT_FORMAT_PNG, 4);
    report = render(&picture, &options, &test_limits, &result);
    assert_rendered(&report, 10, 8);
    assert_decodes(&result, &in_color, &grid);
    assert_int_equal(grid.channels, 2);
    assert_int_equal(grid.samples[1], 255);
    assert_int_equal(grid.samples[7 * 20 + 1], 0);

    options.format = TT_FORMAT_JPEG;
    options.grayscale = false;
    report = render(&picture, &options, &test_limits, &result);
    assert_rendered(&report, 10, 8);
    assert_decodes(&result, &in_color, &grid);
    assert_int_equal(grid.header.format, TT_FORMAT_JPEG);
    assert_int_equal(grid.channels, 3);
    for (int channel = 0; channel < 3; channel++)
        assert_in_range(grid.samples[7 * 30 + channel], 250, 255);
}

/* One row of the middle is all that is needed; still, a file without its end is no good. */
static void damage_below_the_rows_in_use_is_found(void **state) {
    static struct file picture, result;
    struct tt_picture_options options = plain;
    struct tt_picture_report report;

    (void)state;
    options.width_px = 20;
    options.height_px = 1;
    options.fit = TT_FIT_COVER;
    for (int format = TT_FORMAT_PNG; format <= TT_FORMAT_JPEG; format++) {
        build_picture(&picture, (enum tt_picture_format)format, 3);
        report = render(&picture, &options, &test_limits, &result);
        assert_rendered(&report, 20, 1);
        picture.length -= format == TT_FORMAT_PNG ? 12 : 2; /* IEND, EOI */
        report = render(&picture, &options, &test_limits, &result);
        assert_int_equal(report.err, TT_ERR_PICTURE_BROKEN);
        assert_string_not_equal(report.detail, "");
        assert_int_equal(report.source_width_px, 20);
        assert_int_equal(report.results[0].width_px, 0);
    }
}

static void no_picture_is_refused(void **state) {
    static struct file text, result;
    struct tt_picture_report report;

    (void)state;
    text.length = 0;
    file_append(&text, "%PDF-1.7 no picture", 19);
    report = render(&text, &plain, &test_limits, &result);
    assert_int_equal(report.err, TT_ERR_PICTURE_TYPE);
    assert_string_not_equal(report.detail, "");
    assert_int_equal(report.source_width_px, 0);
    assert_int_equal(result.length, 0);
}

static void limits_hold_before_anything_is_written(void **state) {
    static struct file photo, result;
    struct tt_picture_limits limits = test_limits;
    struct tt_picture_options options = plain;
    struct tt_picture_report report;

    (void)state;
    build_picture(&photo, TT_FORMAT_PNG, 3);
    options.height_px = 16384;
    options.width_px = 16384;
    options.fit = TT_FIT_FILL;
    report = render(&photo, &options, &limits, &result);
    assert_int_equal(report.err, TT_ERR_PICTURE_TOO_LARGE);
    assert_non_null(strstr(report.detail, "16384 x 16384"));
    assert_int_equal(result.length, 0);

    limits.max_memory_bytes = 1 << 16;
    report = render(&photo, &plain, &limits, &result);
    assert_int_equal(report.err, TT_ERR_NO_MEMORY);
    assert_non_null(strstr(report.cause, "65536"));
    assert_int_equal(result.length, 0);
}

static void a_result_that_cannot_be_written_is_reported(void **state) {
    static struct file photo;
    struct tt_picture_report report;
    int picture_fd, result_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_true(result_fd >= 0);
    build_picture(&photo, TT_FORMAT_PNG, 3);
    picture_fd = file_open(photo.bytes, photo.length);
    assert_int_equal(render_to(picture_fd, result_fd, &plain, &test_limits, &report),
                     TT_ERR_SPOOL_FULL);
    assert_int_equal(report.results[0].width_px, 0);
    assert_non_null(strstr(report.cause, "No space left on device"));
    assert_string_equal(report.detail, ""); /* the client is told what its row advises */
    (void)close(picture_fd);
    (void)close(result_fd);
}

/* From one decode each result is, to the byte, what it would have been by itself. */
static void several_results_are_those_of_single_ones(void **state) {
    static const struct tt_picture_options wanted[] = {
        {.width_px = 10, .grayscale = true, .format = TT_FORMAT_PNG},
        {.width_px = 5,
         .height_px = 7,
         .fit = TT_FIT_COVER,
         .format = TT_FORMAT_JPEG,
         .quality = 90},
        {.width_px = 30, .height_px = 3, .fit = TT_FIT_FILL, .format = TT_FORMAT_PNG},
        {.fit = TT_FIT_INSIDE, .grayscale = true, .format = TT_FORMAT_WEBP, .quality = 80},
    };
    enum { COUNT = sizeof wanted / sizeof *wanted };
    static struct file picture, single, one_of_several;

    (void)state;
    for (int orientation = 1; orientation <= 8; orientation++) {
        struct tt_picture_output outputs[COUNT];
        struct tt_picture_report report;
        struct tt_image_job job = {
            .outputs = outputs, .output_count = COUNT, .limits = &test_limits};

        /* A JPEG has an orientation. */
        build_picture(&picture, TT_FORMAT_JPEG, 3);
        add_orientation(&picture, (unsigned int)orientation);
        job.picture_fd = file_open(picture.bytes, picture.length);
        for (int i = 0; i < COUNT; i++)
            outputs[i] =
                (struct tt_picture_output){memfd_create("result", MFD_CLOEXEC), &wanted[i], NULL};
        assert_int_equal(tt_image_render(&job, &report), TT_OK);
        (void)close(job.picture_fd);
        for (int i = 0; i < COUNT; i++) {
            struct tt_picture_report alone = render(&picture, &wanted[i], &test_limits, &single);

            file_read_back(&one_of_several, outputs[i].fd);
            assert_int_equal(report.results[i].width_px, alone.results[0].width_px);
            assert_int_equal(report.results[i].height_px, alone.results[0].height_px);
            /* Luma is read as such where all is gray, and computed where colours are decoded. */
            if (!wanted[i].grayscale) {
                assert_int_equal(one_of_several.length, single.length);
                assert_memory_equal(one_of_several.bytes, single.bytes, single.length);
            }
        }
    }
}

/* The profile's colours are converted for each of eight results, in memory that has room for two
 * transforms, and not for a third. */
static void results_share_one_profile(void **state) {
    static const struct tt_picture_options colour = {
        .width_px = 10, .format = TT_FORMAT_JPEG, .quality = 95};
    static struct profile profile;
    static struct file picture, result;
    static struct grid grid;
    struct tt_picture_output outputs[8];
    struct tt_picture_limits limits = test_limits;
    struct tt_image_job job = {.outputs = outputs, .output_count = 8, .limits = &limits};
    struct tt_picture_report report;
    uint8_t lines[16 * 61] = {0}; /* filter 0, then red that Display P3 makes redder */

    (void)state;
    for (int i = 0; i < 16 * 20; i++)
        lines[i / 20 * 61 + 1 + i % 20 * 3] = 0xc0;
    profile_rgb(&profile, &p3_primaries, srgb_tone_curve());
    png_begin(&picture, 20, 16, 8, 2, false);
    png_profile(&picture, &profile);
    png_pixels(&picture, lines, sizeof lines);
    png_end(&picture);
    job.picture_fd = file_open(picture.bytes, picture.length);
    for (int i = 0; i < 8; i++)
        outputs[i] = (struct tt_picture_output){memfd_create("result", MFD_CLOEXEC), &colour, NULL};
    limits.max_memory_bytes = 3 * tt_colour_transform_bytes(profile.length);
    assert_int_equal(tt_image_render(&job, &report), TT_OK);
    (void)close(job.picture_fd);
    for (int i = 0; i < 8; i++) {
        file_read_back(&result, outputs[i].fd);
        assert_decodes(&result, &in_color, &grid);
        assert_in_range(grid.samples[0], 0xcc, 0xd6);
    }
}

static enum tt_err refuse_to_begin(void *context, int64_t planned_ms) {
    *(int64_t *)context = planned_ms;
    return tt_err_fail(TT_ERR_INTERNAL, "not now");
}

/* Whoever is told the plan may end the rendering, and then nothing is written. */
static void a_rendering_begins_by_leave(void **state) {
    static struct file photo;
    const struct tt_picture_output output = {memfd_create("result", MFD_CLOEXEC), &plain, NULL};
    int64_t planned_ms = -1;
    struct tt_image_job job = {.outputs = &output,
                               .output_count = 1,
                               .limits = &test_limits,
                               .begin = refuse_to_begin,
                               .context = &planned_ms};
    struct tt_picture_report report;

    (void)state;
    build_picture(&photo, TT_FORMAT_PNG, 3);
    job.picture_fd = file_open(photo.bytes, photo.length);
    assert_int_equal(tt_image_render(&job, &report), TT_ERR_INTERNAL);
    assert_string_equal(report.cause, "not now");
    assert_in_range(planned_ms, 0, 10);
    assert_int_equal(lseek(output.fd, 0, SEEK_END), 0);
    /* A picture that cannot be planned is refused before. */
    planned_ms = -1;
    assert_int_equal(ftruncate(job.picture_fd, 20), 0);
    assert_int_not_equal(tt_image_render(&job, &report), TT_ERR_INTERNAL);
    assert_int_equal(planned_ms, -1);
    (void)close(job.picture_fd);
    (void)close(output.fd);
    tt_err_take(TT_OK);
}

static void one_result_that_fails_fails_them_all(void **state) {
    static struct file photo;
    const struct tt_picture_output outputs[] = {
        {memfd_create("result", MFD_CLOEXEC), &plain, NULL},
        {open("/dev/full", O_WRONLY | O_CLOEXEC), &plain, NULL},
    };
    struct tt_image_job job = {.outputs = outputs, .output_count = 2, .limits = &test_limits};
    struct tt_picture_report report;

    (void)state;
    build_picture(&photo, TT_FORMAT_PNG, 3);
    job.picture_fd = file_open(photo.bytes, photo.length);
    assert_int_equal(tt_image_render(&job, &report), TT_ERR_SPOOL_FULL);
    (void)close(job.picture_fd);
    (void)close(outputs[0].fd);
    (void)close(outputs[1].fd);
    tt_err_take(TT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_photo_becomes_a_gray_png),
        cmocka_unit_test(orientation_is_applied_and_dropped),
        cmocka_unit_test(transparency_is_kept_in_png_and_white_in_jpeg),
        cmocka_unit_test(damage_below_the_rows_in_use_is_found),
        cmocka_unit_test(no_picture_is_refused),
        cmocka_unit_test(limits_hold_before_anything_is_written),
        cmocka_unit_test(a_result_that_cannot_be_written_is_reported),
        cmocka_unit_test(several_results_are_those_of_single_ones),
        cmocka_unit_test(results_share_one_profile),
        cmocka_unit_test(a_rendering_begins_by_leave),
        cmocka_unit_test(one_result_that_fails_fails_them_all),
    };

    return cmocka_run_group_tests_name("image/render", tests, NULL, NULL);
}
