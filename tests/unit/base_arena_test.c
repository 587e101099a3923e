/* src/base/arena.c: alignment, zeroes, the cap. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tintype/arena.h"
#include "tintype/err.h"

#define CAP_BYTES ((size_t)1024 * 1024)

static struct tt_arena arena;

static int open_arena(void **state) {
    (void)state;
    tt_err_take(TT_OK);
    tt_arena_init(&arena, CAP_BYTES);
    return 0;
}

static int close_arena(void **state) {
    (void)state;
    tt_arena_fini(&arena);
    return 0;
}

static bool is_zero(const unsigned char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static void init_takes_nothing(void **state) {
    (void)state;
    assert_null(arena.chunks);
    assert_int_equal(arena.used_bytes, 0);
}

static void memory_is_zeroed_aligned_and_disjoint(void **state) {
    static const size_t sizes[] = {1, 63, 64, 65, 1000, 4096, 4097, 16384, 100000, 7, 3000};
    (void)state;
    unsigned char *memory[sizeof sizes / sizeof *sizes];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memory[i] = tt_arena_alloc(&arena, sizes[i]);
        assert_non_null(memory[i]);
        assert_int_equal((uintptr_t)memory[i] % alignof(max_align_t), 0);
        assert_true(is_zero(memory[i], sizes[i]));
        memset(memory[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(memory[i][j], i + 1);
}

static void many_small_ones_fill_several_chunks(void **state) {
    (void)state;
    unsigned char *memory[2000];
    for (size_t i = 0; i < 2000; i++) {
        memory[i] = tt_arena_alloc(&arena, 100);
        assert_non_null(memory[i]);
        memset(memory[i], (int)(i % 251), 100);
    }
    for (size_t i = 0; i < 2000; i++)
        for (size_t j = 0; j < 100; j++)
            assert_int_equal(memory[i][j], i % 251);
    assert_int_equal(arena.used_bytes, 2000 * 112);
}

static void cap_is_met_exactly(void **state) {
    (void)state;
    assert_non_null(tt_arena_alloc(&arena, CAP_BYTES - 64));
    assert_non_null(tt_arena_alloc(&arena, 64));
    assert_string_equal(tt_err_cause(), "");
    assert_null(tt_arena_alloc(&arena, 1));
    assert_string_not_equal(tt_err_cause(), "");
}

static void padding_counts_against_the_cap(void **state) {
    (void)state;
    assert_non_null(tt_arena_alloc(&arena, CAP_BYTES - 15));
    assert_null(tt_arena_alloc(&arena, 1));
}

static void refused_size_leaves_the_arena_usable(void **state) {
    (void)state;
    assert_null(tt_arena_alloc(&arena, CAP_BYTES + 1));
    assert_null(tt_arena_alloc(&arena, SIZE_MAX));
    assert_null(tt_arena_alloc(&arena, SIZE_MAX - 15));
    assert_int_equal(arena.used_bytes, 0);
    assert_non_null(tt_arena_alloc(&arena, 10));
}

static void array_overflow_is_refused(void **state) {
    (void)state;
    assert_null(tt_arena_alloc_array(&arena, SIZE_MAX / 2, 3));
    assert_null(tt_arena_alloc_array(&arena, (size_t)1 << 32, (size_t)1 << 32));
    assert_non_null(tt_arena_alloc_array(&arena, 3, 5));
    assert_int_equal(arena.used_bytes, 16);
}

static void size_zero_is_a_pointer_of_its_own(void **state) {
    void *first = tt_arena_alloc(&arena, 0);
    void *second = tt_arena_alloc_array(&arena, 0, 8);
    (void)state;
    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
}

static void copied_text_ends(void **state) {
    (void)state;
    assert_string_equal(tt_arena_copy_text(&arena, "abcdef", 3), "abc");
    assert_string_equal(tt_arena_copy_text(&arena, NULL, 0), "");
}

static void reset_gives_zeroed_memory_again(void **state) {
    (void)state;
    for (int round = 0; round < 3; round++) {
        unsigned char *small = tt_arena_alloc(&arena, 200);
        unsigned char *large = tt_arena_alloc(&arena, CAP_BYTES - 208);
        assert_non_null(small);
        assert_non_null(large);
        assert_true(is_zero(small, 200));
        assert_true(is_zero(large, CAP_BYTES - 208));
        memset(small, 0xA5, 200);
        memset(large, 0xA5, CAP_BYTES - 208);
        assert_null(tt_arena_alloc(&arena, 1));
        tt_arena_reset(&arena);
        assert_int_equal(arena.used_bytes, 0);
    }
}

static void reset_and_fini_of_an_unused_arena(void **state) {
    (void)state;
    tt_arena_reset(&arena);
    tt_arena_fini(&arena);
    tt_arena_fini(&arena);
    assert_null(arena.chunks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(init_takes_nothing, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(memory_is_zeroed_aligned_and_disjoint, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(many_small_ones_fill_several_chunks, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(cap_is_met_exactly, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(padding_counts_against_the_cap, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(refused_size_leaves_the_arena_usable, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(array_overflow_is_refused, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(size_zero_is_a_pointer_of_its_own, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(copied_text_ends, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(reset_gives_zeroed_memory_again, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(reset_and_fini_of_an_unused_arena, open_arena, close_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
