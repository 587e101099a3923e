/* What a role may reach: src/proc/reach*.c. A child enters a role and tries one thing; its exit
 * status is the errno that it met. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tintype/reach.h"

#define NOT_ENTERED 255

static struct tt_reach reach;
static char storage[64];

static int set_up(void **state) {
    (void)state;
    snprintf(storage, sizeof storage, "/tmp/tintype-reach-XXXXXX");
    if (!mkdtemp(storage) || chdir(storage) != 0)
        return -1;
    if (mkdir("staged", 0700) != 0 || mkdir("kept", 0700) != 0)
        return -1;
    if (tt_reach_init(&reach, false) != TT_OK)
        return -1;
    return tt_reach_add(&reach, TT_TREE_STORAGE, storage) == TT_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    tt_reach_fini(&reach);
    unlink("kept/file");
    rmdir("staged");
    rmdir("kept");
    return chdir("/") != 0 ? -1 : rmdir(storage);
}

/* Returns the wait status of a child that entered the role and tried. */
static int try_as(enum tt_role role, int (*attempt)(void)) {
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        signal(SIGSYS, SIG_DFL); /* cmocka handles it */
        if (role == TT_ROLE_DECODER && tt_reach_enter(&reach, TT_ROLE_SPAWNER) != TT_OK)
            _exit(NOT_ENTERED);
        if (tt_reach_enter(&reach, role) != TT_OK)
            _exit(NOT_ENTERED);
        _exit(attempt());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int make_a_file_elsewhere(void) {
    return open("/tmp", O_TMPFILE | O_WRONLY, 0600) < 0 ? errno : 0;
}

static int keep_a_file(void) {
    int fd = open("staged", O_TMPFILE | O_WRONLY, 0600);
    char path[64];
    if (fd < 0)
        return errno;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, path, AT_FDCWD, "kept/file", AT_SYMLINK_FOLLOW) != 0 ? errno : 0;
}

#ifndef TT_SANITIZED /* whose processes have no filters, and may read any file */
static int open_passwd(void) {
    return open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
}

static int open_internet_socket(void) {
    return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int open_local_socket(void) {
    return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int map_code(void) {
    void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return code == MAP_FAILED ? errno : 0;
}

static int fork_a_child(void) {
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid < 0 ? errno : 0;
}

static int get_a_name_space(void) {
    return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0) < 0 ? errno : 0;
}

static int give_up(void) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigaction(SIGABRT, &standard, NULL);
    sigaction(SIGSEGV, &standard, NULL);
    abort();
}

static void assert_ends_by(int status, int signal_number) {
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signal_number);
}

static void a_decoder_ends_at_a_call_outside_its_list(void **state) {
    (void)state;
    assert_ends_by(try_as(TT_ROLE_DECODER, open_local_socket), SIGSYS);
    assert_ends_by(try_as(TT_ROLE_DECODER, fork_a_child), SIGSYS);
    assert_ends_by(try_as(TT_ROLE_DECODER, map_code), SIGSYS);
}

static void a_decoder_may_look_for_a_file_in_vain(void **state) {
    (void)state;
    assert_int_equal(WEXITSTATUS(try_as(TT_ROLE_DECODER, open_passwd)), EACCES);
}

/* The end of a library that gives up is its picture's fault, and not a call outside the list. */
static void a_decoder_may_abort(void **state) {
    (void)state;
    int status = try_as(TT_ROLE_DECODER, give_up);
    assert_true(WIFSIGNALED(status));
    assert_int_not_equal(WTERMSIG(status), SIGSYS);
}

static void a_spawner_forks_and_does_little_else(void **state) {
    (void)state;
    assert_int_equal(try_as(TT_ROLE_SPAWNER, fork_a_child), 0);
    assert_int_equal(WEXITSTATUS(try_as(TT_ROLE_SPAWNER, get_a_name_space)), EPERM);
    assert_int_equal(WEXITSTATUS(try_as(TT_ROLE_SPAWNER, open_passwd)), EPERM);
    assert_int_equal(WEXITSTATUS(try_as(TT_ROLE_SPAWNER, open_local_socket)), EPERM);
    assert_int_equal(WEXITSTATUS(try_as(TT_ROLE_SPAWNER, map_code)), EPERM);
}

static void a_worker_has_no_socket_but_unix(void **state) {
    (void)state;
    assert_int_equal(try_as(TT_ROLE_WORKER, open_local_socket), 0);
    assert_int_equal(WEXITSTATUS(try_as(TT_ROLE_WORKER, open_internet_socket)), EPERM);
    assert_int_equal(try_as(TT_ROLE_AGENT, open_internet_socket), 0);
}
#endif

static void a_worker_keeps_files_in_its_storage_alone(void **state) {
    (void)state;
    assert_int_equal(try_as(TT_ROLE_WORKER, keep_a_file), 0);
    assert_int_equal(access("kept/file", F_OK), 0);
    assert_int_equal(WEXITSTATUS(try_as(TT_ROLE_WORKER, make_a_file_elsewhere)), EACCES);
#ifndef TT_SANITIZED
    assert_int_equal(WEXITSTATUS(try_as(TT_ROLE_WORKER, open_passwd)), EACCES);
#endif
}

