/* A function in a limited process: src/proc/child.c. Each limit is really run into. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/confine.h"
#include "tintype/process.h"

#define MIB (INT64_C(1) << 20)

static const struct tt_child_limits generous = {
    .address_space_bytes = INT64_MAX, .cpu_seconds = 60, .wall_seconds = 60, .file_bytes = MIB};

struct job {
    int fds[2]; /* a pair of sockets: [1] is the child's to speak through */
    volatile int64_t *shared;
};

static void job_open(struct job *job) {
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, job->fds), errno);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    job->shared = page;
}

static void job_close(struct job *job) {
    close(job->fds[0]);
    close(job->fds[1]);
    munmap((void *)(uintptr_t)job->shared, 4096);
}

static struct tt_child_end run_with(struct job *job, const struct tt_child_limits *limits,
                                    int (*run)(void *context)) {
    struct tt_child child;
    struct tt_child_end end;
    assert_int_equal(tt_child_start(&child, limits, job->fds, 2, run, job), TT_OK);
    assert_true(child.pid > 0);
    assert_int_equal(tt_child_wait(&child, -1, &end), TT_OK);
    assert_int_equal(child.pid, 0);
    return end;
}

static int return_seven(void *context) {
    (void)context;
    return 7;
}

static void test_child_exit_status_and_usage(void **state) {
    (void)state;
    struct job job;
    job_open(&job);
    struct tt_child_end end = run_with(&job, &generous, return_seven);
    assert_int_equal(end.exit_status, 7);
    assert_int_equal(end.signal, 0);
    assert_false(end.timed_out);
    assert_true(end.cpu_us >= 0);
    assert_true(end.peak_rss_bytes > 0);
    job_close(&job);
}

static int spin(void *context) {
    struct job *job = context;
    while (job->shared[0] >= 0)
        job->shared[0]++;
    return 0;
}

static void test_child_cpu_limit(void **state) {
    (void)state;
    struct job job;
    job_open(&job);
    struct tt_child_limits limits = generous;
    limits.cpu_seconds = 1;
    struct tt_child_end end = run_with(&job, &limits, spin);
    assert_int_equal(end.signal, SIGXCPU);
    assert_int_equal(end.exit_status, -1);
    assert_true(end.cpu_us > 0);
    job_close(&job);
}

static int sleep_for_ever(void *context) {
    (void)context;
    for (;;)
        pause();
    return 0;
}

static int raise_and_tell(void *context) {
    struct job *job = context;
    struct rlimit cpu;
    struct rlimit memory;
    getrlimit(RLIMIT_CPU, &cpu);
    getrlimit(RLIMIT_AS, &memory);
    job->shared[0] = (int64_t)cpu.rlim_cur;
    job->shared[1] = (int64_t)(memory.rlim_max - memory.rlim_cur);
    if (tt_child_raise_limits(30) != TT_OK)
        return 1;
    getrlimit(RLIMIT_CPU, &cpu);
    getrlimit(RLIMIT_AS, &memory);
    job->shared[2] = (int64_t)cpu.rlim_cur;
    job->shared[3] = (int64_t)cpu.rlim_max;
    return memory.rlim_cur == memory.rlim_max ? 0 : 2;
}

static void test_child_first_limits(void **state) {
    (void)state;
    struct job job;
    job_open(&job);
    struct tt_child_limits limits = generous;
    limits.first_cpu_seconds = 1;
    limits.address_space_bytes = 4096 * MIB;
    limits.first_address_space_bytes = 4048 * MIB;
    assert_int_equal(run_with(&job, &limits, raise_and_tell).exit_status, 0);
    assert_int_equal(job.shared[0], 1);
#ifndef TT_SANITIZED
    assert_int_equal(job.shared[1], 48 * MIB);
#endif
    assert_int_equal(job.shared[2], 30);
    assert_int_equal(job.shared[3], 61);
    assert_int_equal(run_with(&job, &limits, spin).signal, SIGXCPU);
    job_close(&job);
}

