/* libFuzzer on tt_image_render, which gets a hostile picture and the limits of a decoder, made
 * small.
 *
 * The first four bytes are the options (fit, grayscale and format; width; height; quality), and the
 * rest is the file. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tintype/err.h"
#include "tintype/image.h"

#define OPTION_BYTES 4

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static const struct tt_picture_limits limits = {.max_pixels = 1 << 18,
                                                .max_memory_bytes = 64 << 20,
                                                .max_chunk_bytes = 1 << 16,
                                                .max_scans = 20};

/* libheif 1.15 forgets what it holds of dav1d when a picture is damaged. That is harmless in the
 * service, as a decoder ends after one picture. */
const char *__lsan_default_suppressions(void);  // NOLINT(bugprone-reserved-identifier)
const char *__lsan_default_suppressions(void) { // NOLINT(bugprone-reserved-identifier)
    return "leak:libheif\nleak:libdav1d\nleak:libstdc++\n";
}

static int memory_file(const uint8_t *bytes, size_t length) {
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(write(fd, bytes, length) == (ssize_t)length);
    return fd;
}

/* A result is a picture of the format that was asked for. */
static void check_result(int fd, const struct tt_picture_options *options,
                         const struct tt_picture_report *report) {
    uint8_t head[TT_IMAGE_SNIFF_BYTES];
    ssize_t got = pread(fd, head, sizeof head, 0);
    CHECK(got == (ssize_t)sizeof head);
    CHECK(tt_image_sniff(head, sizeof head) == options->format);
    CHECK(report->source_width_px > 0 && report->source_height_px > 0);
    CHECK(report->results[0].width_px > 0 && report->results[0].height_px > 0);
    CHECK((int64_t)report->source_width_px * report->source_height_px <= limits.max_pixels);
    CHECK((int64_t)report->results[0].width_px * report->results[0].height_px <= limits.max_pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < OPTION_BYTES)
        return 0;
    const struct tt_picture_options options = {
        .width_px = data[1],
        .height_px = data[2],
        .fit = (enum tt_picture_fit)((data[0] & 3) % 3),
        .grayscale = (data[0] & 4) != 0,
        .format =
            (enum tt_picture_format)(TT_FORMAT_PNG + (data[0] >> 3) % 3), /* PNG, JPEG, WebP */
        .quality = 1 + data[3] % 100,
    };
    int picture_fd = memory_file(data + OPTION_BYTES, size - OPTION_BYTES);
    int result_fd = memory_file(NULL, 0);
    struct tt_picture_report report;
    tt_err_take(TT_OK);
    const struct tt_picture_output output = {.fd = result_fd, .options = &options};
    const struct tt_image_job job = {
        .picture_fd = picture_fd, .outputs = &output, .output_count = 1, .limits = &limits};
    enum tt_err err = tt_image_render(&job, &report);
    CHECK(err == report.err);
    CHECK(memchr(report.detail, '\0', sizeof report.detail));
    CHECK(memchr(report.cause, '\0', sizeof report.cause));
    if (err == TT_OK)
        check_result(result_fd, &options, &report);
    else
        CHECK(err == TT_ERR_PICTURE_TYPE || err == TT_ERR_PICTURE_BROKEN ||
              err == TT_ERR_PICTURE_TOO_LARGE || err == TT_ERR_NO_MEMORY);
    close(picture_fd);
    close(result_fd);
    return 0;
}
