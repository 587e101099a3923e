/* src/image/exif.c: the orientation in a TIFF structure, and what hostile ones may not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image/exif.h"

/* Exif lies in a block of its exact size, so that sanitizers see a read past the end. */
static int orientation_of(const void *bytes, size_t length) {
    uint8_t *block = malloc(length > 0 ? length : 1);
    assert_non_null(block);
    memcpy(block, bytes, length);
    int orientation = tt_exif_orientation(block, length);
    free(block);
    return orientation;
}

/* There are two entries: ImageWidth (0x0100), then Orientation with the value at byte 30. */
static const uint8_t little[] = {'I',  'I', 42, 0, 8, 0, 0, 0, 2, 0,       /* header */
                                 0,    1,   3,  0, 1, 0, 0, 0, 9, 0, 0, 0, /* width */
                                 0x12, 1,   3,  0, 1, 0, 0, 0, 6, 0, 0, 0, /* 6 */
                                 0,    0,   0,  0};
static const uint8_t big[] = {'M', 'M',  0, 42, 0, 0, 0, 8, 0, 2,       /* header */
                              1,   0,    0, 3,  0, 0, 0, 1, 0, 9, 0, 0, /* width */
                              1,   0x12, 0, 3,  0, 0, 0, 1, 0, 8, 0, 0, /* 8 */
                              0,   0,    0, 0};

static void both_byte_orders_are_read(void **state) {
    (void)state;
    assert_int_equal(orientation_of(little, sizeof little), 6);
    assert_int_equal(orientation_of(big, sizeof big), 8);
}

static void every_value_of_the_tag_is_1_to_8(void **state) {
    (void)state;
    uint8_t block[sizeof little];
    memcpy(block, little, sizeof block);
    for (int value = 0; value < 256; value++) {
        block[30] = (uint8_t)value;
        assert_int_equal(orientation_of(block, sizeof block), value >= 1 && value <= 8 ? value : 1);
    }
    block[30] = 6;
    block[31] = 1; /* 0x0106 */
    assert_int_equal(orientation_of(block, sizeof block), 1);
}

static void a_long_is_accepted_and_other_types_are_not(void **state) {
    (void)state;
    uint8_t block[sizeof big];
    memcpy(block, big, sizeof block);
    block[25] = 4;
    memcpy(block + 30, "\0\0\0\3", 4);
    assert_int_equal(orientation_of(block, sizeof block), 3);
    memcpy(block + 30, "\0\1\0\3", 4);
    assert_int_equal(orientation_of(block, sizeof block), 1);
    memcpy(block + 30, "\0\3\0\0", 4);
    for (int type = 0; type < 14; type++) {
        block[25] = (uint8_t)type;
        assert_int_equal(orientation_of(block, sizeof block), type == 3 ? 3 : 1);
    }
}

static void a_list_of_values_is_not_an_orientation(void **state) {
    (void)state;
    uint8_t block[sizeof little];
    memcpy(block, little, sizeof block);
    block[26] = 2;
    assert_int_equal(orientation_of(block, sizeof block), 1);
}

static void a_block_cut_anywhere_says_nothing(void **state) {
    (void)state;
    for (size_t length = 0; length < 34; length++) /* the entry ends at 34 */
        assert_int_equal(orientation_of(little, length), 1);
    assert_int_equal(orientation_of(little, 34), 6);
}

static void offsets_and_counts_out_of_the_block_are_harmless(void **state) {
    (void)state;
    static const uint32_t offsets[] = {33,   36,         37,         38,        39,
                                       1000, 0x7fffffff, 0xfffffffe, 0xffffffff};
    uint8_t block[sizeof little];
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        memcpy(block, little, sizeof block);
        for (int byte = 0; byte < 4; byte++)
            block[4 + byte] = (uint8_t)(offsets[i] >> (8 * byte));
        assert_int_equal(orientation_of(block, sizeof block), 1);
    }
    memcpy(block, little, sizeof block);
    block[8] = block[9] = 0xff; /* 65535 entries: those that are there are read */
    assert_int_equal(orientation_of(block, sizeof block), 6);
    block[8] = block[9] = 0;
    assert_int_equal(orientation_of(block, sizeof block), 1);
}

static void what_is_no_tiff_says_nothing(void **state) {
    (void)state;
    uint8_t block[sizeof little];
    memcpy(block, little, sizeof block);
    block[2] = 43; /* BigTIFF */
    assert_int_equal(orientation_of(block, sizeof block), 1);
    memcpy(block, "IM*\0", 4);
    assert_int_equal(orientation_of(block, sizeof block), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_byte_orders_are_read),
        cmocka_unit_test(every_value_of_the_tag_is_1_to_8),
        cmocka_unit_test(a_long_is_accepted_and_other_types_are_not),
        cmocka_unit_test(a_list_of_values_is_not_an_orientation),
        cmocka_unit_test(a_block_cut_anywhere_says_nothing),
        cmocka_unit_test(offsets_and_counts_out_of_the_block_are_harmless),
        cmocka_unit_test(what_is_no_tiff_says_nothing),
    };
    return cmocka_run_group_tests_name("image_exif", tests, NULL, NULL);
}