static void test_child_is_ended_by_word(void **state) {
    (void)state;
    for (int is_closed = 0; is_closed < 2; is_closed++) {
        struct tt_child child;
        struct tt_child_end end;
        int fds[2];
        assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), errno);
        assert_int_equal(tt_child_start(&child, &generous, &fds[1], 1, sleep_for_ever, NULL),
                         TT_OK);
        if (is_closed)
            close(fds[0]);
        else
            assert_int_equal(send(fds[0], "x", 1, 0), 1);
        assert_int_equal(tt_child_wait(&child, fds[1], &end), TT_OK);
        assert_true(end.timed_out);
        if (!is_closed)
            close(fds[0]);
        close(fds[1]);
    }
}

static int spin_deaf(void *context) {
    signal(SIGXCPU, SIG_IGN);
    return spin(context);
}

static void test_child_cpu_limit_cannot_be_ignored(void **state) {
    (void)state;
    struct job job;
    job_open(&job);
    struct tt_child_limits limits = generous;
    limits.cpu_seconds = 1;
    struct tt_child_end end = run_with(&job, &limits, spin_deaf);
    assert_int_equal(end.signal, SIGKILL);
    assert_true(end.cpu_us > 0);
    job_close(&job);
}

static void test_child_that_sleeps_is_ended(void **state) {
    (void)state;
    struct job job;
    job_open(&job);
    struct tt_child_limits limits = generous;
    limits.wall_seconds = 1;
    struct tt_child_end end = run_with(&job, &limits, sleep_for_ever);
    assert_true(end.timed_out);
    assert_int_equal(end.signal, SIGKILL);
    job_close(&job);
}

#ifndef TT_SANITIZED
/* Returns 0 when the bytes could be mapped, else errno. They are not touched: it is address space
 * that is limited. */
static int map_bytes(int64_t bytes) {
    void *memory =
        mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? errno : 0;
}

static int map_below_and_above(void *context) {
    struct job *job = context;
    job->shared[0] = map_bytes(24 * MIB);
    job->shared[1] = map_bytes(64 * MIB);
    return 0;
}

static void test_child_memory_limit(void **state) {
    (void)state;
    struct job job;
    job_open(&job);
    struct tt_child_limits limits = generous;
    assert_int_equal(tt_confine_measure(&limits.address_space_bytes), TT_OK);
    limits.address_space_bytes += 32 * MIB;
    struct tt_child_end end = run_with(&job, &limits, map_below_and_above);
    assert_int_equal(end.exit_status, 0);
    assert_int_equal(job.shared[0], 0);
    assert_int_equal(job.shared[1], ENOMEM);
    job_close(&job);
}

static int open_one_more(void *context) {
    struct job *job = context;
    errno = 0;
    int fd = open("/dev/null", O_RDONLY);
    job->shared[0] = fd < 0 ? errno : 0;
    return 0;
}

static void test_child_opens_nothing(void **state) {
    (void)state;
    struct job job;
    job_open(&job);
    struct tt_child_end end = run_with(&job, &generous, open_one_more);
    assert_int_equal(end.exit_status, 0);
    assert_int_equal(job.shared[0], EMFILE);
    job_close(&job);
}
#endif

struct file_job {
    struct job job;
    int file_fd;
};

static int write_over_limit(void *context) {
    struct file_job *file_job = context;
    static const char block[8192];
    volatile int64_t *shared = file_job->job.shared;
    for (ssize_t wrote; (wrote = write(file_job->file_fd, block, sizeof block)) > 0;)
        shared[0] += wrote;
    shared[1] = errno;
    return 0;
}

