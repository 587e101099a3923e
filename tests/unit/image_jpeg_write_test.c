/* src/image/jpeg_write.c: rows to files that our own reader reads back, with nothing in them but
 * the picture. */
#include <fcntl.h>

#include "picture_build.h"

static struct file file;
static struct grid grid;
static uint8_t samples[40 * 30 * 4];

static enum tt_err write_picture(int fd, const uint8_t *from, int width_px, int height_px,
                                 int channels, int quality) {
    const struct tt_encoder_wish wish = {TT_FORMAT_JPEG, width_px, height_px, channels, quality};
    return encode(fd, &wish, from, (size_t)1 << 20);
}

static void write_file(int channels, int quality) {
    int fd = file_open((const uint8_t *)"", 0);
    assert_int_equal(write_picture(fd, samples, 40, 30, channels, quality), TT_OK);
    file_read_back(&file, fd);
}

static void fill_samples(void) {
    uint32_t noise = 1;
    for (size_t i = 0; i < sizeof samples; i++) {
        noise = noise * 1664525 + 1013904223; /* Numerical Recipes' generator */
        samples[i] = (uint8_t)(i < sizeof samples / 2 ? i / 7 : noise >> 24);
    }
}

static void the_picture_comes_close(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        for (size_t i = 0; i < sizeof samples; i++)
            samples[i] = (uint8_t)(60 + i / (size_t)(40 * channels) * 4); /* a slope downwards */
        write_file(channels, 90);
        assert_decodes(&file, &in_color, &grid);
        assert_int_equal(grid.width_px, 40);
        assert_int_equal(grid.height_px, 30);
        assert_int_equal(grid.channels, channels);
        for (int i = 0; i < 40 * 30 * channels; i++)
            assert_in_range(grid.samples[i], samples[i] - 4, samples[i] + 4);
    }
}

/* A file has SOI, JFIF, tables, a baseline frame and one scan: T.81 table B.1. */
static void no_other_marker_is_written(void **state) {
    (void)state;
    fill_samples();
    write_file(3, 90);
    size_t at = 2;
    bool frame = false;
    while (file.bytes[at + 1] != 0xda) {
        unsigned int marker = file.bytes[at + 1];
        assert_int_equal(file.bytes[at], 0xff);
        assert_true(marker == 0xe0 || marker == 0xdb || marker == 0xc0 || marker == 0xc4);
        frame = frame || marker == 0xc0;
        if (marker == 0xe0)
            assert_memory_equal(file.bytes + at, "\xff\xe0\0\x10JFIF", 9);
        at += 2 + ((size_t)file.bytes[at + 2] << 8 | file.bytes[at + 3]);
        assert_true(at + 2 < file.length);
    }
    assert_true(frame);
    assert_memory_equal(file.bytes + file.length - 2, "\xff\xd9", 2);
}

static void quality_is_heard(void **state) {
    size_t lengths[2];
    (void)state;
    fill_samples();
    for (int i = 0; i < 2; i++) {
        write_file(3, i == 0 ? 1 : 100);
        lengths[i] = file.length;
    }
    assert_true(lengths[0] * 2 < lengths[1]);
}

static void the_widest_picture_is_the_widest_there_is(void **state) {
    static uint8_t row[65500];
    int fd = file_open((const uint8_t *)"", 0);
    (void)state;
    assert_int_equal(tt_encoder_side_max_px(TT_FORMAT_JPEG), 65500);
    assert_int_equal(write_picture(fd, row, 65500, 1, 1, 90), TT_OK);
    assert_int_equal(write_picture(fd, row, 1, 65500, 1, 90), TT_OK);
    (void)close(fd);
}

static void alpha_is_not_kept(void **state) {
    (void)state;
    assert_false(tt_encoder_has_alpha(TT_FORMAT_JPEG));
}

static void a_full_disk_is_reported(void **state) {
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write_picture(fd, samples, 40, 30, 1, 90), TT_ERR_SPOOL_FULL);
    (void)close(fd);
}

static void a_full_arena_is_no_memory(void **state) {
    const struct tt_encoder_wish wish = {TT_FORMAT_JPEG, 40, 30, 1, 90};
    enum tt_err err = TT_ERR_NO_MEMORY;
    (void)state;
    for (size_t cap_bytes = 1000; err != TT_OK; cap_bytes += 20000) {
        int fd = file_open((const uint8_t *)"", 0);
        assert_true(cap_bytes < (size_t)1 << 20);
        err = encode(fd, &wish, samples, cap_bytes);
        if (cap_bytes < 60000) /* the output buffer alone is more */
            assert_int_equal(err, TT_ERR_NO_MEMORY);
        else
            assert_true(err == TT_OK || err == TT_ERR_NO_MEMORY);
        (void)close(fd);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_picture_comes_close),
        cmocka_unit_test(no_other_marker_is_written),
        cmocka_unit_test(quality_is_heard),
        cmocka_unit_test(the_widest_picture_is_the_widest_there_is),
        cmocka_unit_test(alpha_is_not_kept),
        cmocka_unit_test(a_full_disk_is_reported),
        cmocka_unit_test(a_full_arena_is_no_memory),
    };
    return cmocka_run_group_tests_name("image_jpeg_write", tests, NULL, NULL);
}
