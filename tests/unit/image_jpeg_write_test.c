/* src/image/jpeg_write.c: rows to files that our own reader reads back, with nothing in them but
 * the picture. */
#include <fcntl.h>

#include "picture_build.h"

static struct file file;
static struct grid grid;
static uint8_t samples[40 * 30 * 4];

static enum tt_err write_picture(int fd, struct sample_source *source, size_t cap_bytes) {
    struct tt_arena arena;
    tt_err_take(TT_OK);
    tt_arena_init(&arena, cap_bytes);
    enum tt_err err = tt_jpeg_write(fd, &source->rows, 90, &arena);
    assert_true((int64_t)arena.used_bytes < tt_jpeg_write_bytes(source->rows.width_px,
                                                                source->rows.height_px,
                                                                source->rows.channels));
    tt_arena_fini(&arena);
    return err;
}

static void write_file(int channels) {
    struct sample_source source = sample_source(samples, 40, 30, channels);
    int fd = file_open((const uint8_t *)"", 0);
    assert_int_equal(write_picture(fd, &source, (size_t)1 << 20), TT_OK);
    assert_int_equal(source.y, 30);
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
        write_file(channels);
        assert_decodes(&file, &in_color, &grid);
        assert_int_equal(grid.width_px, 40);
        assert_int_equal(grid.height_px, 30);
        assert_int_equal(grid.channels, channels);
        for (int i = 0; i < 40 * 30 * channels; i++)
            assert_in_range(grid.samples[i], samples[i] - 4, samples[i] + 4);
    }
}

/* SOI, JFIF, tables, baseline frame, one scan: T.81 table B.1 */
static void no_other_marker_is_written(void **state) {
    (void)state;
    fill_samples();
    write_file(3);
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
        struct sample_source source = sample_source(samples, 40, 30, 3);
        struct tt_arena arena;
        int fd = file_open((const uint8_t *)"", 0);
        tt_arena_init(&arena, (size_t)1 << 20);
        assert_int_equal(tt_jpeg_write(fd, &source.rows, i == 0 ? 1 : 100, &arena), TT_OK);
        tt_arena_fini(&arena);
        file_read_back(&file, fd);
        lengths[i] = file.length;
    }
    assert_true(lengths[0] * 2 < lengths[1]);
}

static void a_picture_too_wide_is_refused(void **state) {
    static uint8_t row[65501];
    struct sample_source source = sample_source(row, 65501, 1, 1);
    int fd = file_open((const uint8_t *)"", 0);
    (void)state;
    assert_int_equal(write_picture(fd, &source, (size_t)1 << 20), TT_ERR_PICTURE_TOO_LARGE);
    assert_non_null(strstr(tt_err_detail(TT_ERR_PICTURE_TOO_LARGE), "65500"));
    (void)close(fd);
}

static void the_source_s_failure_comes_through(void **state) {
    struct sample_source source = sample_source(samples, 40, 30, 1);
    int fd = file_open((const uint8_t *)"", 0);
    (void)state;
    source.fails_at = 17;
    assert_int_equal(write_picture(fd, &source, (size_t)1 << 20), TT_ERR_PICTURE_BROKEN);
    assert_string_equal(tt_err_cause(), "the source fails");
    (void)close(fd);
}

static void a_full_disk_is_reported(void **state) {
    struct sample_source source = sample_source(samples, 40, 30, 1);
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write_picture(fd, &source, (size_t)1 << 20), TT_ERR_SPOOL_FULL);
    (void)close(fd);
}

static void a_full_arena_is_no_memory(void **state) {
    enum tt_err err = TT_ERR_NO_MEMORY;
    (void)state;
    for (size_t cap_bytes = 1000; err != TT_OK; cap_bytes += 20000) {
        struct sample_source source = sample_source(samples, 40, 30, 1);
        int fd = file_open((const uint8_t *)"", 0);
        assert_true(cap_bytes < (size_t)1 << 20);
        err = write_picture(fd, &source, cap_bytes);
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
        cmocka_unit_test(a_picture_too_wide_is_refused),
        cmocka_unit_test(the_source_s_failure_comes_through),
        cmocka_unit_test(a_full_disk_is_reported),
        cmocka_unit_test(a_full_arena_is_no_memory),
    };
    return cmocka_run_group_tests_name("image_jpeg_write", tests, NULL, NULL);
}
