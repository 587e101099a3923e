/* src/image/png_huffman.c: lengths and codes against RFC 1951's own example, Huffman's best, and
 * Kraft's equation where the limit is in the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image/png_huffman.h"

static uint8_t lengths[TT_HUFFMAN_SYMBOLS_MAX];

/* A code is whole: inflaters refuse any other. */
static void assert_whole(int symbols, int length_max) {
    uint32_t taken = 0;
    for (int i = 0; i < symbols; i++) {
        assert_true(lengths[i] <= length_max);
        if (lengths[i] != 0)
            taken += 1u << (length_max - lengths[i]);
    }
    assert_int_equal(taken, 1u << length_max);
}

static void lengths_are_huffman_s(void **state) {
    static const uint32_t counts[8] = {45, 13, 12, 16, 9, 5, 0, 0}; /* Cormen et al., 16.3 */
    static const uint8_t expected[8] = {1, 3, 3, 3, 4, 4, 0, 0};
    (void)state;
    tt_huffman_make_lengths(lengths, counts, 8, 15);
    assert_memory_equal(lengths, expected, 8);
}

static void codes_are_the_rfc_s(void **state) {
    static const uint8_t example[8] = {3, 3, 3, 3, 3, 2, 4, 4};    /* RFC 1951, 3.2.2 */
    static const uint16_t expected[8] = {2, 6, 1, 5, 3, 0, 7, 15}; /* 010, 011, ... turned around */
    uint16_t codes[8];
    (void)state;
    tt_huffman_make_codes(codes, example, 8);
    assert_memory_equal(codes, expected, sizeof expected);
}

static void fewer_than_two_symbols_make_a_whole_code(void **state) {
    uint32_t counts[30] = {0};
    (void)state;
    tt_huffman_make_lengths(lengths, counts, 30, 15);
    assert_whole(30, 15);
    counts[0] = 7;
    tt_huffman_make_lengths(lengths, counts, 30, 15);
    assert_whole(30, 15);
    counts[0] = 0;
    counts[29] = 7;
    tt_huffman_make_lengths(lengths, counts, 30, 15);
    assert_whole(30, 15);
    assert_int_equal(lengths[29], 1);
}

/* Fibonacci's numbers make the deepest tree. */
static void a_deep_tree_is_cut_and_stays_whole(void **state) {
    uint32_t counts[40];
    (void)state;
    for (int symbols = 9; symbols <= 40; symbols++) {
        for (int i = 0; i < symbols; i++)
            counts[i] = i < 2 ? 1 : counts[i - 1] + counts[i - 2];
        int length_max = symbols <= 19 ? 7 : 15;
        tt_huffman_make_lengths(lengths, counts, symbols, length_max);
        assert_whole(symbols, length_max);
        for (int i = 1; i < symbols; i++)
            assert_true(lengths[i] > 0 && lengths[i] <= lengths[i - 1]);
    }
}

static void all_symbols_fit_in_the_least_limit(void **state) {
    uint32_t counts[256];
    (void)state;
    for (int i = 0; i < 256; i++)
        counts[i] = i < 31 ? 1u << i : 1;
    tt_huffman_make_lengths(lengths, counts, 256, 8);
    assert_whole(256, 8);
    for (int i = 0; i < 256; i++)
        assert_int_equal(lengths[i], 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_huffman_s),
        cmocka_unit_test(codes_are_the_rfc_s),
        cmocka_unit_test(fewer_than_two_symbols_make_a_whole_code),
        cmocka_unit_test(a_deep_tree_is_cut_and_stays_whole),
        cmocka_unit_test(all_symbols_fit_in_the_least_limit),
    };
    return cmocka_run_group_tests_name("image_png_huffman", tests, NULL, NULL);
}
