/* src/web/query.c: the pairs of a query string. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "web/query.h"

static char seen[512];

static enum tt_err take(void *context, const char *name, const char *value) {
    size_t length = strlen(seen);
    (void)context;
    snprintf(seen + length, sizeof seen - length, "[%s|%s]", name, value);
    return strcmp(name, "stop") == 0 ? TT_ERR_OPTION : TT_OK;
}

static enum tt_err parse(const char *query, size_t arena_bytes) {
    struct tt_arena arena;
    tt_arena_init(&arena, arena_bytes);
    tt_err_take(TT_OK);
    seen[0] = '\0';
    enum tt_err err = tt_query_parse(query, &arena, take, NULL);
    tt_arena_fini(&arena);
    return err;
}

static void pairs(void **state) {
    static const char *const rows[][2] = {
        {"", ""},
        {"&&", ""},
        {"a=1", "[a|1]"},
        {"a=1&&b+c=%C3%A9+%2B%26%3d&d&=e&", "[a|1][b c|é +&=][d|][|e]"},
        {"a=b=c", "[a|b=c]"},
        {"a=1#&b=2", "[a|1]"},
        {"#a=1", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(parse(rows[i][0], 4096), TT_OK);
        assert_string_equal(seen, rows[i][1]);
    }
}

static void bad_escapes_and_bytes(void **state) {
    static const char *const rows[] = {"a=1&b=%4", "a=1&b=%zz", "a=1&%00=1", "a=1&b=%FF"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(parse(rows[i], 4096), TT_ERR_MALFORMED);
        assert_string_equal(seen, "[a|1]");
    }
}

static void the_taker_and_the_arena_end_it(void **state) {
    (void)state;
    assert_int_equal(parse("a=1&stop=now&b=2", 4096), TT_ERR_OPTION);
    assert_string_equal(seen, "[a|1][stop|now]");
    assert_int_equal(parse("a=1&b=2", 32), TT_ERR_NO_MEMORY);
    assert_string_equal(seen, "[a|1]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs),
        cmocka_unit_test(bad_escapes_and_bytes),
        cmocka_unit_test(the_taker_and_the_arena_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
