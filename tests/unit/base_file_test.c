/* src/base/file.c: whole writes, whole reads, and what fails. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tintype/file.h"

static FILE *file;
static int fd = -1;

static int open_file(void **state) {
    (void)state;
    tt_err_take(TT_OK);
    file = tmpfile();
    if (!file)
        return -1;
    fd = fileno(file);
    return 0;
}

static int close_file(void **state) {
    (void)state;
    fclose(file);
    return 0;
}

static void what_is_written_is_read(void **state) {
    char text[16] = "";
    (void)state;
    assert_int_equal(tt_file_write(fd, "hello ", 6), TT_OK);
    assert_int_equal(tt_file_write(fd, "world", 5), TT_OK);
    assert_int_equal(tt_file_write(fd, NULL, 0), TT_OK);
    assert_int_equal(tt_file_sync(fd), TT_OK);
    size_t got;
    assert_int_equal(tt_file_read_at(fd, 3, text, 5, &got), TT_OK);
    assert_int_equal(got, 5);
    assert_memory_equal(text, "lo wo", 5);
}

static void read_is_short_at_the_end_only(void **state) {
    (void)state;
    assert_int_equal(tt_file_write(fd, "hello", 5), TT_OK);
    char text[16];
    size_t got;
    assert_int_equal(tt_file_read_at(fd, 2, text, sizeof text, &got), TT_OK);
    assert_int_equal(got, 3);
    assert_int_equal(tt_file_read_at(fd, 5, text, sizeof text, &got), TT_OK);
    assert_int_equal(got, 0);
    assert_int_equal(tt_file_read_at(fd, 100, text, sizeof text, &got), TT_OK);
    assert_int_equal(got, 0);
}

static void short_write_goes_on_and_meets_the_cause(void **state) {
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit limit = old;
    limit.rlim_cur = 10;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(tt_file_write(fd, "0123456789abcdef", 16), TT_ERR_STORAGE);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    struct stat info;
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_size, 10);
    assert_string_equal(tt_err_cause(), "write: File too large");
}

static void full_device_is_told_apart(void **state) {
    int full_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    (void)state;
    assert_true(full_fd >= 0);
    assert_int_equal(tt_file_write(full_fd, "a", 1), TT_ERR_SPOOL_FULL);
    tt_file_close(&full_fd);
}

static void bad_descriptors_fail(void **state) {
    size_t got = 1;
    (void)state;
    assert_int_equal(tt_file_write(-1, "a", 1), TT_ERR_STORAGE);
    char byte;
    assert_int_equal(tt_file_read_at(-1, 0, &byte, 1, &got), TT_ERR_STORAGE);
    assert_int_equal(got, 0);
    assert_int_equal(tt_file_sync(-1), TT_ERR_STORAGE);
    assert_int_equal(tt_file_sync_dir(-1), TT_ERR_STORAGE);
    assert_string_equal(tt_err_cause(), "write: Bad file descriptor");
}

static void directory_is_synced(void **state) {
    int dir_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)state;
    assert_true(dir_fd >= 0);
    assert_int_equal(tt_file_sync_dir(dir_fd), TT_OK);
    tt_file_close(&dir_fd);
}

static void close_forgets_the_descriptor(void **state) {
    int copy = dup(fd);
    int closed = copy;
    (void)state;
    assert_true(copy >= 0);
    tt_file_close(&copy);
    assert_int_equal(copy, -1);
    assert_int_equal(fcntl(closed, F_GETFD), -1);
    tt_file_close(&copy);
    assert_int_equal(copy, -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, open_file, close_file),
        cmocka_unit_test_setup_teardown(read_is_short_at_the_end_only, open_file, close_file),
        cmocka_unit_test_setup_teardown(short_write_goes_on_and_meets_the_cause, open_file,
                                        close_file),
        cmocka_unit_test_setup_teardown(full_device_is_told_apart, open_file, close_file),
        cmocka_unit_test_setup_teardown(bad_descriptors_fail, open_file, close_file),
        cmocka_unit_test_setup_teardown(directory_is_synced, open_file, close_file),
        cmocka_unit_test_setup_teardown(close_forgets_the_descriptor, open_file, close_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
