/* Reach, its system calls: which calls are in which group, and the filters that follow. Which role
 * has which groups is in reach_table.c. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc/reach_row.h"
#include "tintype/file.h"

static const struct tt_calls_row calls_rows[] = {
    {TT_CALLS_COMPUTE, "compute", "memory, clocks, waiting, its own end"},
    {TT_CALLS_CODE, "code", "loading libraries"},
    {TT_CALLS_STREAM, "stream", "reading and writing what is open already"},
    {TT_CALLS_FILES, "files", "opening, making, linking, locking and removing files"},
    {TT_CALLS_LOCAL, "local", "Unix sockets, and accepting on what listens already"},
    {TT_CALLS_MESSAGES, "messages", "sending and receiving on sockets that are open already"},
    {TT_CALLS_NETWORK, "network", "sockets of the Internet, and listening"},
    {TT_CALLS_THREADS, "threads", "threads of its own"},
    {TT_CALLS_CHILDREN, "children", "forking children, giving them filters, and sending signals"},
    {TT_CALLS_LIMITS, "limits", "its own limits"},
    {TT_CALLS_CONFINE, "confine", "filters of its own system calls, and limits of its own files"},
    {TT_CALLS_SIGNALS, "signals", "its own timers, and waiting for signals"},
    {TT_CALLS_WATCH, "watch", "being told of changes of files"},
    {TT_CALLS_WAIT, "wait", "waiting for children"},
};

const struct tt_calls_row *tt_reach_calls(size_t i) {
    return i < sizeof calls_rows / sizeof *calls_rows ? &calls_rows[i] : NULL;
}

/* A call that depends on one of its arguments is allowed where the argument, of which only the bits
 * of mask are looked at, has that value. It is listed once for each value. */
struct call {
    const char *name;
    int number; /* of libseccomp: negative where the architecture has no such call */
    unsigned groups;
    unsigned argument;
    uint64_t mask; /* 0: the call is allowed whatever its arguments are */
    uint64_t value;
};

/* Most arguments are int, of which the kernel takes the lower half of a register. */
#define INT_MASK UINT64_C(0xFFFFFFFF)

/* No child gets a name space of its own, in which it would be its own root. */
#define NAME_SPACES                                                                                \
    (CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |     \
     CLONE_NEWCGROUP)

