/* src/image/png_write.c: rows to files that our own reader reads back, with nothing in them but
 * the picture. */
#include <fcntl.h>

#include "picture_build.h"

static struct file file;
static struct grid grid;
static uint8_t samples[40 * 30 * 4];

static enum tt_err write_picture(int fd, struct sample_source *source, size_t cap_bytes) {
    struct tt_arena arena;
    tt_err_clear();
    tt_arena_init(&arena, cap_bytes);
    enum tt_err err = tt_png_write(fd, &source->rows, &arena);
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

static void every_sample_is_kept(void **state) {
    (void)state;
    fill_samples();
    for (int channels = 1; channels <= 4; channels++) {
        write_file(channels);
        assert_decodes(&file, &in_color, &grid);
        assert_int_equal(grid.width_px, 40);
        assert_int_equal(grid.height_px, 30);
        assert_int_equal(grid.channels, channels);
        assert_memory_equal(grid.samples, samples, (size_t)(40 * 30 * channels));
        assert_int_equal(file.bytes[24], 8); /* bits a sample */
    }
}

static void no_other_chunk_is_written(void **state) {
    (void)state;
    fill_samples();
    write_file(2);
    char types[256] = "";
    for (size_t at = 8; at + 12 <= file.length;) {
        size_t length = 0;
        for (int i = 0; i < 4; i++)
            length = length << 8 | file.bytes[at + (size_t)i];
        assert_true(strlen(types) + 5 < sizeof types);
        strncat(types, (const char *)file.bytes + at + 4, 4);
        strcat(types, " ");
        at += 12 + length;
    }
    assert_string_equal(types, "IHDR IDAT IEND ");
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
        cmocka_unit_test(every_sample_is_kept),
        cmocka_unit_test(no_other_chunk_is_written),
        cmocka_unit_test(the_source_s_failure_comes_through),
        cmocka_unit_test(a_full_disk_is_reported),
        cmocka_unit_test(a_full_arena_is_no_memory),
    };
    return cmocka_run_group_tests_name("image_png_write", tests, NULL, NULL);
}
