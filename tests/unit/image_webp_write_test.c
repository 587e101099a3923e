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

static enum tt_err write_picture(int fd, struct sample_source *source, int quality) {
    struct tt_arena arena;
    tt_err_take(TT_OK);
    tt_arena_init(&arena, (size_t)1 << 20);
    enum tt_err err = tt_webp_write(fd, &source->rows, quality, &arena);
    assert_true((int64_t)arena.used_bytes < tt_webp_write_bytes(source->rows.width_px,
                                                                source->rows.height_px,
                                                                source->rows.channels));
    tt_arena_fini(&arena);
    return err;
}

static void write_file(int width_px, int height_px, int channels, int quality, struct file *to) {
    struct sample_source source = sample_source(samples, width_px, height_px, channels);
    int fd = file_open((const uint8_t *)"", 0);
    assert_int_equal(write_picture(fd, &source, quality), TT_OK);
    assert_int_equal(source.y, height_px);
    file_read_back(to, fd);
}

/* Slopes, and noise below them. */
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

/* libwebp's own way, from the whole picture. */
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

/* Alpha in the first strip alone: the others are opaque, as if they had none. */
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

/* RFC 9649, 2.5: RIFF, and the one chunk of a lossy picture. */
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

static void a_picture_too_wide_is_refused(void **state) {
    static uint8_t row[16384];
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sample_source source = sample_source(row, i == 0 ? 16384 : 1, i == 0 ? 1 : 16384, 1);
        int fd = file_open((const uint8_t *)"", 0);
        assert_int_equal(write_picture(fd, &source, 80), TT_ERR_PICTURE_TOO_LARGE);
        assert_non_null(strstr(tt_err_detail(TT_ERR_PICTURE_TOO_LARGE), "16383"));
        (void)close(fd);
    }
}

static void the_source_s_failure_comes_through(void **state) {
    (void)state;
    fill_samples();
    for (int channels = 1; channels <= 4; channels++)
        for (int row = 0; row < HEIGHT_PX; row += 17) {
            struct sample_source source = sample_source(samples, WIDTH_PX, HEIGHT_PX, channels);
            int fd = file_open((const uint8_t *)"", 0);
            source.fails_at = row;
            assert_int_equal(write_picture(fd, &source, 80), TT_ERR_PICTURE_BROKEN);
            assert_string_equal(tt_err_cause(), "the source fails");
            (void)close(fd);
        }
}

static void a_full_disk_is_reported(void **state) {
    struct sample_source source = sample_source(samples, WIDTH_PX, HEIGHT_PX, 3);
    (void)state;
    fill_samples();
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write_picture(fd, &source, 80), TT_ERR_SPOOL_FULL);
    (void)close(fd);
}

static void a_full_arena_is_no_memory(void **state) {
    (void)state;
    for (size_t cap_bytes = 64; cap_bytes <= 1024; cap_bytes *= 4) {
        struct sample_source source = sample_source(samples, WIDTH_PX, HEIGHT_PX, 3);
        struct tt_arena arena;
        int fd = file_open((const uint8_t *)"", 0);
        tt_err_take(TT_OK);
        tt_arena_init(&arena, cap_bytes);
        assert_int_equal(tt_webp_write(fd, &source.rows, 80, &arena), TT_ERR_NO_MEMORY);
        tt_arena_fini(&arena);
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
        cmocka_unit_test(a_picture_too_wide_is_refused),
        cmocka_unit_test(the_source_s_failure_comes_through),
        cmocka_unit_test(a_full_disk_is_reported),
        cmocka_unit_test(a_full_arena_is_no_memory),
    };
    return cmocka_run_group_tests_name("image_webp_write", tests, NULL, NULL);
}