static void test_child_file_limit(void **state) {
    (void)state;
    struct file_job file_job;
    char path[] = "/tmp/tintype-child-XXXXXX";
    job_open(&file_job.job);
    file_job.file_fd = mkstemp(path);
    assert_return_code(file_job.file_fd, errno);
    unlink(path);
    struct tt_child_limits limits = generous;
    limits.file_bytes = 100000;
    const int keep[2] = {file_job.file_fd, file_job.job.fds[1]};
    struct tt_child child;
    struct tt_child_end end;
    assert_int_equal(tt_child_start(&child, &limits, keep, 2, write_over_limit, &file_job), TT_OK);
    assert_int_equal(tt_child_wait(&child, -1, &end), TT_OK);
    assert_int_equal(end.signal, 0);
    assert_int_equal(end.exit_status, 0);
    assert_int_equal(file_job.job.shared[0], 100000);
    assert_int_equal(file_job.job.shared[1], EFBIG);
    close(file_job.file_fd);
    job_close(&file_job.job);
}

#define FD_COUNT 512

static int list_descriptors(void *context) {
    struct job *job = context;
    volatile char *open_fds = (volatile char *)job->shared;
    for (int fd = 0; fd < FD_COUNT; fd++)
        open_fds[fd] = fcntl(fd, F_GETFD) >= 0;
#ifdef TT_SANITIZED
    return 0;
#else
    struct stat input;
    struct stat error;
    bool are_known = fstat(STDIN_FILENO, &input) == 0 && fstat(STDERR_FILENO, &error) == 0;
    return are_known && input.st_ino == error.st_ino && input.st_dev == error.st_dev ? 0 : 1;
#endif
}

static void check_descriptors(void) {
    struct job job;
    /* There are descriptors above, between and below the two that are kept, also without
     * close-on-exec. */
    int below = dup(STDERR_FILENO);
    job_open(&job);
    int above = fcntl(STDERR_FILENO, F_DUPFD, job.fds[1] + 1);
    int far_above = fcntl(STDERR_FILENO, F_DUPFD, FD_COUNT - 1);
    int high = fcntl(job.fds[1], F_DUPFD, above + 3);
    int between = fcntl(STDERR_FILENO, F_DUPFD, above + 1);
    assert_true(below > 0 && high > 0 && between < high && far_above == FD_COUNT - 1);

    const int keep[2] = {high, job.fds[0]}; /* in either order */
    struct tt_child child;
    struct tt_child_end end;
    assert_int_equal(tt_child_start(&child, &generous, keep, 2, list_descriptors, &job), TT_OK);
    assert_int_equal(tt_child_wait(&child, -1, &end), TT_OK);
    assert_int_equal(end.exit_status, 0);
    volatile char *open_fds = (volatile char *)job.shared;
    for (int fd = 0; fd < FD_COUNT; fd++) {
        int expected = fd <= STDERR_FILENO || fd == high || fd == job.fds[0];
        if (open_fds[fd] != expected)
            fail_msg("descriptor %d: open is %d, expected %d", fd, open_fds[fd], expected);
    }
    close(below);
    close(above);
    close(far_above);
    close(high);
    close(between);
    job_close(&job);
}

static void test_child_descriptors(void **state) {
    (void)state;
    check_descriptors();
}

/* A filter stands for kernels and sandboxes that have no close_range. */
static int forbid_close_range(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0
               ? -1
               : 0;
}

/* This test is the last one, as the filter stays on its process. */
static void test_child_descriptors_without_close_range(void **state) {
    (void)state;
    if (forbid_close_range() < 0 || close_range(900, 901, 0) == 0)
        skip();
    check_descriptors();
}

static int report_signals(void *context) {
    struct job *job = context;
    sigset_t blocked;
    struct sigaction action;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    job->shared[0] = sigismember(&blocked, SIGTERM) + sigismember(&blocked, SIGCHLD);
    sigaction(SIGPIPE, NULL, &action);
    job->shared[1] = action.sa_handler == SIG_DFL;
    kill(getpid(), SIGTERM);
    kill(getpid(), SIGINT);
    kill(getpid(), SIGHUP);
    struct rlimit limit = {1, 1};
    getrlimit(RLIMIT_NPROC, &limit);
    job->shared[2] = (int64_t)(limit.rlim_cur + limit.rlim_max);
    return 0;
}

