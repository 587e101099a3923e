/* src/image/heif_parts.c: what a HEIC or AVIF is made of, read from boxes that the tests make. */
#include "image/heif_parts.h"

#include "picture_build.h"

static struct file file;
static struct tt_arena arena;
static struct tt_decoder decoder;
static struct tt_heif_parts parts;
static bool is_wide; /* numbers of pictures have 32 bits */

static int set_up(void **state) {
    (void)state;
    tt_arena_init(&arena, (size_t)16 << 20);
    is_wide = false;
    file.length = 0;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    tt_arena_fini(&arena);
    tt_err_take(TT_OK);
    return 0;
}

/* ---- boxes ---- */

static void append_number(uint32_t value, int length) {
    for (int i = length - 1; i >= 0; i--)
        file_append_byte(&file, value >> (8 * i) & 0xFF);
}

static size_t begin_box(const char *type) {
    size_t at = file.length;
    append_number(0, 4);
    file_append(&file, type, 4);
    return at;
}

static void end_box(size_t at) {
    store_32(file.bytes + at, (uint32_t)(file.length - at));
}

static void append_id(uint32_t id) {
    append_number(id, is_wide ? 4 : 2);
}

static void append_version(void) {
    append_number(is_wide ? 1u << 24 : 0, 4);
}

/* A picture names `times` times another. */
static void append_reference(const char *type, uint32_t from, uint32_t to, int times) {
    size_t box = begin_box(type);
    append_id(from);
    append_number((uint32_t)times, 2);
    for (int i = 0; i < times; i++)
        append_id(to);
    end_box(box);
}

static size_t meta_at, iref_at;

static void begin_file(uint32_t primary) {
    size_t box = begin_box("ftyp");
    file_append(&file, "avif\0\0\0\0mif1avif", 16);
    end_box(box);
    meta_at = begin_box("meta");
    append_number(0, 4);
    box = begin_box("pitm");
    append_version();
    append_id(primary);
    end_box(box);
    iref_at = begin_box("iref");
    append_version();
}

static void end_file(void) {
    end_box(iref_at);
    end_box(meta_at);
}

static enum tt_err read_parts(int64_t max_pixels) {
    decoder = (struct tt_decoder){
        .fd = file_open(file.bytes, file.length), .arena = &arena, .limits.max_pixels = max_pixels};
    tt_err_take(TT_OK);
    enum tt_err err = tt_heif_parts_read(&parts, &decoder, (int64_t)file.length);
    (void)close(decoder.fd);
    return err;
}

#define MAX_PIXELS 100000000

/* ---- tests ---- */

static void parts_are_counted(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++, is_wide = !is_wide) {
        file.length = 0;
        begin_file(1);
        append_reference("thmb", 9, 1, 1);
        append_reference("dimg", 1, 2, 12);
        append_reference("auxl", 3, 1, 1);
        append_reference("dimg", 7, 1, 1); /* the primary picture does not need it */
        end_file();
        assert_int_equal(read_parts(MAX_PIXELS), TT_OK);
        assert_int_equal(parts.count, 14);
        assert_int_equal(parts.ids[0], 1);
        assert_int_equal(parts.ids[1], 2);
        assert_int_equal(parts.ids[13], 3);
    }
}

static void what_has_no_parts_is_one(void **state) {
    (void)state;
    begin_file(5);
    end_file();
    assert_int_equal(read_parts(MAX_PIXELS), TT_OK);
    assert_int_equal(parts.count, 1);
    file.length = 0;
    size_t box = begin_box("ftyp");
    end_box(box);
    assert_int_equal(read_parts(MAX_PIXELS), TT_OK);
    assert_int_equal(parts.count, 0);
}

/* Each level multiplies, whatever it is made by; so grids of grids, overlays of overlays, alpha of
 * alpha are all meant. */
static void levels_that_multiply_are_refused(void **state) {
    (void)state;
    for (int times = 17; times <= 257; times += 240) {
        file.length = 0;
        begin_file(1);
        for (uint32_t level = 1; level <= 4; level++)
            append_reference("dimg", level, level + 1, times);
        end_file();
        assert_int_equal(read_parts(MAX_PIXELS), TT_ERR_PICTURE_TOO_COSTLY);
        tt_err_take(TT_OK);
    }
    file.length = 0;
    begin_file(1);
    for (uint32_t number = 2; number < 2000; number++)
        append_reference("auxl", number, number % 16, 1);
    append_reference("dimg", 1, 1999, 2000);
    end_file();
    assert_int_equal(read_parts(1), TT_ERR_PICTURE_TOO_COSTLY);
}

