/* Blocks out of an arena: reuse, growth, the cap. */
#include "image/blocks.h"

#include "picture_build.h"

static void what_is_given_back_is_used_again(void **state) {
    struct tt_blocks blocks;
    struct tt_arena arena;

    (void)state;
    tt_arena_init(&arena, 1 << 20);
    tt_blocks_init(&blocks, &arena, 1 << 12);
    for (size_t i = 0; i < 100000; i++) {
        char *first = tt_blocks_take(&blocks, i % 1000);
        char *second = tt_blocks_take(&blocks, 10);

        assert_non_null(first);
        assert_non_null(second);
        memset(first, 1, i % 1000);
        memset(second, 2, 10);
        tt_blocks_give_back(&blocks, first);
        tt_blocks_give_back(&blocks, second);
    }
    assert_in_range(arena.used_bytes, 1024, 1 << 12);
    tt_arena_fini(&arena);
}

static void a_block_grows_with_what_is_in_it(void **state) {
    struct tt_blocks blocks;
    struct tt_arena arena;
    char *block;

    (void)state;
    tt_arena_init(&arena, 1 << 20);
    tt_blocks_init(&blocks, &arena, 1 << 16);
    block = tt_blocks_take(&blocks, 6);
    assert_non_null(block);
    memcpy(block, "hello", 6);
    assert_ptr_equal(tt_blocks_resize(&blocks, block, 40), block);
    for (size_t size = 100; size < 10000; size += 100) {
        block = tt_blocks_resize(&blocks, block, size);
        assert_non_null(block);
        block[size - 1] = 'x';
        assert_string_equal(block, "hello");
    }
    assert_ptr_equal(tt_blocks_resize(&blocks, block, 1), block);
    tt_arena_fini(&arena);
}

static void the_cap_holds(void **state) {
    struct tt_blocks blocks;
    struct tt_arena arena;
    char *block;

    (void)state;
    tt_arena_init(&arena, 1 << 20);
    tt_blocks_init(&blocks, &arena, 256);
    block = tt_blocks_take(&blocks, 240); /* and 16 of its own */
    assert_non_null(block);
    assert_false(blocks.is_full);
    assert_null(tt_blocks_take(&blocks, 1));
    assert_true(blocks.is_full);
    assert_null(tt_blocks_resize(&blocks, block, 241));
    assert_null(tt_blocks_take(&blocks, SIZE_MAX));
    tt_blocks_give_back(&blocks, block);
    assert_ptr_equal(tt_blocks_take(&blocks, 200), block);
    tt_arena_fini(&arena);
}

static void the_arena_may_end_before(void **state) {
    struct tt_blocks blocks;
    struct tt_arena arena;

    (void)state;
    tt_arena_init(&arena, 128);
    tt_blocks_init(&blocks, &arena, 1 << 20);
    assert_null(tt_blocks_take(&blocks, 200));
    assert_false(blocks.is_full);
    assert_string_not_equal(tt_err_cause(), "");
    tt_arena_fini(&arena);
    tt_err_take(TT_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_back_is_used_again),
        cmocka_unit_test(a_block_grows_with_what_is_in_it),
        cmocka_unit_test(the_cap_holds),
        cmocka_unit_test(the_arena_may_end_before),
    };

    return cmocka_run_group_tests_name("image/blocks", tests, NULL, NULL);
}
