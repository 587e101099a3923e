/* Confine: what a process gives up after a fork: its parent's descriptors and signals, and, before
 * it meets what is hostile, everything but a little memory and time. Which files and system calls
 * it may still reach is in reach_*.c. Nothing here forks. */
#include "proc/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A process that forks children has few descriptors at once: its own and those of one order. */
#define DESCRIPTORS_MAX 64

/* A signal that this program may have handled or ignored, and what the child makes of it. Stops
 * (Ctrl-C, a hang-up of the terminal, a kill of the process group) are the parent's to act on: a
 * drain lets the child finish. SIGXFSZ ignored makes a write over the limit fail with EFBIG. All
 * other signals are left alone, so that a sanitizer keeps its handlers. */
static const struct {
    int number;
    bool ignored;
} signal_table[] = {
    {SIGINT, true},   {SIGTERM, true},  {SIGHUP, true},   {SIGXFSZ, true},  {SIGXCPU, false},
    {SIGPIPE, false}, {SIGCHLD, false}, {SIGUSR1, false}, {SIGUSR2, false}, {SIGALRM, false},
};

static enum tt_err set_signals(void) {
    for (size_t i = 0; i < sizeof signal_table / sizeof *signal_table; i++) {
        struct sigaction action = {.sa_handler = signal_table[i].ignored ? SIG_IGN : SIG_DFL};
        if (sigaction(signal_table[i].number, &action, NULL) < 0)
            return tt_err_fail_errno(TT_ERR_SYSTEM, "sigaction");
    }
    sigset_t none;
    sigemptyset(&none);
    if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "sigprocmask");
    return TT_OK;
}

/* Closes them one by one where there is no close_range: kernels before 5.9 and some sandboxes. What
 * this process may still open has a number below its limit. */
static enum tt_err close_each(int lowest, int highest) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "getrlimit RLIMIT_NOFILE");
    for (int fd = lowest; fd <= highest && (rlim_t)fd < limit.rlim_cur; fd++)
        close(fd);
    return TT_OK;
}

static enum tt_err close_from_to(int lowest, int highest) {
    if (lowest > highest || close_range((unsigned)lowest, (unsigned)highest, 0) == 0)
        return TT_OK;
    return close_each(lowest, highest);
}

static int compare_fds(const void *left, const void *right) {
    return *(const int *)left - *(const int *)right;
}

static enum tt_err set_descriptors(const int *keep_fds, int keep_count) {
    int sorted[TT_CHILD_KEEP_MAX];
    int lowest = STDERR_FILENO + 1;
    memcpy(sorted, keep_fds, (size_t)keep_count * sizeof *sorted);
    qsort(sorted, (size_t)keep_count, sizeof *sorted, compare_fds);
    for (int i = 0; i < keep_count; i++) {
        enum tt_err err = close_from_to(lowest, sorted[i] - 1);
        if (err != TT_OK)
            return err;
        lowest = sorted[i] + 1;
    }
    return close_from_to(lowest, INT32_MAX);
}

static enum tt_err set_limit(int resource, rlim_t soft, rlim_t hard) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "getrlimit %d", resource);
    /* Raising a hard limit takes privileges, and a lower one is as good. */
    if (limit.rlim_max > hard)
        limit.rlim_max = hard;
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    if (setrlimit(resource, &limit) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "setrlimit %d", resource);
    return TT_OK;
}

/* Returns the limit that holds at first. */
static rlim_t first_limit(int64_t first, int64_t last) {
    return (rlim_t)(first > 0 && first < last ? first : last);
}

/* Sanitized builds keep standard error and do without two limits: a sanitizer's shadow is terabytes
 * of address space, and it opens files to report. */
#ifndef TT_SANITIZED
static enum tt_err set_memory_and_opens(const struct tt_child_limits *limits) {
    enum tt_err err = set_limit(
        RLIMIT_AS, first_limit(limits->first_address_space_bytes, limits->address_space_bytes),
        (rlim_t)limits->address_space_bytes);
    if (err == TT_OK && dup2(STDIN_FILENO, STDERR_FILENO) < 0)
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "dup2");
    /* Descriptors that are open stay so, but no new one can be had. */
    return err != TT_OK ? err : set_limit(RLIMIT_NOFILE, 0, 0);
}
#else
static enum tt_err set_memory_and_opens(const struct tt_child_limits *limits) {
    (void)limits;
    return TT_OK;
}
#endif

enum tt_err tt_confine_limit(const struct tt_child_limits *limits) {
    /* SIGXCPU comes at the soft limit, and SIGKILL a second later should that not have ended the
     * child. */
    rlim_t first_seconds = first_limit(limits->first_cpu_seconds, limits->cpu_seconds);
    enum tt_err err = set_limit(RLIMIT_CPU, first_seconds, (rlim_t)limits->cpu_seconds + 1);
    if (err == TT_OK)
        err = set_limit(RLIMIT_FSIZE, (rlim_t)limits->file_bytes, (rlim_t)limits->file_bytes);
    if (err == TT_OK)
        err = set_limit(RLIMIT_NPROC, 0, 0); /* without effect for root */
    return err != TT_OK ? err : set_memory_and_opens(limits);
}

static enum tt_err raise_limit(int resource, rlim_t most) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "getrlimit %d", resource);
    limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
    if (setrlimit(resource, &limit) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "setrlimit %d", resource);
    return TT_OK;
}

enum tt_err tt_child_raise_limits(int64_t cpu_seconds) {
    enum tt_err err = raise_limit(RLIMIT_AS, RLIM_INFINITY);
    return err != TT_OK ? err : raise_limit(RLIMIT_CPU, (rlim_t)cpu_seconds);
}

enum tt_err tt_confine_join(pid_t parent, const int *keep_fds, int keep_count) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "prctl PR_SET_PDEATHSIG");
    /* The parent may have died before the line above, and then no signal comes. */
    if (getppid() != parent)
        return tt_err_fail(TT_ERR_SYSTEM, "the parent died");
    enum tt_err err = set_signals();
    return err != TT_OK ? err : set_descriptors(keep_fds, keep_count);
}

static enum tt_err set_standard_streams(void) {
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "open /dev/null");
    enum tt_err err = TT_OK;
    if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "dup2");
    close(fd);
    return err;
}

enum tt_err tt_confine_settle(void) {
    enum tt_err err = set_standard_streams();
    if (err == TT_OK)
        err = set_limit(RLIMIT_CORE, 0, 0);
    if (err == TT_OK)
        err = set_limit(RLIMIT_NOFILE, DESCRIPTORS_MAX, DESCRIPTORS_MAX);
    /* A process that is not dumpable keeps its memory from the other processes of its user. */
    if (err == TT_OK &&
        (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0))
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "prctl");
    return err;
}

/* The first number of proc(5)'s statm is what is mapped, in pages. */
enum tt_err tt_confine_measure(int64_t *mapped_bytes) {
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "open /proc/self/statm");
    ssize_t got = read(fd, text, sizeof text - 1);
    enum tt_err err = got > 0 ? TT_OK : tt_err_fail_errno(TT_ERR_SYSTEM, "read /proc/self/statm");
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    *mapped_bytes = (int64_t)strtoll(text, NULL, 10) * (int64_t)sysconf(_SC_PAGESIZE);
    return err;
}
