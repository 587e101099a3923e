/* src/base/utf8.c: the edges of the table of well-formed sequences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tintype/utf8.h"

static const struct {
    const char *text;
    uint32_t point;
} well_formed[] = {
    {"A", 'A'},
    {"\x7F", 0x7F},
    {"\xC2\x80", 0x80},
    {"\xDF\xBF", 0x7FF},
    {"\xE0\xA0\x80", 0x800},
    {"\xEC\xBF\xBF", 0xCFFF},
    {"\xED\x9F\xBF", 0xD7FF},
    {"\xEE\x80\x80", 0xE000},
    {"\xEF\xBF\xBF", 0xFFFF},
    {"\xF0\x90\x80\x80", 0x10000},
    {"\xF1\x80\x80\x80", 0x40000},
    {"\xF3\xBF\xBF\xBF", 0xFFFFF},
    {"\xF4\x8F\xBF\xBF", 0x10FFFF},
};

static const char *const ill_formed[] = {
    "\x80",             /* a continuation alone */
    "\xC0\x80",         /* overlong NUL */
    "\xC1\xBF",         /* overlong DEL */
    "\xE0\x9F\xBF",     /* overlong U+07FF */
    "\xF0\x8F\xBF\xBF", /* overlong U+FFFF */
    "\xED\xA0\x80",     /* a surrogate */
    "\xED\xBF\xBF",     /* the last surrogate */
    "\xF4\x90\x80\x80", /* above U+10FFFF */
    "\xF5\x80\x80\x80",
    "\xFF",
    "\xC3",         /* cut short */
    "\xE2\x82",     /* cut short */
    "\xF0\x9F\x98", /* cut short */
    "\xC3(",        /* no continuation */
    "\xE2(\x82",
    "\xE2\x82(",
    "\xF0\x9F\x98(",
};

static void well_formed_characters_go_both_ways(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof well_formed / sizeof *well_formed; i++) {
        size_t length = strlen(well_formed[i].text);
        uint32_t point = 0;
        assert_int_equal(tt_utf8_decode(well_formed[i].text, length, &point), length);
        assert_int_equal(point, well_formed[i].point);
        char encoded[4];
        assert_int_equal(tt_utf8_encode(point, encoded), length);
        assert_memory_equal(encoded, well_formed[i].text, length);
    }
}

static void ill_formed_sequences_are_none(void **state) {
    (void)state;
    uint32_t point;
    for (size_t i = 0; i < sizeof ill_formed / sizeof *ill_formed; i++)
        assert_int_equal(tt_utf8_decode(ill_formed[i], strlen(ill_formed[i]), &point), 0);
}

static void the_length_is_kept_to(void **state) {
    (void)state;
    uint32_t point;
    assert_int_equal(tt_utf8_decode("\xE2\x82\xAC", 2, &point), 0);
    assert_int_equal(tt_utf8_decode("a", 0, &point), 0);
    assert_int_equal(tt_utf8_decode("ab", 2, &point), 1);
}

static void nul_is_a_character(void **state) {
    uint32_t point = 1;
    (void)state;
    assert_int_equal(tt_utf8_decode("", 1, &point), 1);
    assert_int_equal(point, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_characters_go_both_ways),
        cmocka_unit_test(ill_formed_sequences_are_none),
        cmocka_unit_test(the_length_is_kept_to),
        cmocka_unit_test(nul_is_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