static void test_child_signals_and_processes(void **state) {
    (void)state;
    struct job job;
    sigset_t blocked, before;
    job_open(&job);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    void (*pipe_before)(int) = signal(SIGPIPE, SIG_IGN);
    struct tt_child_end end = run_with(&job, &generous, report_signals);
    signal(SIGPIPE, pipe_before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_int_equal(end.signal, 0); /* the child outlived all three */
    assert_int_equal(job.shared[0], 0);
    assert_int_equal(job.shared[1], 1);
    assert_int_equal(job.shared[2], 0);
    job_close(&job);
}

static int crash(void *context) {
    (void)context;
    signal(SIGSEGV, SIG_DFL); /* without a sanitizer's report */
    return raise(SIGSEGV);
}

static void test_child_crash(void **state) {
    (void)state;
    struct job job;
    job_open(&job);
    struct tt_child_end end = run_with(&job, &generous, crash);
    assert_int_equal(end.signal, SIGSEGV);
    assert_int_equal(end.exit_status, -1);
    job_close(&job);
}

static int speak_and_stay(void *context) {
    struct job *job = context;
    if (write(job->fds[1], "c", 1) != 1)
        return 1;
    while (pause() < 0)
        ;
    return 0;
}

static void test_child_dies_with_its_parent(void **state) {
    (void)state;
    struct job job;
    job_open(&job);
    pid_t middle = fork();
    assert_return_code(middle, errno);
    if (middle == 0) {
        struct tt_child child;
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) /* so that a failed test leaves nothing
                                                            * behind */
            _exit(1);
        close(job.fds[0]);
        const int keep[2] = {job.fds[1], job.fds[1]};
        if (tt_child_start(&child, &generous, keep, 2, speak_and_stay, &job) != TT_OK)
            _exit(1);
        for (;;)
            pause();
    }
    close(job.fds[1]);
    job.fds[1] = -1;
    char byte;
    assert_int_equal(read(job.fds[0], &byte, 1), 1);
    assert_int_equal(kill(middle, SIGKILL), 0);
    assert_int_equal(waitpid(middle, NULL, 0), middle);
    /* The stream ends when the last process that holds it has ended. */
    assert_int_equal(read(job.fds[0], &byte, 1), 0);
    job_close(&job);
}

static void test_child_refusals(void **state) {
    (void)state;
    struct tt_child child = {0};
    struct tt_child_end end;
    const int standard[2] = {STDIN_FILENO, 5};
    tt_err_take(TT_OK);
    assert_int_equal(tt_child_wait(&child, -1, &end), TT_ERR_SYSTEM);
    tt_err_take(TT_OK);
    assert_int_equal(tt_child_start(&child, &generous, standard, 2, return_seven, NULL),
                     TT_ERR_SYSTEM);
    assert_int_equal(child.pid, 0);
    tt_err_take(TT_OK);
}

int main(void) {
    alarm(120); /* a hang is a failure */
    /* A child's standard error is its parent's standard input, and a sanitized one's is its own. */
    if (!freopen("/dev/null", "r", stdin))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child_exit_status_and_usage),
        cmocka_unit_test(test_child_cpu_limit),
        cmocka_unit_test(test_child_cpu_limit_cannot_be_ignored),
        cmocka_unit_test(test_child_first_limits),
        cmocka_unit_test(test_child_is_ended_by_word),
        cmocka_unit_test(test_child_that_sleeps_is_ended),
#ifndef TT_SANITIZED
        cmocka_unit_test(test_child_memory_limit),
        cmocka_unit_test(test_child_opens_nothing),
#endif
        cmocka_unit_test(test_child_file_limit),
        cmocka_unit_test(test_child_descriptors),
        cmocka_unit_test(test_child_signals_and_processes),
        cmocka_unit_test(test_child_crash),
        cmocka_unit_test(test_child_dies_with_its_parent),
        cmocka_unit_test(test_child_refusals),
        cmocka_unit_test(test_child_descriptors_without_close_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
