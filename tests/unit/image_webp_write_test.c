/* src/image/webp_write.c: rows to files that our own reader reads back, the same as libwebp makes
 * of the whole picture, with nothing in them but that. */
#include <fcntl.h>

#include <webp/encode.h>

#include "picture_build.h"

#define WIDTH_PX  37
#define HEIGHT_PX 35 /* three strips, the last one odd */

static struct file file;
static struct file other;
static struct grid grid;
static uint8_t samples[WIDTH_PX * HEIGHT_PX * 4];

static enum tt_err write_picture(int fd, int width_px, int height_px, int channels, int quality) {
    const struct tt_encoder_wish wish = {TT_FORMAT_WEBP, width_px, height_px, channels, quality};
    return encode(fd, &wish, samples, (size_t)1 << 20);
}

static void write_file(int width_px, int height_px, int channels, int quality, struct file *to) {
    int fd = file_open((const uint8_t *)"", 0);
    assert_int_equal(write_picture(fd, width_px, height_px, channels, quality), TT_OK);
    file_read_back(to, fd);
}

/* Fills the samples with slopes, and noise below them. */
static void fill_samples(void) {
    uint32_t noise = 1;
    for (size_t i = 0; i < sizeof samples; i++) {
        noise = noise * 1664525 + 1013904223; /* Numerical Recipes' generator */
        samples[i] = (uint8_t)(i < sizeof samples / 2 ? i / 7 : noise >> 24);
    }
}

static void the_picture_comes_close(void **state) {
    (void)state;
    for (int channels = 1; channels <= 4; channels++) {
        bool alpha = channels % 2 == 0;
        for (size_t i = 0; i < sizeof samples;
             i++) /* a slope downwards, the same in each channel */
            samples[i] = (uint8_t)(60 + i / (size_t)(WIDTH_PX * channels) * 4);
        write_file(WIDTH_PX, HEIGHT_PX, channels, 95, &file);
        assert_decodes(&file, &in_color, &grid);
        assert_int_equal(grid.width_px, WIDTH_PX);
        assert_int_equal(grid.height_px, HEIGHT_PX);
        assert_int_equal(grid.channels, alpha ? 4 : 3);
        for (int i = 0; i < WIDTH_PX * HEIGHT_PX; i++) {
            int expected = samples[i * channels];
            for (int c = 0; c < 3; c++)
                assert_in_range(grid.samples[i * grid.channels + c], expected - 6, expected + 6);
            if (alpha)
                assert_int_equal(grid.samples[i * 4 + 3], expected);
        }
    }
}

/* Writes libwebp's own way, from the whole picture. */
static void write_with_libwebp(int width_px, int height_px, int channels) {
    WebPPicture picture;
    WebPConfig config;
    WebPMemoryWriter writer;
    WebPMemoryWriterInit(&writer);
    assert_true(WebPPictureInit(&picture));
    assert_true(WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, 80));
    picture.width = width_px;
    picture.height = height_px;
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &writer;
    if (channels == 4)
        assert_true(WebPPictureImportRGBA(&picture, samples, width_px * 4));
    else
        assert_true(WebPPictureImportRGB(&picture, samples, width_px * 3));
    assert_true(WebPEncode(&config, &picture));
    other.length = 0;
    file_append(&other, writer.mem, writer.size);
    WebPPictureFree(&picture);
    WebPMemoryWriterClear(&writer);
}

static void strips_make_the_same_file_as_the_whole(void **state) {
    static const int sides[][2] = {{WIDTH_PX, HEIGHT_PX}, {16, 32}, {1, 1}, {2, 17}, {37, 16}};
    (void)state;
    fill_samples();
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        for (int channels = 3; channels <= 4; channels++) {
            write_file(sides[i][0], sides[i][1], channels, 80, &file);
            write_with_libwebp(sides[i][0], sides[i][1], channels);
            assert_int_equal(file.length, other.length);
            assert_memory_equal(file.bytes, other.bytes, file.length);
        }
}

/* There is alpha in the first strip alone: the others are opaque, as if they had none. */
static void opaque_strips_stay_opaque(void **state) {
    (void)state;
    for (int i = 0; i < WIDTH_PX * HEIGHT_PX * 4; i++)
        samples[i] = (uint8_t)(i % 4 == 3 ? (i < 400 ? i / 4 : 255) : 90);
    write_file(WIDTH_PX, HEIGHT_PX, 4, 80, &file);
    assert_decodes(&file, &in_color, &grid);
    for (int i = 3; i < WIDTH_PX * HEIGHT_PX * 4; i += 4)
        assert_int_equal(grid.samples[i], samples[i]);
}