#define CALL(name, group)                                                                          \
    { #name, SCMP_SYS(name), TT_CALLS_##group, 0, 0, 0 }
#define CALL_IF(name, group, argument, mask, value)                                                \
    { #name, SCMP_SYS(name), TT_CALLS_##group, argument, mask, value }

/* clang-format off */
static const struct call calls[] = {
    CALL(brk, COMPUTE),
    CALL_IF(mmap, COMPUTE, 2, PROT_EXEC, 0),
    CALL(munmap, COMPUTE),
    CALL(mremap, COMPUTE),
    CALL(madvise, COMPUTE),
    CALL_IF(mprotect, COMPUTE, 2, PROT_EXEC, 0),
    CALL(futex, COMPUTE),
    CALL(getrandom, COMPUTE),
    CALL(clock_gettime, COMPUTE),
    CALL(gettimeofday, COMPUTE),
    CALL(clock_nanosleep, COMPUTE),
    CALL(nanosleep, COMPUTE),
    CALL(poll, COMPUTE),
    CALL(ppoll, COMPUTE),
    CALL(sysinfo, COMPUTE), /* glibc 2.36: a qsort(3) of over 1 KiB asks how much memory there is */
    CALL(sched_yield, COMPUTE),
    CALL(sched_getaffinity, COMPUTE),
    CALL(getcpu, COMPUTE), /* sched_getcpu(3) asks the kernel where it has no shorter way */
    CALL(exit, COMPUTE),
    CALL(exit_group, COMPUTE),
    CALL(restart_syscall, COMPUTE),
    CALL(rt_sigreturn, COMPUTE),
    /* abort(3) asks for these. */
    CALL(rt_sigprocmask, COMPUTE),
    CALL(rt_sigaction, COMPUTE),
    CALL(getpid, COMPUTE),
    CALL(gettid, COMPUTE),
    CALL(mmap, CODE),
    CALL(mprotect, CODE),
    CALL(read, STREAM),
    CALL(write, STREAM),
    CALL(writev, STREAM), /* the C library says so why it gives up */
    CALL(pread64, STREAM),
    CALL(pwrite64, STREAM),
    CALL(lseek, STREAM),
    CALL(close, STREAM),
    CALL(fstat, STREAM),
    CALL(sendmsg, MESSAGES),
    CALL(sendto, MESSAGES),
    CALL(recvmsg, MESSAGES),
    CALL(recvfrom, MESSAGES),
    CALL(shutdown, MESSAGES),
    CALL(newfstatat, FILES), /* glibc's fstat(3), which could as well be given a path */
    CALL(stat, FILES),
    CALL(lstat, FILES),
    CALL(statx, FILES),
    CALL(statfs, FILES),
    CALL(fstatfs, FILES),
    CALL(access, FILES),
    CALL(faccessat, FILES),
    CALL(faccessat2, FILES),
    CALL(readlink, FILES),
    CALL(readlinkat, FILES),
    CALL(getcwd, FILES),
    CALL(getdents64, FILES),
    CALL(open, FILES),
    CALL(openat, FILES),
    CALL(link, FILES),
    CALL(linkat, FILES),
    CALL(unlink, FILES),
    CALL(unlinkat, FILES),
    CALL(rename, FILES),
    CALL(renameat, FILES),
    CALL(renameat2, FILES),
    CALL(mkdir, FILES),
    CALL(mkdirat, FILES),
    CALL(umask, FILES),
    /* Files are changed by descriptor alone, as Landlock does not look at these calls. */
    CALL(fchmod, FILES),
    CALL(fchown, FILES),
    CALL(ftruncate, FILES),
    CALL(fallocate, FILES),
    CALL_IF(utimensat, FILES, 1, UINT64_MAX, 0),
    CALL(fsync, FILES),
    CALL(fdatasync, FILES),
    CALL(flock, FILES),
    /* F_SETOWN is left out, by which the kernel sends signals to any process. */
    CALL_IF(fcntl, FILES, 1, INT_MASK, F_DUPFD),
    CALL_IF(fcntl, FILES, 1, INT_MASK, F_DUPFD_CLOEXEC),
    CALL_IF(fcntl, FILES, 1, INT_MASK, F_GETFD),
    CALL_IF(fcntl, FILES, 1, INT_MASK, F_SETFD),
    CALL_IF(fcntl, FILES, 1, INT_MASK, F_GETFL),
    CALL_IF(fcntl, FILES, 1, INT_MASK, F_SETFL),
    CALL_IF(fcntl, FILES, 1, INT_MASK, F_GETLK),
    CALL_IF(fcntl, FILES, 1, INT_MASK, F_SETLK),
    CALL_IF(fcntl, FILES, 1, INT_MASK, F_SETLKW),
    CALL_IF(fcntl, FILES, 1, INT_MASK, F_OFD_GETLK),
    CALL_IF(fcntl, FILES, 1, INT_MASK, F_OFD_SETLK),
    CALL_IF(fcntl, FILES, 1, INT_MASK, F_OFD_SETLKW),
    CALL_IF(ioctl, FILES, 1, INT_MASK, TCGETS), /* isatty(3) */
    /* Libraries ask these of the owners of files, and of the machine. */
    CALL(getuid, FILES),
    CALL(geteuid, FILES),
    CALL(getgid, FILES),
    CALL(getegid, FILES),
    CALL(uname, FILES),
    CALL(sysinfo, FILES),
    CALL_IF(socket, LOCAL, 0, INT_MASK, AF_UNIX),
    CALL_IF(socketpair, LOCAL, 0, INT_MASK, AF_UNIX),
    CALL(connect, LOCAL),
    CALL(accept, LOCAL),
    CALL(accept4, LOCAL),
    CALL(getsockopt, LOCAL),
    CALL(setsockopt, LOCAL),
    CALL(getsockname, LOCAL),
    CALL(getpeername, LOCAL),
    CALL(epoll_create1, LOCAL),
    CALL(epoll_ctl, LOCAL),
    CALL(epoll_wait, LOCAL),
    CALL(epoll_pwait, LOCAL),
    CALL(pipe2, LOCAL),
    CALL(eventfd2, LOCAL),
    CALL_IF(socket, NETWORK, 0, INT_MASK, AF_INET),
    CALL_IF(socket, NETWORK, 0, INT_MASK, AF_INET6),
    CALL(bind, NETWORK),
    CALL(listen, NETWORK),
    CALL(sendmmsg, NETWORK), /* the resolver asks for both kinds of address at once */
    CALL(recvmmsg, NETWORK),
    CALL_IF(ioctl, NETWORK, 1, INT_MASK, FIONREAD),
    CALL_IF(clone, THREADS, 0, CLONE_THREAD, CLONE_THREAD),
    CALL(set_robust_list, THREADS),
    CALL(rseq, THREADS),
    CALL(timer_create, SIGNALS),
    CALL(timer_settime, SIGNALS),
    CALL(timer_delete, SIGNALS),
    CALL(rt_sigpending, SIGNALS),
    CALL(signalfd4, SIGNALS),
    CALL(inotify_init1, WATCH),
    CALL(inotify_add_watch, WATCH),
    CALL(inotify_rm_watch, WATCH),
    CALL_IF(clone, CHILDREN, 0, NAME_SPACES, 0),
    CALL(set_robust_list, CHILDREN),
    CALL(wait4, WAIT),
    CALL(pidfd_open, CHILDREN),
    CALL(kill, CHILDREN),
    CALL(getppid, CHILDREN),
    CALL_IF(prctl, CHILDREN, 0, INT_MASK, PR_SET_PDEATHSIG),
    CALL_IF(seccomp, CHILDREN, 0, INT_MASK, SECCOMP_SET_MODE_FILTER),
    CALL(close_range, CHILDREN),
    CALL(dup2, CHILDREN),
    CALL(dup3, CHILDREN),
    CALL_IF(prlimit64, LIMITS, 0, INT_MASK, 0), /* 0: its own */
    CALL_IF(sched_setaffinity, LIMITS, 0, INT_MASK, 0),
    CALL_IF(prctl, CONFINE, 0, INT_MASK, PR_SET_NO_NEW_PRIVS),
    CALL_IF(prctl, CONFINE, 0, INT_MASK, PR_SET_DUMPABLE),
    CALL(landlock_create_ruleset, CONFINE),
    CALL(landlock_add_rule, CONFINE),
    CALL(landlock_restrict_self, CONFINE),
    CALL_IF(seccomp, CONFINE, 0, INT_MASK, SECCOMP_SET_MODE_FILTER),
};
/* clang-format on */

/* Rows of one call, with different arguments, stand beside each other. */
const char *tt_reach_call_name(enum tt_calls group, size_t i) {
    const char *last = "";
    for (size_t row = 0; row < sizeof calls / sizeof *calls; row++) {
        if ((calls[row].groups & group) == 0 || strcmp(calls[row].name, last) == 0)
            continue;
        last = calls[row].name;
        if (i-- == 0)
            return last;
    }
    return NULL;
}

/* These fail with an errno that their callers go on from. A decoder's libraries may ask in vain:
 * the C library for a file that tells how the system hands out memory, abort(3) for a signal to
 * itself, after which it ends by other means. The flags of clone3 lie in memory, which no filter
 * reads; where the kernel has no such call, the C library starts threads by clone. */
static const struct {
    enum tt_role role;
    int number;
    unsigned error;
} refusals[] = {
    {TT_ROLE_DECODER, SCMP_SYS(openat), EACCES},
    {TT_ROLE_DECODER, SCMP_SYS(tgkill), EPERM},
    {TT_ROLE_AGENT, SCMP_SYS(clone3), ENOSYS},
};

bool tt_reach_has_filters(void) {
#ifdef TT_SANITIZED
    return false; /* its runtime opens files, forks and traces to report what it found */
#endif
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &(uint32_t){SECCOMP_RET_TRAP}) == 0;
}

static int add_call(scmp_filter_ctx filter, const struct call *call) {
    if (call->number < 0)
        return 0;
    if (call->mask == 0)
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call->number, 0);
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call->number, 1,
                            SCMP_CMP(call->argument, SCMP_CMP_MASKED_EQ, call->mask, call->value));
}

