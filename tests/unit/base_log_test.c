/* src/base/log.c: each message is one line, and none can forge another. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tintype/log.h"

/* What stands on standard error while a test runs goes into this file. */
static FILE *captured;
static int real_stderr = -1;
static char text[3 * PIPE_BUF];

static int capture(void **state) {
    (void)state;
    captured = tmpfile();
    real_stderr = dup(STDERR_FILENO);
    if (!captured || real_stderr < 0)
        return -1;
    tt_log_open("tester", TT_LOG_INFO);
    return dup2(fileno(captured), STDERR_FILENO) < 0 ? -1 : 0;
}

static int release(void **state) {
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    fclose(captured);
    return 0;
}

static const char *written(void) {
    ssize_t length = pread(fileno(captured), text, sizeof text - 1, 0);
    assert_true(length >= 0);
    text[length] = '\0';
    return text;
}

/* The message of the only line that was written. */
static const char *message(void) {
    const char *line = written();
    const char *start = strstr(line, ": ");
    assert_non_null(start);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    return start + 2;
}

static void line_has_time_name_process_and_level(void **state) {
    (void)state;
    tt_log(TT_LOG_WARNING, "%d of %s", 2, "three");
    char expected[64];
    snprintf(expected, sizeof expected, " tester[%ld] warning: 2 of three\n", (long)getpid());
    assert_int_equal(strlen(written()), 24 + strlen(expected));
    assert_string_equal(written() + 24, expected);
    assert_int_equal(written()[10], 'T');
    assert_int_equal(written()[23], 'Z');
}

static void messages_below_the_level_are_dropped(void **state) {
    (void)state;
    tt_log(TT_LOG_DEBUG, "unseen");
    assert_string_equal(written(), "");
    tt_log_open("tester", TT_LOG_DEBUG);
    tt_log(TT_LOG_DEBUG, "seen");
    assert_string_equal(message(), "seen\n");
}

static void no_line_can_be_forged(void **state) {
    (void)state;
    tt_log(TT_LOG_ERROR, "name %s", "a\n2026-11-24T06:50:27.123Z tester[1] error: b\r\x1B[2J\x7F");
    assert_string_equal(message(), "name a\\x0a2026-11-24T06:50:27.123Z tester[1] error: "
                                   "b\\x0d\\x1b[2J\\x7f\n");
}

static void text_stays_and_other_bytes_are_spelt_out(void **state) {
    (void)state;
    tt_log(TT_LOG_INFO, "%s", "caf\xC3\xA9 \xF0\x9F\x98\x80 \xE9 \xC2\x85 \\ \xE2\x82");
    assert_string_equal(message(), "caf\xC3\xA9 \xF0\x9F\x98\x80 \\xe9 \\xc2\\x85 \\ \\xe2\\x82\n");
}

static void long_message_is_cut(void **state) {
    (void)state;
    char longer[5000];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    tt_log(TT_LOG_INFO, "%s", longer);
    assert_int_equal(strlen(message()), 2048 + 1);
}

static void line_never_outgrows_an_atomic_write(void **state) {
    (void)state;
    char longer[5000];
    memset(longer, '\n', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    tt_log(TT_LOG_INFO, "%s", longer);
    assert_in_range(strlen(written()), PIPE_BUF - 5, PIPE_BUF);
    assert_int_equal(strspn(message(), "\\x0a"), strlen(message()) - 1);
}

static void errno_is_left_alone(void **state) {
    (void)state;
    close(STDERR_FILENO);
    errno = ERANGE;
    tt_log(TT_LOG_INFO, "into nothing");
    assert_int_equal(errno, ERANGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(line_has_time_name_process_and_level, capture, release),
        cmocka_unit_test_setup_teardown(messages_below_the_level_are_dropped, capture, release),
        cmocka_unit_test_setup_teardown(no_line_can_be_forged, capture, release),
        cmocka_unit_test_setup_teardown(text_stays_and_other_bytes_are_spelt_out, capture, release),
        cmocka_unit_test_setup_teardown(long_message_is_cut, capture, release),
        cmocka_unit_test_setup_teardown(line_never_outgrows_an_atomic_write, capture, release),
        cmocka_unit_test_setup_teardown(errno_is_left_alone, capture, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
