/* Confine: what a process gives up after a fork: its parent's descriptors and signals, and, before
 * it meets what is hostile, everything but a little memory and time. Nothing here forks. */
#include "proc/confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* Closes them one by one, for kernels and sandboxes without close_range. Closing while reading the
 * directory is safe: the kernel lists by number, upwards. */
static enum tt_err close_listed(int lowest, int highest) {
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "opendir /proc/self/fd");
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char *end;
        long fd = strtol(entry->d_name, &end, 10);
        if (*end == '\0' && fd >= lowest && fd <= highest && fd != dirfd(dir))
            close((int)fd);
    }
    closedir(dir);
    return TT_OK;
}

static enum tt_err close_from_to(int lowest, int highest) {
    if (lowest > highest || close_range((unsigned)lowest, (unsigned)highest, 0) == 0)
        return TT_OK;
    return close_listed(lowest, highest);
}

static int compare_fds(const void *left, const void *right) {
    return *(const int *)left - *(const int *)right;
}

static enum tt_err set_descriptors(const int *keep_fds, int keep_count) {
    int sorted[TT_CHILD_KEEP_MAX];
    int lowest = STDERR_FILENO + 1;
    int null_fd = open("/dev/null", O_RDWR);
    if (null_fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "open /dev/null");
    if (dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "dup2");

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

#ifndef TT_SANITIZED
/* Reads how much is mapped at this moment, which is the first number of proc(5)'s statm, in pages.
 */
static enum tt_err read_mapped_bytes(rlim_t *mapped) {
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "open /proc/self/statm");
    ssize_t got = read(fd, text, sizeof text - 1);
    int read_errno = errno;
    close(fd);
    if (got <= 0) {
        errno = got < 0 ? read_errno : EIO;
        return tt_err_fail_errno(TT_ERR_SYSTEM, "read /proc/self/statm");
    }
    text[got] = '\0';
    *mapped = (rlim_t)strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
    return TT_OK;
}

/* Sanitized builds do without these two limits: a sanitizer's shadow is terabytes of address space,
 * and it opens files to report. */
static enum tt_err set_memory_and_opens(const struct tt_child_limits *limits) {
    rlim_t mapped = 0;
    enum tt_err err = read_mapped_bytes(&mapped);
    if (err != TT_OK)
        return err;
    rlim_t first_bytes =
        first_limit(limits->first_address_space_bytes, limits->address_space_bytes);
    err = set_limit(RLIMIT_AS, mapped + first_bytes, mapped + (rlim_t)limits->address_space_bytes);
    /* Descriptors that are open stay so, but no new one can be had. */
    if (err == TT_OK)
        err = set_limit(RLIMIT_NOFILE, 0, 0);
    return err;
}
#else
static enum tt_err set_memory_and_opens(const struct tt_child_limits *limits) {
    (void)limits;
    return TT_OK;
}
#endif

enum tt_err tt_confine_limit(const struct tt_child_limits *limits) {
    enum tt_err err = set_memory_and_opens(limits);
    /* SIGXCPU comes at the soft limit, and SIGKILL a second later should that not have ended the
     * child. */
    rlim_t first_seconds = first_limit(limits->first_cpu_seconds, limits->cpu_seconds);
    if (err == TT_OK)
        err = set_limit(RLIMIT_CPU, first_seconds, (rlim_t)limits->cpu_seconds + 1);
    if (err == TT_OK)
        err = set_limit(RLIMIT_FSIZE, (rlim_t)limits->file_bytes, (rlim_t)limits->file_bytes);
    if (err == TT_OK)
        err = set_limit(RLIMIT_CORE, 0, 0);
    if (err == TT_OK)
        err = set_limit(RLIMIT_NPROC, 0, 0); /* without effect for root */
    if (err != TT_OK)
        return err;
    /* A process that is not dumpable keeps the picture in its memory from the other processes of
     * its user. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "prctl");
    return TT_OK;
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
