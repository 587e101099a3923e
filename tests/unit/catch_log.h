/* What the log says while a test listens: a file below the scratch directory stands in for standard
 * error. Include after cmocka.h. */
#ifndef TINTYPE_TESTS_CATCH_LOG_H
#define TINTYPE_TESTS_CATCH_LOG_H

#include <fcntl.h>

#include "scratch.h"

static int log_fd = -1;
static int saved_fd = -1;

static inline void catch_log(void) {
    log_fd = open(scratch_path("log"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    saved_fd = dup(STDERR_FILENO);
    assert_true(log_fd >= 0 && saved_fd >= 0);
    assert_true(dup2(log_fd, STDERR_FILENO) >= 0);
}

/* What was logged since catch_log, whose work ends here. The text lives until the next call. */
static inline const char *caught_log(void) {
    static char text[4096];
    assert_true(dup2(saved_fd, STDERR_FILENO) >= 0);
    ssize_t length = pread(log_fd, text, sizeof text - 1, 0);
    assert_true(length >= 0);
    text[length] = '\0';
    assert_int_equal(close(saved_fd), 0);
    assert_int_equal(close(log_fd), 0);
    return text;
}

#endif
