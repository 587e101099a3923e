/* The first steps of both daemons: src/main/start.c. The source is included whole, as main is no
 * part of the library. */
#include "../../src/main/start.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

static const char *const names[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                    "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
                                    "AWS_CONTAINER_AUTHORIZATION_TOKEN"};

/* Reads the block of variables that the kernel shows to others. */
static bool environment_shows(const char *text) {
    static char block[65536];
    int fd = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
    size_t length;

    assert_true(fd >= 0);
    assert_int_equal(tt_file_read_at(fd, 0, block, sizeof block, &length), TT_OK);
    tt_file_close(&fd);
    return memmem(block, length, text, strlen(text)) != NULL;
}

/* Runs in a program that was started with these variables, which this one becomes. */
static int run_with_credentials(void) {
    if (!environment_shows("sesame") || !getenv("AWS_SECRET_ACCESS_KEY"))
        return 2;
    tt_start_forget_credentials();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            return 3;
    if (environment_shows("sesame"))
        return 4;
    /* Names that merely begin like one of them, and all others, are left alone. */
    if (!getenv("AWS_SECRET_ACCESS_KEY_FILE") || !getenv("AWS_REGION"))
        return 5;
    return environment_shows("kept") ? 0 : 6;
}

static int become(int argument) {
    char *const arguments[] = {(char[]){"main_start_test"}, (char[]){"--forget"}, NULL};
    char *const variables[] = {(char[]){"AWS_ACCESS_KEY_ID=sesame-1"},
                               (char[]){"AWS_SECRET_ACCESS_KEY=sesame-2"},
                               (char[]){"AWS_SECRET_ACCESS_KEY=sesame-3"},
                               (char[]){"AWS_SESSION_TOKEN=sesame-4"},
                               (char[]){"AWS_CONTAINER_AUTHORIZATION_TOKEN=sesame-5"},
                               (char[]){"AWS_SECURITY_TOKEN=sesame-6"},
                               (char[]){"AWS_SECRET_ACCESS_KEY_FILE=/kept"},
                               (char[]){"AWS_REGION=kept"},
                               NULL};

    (void)argument;
    execve("/proc/self/exe", arguments, variables);
    return 7;
}

static void credentials_are_forgotten(void **state) {
    (void)state;
    assert_int_equal(scratch_wait(scratch_fork(become, 0)), 0);
    tt_start_forget_credentials(); /* where there are none */
}

static void config_file_of_the_environment(void **state) {
    (void)state;
    assert_int_equal(setenv("TINTYPE_CONFIG", "/x/y.conf", 1), 0);
    assert_string_equal(tt_start_find_config(), "/x/y.conf");
    assert_int_equal(setenv("TINTYPE_CONFIG", "", 1), 0);
    if (access(TT_START_CONFIG_FILE, F_OK) != 0)
        assert_null(tt_start_find_config());
    assert_int_equal(unsetenv("TINTYPE_CONFIG"), 0);
}

static void storage_dir_is_made_once(void **state) {
    char path[SCRATCH_PATH_SIZE];
    struct stat status;
    mode_t mask = umask(0007);

    (void)state;
    tt_err_take(TT_OK);
    snprintf(path, sizeof path, "%s", scratch_path("state"));
    assert_int_equal(tt_start_make_storage_dir(path), TT_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 02770);
    assert_int_equal(chmod(path, 0700), 0);
    assert_int_equal(tt_start_make_storage_dir(path), TT_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700); /* the administrator's word */
    umask(mask);
}

static void storage_dir_that_cannot_be(void **state) {
    char path[SCRATCH_PATH_SIZE];
    FILE *file;

    (void)state;
    tt_err_take(TT_OK);
    assert_int_equal(tt_start_make_storage_dir(scratch_path("a/b")), TT_ERR_SYSTEM);
    assert_non_null(strstr(tt_err_cause(), "a/b"));
    tt_err_take(TT_OK);
    snprintf(path, sizeof path, "%s", scratch_path("file"));
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(tt_start_make_storage_dir(path), TT_ERR_SYSTEM);
    assert_non_null(strstr(tt_err_cause(), "is not a directory"));
    tt_err_take(TT_OK);
}

static int close_and_open(int closed) {
    struct stat status;

    if (close(closed) != 0 || tt_start_tidy_fds(false) != TT_OK || fstat(closed, &status) != 0)
        return 1;
    return S_ISCHR(status.st_mode) ? 0 : 2;
}

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

/* Descriptor 3 may be systemd's, 4 and 300 are left by the starter. */
static int open_and_tidy(int listens) {
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (dup2(2, 3) != 3 || dup2(2, 4) != 4 || dup2(2, 300) != 300 ||
        setenv("LISTEN_PID", pid, 1) != 0 || setenv("LISTEN_FDS", "1", 1) != 0)
        return 1;
    if (tt_start_tidy_fds(listens) != TT_OK || is_open(4) || is_open(300) || !is_open(2))
        return 2;
    return is_open(3) == (listens != 0) ? 0 : 3;
}

static void what_the_starter_left_open_is_closed(void **state) {
    (void)state;
    assert_int_equal(scratch_wait(scratch_fork(open_and_tidy, 0)), 0);
    assert_int_equal(scratch_wait(scratch_fork(open_and_tidy, 1)), 0);
}

static int guard(int allows_core) {
    const struct rlimit some = {4096, 4096};
    struct rlimit limit;
    if (setrlimit(RLIMIT_CORE, &some) != 0 || tt_start_guard_memory(allows_core) != TT_OK ||
        getrlimit(RLIMIT_CORE, &limit) != 0)
        return 1;
    if (limit.rlim_max != (allows_core ? 4096 : 0))
        return 2;
#ifndef TT_SANITIZED
    if (prctl(PR_GET_DUMPABLE) != allows_core)
        return 3;
#endif
    /* The process itself may look: the spool opens a file without a name again by this path. */
    int fd = open(scratch, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || open(path, O_RDONLY | O_CLOEXEC) < 0 ||
        open("/proc/self/statm", O_RDONLY | O_CLOEXEC) < 0)
        return 4;
    return linkat(AT_FDCWD, path, AT_FDCWD, scratch_path("linked"), AT_SYMLINK_FOLLOW) == 0 ? 0 : 5;
}

/* Root may look into anything, so the check is another user's. */
static int guard_as_nobody(int allows_core) {
    if (geteuid() == 0 &&
        (chown(scratch, 65534, 65534) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
        return 9;
    return guard(allows_core);
}

static void memory_is_guarded(void **state) {
    (void)state;
    assert_int_equal(scratch_wait(scratch_fork(guard_as_nobody, 0)), 0);
    assert_int_equal(unlink(scratch_path("linked")), 0);
    assert_int_equal(scratch_wait(scratch_fork(guard_as_nobody, 1)), 0);
}

static void closed_standard_descriptors_are_opened(void **state) {
    (void)state;
    for (int fd = 0; fd <= 2; fd++)
        assert_int_equal(scratch_wait(scratch_fork(close_and_open, fd)), 0);
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--forget") == 0)
        return run_with_credentials();
#define CASE(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        CASE(credentials_are_forgotten),
        CASE(config_file_of_the_environment),
        CASE(storage_dir_is_made_once),
        CASE(storage_dir_that_cannot_be),
        CASE(closed_standard_descriptors_are_opened),
        CASE(what_the_starter_left_open_is_closed),
        CASE(memory_is_guarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
