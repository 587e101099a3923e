/* src/image/codec.c: the right reader for a file, and nothing left behind without one. */
#include "picture_build.h"

static struct file file;

static void what_is_no_picture_is_refused(void **state) {
    (void)state;
    file.length = 0;
    assert_refused(&file, TT_ERR_PICTURE_TYPE, "PNG, JPEG, WEBP, GIF, HEIC or AVIF");
    file_append(&file, "%PDF-1.7 not a picture", 22);
    assert_refused(&file, TT_ERR_PICTURE_TYPE, "PNG, JPEG, WEBP, GIF, HEIC or AVIF");
}

static void a_signature_alone_is_a_picture_cut_short(void **state) {
    (void)state;
    file.length = 0;
    file_append(&file, "\xff\xd8\xff", 3);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "cut short");
    file.length = 0;
    file_append(&file, "\x89PNG\r\n\x1a\n", 8);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "cut short");
    file.length = 0;
    file_append(&file, "GIF89a", 6);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "cut short");
    file.length = 0;
    file_append(&file, "RIFF\x10\0\0\0WEBP", 12);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "cut short");
    file.length = 0;
    file_append(&file,
                "\0\0\0\x18"
                "ftypheic",
                12);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "cut short");
}

static void the_descriptor_stays_where_it_was(void **state) {
    struct tt_arena arena;
    struct tt_decoder *decoder = NULL;
    struct tt_picture_header header;
    (void)state;
    png_begin(&file, 1, 1, 8, 0, false);
    png_pixels(&file, "\0\x55", 2);
    png_end(&file);
    int fd = file_open(file.bytes, file.length);
    assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
    tt_arena_init(&arena, (size_t)1 << 20);
    assert_int_equal(tt_decoder_open(&decoder, fd, &arena, &test_limits, &header), TT_OK);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 5);
    tt_decoder_close(decoder);
    tt_arena_fini(&arena);
    (void)close(fd);
}

static void after_a_failure_there_is_no_decoder(void **state) {
    struct tt_arena arena;
    struct tt_decoder *decoder = (struct tt_decoder *)&arena; /* anything but NULL */
    struct tt_picture_header header;
    (void)state;
    tt_err_take(TT_OK);
    tt_arena_init(&arena, (size_t)1 << 20);
    assert_int_equal(tt_decoder_open(&decoder, -1, &arena, &test_limits, &header), TT_ERR_STORAGE);
    assert_null(decoder);
    tt_decoder_close(decoder);
    tt_arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_picture_is_refused),
        cmocka_unit_test(a_signature_alone_is_a_picture_cut_short),
        cmocka_unit_test(the_descriptor_stays_where_it_was),
        cmocka_unit_test(after_a_failure_there_is_no_decoder),
    };
    return cmocka_run_group_tests_name("image_codec", tests, NULL, NULL);
}
