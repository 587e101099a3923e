/* src/aws/xml.c: elements and references, whole, cut short and wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "aws/xml.h"

static void elements_are_found_by_name(void **state) {
    static const char text[] = "<a><bc>x</bc><b>one</b><b>two</b></a>";
    const char *to = NULL;
    const char *from = tt_xml_find_element(text, text + strlen(text), "b", &to);
    (void)state;
    assert_non_null(from);
    assert_non_null(to);
    assert_int_equal(to - from, 3);
    assert_memory_equal(from, "one", 3);
    assert_null(tt_xml_find_element(text, text + strlen(text), "c", &to));
    /* An element is found only where its begin and its end lie within what is given. */
    assert_null(tt_xml_find_element(text, strstr(text, "<b>") + 2, "b", &to));
    from = tt_xml_find_element(text, strstr(text, "</b>") + 3, "b", &to);
    assert_memory_equal(from, "one", 3);
    assert_null(to);
}

static void assert_reference(const char *text, size_t length, uint32_t point) {
    uint32_t got = 0;
    assert_int_equal(tt_xml_read_reference(text, strlen(text), &got), length);
    assert_int_equal(got, point);
    /* A reference that is cut short is none. */
    for (size_t room = 1; room < length; room++)
        assert_int_equal(tt_xml_read_reference(text, room, &got), 0);
}

static void references_are_read(void **state) {
    (void)state;
    assert_reference("&amp;amp;", 5, '&');
    assert_reference("&lt;", 4, '<');
    assert_reference("&gt;", 4, '>');
    assert_reference("&quot;", 6, '"');
    assert_reference("&apos;", 6, '\'');
    assert_reference("&#38;", 5, '&');
    assert_reference("&#x2f;/", 6, '/');
    assert_reference("&#x2F;", 6, '/');
    assert_reference("&#0;", 4, 0);
    assert_reference("&#8364;", 7, 0x20AC);
}

static void what_is_no_reference_has_no_length(void **state) {
    static const char *const texts[] = {"&",      "&;",    "& ",    "&#;",   "&#x;",
                                        "&#-1;",  "&# 1;", "&#3f;", "&#xg;", "&AMP;",
                                        "&nbsp;", "&#38",  "&#38 ;"};
    (void)state;
    uint32_t point;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (tt_xml_read_reference(texts[i], strlen(texts[i]), &point) != 0)
            fail_msg("\"%s\" was read", texts[i]);
}

static void a_number_beyond_unicode_stays_beyond(void **state) {
    uint32_t point = 0;
    static const char text[] = "&#x100000000000000000041;";
    (void)state;
    assert_int_equal(tt_xml_read_reference(text, strlen(text), &point), strlen(text));
    assert_true(point > 0x10FFFF);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_found_by_name),
        cmocka_unit_test(references_are_read),
        cmocka_unit_test(what_is_no_reference_has_no_length),
        cmocka_unit_test(a_number_beyond_unicode_stays_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
