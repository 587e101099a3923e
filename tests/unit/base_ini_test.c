/* src/base/ini.c: pairs, problems, the end of the reading. What config_load.c makes of them is
 * tested in base_config_load_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "heap.h"
#include "scratch.h"
#include "tintype/ini.h"

#define LINE_MAX_BYTES 40

/* All calls that the reading made, in their order. */
static char calls[8192];
static size_t calls_length;

static void take_pair(void *context, int line, const char *section, const char *name,
                      const char *value) {
    assert_ptr_equal(context, calls);
    calls_length += (size_t)snprintf(calls + calls_length, sizeof calls - calls_length,
                                     name ? "%d [%s] %s=%s\n" : "%d [%s]\n", line, section, name,
                                     value ? value : "(null)");
    assert_true(calls_length < sizeof calls);
}

static void take_problem(void *context, int line, const char *text) {
    assert_ptr_equal(context, calls);
    calls_length +=
        (size_t)snprintf(calls + calls_length, sizeof calls - calls_length, "%d: %s\n", line, text);
    assert_true(calls_length < sizeof calls);
}

static bool read_path(const char *path, tt_ini_problem *problem) {
    calls_length = 0;
    calls[0] = '\0';
    return tt_ini_read(path, LINE_MAX_BYTES, take_pair, problem, calls);
}

/* The file is written without stdio, which would leave copies on the heap. */
static void make_file(const char *bytes, size_t length) {
    int fd = open(scratch_path("file.ini"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    assert_int_equal(close(fd), 0);
}

static bool read_text(const char *text) {
    make_file(text, strlen(text));
    return read_path(scratch_path("file.ini"), take_problem);
}

static void pairs_come_with_line_and_section(void **state) {
    (void)state;
    assert_true(read_text("before = 1\n"
                          "; a comment\n"
                          "[one two]\r\n"
                          "  a=b = c \t\r\n"
                          "# another\n"
                          "\n"
                          "key:value ; told\n"
                          "empty =\n"
                          "alone\n"
                          "[three]\n"
                          "\tindented = x;y"));
    assert_string_equal(calls, "1 [] before=1\n"
                               "3 [one two]\n"
                               "4 [one two] a=b = c\n"
                               "7 [one two] key=value\n"
                               "8 [one two] empty=\n"
                               "9 [one two] alone=(null)\n"
                               "10 [three]\n"
                               "11 [three] indented=x;y\n");
    assert_true(read_text(""));
    assert_string_equal(calls, "");
}

static void a_section_is_told_of_by_itself(void **state) {
    (void)state;
    assert_true(read_text("[empty]\n"
                          " \t[x] more\r\n"
                          "[]\n"
                          "; [comment]\n"
                          "a=[b]\n"
                          "[last]"));
    assert_string_equal(calls, "1 [empty]\n2 [x]\n3 []\n5 [] a=[b]\n6 [last]\n");
}

static void a_byte_order_mark_is_passed_over(void **state) {
    (void)state;
    assert_true(read_text("\xEF\xBB\xBF[empty]\n[a]\nb=1\n"));
    assert_string_equal(calls, "1 [empty]\n2 [a]\n3 [a] b=1\n");
}

static void lines_have_a_maximum(void **state) {
    (void)state;
    /* Lines of 40 bytes and of 41. */
    assert_true(read_text("[a]\n"
                          "b=34567890123456789012345678901234567890\n"
                          "c=345678901234567890123456789012345678901\n"
                          "d=1\n"));
    assert_string_equal(calls, "1 [a]\n"
                               "2 [a] b=34567890123456789012345678901234567890\n"
                               "3: the line has more than 40 bytes, or a NUL byte\n"
                               "4 [a] d=1\n");
}

static void a_nul_byte_is_a_problem(void **state) {
    static const char bytes[] = "[a]\nb=1\0 2\nc=2\n\0";
    (void)state;
    make_file(bytes, sizeof bytes - 1);
    assert_true(read_path(scratch_path("file.ini"), take_problem));
    assert_string_equal(calls, "1 [a]\n"
                               "2: the line has more than 40 bytes, or a NUL byte\n"
                               "3 [a] c=2\n"
                               "4: the line has more than 40 bytes, or a NUL byte\n");
}

static void a_broken_section_ends_the_reading(void **state) {
    (void)state;
    assert_false(read_text("[a]\nb=1\n[c\nd=2\n"));
    assert_int_equal(errno, EINVAL);
    assert_string_equal(calls, "1 [a]\n2 [a] b=1\n3: the section has no \"]\" at its end\n");
    assert_false(read_path(scratch_path("file.ini"), NULL));
    assert_int_equal(errno, EINVAL);
    assert_string_equal(calls, "1 [a]\n2 [a] b=1\n");
}

static void an_unreadable_file_is_a_problem(void **state) {
    (void)state;
    assert_false(read_path(scratch_path("none.ini"), take_problem));
    assert_int_equal(errno, ENOENT);
    assert_string_equal(calls, "0: No such file or directory\n");
    assert_false(read_path(scratch, take_problem));
    assert_int_equal(errno, EISDIR);
    assert_string_equal(calls, "0: Is a directory\n");
    assert_false(read_path(scratch, NULL));
    assert_int_equal(errno, EISDIR);
    assert_string_equal(calls, "");
}

#ifndef TT_SANITIZED
static void lines_do_not_stay_in_memory(void **state) {
    char word[] = "wJalrXUtnFEMI-K7MDENG";
    (void)state;
    char text[128];
    snprintf(text, sizeof text, "[default]\naws_secret_key = %s\nregion = x\n[\nlate = 1\n", word);
    make_file(text, strlen(text));
    assert_false(read_path(scratch_path("file.ini"), take_problem));
    assert_non_null(strstr(calls, word));
    assert_int_equal(count_in_heap(word), 0);
}
#endif

#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(pairs_come_with_line_and_section), TEST(a_section_is_told_of_by_itself),
        TEST(a_byte_order_mark_is_passed_over), TEST(lines_have_a_maximum),
        TEST(a_nul_byte_is_a_problem),          TEST(a_broken_section_ends_the_reading),
        TEST(an_unreadable_file_is_a_problem),
#ifndef TT_SANITIZED
        TEST(lines_do_not_stay_in_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
