/* Child: one function, run in a process that has a few descriptors, limits, and nothing else. What
 * a child gives up is in confine.c, how many there may be in places.c; what the function does is
 * the caller's. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/confine.h"
#include "tintype/clock.h"
#include "tintype/log.h"
#include "tintype/process.h"

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
    /* The child leaves by _exit alone, as the buffers and exit handlers that it copied are its
     * parent's. */
    enum tt_err err = tt_confine_join(parent, keep_fds, keep_count);
    if (err == TT_OK)
        err = tt_confine_limit(limits);
    if (err != TT_OK) {
        tt_log(TT_LOG_ERROR, "a child process cannot be limited: %s", tt_err_take(err).cause);
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

/* Sets *timed_out when the child still runs at give_up_ms, or when something is heard from end_fd.
 * A pidfd is readable once its process has ended (pidfd_open(2)). */
static enum tt_err overstays(const struct tt_child *child, int end_fd, bool *timed_out) {
    struct pollfd heard[] = {{.fd = pidfd_open(child->pid, 0), .events = POLLIN},
                             {.fd = end_fd, .events = POLLIN}};
    int ready = 0;
    if (heard[0].fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "pidfd_open");
    while (ready == 0) {
        int64_t wait_ms = child->give_up_ms - tt_clock_monotonic_ms();
        if (wait_ms <= 0)
            break;
        ready = poll(heard, 2, wait_ms < INT_MAX ? (int)wait_ms : INT_MAX);
        if (ready < 0 && errno == EINTR)
            ready = 0;
    }
    *timed_out = heard[0].revents == 0;
    enum tt_err err = ready < 0 ? tt_err_fail_errno(TT_ERR_SYSTEM, "poll a pidfd") : TT_OK;
    close(heard[0].fd);
    return err;
}

enum tt_err tt_child_wait(struct tt_child *child, int end_fd, struct tt_child_end *end) {
    int status = 0;
    struct rusage usage = {0};
    pid_t pid = child->pid;
    bool timed_out = false;
    if (pid <= 0)
        return tt_err_fail(TT_ERR_SYSTEM, "no child to wait for");
    enum tt_err err = overstays(child, end_fd, &timed_out);
    if (err != TT_OK || timed_out)
        kill(pid, SIGKILL);
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