static void gray_makes_the_same_file_as_rgb(void **state) {
    static uint8_t gray[WIDTH_PX * HEIGHT_PX];
    (void)state;
    fill_samples();
    memcpy(gray, samples, sizeof gray);
    write_file(WIDTH_PX, HEIGHT_PX, 1, 80, &file);
    for (size_t i = 0; i < sizeof gray; i++)
        memset(samples + 3 * i, gray[i], 3);
    write_file(WIDTH_PX, HEIGHT_PX, 3, 80, &other);
    assert_int_equal(file.length, other.length);
    assert_memory_equal(file.bytes, other.bytes, file.length);
}

/* A file is RIFF and the one chunk of a lossy picture: RFC 9649, 2.5. */
static void no_other_chunk_is_written(void **state) {
    (void)state;
    fill_samples();
    write_file(WIDTH_PX, HEIGHT_PX, 3, 80, &file);
    assert_memory_equal(file.bytes + 8, "WEBPVP8 ", 8);
    assert_int_equal(20 + (file.bytes[16] | file.bytes[17] << 8), file.length);
}

static void quality_is_heard(void **state) {
    (void)state;
    fill_samples();
    write_file(WIDTH_PX, HEIGHT_PX, 3, 1, &other);
    write_file(WIDTH_PX, HEIGHT_PX, 3, 100, &file);
    assert_true(other.length * 2 < file.length);
}

static void the_widest_picture_is_the_widest_there_is(void **state) {
    static uint8_t row[16383];
    int fd = file_open((const uint8_t *)"", 0);
    (void)state;
    assert_int_equal(tt_encoder_side_max_px(TT_FORMAT_WEBP), 16383);
    for (int i = 0; i < 2; i++) {
        const struct tt_encoder_wish wish = {TT_FORMAT_WEBP, i == 0 ? 16383 : 1, i == 0 ? 1 : 16383,
                                             1, 80};
        assert_int_equal(encode(fd, &wish, row, (size_t)1 << 20), TT_OK);
    }
    (void)close(fd);
}

/* The encoder is closed before its last row, as after a failure elsewhere; the sanitizers watch. */
static void an_unfinished_picture_leaves_nothing(void **state) {
    (void)state;
    for (int channels = 1; channels <= 4; channels++) {
        const struct tt_encoder_wish wish = {TT_FORMAT_WEBP, WIDTH_PX, HEIGHT_PX, channels, 80};
        struct tt_arena arena;
        struct tt_encoder *encoder;
        int fd = file_open((const uint8_t *)"", 0);
        tt_arena_init(&arena, (size_t)1 << 20);
        assert_int_equal(tt_encoder_open(&encoder, fd, &wish, &arena), TT_OK);
        struct tt_row_sink *sink = tt_encoder_sink(encoder);
        for (int y = 0; y < HEIGHT_PX - 1; y++)
            assert_int_equal(sink->put(sink, samples), TT_OK);
        tt_encoder_close(encoder);
        tt_arena_fini(&arena);
        assert_int_equal(lseek(fd, 0, SEEK_END), 0);
        (void)close(fd);
    }
}

static void a_full_disk_is_reported(void **state) {
    (void)state;
    fill_samples();
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write_picture(fd, WIDTH_PX, HEIGHT_PX, 3, 80), TT_ERR_SPOOL_FULL);
    (void)close(fd);
}

static void a_full_arena_is_no_memory(void **state) {
    const struct tt_encoder_wish wish = {TT_FORMAT_WEBP, WIDTH_PX, HEIGHT_PX, 3, 80};
    (void)state;
    for (size_t cap_bytes = 64; cap_bytes <= 1024; cap_bytes *= 4) {
        int fd = file_open((const uint8_t *)"", 0);
        assert_int_equal(encode(fd, &wish, samples, cap_bytes), TT_ERR_NO_MEMORY);
        (void)close(fd);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_picture_comes_close),
        cmocka_unit_test(strips_make_the_same_file_as_the_whole),
        cmocka_unit_test(opaque_strips_stay_opaque),
        cmocka_unit_test(gray_makes_the_same_file_as_rgb),
        cmocka_unit_test(no_other_chunk_is_written),
        cmocka_unit_test(quality_is_heard),
        cmocka_unit_test(the_widest_picture_is_the_widest_there_is),
        cmocka_unit_test(an_unfinished_picture_leaves_nothing),
        cmocka_unit_test(a_full_disk_is_reported),
        cmocka_unit_test(a_full_arena_is_no_memory),
    };
    return cmocka_run_group_tests_name("image_webp_write", tests, NULL, NULL);
}