/* What a kernel with this Landlock would hold of a role. */
static struct tt_reach_held held_with(int landlock_abi, enum tt_role role) {
    const struct tt_reach kernel = {.landlock_abi = landlock_abi, .has_filters = true};
    return tt_reach_held(&kernel, role);
}

static void less_is_held_on_older_kernels(void **state) {
    (void)state;
    assert_true(held_with(0, TT_ROLE_WORKER).calls);
    assert_false(held_with(0, TT_ROLE_DECODER).files);
    /* Where links between folders are denied, only those that make none have their files limited.
     */
    assert_false(held_with(1, TT_ROLE_WORKER).files);
    assert_false(held_with(1, TT_ROLE_AGENT).files);
    assert_true(held_with(1, TT_ROLE_DECODER).files);
    assert_true(held_with(2, TT_ROLE_WORKER).files);
    assert_false(held_with(3, TT_ROLE_WORKER).tcp);
    assert_true(held_with(4, TT_ROLE_WORKER).tcp);
    assert_false(held_with(5, TT_ROLE_WORKER).signals);
    assert_true(held_with(6, TT_ROLE_WORKER).signals);
    assert_false(held_with(6, TT_ROLE_MASTER).files);
}

/* Whether a role's groups have a call of this name. */
static bool may_call(enum tt_role role, const char *wanted) {
    const struct tt_calls_row *row;
    for (size_t i = 0; (row = tt_reach_calls(i)) != NULL; i++) {
        const char *name;
        for (size_t number = 0; (name = tt_reach_call_name(row->group, number)) != NULL; number++)
            if (strcmp(name, wanted) == 0 && (tt_reach_row(role)->calls & row->group) != 0)
                return true;
    }
    return false;
}

static void no_role_has_calls_of_the_wrong_kind(void **state) {
    (void)state;
    static const char *const nobody[] = {
        "execve", "execveat", "ptrace",           "mount", "bpf", "setuid",
        "chmod",  "truncate", "process_vm_readv", "tgkill"};
    for (int role = 0; role < TT_ROLE_COUNT; role++)
        for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++)
            assert_false(may_call((enum tt_role)role, nobody[i]));
    assert_true(may_call(TT_ROLE_MASTER, "kill"));
    assert_false(may_call(TT_ROLE_WORKER, "kill"));
    assert_false(may_call(TT_ROLE_AGENT, "kill"));
    assert_false(may_call(TT_ROLE_DECODER, "openat"));
    assert_false(may_call(TT_ROLE_SPAWNER, "openat"));
}

static void the_master_may_what_its_children_may(void **state) {
    (void)state;
    static const enum tt_role children[] = {TT_ROLE_WORKER, TT_ROLE_SPAWNER, TT_ROLE_DECODER};
    for (size_t i = 0; i < sizeof children / sizeof *children; i++)
        assert_int_equal(tt_reach_row(children[i])->calls & ~tt_reach_row(TT_ROLE_MASTER)->calls,
                         0);
}

static void a_reach_has_a_limited_number_of_paths(void **state) {
    (void)state;
    static struct tt_reach full;
    for (int i = 0; i < TT_REACH_PATHS_MAX; i++)
        assert_int_equal(tt_reach_add(&full, TT_TREE_KEYS, "/keys"), TT_OK);
    assert_int_equal(tt_reach_add(&full, TT_TREE_KEYS, "/keys"), TT_ERR_SYSTEM);
    assert_non_null(strstr(tt_err_take(TT_ERR_SYSTEM).cause, "more than"));
}

static void calls_have_names(void **state) {
    char name[TT_REACH_CALL_NAME_SIZE];
    (void)state;
    tt_reach_name_call(SYS_socket, name);
    assert_string_equal(name, "socket");
    tt_reach_name_call(-1, name);
    assert_string_equal(name, "unknown");
    tt_reach_name_call(INT32_MAX, name);
    assert_string_equal(name, "unknown");
}

static void every_role_has_a_name(void **state) {
    (void)state;
    for (int role = 0; role < TT_ROLE_COUNT; role++) {
        assert_non_null(tt_reach_row((enum tt_role)role)->name);
        assert_non_null(tt_reach_row((enum tt_role)role)->description);
    }
    for (int tree = 0; tree < TT_TREE_COUNT; tree++)
        assert_non_null(tt_reach_tree((enum tt_tree)tree)->name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#ifndef TT_SANITIZED
        cmocka_unit_test(a_decoder_ends_at_a_call_outside_its_list),
        cmocka_unit_test(a_decoder_may_look_for_a_file_in_vain),
        cmocka_unit_test(a_decoder_may_abort),
        cmocka_unit_test(a_spawner_forks_and_does_little_else),
        cmocka_unit_test(a_worker_has_no_socket_but_unix),
#endif
        cmocka_unit_test(a_worker_keeps_files_in_its_storage_alone),
        cmocka_unit_test(less_is_held_on_older_kernels),
        cmocka_unit_test(no_role_has_calls_of_the_wrong_kind),
        cmocka_unit_test(the_master_may_what_its_children_may),
        cmocka_unit_test(a_reach_has_a_limited_number_of_paths),
        cmocka_unit_test(calls_have_names),
        cmocka_unit_test(every_role_has_a_name),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
