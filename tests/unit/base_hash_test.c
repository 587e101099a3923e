/* src/base/hash.c: the known answers, in pieces of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tintype/hash.h"

#define EMPTY_HEX   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC_HEX     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define MILLION_HEX "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

/* Ends the sum and compares it with what is expected. */
static void assert_hash(struct tt_hash *hash, const char *expected) {
    uint8_t digest[TT_HASH_BYTES];
    assert_int_equal(tt_hash_finish(hash, digest), TT_OK);
    char hex[TT_HASH_HEX_SIZE];
    tt_hash_format(digest, hex);
    assert_string_equal(hex, expected);
}

/* The examples published with FIPS 180-4. */
static void known_answers(void **state) {
    (void)state;
    struct tt_hash hash;
    assert_int_equal(tt_hash_init(&hash), TT_OK);
    assert_hash(&hash, EMPTY_HEX);
    assert_int_equal(tt_hash_update(&hash, "abc", 3), TT_OK);
    assert_hash(&hash, ABC_HEX);
    tt_hash_fini(&hash);
}

static void pieces_make_no_difference(void **state) {
    (void)state;
    char block[1000];
    memset(block, 'a', sizeof block);
    struct tt_hash hash;
    assert_int_equal(tt_hash_init(&hash), TT_OK);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(tt_hash_update(&hash, block, sizeof block), TT_OK);
    assert_hash(&hash, MILLION_HEX);
    assert_int_equal(tt_hash_update(&hash, "a", 1), TT_OK);
    assert_int_equal(tt_hash_update(&hash, NULL, 0), TT_OK);
    assert_int_equal(tt_hash_update(&hash, "bc", 2), TT_OK);
    assert_hash(&hash, ABC_HEX);
    tt_hash_fini(&hash);
}

static void two_sums_at_once(void **state) {
    (void)state;
    struct tt_hash one;
    assert_int_equal(tt_hash_init(&one), TT_OK);
    struct tt_hash two;
    assert_int_equal(tt_hash_init(&two), TT_OK);
    assert_int_equal(tt_hash_update(&one, "abc", 3), TT_OK);
    assert_hash(&two, EMPTY_HEX);
    assert_hash(&one, ABC_HEX);
    tt_hash_fini(&one);
    tt_hash_fini(&two);
}

static void fini_is_safe_on_zeroes_and_twice(void **state) {
    struct tt_hash hash = {0};
    (void)state;
    tt_hash_fini(&hash);
    assert_int_equal(tt_hash_init(&hash), TT_OK);
    assert_non_null(hash.context);
    tt_hash_fini(&hash);
    assert_null(hash.context);
    tt_hash_fini(&hash);
}

static void a_file_is_read_from_its_start(void **state) {
    FILE *file = tmpfile();
    (void)state;
    assert_non_null(file);
    char block[1000];
    memset(block, 'a', sizeof block);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(fwrite(block, 1, sizeof block, file), sizeof block);
    assert_int_equal(fflush(file), 0);
    uint8_t digest[TT_HASH_BYTES];
    assert_int_equal(tt_hash_file(fileno(file), digest), TT_OK);
    char hex[TT_HASH_HEX_SIZE];
    tt_hash_format(digest, hex);
    assert_string_equal(hex, MILLION_HEX);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(tt_hash_file(-1, digest), TT_ERR_STORAGE);
    tt_err_take(TT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(pieces_make_no_difference),
        cmocka_unit_test(two_sums_at_once),
        cmocka_unit_test(fini_is_safe_on_zeroes_and_twice),
        cmocka_unit_test(a_file_is_read_from_its_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
