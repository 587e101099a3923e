/* Reach, its system calls: which calls are in which group, and the filters that follow. Which role
 * has which groups is in reach_table.c. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
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
    {TT_CALLS_STREAM, "stream", "reading and writing what is open already"},
    {TT_CALLS_FILES, "files", "opening, making, linking, locking and removing files"},
    {TT_CALLS_LOCAL, "local", "Unix sockets, and accepting on what listens already"},
    {TT_CALLS_NETWORK, "network", "sockets of the Internet"},
    {TT_CALLS_THREADS, "threads", "threads of its own"},
    {TT_CALLS_CHILDREN, "children", "forking, signalling and waiting for children"},
    {TT_CALLS_LIMITS, "limits", "its own limits, and further confinement"},
    {TT_CALLS_SIGNALS, "signals", "its own signal handlers and timers"},
};

const struct tt_calls_row *tt_reach_calls(size_t i) {
    return i < sizeof calls_rows / sizeof *calls_rows ? &calls_rows[i] : NULL;
}

/* A call that takes an argument which must have one value is listed once for each such value. */
struct call {
    int number; /* of libseccomp: negative where the architecture has no such call */
    unsigned groups;
    bool has_argument;
    unsigned argument;
    uint64_t value;
};

/* clang-format off */
static const struct call calls[] = {
    {.number = SCMP_SYS(brk), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(mmap), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(munmap), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(mremap), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(madvise), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(mprotect), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(futex), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(getrandom), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(clock_gettime), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(gettimeofday), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(clock_nanosleep), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(nanosleep), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(poll), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(ppoll), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(sched_yield), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(exit), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(exit_group), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(rt_sigreturn), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(restart_syscall), .groups = TT_CALLS_COMPUTE},
    {.number = SCMP_SYS(read), .groups = TT_CALLS_STREAM},
    {.number = SCMP_SYS(write), .groups = TT_CALLS_STREAM},
    {.number = SCMP_SYS(pread64), .groups = TT_CALLS_STREAM},
    {.number = SCMP_SYS(pwrite64), .groups = TT_CALLS_STREAM},
    {.number = SCMP_SYS(lseek), .groups = TT_CALLS_STREAM},
    {.number = SCMP_SYS(close), .groups = TT_CALLS_STREAM},
    {.number = SCMP_SYS(fstat), .groups = TT_CALLS_STREAM},
    {.number = SCMP_SYS(openat), .groups = TT_CALLS_FILES},
    {.number = SCMP_SYS(linkat), .groups = TT_CALLS_FILES},
    {.number = SCMP_SYS(unlink), .groups = TT_CALLS_FILES},
    {.number = SCMP_SYS(unlinkat), .groups = TT_CALLS_FILES},
    {.number = SCMP_SYS(socket), .groups = TT_CALLS_LOCAL, .has_argument = true, .argument = 0, .value = AF_UNIX},
    {.number = SCMP_SYS(socket), .groups = TT_CALLS_NETWORK, .has_argument = true, .argument = 0, .value = AF_INET},
    {.number = SCMP_SYS(socket), .groups = TT_CALLS_NETWORK, .has_argument = true, .argument = 0, .value = AF_INET6},
};
/* clang-format on */

bool tt_reach_has_filters(void) {
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &(uint32_t){SECCOMP_RET_TRAP}) == 0;
}

static int add_call(scmp_filter_ctx filter, const struct call *call) {
    if (call->number < 0)
        return 0;
    if (!call->has_argument)
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call->number, 0);
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call->number, 1,
                            SCMP_CMP(call->argument, SCMP_CMP_EQ, call->value));
}

static int add_calls(scmp_filter_ctx filter, unsigned groups) {
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
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