static int add_refusals(scmp_filter_ctx filter, enum tt_role role) {
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < sizeof refusals / sizeof *refusals; i++)
        if (refusals[i].role == role)
            failed =
                seccomp_rule_add(filter, SCMP_ACT_ERRNO(refusals[i].error), refusals[i].number, 0);
    return failed;
}

static int add_calls(scmp_filter_ctx filter, unsigned groups) {
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    /* Calls of another architecture have other numbers, and no program here makes any. */
    if (failed == 0)
        failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (size_t i = 0; failed == 0 && i < sizeof calls / sizeof *calls; i++)
        if ((calls[i].groups & groups) != 0)
            failed = add_call(filter, &calls[i]);
    return failed;
}

/* libseccomp hands a filter out through a descriptor alone. */
static enum tt_err keep_filter(struct tt_reach *reach, enum tt_role role, int fd) {
    struct stat status;
    if (fstat(fd, &status) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "fstat a filter");
    size_t size = (size_t)status.st_size;
    size_t length = size / sizeof(struct sock_filter);
    if (length == 0 || length > BPF_MAXINSNS)
        return tt_err_fail(TT_ERR_SYSTEM, "a filter of %zu instructions", length);
    reach->filters[role] = malloc(size);
    if (!reach->filters[role])
        return tt_err_fail_errno(TT_ERR_NO_MEMORY, "a filter");
    if (pread(fd, reach->filters[role], size, 0) != (ssize_t)size)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "read a filter");
    reach->filter_lengths[role] = (uint16_t)length;
    return TT_OK;
}