static void a_few_levels_are_allowed(void **state) {
    (void)state;
    for (uint32_t levels = 3; levels < 6; levels++) {
        file.length = 0;
        begin_file(1);
        for (uint32_t level = 1; level <= levels; level++)
            append_reference("dimg", level, level + 1, 1);
        end_file();
        enum tt_err err = read_parts(MAX_PIXELS);
        assert_int_equal(err, levels < 5 ? TT_OK : TT_ERR_PICTURE_TOO_COSTLY);
    }
}

static void a_part_of_itself_is_damaged(void **state) {
    (void)state;
    for (uint32_t length = 1; length <= 3; length++) {
        file.length = 0;
        begin_file(1);
        for (uint32_t number = 1; number <= length; number++)
            append_reference("dimg", number, number % length + 1, 2);
        end_file();
        assert_int_equal(read_parts(MAX_PIXELS), TT_ERR_PICTURE_BROKEN);
        assert_non_null(strstr(tt_err_detail(TT_ERR_PICTURE_BROKEN), "part of itself"));
        tt_err_take(TT_OK);
    }
}

/* Looking through many references for each of many parts would take hours. */
static void the_walk_is_bounded(void **state) {
    (void)state;
    begin_file(1);
    for (uint32_t number = 10; number < 1500; number++)
        append_reference("auxl", number, 4, 6);
    append_reference("dimg", 1, 2, 12000);
    end_file();
    assert_int_equal(read_parts(INT64_C(1) << 40), TT_ERR_PICTURE_TOO_COSTLY);
}

static void boxes_that_do_not_fit_are_refused(void **state) {
    (void)state;
    begin_file(1);
    append_reference("dimg", 1, 2, 2);
    end_file();
    const struct file whole = file;
    static const int damages[] = {-4, -1, 1, 4, 1000};
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        file = whole;
        store_32(file.bytes + iref_at, (uint32_t)((int)(file.length - iref_at) + damages[i]));
        assert_int_equal(read_parts(MAX_PIXELS), TT_ERR_PICTURE_BROKEN);
        tt_err_take(TT_OK);
    }
    /* A second meta box is another file's. */
    file = whole;
    file_append(&file, whole.bytes + meta_at, whole.length - meta_at);
    assert_int_equal(read_parts(MAX_PIXELS), TT_ERR_PICTURE_BROKEN);
    tt_err_take(TT_OK);
    /* What is missing at the end is for libheif to tell. */
    for (file = whole; file.length > 0; file.length--)
        assert_in_range(read_parts(MAX_PIXELS), TT_OK, TT_OK);
}

static void parts_are_held_against_the_picture(void **state) {
    (void)state;
    const struct tt_heif_parts tiles = {.count = 193}; /* of 48 megapixels */
    const struct tt_heif_parts many = {.count = 1000};
    assert_int_equal(tt_heif_parts_check(&tiles, 8064 * 6048, 8192 * 6144), TT_OK);
    assert_int_equal(tt_heif_parts_check(&many, 2048 * 2048, 1000 * 4096), TT_OK);
    assert_int_equal(tt_heif_parts_check(&many, 64 * 64, 1000), TT_ERR_PICTURE_TOO_COSTLY);
    tt_err_take(TT_OK);
    assert_int_equal(tt_heif_parts_check(&tiles, 64 * 64, INT64_C(193) * 4096 * 4096),
                     TT_ERR_PICTURE_TOO_COSTLY);
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(parts_are_counted),
        CASE(what_has_no_parts_is_one),
        CASE(levels_that_multiply_are_refused),
        CASE(a_few_levels_are_allowed),
        CASE(a_part_of_itself_is_damaged),
        CASE(the_walk_is_bounded),
        CASE(boxes_that_do_not_fit_are_refused),
        CASE(parts_are_held_against_the_picture),
    };
    return cmocka_run_group_tests_name("image_heif_parts", tests, NULL, NULL);
}
