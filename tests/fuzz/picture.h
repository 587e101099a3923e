/* A hostile picture through the whole pipeline: header, plan, rows, operations, encoders. It is
 * read under the limits of a decoder, made small, and none of those of its process.
 *
 * What is asked of it follows from a checksum of the file, so that a corpus has plain pictures,
 * which the tests of the service can upload as they are. */
#ifndef TINTYPE_TESTS_FUZZ_PICTURE_H
#define TINTYPE_TESTS_FUZZ_PICTURE_H

#include "fuzz.h"

#include "tintype/config.h"
#include "tintype/image.h"

#define FUZZ_OUTPUTS_MAX 2

/* More options of AddressSanitizer, for one fuzzer alone. */
#ifndef FUZZ_ASAN_OPTIONS
#define FUZZ_ASAN_OPTIONS ""
#endif

static const struct tt_picture_limits fuzz_limits = {.max_pixels = 1 << 18,
                                                     .max_memory_bytes = 64 << 20,
                                                     .max_chunk_bytes = 1 << 16,
                                                     .max_scans = 20};

/* In the service, the limits of the decoder's process let an allocation fail that a picture makes a
 * library ask for. So does this here. */
const char *__asan_default_options(void);  // NOLINT(bugprone-reserved-identifier)
const char *__asan_default_options(void) { // NOLINT(bugprone-reserved-identifier)
    return "allocator_may_return_null=1:max_allocation_size_mb=256" FUZZ_ASAN_OPTIONS;
}

/* FNV-1a (Fowler, Noll, Vo; 64 bits), folded by its finer half. */
static inline uint64_t fuzz_sum(const uint8_t *bytes, size_t length) {
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    return sum ^ sum >> 32;
}

/* Takes the next number below count off the sum. */
static inline int fuzz_draw(uint64_t *sum, uint64_t count) {
    int drawn = (int)(*sum % count);
    *sum /= count;
    return drawn;
}

static inline struct tt_picture_options fuzz_options(uint64_t sum) {
    struct tt_picture_options options = {
        .fit = (enum tt_picture_fit)fuzz_draw(&sum, 3),
        .grayscale = fuzz_draw(&sum, 2) == 0,
        .format = (enum tt_picture_format)(TT_FORMAT_PNG + fuzz_draw(&sum, 3)),
        .quality = 1 + fuzz_draw(&sum, 100),
        .width_px = fuzz_draw(&sum, 80),
        .height_px = fuzz_draw(&sum, 80),
        .watermark = {.enabled = fuzz_draw(&sum, 4) == 0,
                      .position = (enum tt_picture_position)fuzz_draw(&sum, TT_POSITION_COUNT),
                      .size_percent = 40,
                      .margin_percent = 3,
                      .opacity_percent = 60},
    };
    if (options.watermark.enabled)
        strcpy(options.watermark.text, "ink");
    return options;
}

/* A result is a picture of the format that was asked for. */
static inline void fuzz_check_result(const struct tt_picture_output *output, int32_t width_px,
                                     int32_t height_px) {
    uint8_t head[TT_IMAGE_SNIFF_BYTES];
    CHECK(pread(output->fd, head, sizeof head, 0) == (ssize_t)sizeof head);
    CHECK(tt_image_sniff(head, sizeof head) == output->options->format);
    CHECK(width_px > 0 && height_px > 0);
    CHECK((int64_t)width_px * height_px <= fuzz_limits.max_pixels);
}

static inline void fuzz_check_report(const struct tt_image_job *job,
                                     const struct tt_picture_report *report) {
    CHECK(memchr(report->detail, '\0', sizeof report->detail));
    CHECK(memchr(report->cause, '\0', sizeof report->cause));
    if (report->err != TT_OK) {
        CHECK(report->err == TT_ERR_PICTURE_TYPE || report->err == TT_ERR_PICTURE_BROKEN ||
              report->err == TT_ERR_PICTURE_TOO_LARGE || report->err == TT_ERR_PICTURE_TOO_COSTLY ||
              report->err == TT_ERR_NO_MEMORY);
        return;
    }
    CHECK(report->source_width_px > 0 && report->source_height_px > 0);
    CHECK((int64_t)report->source_width_px * report->source_height_px <= fuzz_limits.max_pixels);
    for (int i = 0; i < job->output_count; i++)
        fuzz_check_result(&job->outputs[i], report->results[i].width_px,
                          report->results[i].height_px);
}

/* Renders a file of one of the formats first..last; another's is left to another fuzzer. */
static inline int fuzz_picture(const uint8_t *data, size_t size, enum tt_picture_format first,
                               enum tt_picture_format last) {
    static struct tt_watermark *watermark;
    enum tt_picture_format format = tt_image_sniff(data, size);
    if (format < first || format > last)
        return 0;
    if (!watermark)
        CHECK(tt_watermark_load(&watermark, TT_CONFIG_WATERMARK_FONT, "") == TT_OK);
    struct tt_picture_options options[FUZZ_OUTPUTS_MAX];
    struct tt_picture_output outputs[FUZZ_OUTPUTS_MAX];
    uint64_t sum = fuzz_sum(data, size);
    int count = 1 + (int)(sum & 1);
    for (int i = 0; i < count; i++, sum = sum >> 20 | sum << 44) {
        options[i] = fuzz_options(sum);
        outputs[i] = (struct tt_picture_output){.fd = fuzz_file(data, 0), .options = &options[i]};
    }
    const struct tt_image_job job = {.picture_fd = fuzz_file(data, size),
                                     .outputs = outputs,
                                     .output_count = count,
                                     .limits = &fuzz_limits,
                                     .watermark = watermark};
    struct tt_picture_report report;
    tt_err_take(TT_OK);
    CHECK(tt_image_render(&job, &report) == report.err);
    fuzz_check_report(&job, &report);
    close(job.picture_fd);
    for (int i = 0; i < count; i++)
        close(outputs[i].fd);
    return 0;
}

#endif
