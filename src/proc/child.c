/* Child: one function run in a process that has a few descriptors, limits, and nothing else. Knows
 * neither what the function does nor how many such processes there may be: see places.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tintype/clock.h"
#include "tintype/log.h"
#include "tintype/process.h"

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

/* For kernels and sandboxes without close_range. Closing while reading is safe: the kernel lists
 * by number, upwards. */
static enum tt_err close_listed(int lowest, int highest) {
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "opendir /proc/self/fd");
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char *end;
        long fd = strtol(entry->d_name, &end, 10);
        if (*end == '\0' && fd >= lowest && fd <= highest && fd != dirfd(dir))
            (void)close((int)fd);
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
    /* Raising a hard limit takes privileges, and what it says already is as good. */
    if (limit.rlim_max > hard)
        limit.rlim_max = hard;
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    if (setrlimit(resource, &limit) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "setrlimit %d", resource);
    return TT_OK;
}

#ifndef TT_SANITIZED
/* What is mapped at this moment: the first number of proc(5)'s statm, in pages. */
static enum tt_err read_mapped_bytes(rlim_t *mapped) {
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "open /proc/self/statm");
    ssize_t got = read(fd, text, sizeof text - 1);
    int read_errno = errno;
    (void)close(fd);
    if (got <= 0) {
        errno = got < 0 ? read_errno : EIO;
        return tt_err_fail_errno(TT_ERR_SYSTEM, "read /proc/self/statm");
    }
    text[got] = '\0';
    *mapped = (rlim_t)strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
    return TT_OK;
}

/* A sanitizer's shadow is terabytes of address space, and it opens files to report. */
static enum tt_err set_memory_and_opens(const struct tt_child_limits *limits) {
    rlim_t mapped = 0;
    enum tt_err err = read_mapped_bytes(&mapped);
    if (err != TT_OK)
        return err;
    rlim_t most = mapped + (rlim_t)limits->address_space_bytes;
    err = set_limit(RLIMIT_AS, most, most);
    /* Open descriptors stay; not one more can be had. */
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

static enum tt_err set_limits(const struct tt_child_limits *limits) {
    enum tt_err err = set_memory_and_opens(limits);
    /* SIGXCPU at the soft limit; should that not end it, SIGKILL a second later. */
    rlim_t seconds = (rlim_t)limits->cpu_seconds;
    if (err == TT_OK)
        err = set_limit(RLIMIT_CPU, seconds, seconds + 1);
    if (err == TT_OK)
        err = set_limit(RLIMIT_FSIZE, (rlim_t)limits->file_bytes, (rlim_t)limits->file_bytes);
    if (err == TT_OK)
        err = set_limit(RLIMIT_CORE, 0, 0);
    if (err == TT_OK)
        err = set_limit(RLIMIT_NPROC, 0, 0); /* without effect for root */
    if (err != TT_OK)
        return err;
    /* Not dumpable: no other process of this user may read the picture out of its memory. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "prctl");
    return TT_OK;
}

static enum tt_err confine(pid_t parent, const struct tt_child_limits *limits, const int *keep_fds,
                           int keep_count) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "prctl PR_SET_PDEATHSIG");
    /* It may have died before the line above. */
    if (getppid() != parent)
        return tt_err_fail(TT_ERR_SYSTEM, "the parent died");
    enum tt_err err = set_signals();
    if (err == TT_OK)
        err = set_descriptors(keep_fds, keep_count);
    if (err == TT_OK)
        err = set_limits(limits);
    return err;
}

enum tt_err tt_child_start(struct tt_child *child, const struct tt_child_limits *limits,
                           const int *keep_fds, int keep_count, int (*run)(void *context),
                           void *context) {
    child->pid = 0;
    if (keep_count > TT_CHILD_KEEP_MAX)
        return tt_err_fail(TT_ERR_SYSTEM, "%d descriptors to keep", keep_count);
    for (int i = 0; i < keep_count; i++)
        if (keep_fds[i] <= STDERR_FILENO)
            return tt_err_fail(TT_ERR_SYSTEM, "a descriptor to keep: %d", keep_fds[i]);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "fork");
    if (pid > 0) {
        child->pid = pid;
        child->give_up_ms = tt_clock_monotonic_ms() + limits->wall_seconds * 1000;
        return TT_OK;
    }
    /* _exit throughout: buffers and exit handlers copied from the parent are not the child's. */
    if (confine(parent, limits, keep_fds, keep_count) != TT_OK) {
        tt_log(TT_LOG_ERROR, "a child process cannot be limited: %s", tt_err_cause());
        _exit(TT_CHILD_UNLIMITED);
    }
    _exit(run(context));
}

static pid_t wait_for(pid_t pid, int *status, struct rusage *usage) {
    pid_t got;
    do
        got = wait4(pid, status, 0, usage);
    while (got < 0 && errno == EINTR);
    return got;
}

/* True when the child still runs at give_up_ms. A pidfd is readable once its process has ended
 * (pidfd_open(2)). */
static enum tt_err overstays(const struct tt_child *child, bool *timed_out) {
    struct pollfd ended = {.fd = pidfd_open(child->pid, 0), .events = POLLIN};
    int ready = 0;
    if (ended.fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "pidfd_open");
    while (ready == 0) {
        int64_t wait_ms = child->give_up_ms - tt_clock_monotonic_ms();
        if (wait_ms <= 0)
            break;
        ready = poll(&ended, 1, wait_ms < INT_MAX ? (int)wait_ms : INT_MAX);
        if (ready < 0 && errno == EINTR)
            ready = 0;
    }
    *timed_out = ready == 0;
    enum tt_err err = ready < 0 ? tt_err_fail_errno(TT_ERR_SYSTEM, "poll a pidfd") : TT_OK;
    (void)close(ended.fd);
    return err;
}

enum tt_err tt_child_wait(struct tt_child *child, struct tt_child_end *end) {
    int status = 0;
    struct rusage usage = {0};
    pid_t pid = child->pid;
    bool timed_out = false;
    if (pid <= 0)
        return tt_err_fail(TT_ERR_SYSTEM, "no child to wait for");
    enum tt_err err = overstays(child, &timed_out);
    if (err != TT_OK || timed_out)
        (void)kill(pid, SIGKILL);
    child->pid = 0;
    if (wait_for(pid, &status, &usage) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "wait4");
    if (err != TT_OK)
        return err;
    end->timed_out = timed_out;
    end->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    end->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    end->cpu_us = (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                  usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    end->peak_rss_bytes = (int64_t)usage.ru_maxrss * 1024; /* getrusage(2): kilobytes */
    return TT_OK;
}

void tt_child_kill(struct tt_child *child) {
    if (child->pid <= 0)
        return;
    struct rusage usage;
    int status;
    (void)kill(child->pid, SIGKILL);
    (void)wait_for(child->pid, &status, &usage);
    child->pid = 0;
}
