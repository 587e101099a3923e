/* A directory of its own for each test, and processes that report by their exit code. For tests
 * that touch the disk; includes nothing of the project. */
#ifndef TINTYPE_TESTS_SCRATCH_H
#define TINTYPE_TESTS_SCRATCH_H

#include <ftw.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRATCH_PATH_SIZE 1024

/* The directory of the running test. */
static char scratch[512];

/* cmocka setup and teardown: 0 on success. */
static inline int scratch_make(void **state) {
    const char *parent = getenv("TMPDIR");

    (void)state;
    (void)snprintf(scratch, sizeof scratch, "%s/tintype-unit-XXXXXX",
                   parent != NULL ? parent : "/tmp");
    return mkdtemp(scratch) != NULL ? 0 : -1;
}

static inline int scratch_remove_one(const char *path, const struct stat *status, int type,
                                     struct FTW *place) {
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static inline int scratch_remove(void **state) {
    (void)state;
    return nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* "<scratch>/<name>"; one result at a time. */
static inline const char *scratch_path(const char *name) {
    static char path[SCRATCH_PATH_SIZE];

    (void)snprintf(path, sizeof path, "%s/%s", scratch, name);
    return path;
}

/* Puts a small disk, with these options of tmpfs, over the directory: a mount of this process
 * alone, so that nothing of it outlives the test. False where the process may not. */
static inline bool scratch_mount_small(const char *options) {
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("small", scratch, "tmpfs", 0, options) == 0;
}

static inline int scratch_unmount(void) {
    return umount2(scratch, MNT_DETACH);
}

/* Runs run(argument) in a child process, whose exit code is what it returns. */
static inline pid_t scratch_fork(int (*run)(int argument), int argument) {
    pid_t pid = fork();

    if (pid == 0)
        _exit(run(argument));
    return pid;
}

/* The exit code of a child, 128 + n when signal n ended it, -1 when there is none. */
static inline int scratch_wait(pid_t pid) {
    int status;

    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