enum tt_err tt_reach_compile(struct tt_reach *reach, enum tt_role role) {
    unsigned groups = tt_reach_row(role)->calls;
    if (groups == 0)
        return TT_OK;
    scmp_filter_ctx filter =
        seccomp_init(role == TT_ROLE_DECODER ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(EPERM));
    int fd = memfd_create("filter", MFD_CLOEXEC);
    int failed = filter && fd >= 0 ? add_calls(filter, groups) : -ENOMEM;
    if (failed == 0)
        failed = add_refusals(filter, role);
    if (failed == 0)
        failed = seccomp_export_bpf(filter, fd);
    errno = -failed;
    enum tt_err err = failed == 0 ? keep_filter(reach, role, fd)
                                  : tt_err_fail_errno(TT_ERR_SYSTEM, "compile a filter");
    seccomp_release(filter);
    tt_file_close(&fd);
    return err;
}

enum tt_err tt_reach_filter(const struct tt_reach *reach, enum tt_role role) {
    const struct sock_fprog program = {reach->filter_lengths[role], reach->filters[role]};
    if (program.len == 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
        return TT_OK;
    return tt_err_fail_errno(TT_ERR_SYSTEM, "seccomp");
}

void tt_reach_name_call(int number, char name[TT_REACH_CALL_NAME_SIZE]) {
    char *found = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    snprintf(name, TT_REACH_CALL_NAME_SIZE, "%s", found ? found : "unknown");
    free(found);
}
