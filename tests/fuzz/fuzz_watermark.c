/* libFuzzer on watermarks: a PNG that is loaded and drawn, and a text.
 *
 * The first byte is the place and size of the mark, and by its highest bit whether the rest is a
 * PNG or a text. */
#include "picture.h"

/* One gray pixel, of which results of any size are made. */
static const uint8_t pixel[] = {'G', 'I', 'F', '8', '9', 'a', 1, 0,    1, 0, 0x80, 0,
                                0,   128, 128, 128, 0,   0,   0, ',',  0, 0, 0,    0,
                                1,   0,   1,   0,   0,   2,   2, 0x44, 1, 0, ';'};

static void draw(const struct tt_watermark *watermark, const struct tt_picture_options *options) {
    const struct tt_picture_output output = {.fd = fuzz_file(pixel, 0), .options = options};
    const struct tt_image_job job = {.picture_fd = fuzz_file(pixel, sizeof pixel),
                                     .outputs = &output,
                                     .output_count = 1,
                                     .limits = &fuzz_limits,
                                     .watermark = watermark};
    struct tt_picture_report report;
    enum tt_err err = tt_image_render(&job, &report);
    CHECK(err == TT_OK || err == TT_ERR_NO_MEMORY);
    fuzz_check_report(&job, &report);
    close(job.picture_fd);
    close(output.fd);
}

static void draw_picture(struct tt_picture_options *options, const uint8_t *data, size_t size) {
    struct tt_watermark *watermark;
    char path[32];
    int fd = fuzz_file(data, size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    options->watermark.use_image = true;
    if (tt_watermark_load(&watermark, "", path) == TT_OK)
        draw(watermark, options);
    tt_watermark_free(watermark);
    close(fd);
}

static void draw_text(struct tt_picture_options *options, const uint8_t *data, size_t size) {
    static struct tt_watermark *watermark;
    char *text = fuzz_text(data, size);
    if (!watermark)
        CHECK(tt_watermark_load(&watermark, TT_CONFIG_WATERMARK_FONT, "") == TT_OK);
    snprintf(options->watermark.text, sizeof options->watermark.text, "%s", text);
    draw(watermark, options);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1)
        return 0;
    struct tt_picture_options options = {
        .width_px = 90,
        .height_px = 40 + data[0] % 8 * 10,
        .fit = TT_FIT_FILL,
        .grayscale = (data[0] & 8) != 0,
        .format = TT_FORMAT_PNG,
        .watermark = {.enabled = true,
                      .position = (enum tt_picture_position)(data[0] % TT_POSITION_COUNT),
                      .size_percent = 10 + data[0] % 90,
                      .margin_percent = 5,
                      .opacity_percent = 50}};
    tt_err_take(TT_OK);
    if (data[0] & 0x80)
        draw_picture(&options, data + 1, size - 1);
    else
        draw_text(&options, data + 1, size - 1);
    return 0;
}
