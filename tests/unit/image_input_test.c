/* src/image/input.c: a file through a small buffer, across its edges. */
#include "picture_build.h"

#include "image/input.h"

#define FILE_BYTES (3 * (size_t)TT_INPUT_BUFFER_BYTES + 100)

static struct tt_arena arena;
static struct tt_input input;
static uint8_t contents[FILE_BYTES];
static uint8_t copy[FILE_BYTES + 1];
static int fd = -1;

static int open_input(void **state) {
    (void)state;
    for (size_t i = 0; i < FILE_BYTES; i++)
        contents[i] = (uint8_t)(i * 31 + i / 251);
    tt_err_take(TT_OK);
    tt_arena_init(&arena, (size_t)1 << 20);
    fd = file_open(contents, FILE_BYTES);
    return tt_input_init(&input, fd, &arena) == TT_OK ? 0 : -1;
}

static int close_input(void **state) {
    (void)state;
    tt_arena_fini(&arena);
    return close(fd);
}

static void pieces_of_any_size_make_the_file(void **state) {
    static const size_t pieces[] = {1,
                                    4096,
                                    TT_INPUT_BUFFER_BYTES - 1,
                                    TT_INPUT_BUFFER_BYTES,
                                    TT_INPUT_BUFFER_BYTES + 1,
                                    FILE_BYTES + 1};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t total = 0;
        size_t got = 1;
        memset(copy, 0, sizeof copy);
        tt_input_rewind(&input);
        while (got > 0) {
            size_t room = sizeof copy - total;
            size_t wanted = pieces[i] < room ? pieces[i] : room;
            assert_int_equal(tt_input_read(&input, copy + total, wanted, &got), TT_OK);
            total += got;
        }
        assert_int_equal(total, FILE_BYTES);
        assert_memory_equal(copy, contents, FILE_BYTES);
    }
}

static void skipping_lands_on_the_right_byte(void **state) {
    static const size_t lengths[] = {0,
                                     1,
                                     100,
                                     TT_INPUT_BUFFER_BYTES - 1,
                                     TT_INPUT_BUFFER_BYTES,
                                     TT_INPUT_BUFFER_BYTES + 1,
                                     2 * TT_INPUT_BUFFER_BYTES + 7};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (size_t before = 0; before <= 3; before += 3) {
            size_t got = 0;
            tt_input_rewind(&input);
            assert_int_equal(tt_input_read(&input, copy, before, &got), TT_OK);
            tt_input_skip(&input, lengths[i]);
            assert_int_equal(tt_input_read(&input, copy, 2, &got), TT_OK);
            assert_int_equal(got, 2);
            assert_memory_equal(copy, contents + before + lengths[i], 2);
        }
    }
}

static void behind_the_end_there_is_nothing(void **state) {
    size_t got = 1;
    (void)state;
    tt_input_skip(&input, FILE_BYTES + 12345);
    assert_int_equal(tt_input_read(&input, copy, 1, &got), TT_OK);
    assert_int_equal(got, 0);
    assert_int_equal(tt_input_fill(&input), TT_OK);
    assert_int_equal(input.length, 0);
}

static void a_file_that_cannot_be_read_is_an_error(void **state) {
    size_t got;
    (void)state;
    input.fd = -1;
    assert_int_equal(tt_input_read(&input, copy, 1, &got), TT_ERR_STORAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_of_any_size_make_the_file, open_input, close_input),
        cmocka_unit_test_setup_teardown(skipping_lands_on_the_right_byte, open_input, close_input),
        cmocka_unit_test_setup_teardown(behind_the_end_there_is_nothing, open_input, close_input),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_is_an_error, open_input,
                                        close_input),
    };
    return cmocka_run_group_tests_name("image_input", tests, NULL, NULL);
}
