/* Children started through another process: src/proc/spawner.c. What a child may do is tested with
 * child.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tintype/process.h"

#define MIB (INT64_C(1) << 20)

static const struct tt_child_limits generous = {
    .address_space_bytes = 64 * MIB, .cpu_seconds = 60, .wall_seconds = 60, .file_bytes = MIB};

/* ---- jobs ---- */

static int prepared;

static void count_orders(void *context, const int *fds, int count) {
    (void)context;
    (void)fds;
    prepared += count;
}

/* This child says how many descriptors it has and what was prepared, through the last of them. */
static int speak(void *context, const int *fds, int count) {
    char text[3] = {(char)('0' + count), (char)('0' + prepared), *(char *)context};
    return write(fds[count - 1], text, sizeof text) == sizeof text ? 7 : 1;
}

/* This child says first that it is there. */
static int sleep_on(void *context, const int *fds, int count) {
    (void)context;
    if (write(fds[count - 1], "z", 1) != 1)
        return 1;
    while (pause() < 0)
        continue;
    return 0;
}

static int abort_at_once(void *context, const int *fds, int count) {
    (void)context;
    (void)fds;
    (void)count;
    return raise(SIGKILL);
}

/* This leaves the spawner room for two descriptors from an order of one on, and from an order of
 * more on for none, not even for its child's pidfd. */
static void make_tight(void *context, const int *fds, int count) {
    struct rlimit limit;
    (void)context;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = (rlim_t)fds[0] + (count == 1 ? 2 : 0);
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* This child's status says what it has of what it was to give up. */
static int look_around(void *context, const int *fds, int count) {
    struct rlimit core = {1, 1};
    struct rlimit opens = {1, 1};
    char byte;
    (void)context;
    (void)fds;
    (void)count;
    getrlimit(RLIMIT_CORE, &core);
    getrlimit(RLIMIT_NOFILE, &opens);
    bool reads_nothing = read(STDIN_FILENO, &byte, 1) == 0;
    bool writes_nowhere = write(STDOUT_FILENO, "x", 1) == 1;
    return (core.rlim_max != 0) | (opens.rlim_max > 64) << 1 | !reads_nothing << 2 |
           !writes_nowhere << 3 | (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) << 4 |
           (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) << 5;
}

static char letter[] = "x";
static const struct tt_spawner_job speaking = {
    .prepare = count_orders, .run = speak, .context = letter};
static const struct tt_spawner_job sleeping = {.run = sleep_on};
static const struct tt_spawner_job tightening = {
    .prepare = make_tight, .run = speak, .context = letter};
static const struct tt_spawner_job aborting = {.run = abort_at_once};
static const struct tt_spawner_job looking = {.run = look_around};

/* ---- what each test has ---- */

static struct tt_spawner spawner;
static int ends[2]; /* a pair of sockets: children speak through [1] */

static int set_up(void **state) {
    static const struct tt_spawner none = {.fd = -1};
    (void)state;
    spawner = none;
    tt_err_take(TT_OK);
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    tt_spawner_close(&spawner);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* Waits for the end of everyone who held ends[1]; true when all are gone. */
static bool others_are_gone(void) {
    char byte;
    close(ends[1]);
    ends[1] = -1;
    return read(ends[0], &byte, 1) == 0;
}

static void expect_words(const char *words) {
    char text[3];
    assert_int_equal(recv(ends[0], text, sizeof text, MSG_WAITALL), sizeof text);
    assert_memory_equal(text, words, sizeof text);
}

static void wait_for_sleeper(void) {
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 1);
}

static void open_spawner(const struct tt_spawner_job *job) {
    assert_int_equal(tt_spawner_open(&spawner, job), TT_OK);
    assert_true(spawner.pid > 0);
}

static void start(const int *fds, int count) {
    assert_int_equal(tt_spawner_start(&spawner, &generous, fds, count), TT_OK);
}

/* ---- tests ---- */

static void children_get_descriptors_and_their_ends_are_told(void **state) {
    struct tt_child_end end;
    (void)state;
    open_spawner(&speaking);
    pid_t first = spawner.pid;
    start((int[]){ends[0], ends[1]}, 2);
    assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_OK);
    expect_words("22x");
    assert_int_equal(end.exit_status, 7);
    assert_int_equal(end.signal, 0);
    assert_true(end.peak_rss_bytes > 0);
    /* What is prepared stays, and the same process serves every order. */
    start(&ends[1], 1);
    assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_OK);
    expect_words("13x");
    assert_int_equal(spawner.pid, first);
    assert_int_equal(prepared, 0); /* here */
    tt_spawner_close(&spawner);
    assert_int_equal(spawner.pid, 0);
    tt_spawner_close(&spawner); /* safe, too */
}

static void a_death_is_told(void **state) {
    struct tt_child_end end;
    (void)state;
    open_spawner(&aborting);
    start(ends, 2);
    assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_OK);
    assert_int_equal(end.signal, SIGKILL);
    assert_int_equal(end.exit_status, -1);
}

static int status_of_one_child(const struct tt_spawner_job *job) {
    struct tt_child_end end;
    open_spawner(job);
    start(ends, 2);
    assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_OK);
    assert_int_equal(end.signal, 0);
    return end.exit_status;
}

static void children_have_given_up_what_they_do_not_need(void **state) {
    (void)state;
    assert_int_equal(status_of_one_child(&looking), 0);
}

#ifndef TT_SANITIZED
static bool is_mapped(int64_t bytes) {
    return mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static int map_below_and_above(void *context, const int *fds, int count) {
    (void)context;
    (void)fds;
    (void)count;
    return is_mapped(24 * MIB) && !is_mapped(64 * MIB) ? 0 : 1;
}

static const struct tt_spawner_job mapping = {.run = map_below_and_above};

/* What the spawner has mapped does not count against its child's limit. */
static void address_space_counts_beyond_the_spawners(void **state) {
    (void)state;
    void *ballast = mmap(NULL, (size_t)(512 * MIB), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(ballast, MAP_FAILED);
    assert_int_equal(status_of_one_child(&mapping), 0);
    munmap(ballast, (size_t)(512 * MIB));
}

/* ---- roles ---- */

static int try_socket(void *context, const int *fds, int count) {
    (void)context;
    (void)fds;
    (void)count;
    return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0;
}

/* One that was taken over may have made the signal end it. */
static int try_socket_unheard(void *context, const int *fds, int count) {
    signal(SIGSYS, SIG_DFL);
    return try_socket(context, fds, count);
}

static int try_opening(void *context, const int *fds, int count) {
    (void)context;
    (void)fds;
    (void)count;
    return open("/dev/null", O_RDONLY) < 0 ? errno : 0;
}

static struct tt_child_end end_of_held_child(int (*run)(void *, const int *, int),
                                             volatile int *refused_call) {
    struct tt_reach reach;
    struct tt_child_end end;
    assert_int_equal(tt_reach_init(&reach, true), TT_OK);
    const struct tt_spawner_job job = {.run = run, .reach = &reach, .refused_call = refused_call};
    open_spawner(&job);
    for (int i = 0; i < 2; i++) { /* the spawner goes on */
        start(ends, 2);
        assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_OK);
    }
    tt_reach_fini(&reach);
    return end;
}

static void a_call_outside_a_childs_list_is_told(void **state) {
    (void)state;
    volatile int *refused_call =
        mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal((void *)(uintptr_t)refused_call, MAP_FAILED);
    *refused_call = -1;
    struct tt_child_end end = end_of_held_child(try_socket, refused_call);
    assert_int_equal(end.exit_status, TT_CHILD_CONFINED);
    assert_int_equal(*refused_call, SYS_socket);
    *refused_call = -1;
    tt_spawner_close(&spawner);
    end = end_of_held_child(try_socket_unheard, refused_call);
    assert_int_equal(end.signal, SIGSYS);
    assert_int_equal(*refused_call, -1);
    tt_spawner_close(&spawner);
    end = end_of_held_child(try_opening, refused_call);
    assert_int_equal(end.exit_status, EACCES);
    munmap((void *)(uintptr_t)refused_call, sizeof(int));
}
#endif

/* Nobody keeps a descriptor that came with an order, the spawner included. */
static void descriptors_are_given_back(void **state) {
    struct tt_child_end end;
    (void)state;
    open_spawner(&aborting);
    start(&ends[1], 1);
    assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_OK);
    assert_true(others_are_gone());
}

static void a_close_ends_the_child(void **state) {
    (void)state;
    open_spawner(&sleeping);
    start(&ends[1], 1);
    wait_for_sleeper();
    tt_spawner_close(&spawner);
    assert_true(others_are_gone());
}

/* It is not replaced: its owner may hold by now what a child must not find. */
static void assert_is_lost(void) {
    assert_int_equal(spawner.pid, 0);
    tt_err_take(TT_OK);
    assert_int_equal(tt_spawner_start(&spawner, &generous, ends, 2), TT_ERR_KILLED);
    assert_int_equal(spawner.pid, 0);
}

static void a_spawner_killed_idle_is_noticed(void **state) {
    struct tt_child_end end;
    (void)state;
    open_spawner(&speaking);
    start(&ends[1], 1);
    assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_OK);
    expect_words("11x");
    assert_return_code(kill(spawner.pid, SIGKILL), errno);
    siginfo_t info;
    assert_return_code(waitid(P_PID, (id_t)spawner.pid, &info, WEXITED | WNOWAIT), errno);
    assert_int_equal(tt_spawner_start(&spawner, &generous, &ends[1], 1), TT_ERR_KILLED);
    assert_non_null(strstr(tt_err_cause(), "killed from outside"));
    assert_is_lost();
}

static void a_spawner_killed_at_work_is_noticed(void **state) {
    struct tt_child_end end;
    (void)state;
    open_spawner(&sleeping);
    start(&ends[1], 1);
    wait_for_sleeper();
    assert_return_code(kill(spawner.pid, SIGKILL), errno);
    assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_ERR_KILLED);
    assert_is_lost();
    assert_true(others_are_gone()); /* its child went with it */
}

static void a_child_is_ended_by_word(void **state) {
    struct tt_child_end end;
    (void)state;
    open_spawner(&sleeping);
    start(&ends[1], 1);
    wait_for_sleeper();
    pid_t first = spawner.pid;
    tt_spawner_end_child(&spawner);
    assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_OK);
    assert_true(end.timed_out);
    start(&ends[1], 1);
    wait_for_sleeper();
    assert_int_equal(tt_spawner_wait(&spawner, 0, &end), TT_OK);
    assert_true(end.timed_out);
    assert_int_equal(spawner.pid, first);
}

/* What comes after its end is not taken for the next order. */
static void a_word_to_a_child_that_has_ended_is_left_out(void **state) {
    struct tt_child_end end;
    (void)state;
    open_spawner(&speaking);
    for (int i = 0; i < 2; i++) {
        start(&ends[1], 1);
        expect_words(i == 0 ? "11x" : "12x"); /* of the same spawner */
        assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_OK);
        assert_int_equal(end.exit_status, 7);
        tt_spawner_end_child(&spawner);
    }
}

/* The worker would wait for ever, and keep its place. */
static void a_stopped_spawner_is_given_up(void **state) {
    struct tt_child_end end;
    (void)state;
    open_spawner(&sleeping);
    pid_t stopped = spawner.pid;
    assert_return_code(kill(stopped, SIGSTOP), errno);
    start(&ends[1], 1);
    assert_int_equal(tt_spawner_wait(&spawner, 0, &end), TT_ERR_KILLED);
    assert_is_lost();
    /* It leaves once it can, if it was not killed with this process before. */
    assert_return_code(kill(stopped, SIGCONT), errno);
    assert_true(others_are_gone());
    assert_int_equal(waitpid(stopped, NULL, 0), stopped);
}

static void a_spawner_that_fails_is_given_up(void **state) {
    struct tt_child_end end;
    (void)state;
    open_spawner(&tightening);
    start(ends, 2);
    assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_ERR_SYSTEM);
    assert_is_lost();
}

/* A child never runs with fewer descriptors than were sent. */
static void descriptors_that_are_lost_are_noticed(void **state) {
    struct tt_child_end end;
    (void)state;
    open_spawner(&tightening);
    start(&ends[1], 1);
    assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_OK);
    start((int[]){ends[1], ends[1], ends[1]}, 3);
    assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_ERR_KILLED);
    assert_is_lost();
}

/* A worker that is killed leaves its spawner so. */
static void all_die_with_their_parent(void **state) {
    int status;
    (void)state;
    pid_t parent = fork();
    assert_return_code(parent, errno);
    if (parent == 0) {
        if (tt_spawner_open(&spawner, &sleeping) != TT_OK ||
            tt_spawner_start(&spawner, &generous, &ends[1], 1) != TT_OK)
            _exit(1);
        for (;;)
            pause();
    }
    wait_for_sleeper();
    assert_return_code(kill(parent, SIGKILL), errno);
    assert_int_equal(waitpid(parent, &status, 0), parent);
    assert_true(WIFSIGNALED(status));
    assert_true(others_are_gone());
}

static void too_many_descriptors_are_refused(void **state) {
    int fds[TT_CHILD_KEEP_MAX + 1] = {0};
    struct tt_child_end end;
    (void)state;
    open_spawner(&speaking);
    assert_int_equal(tt_spawner_start(&spawner, &generous, fds, TT_CHILD_KEEP_MAX + 1),
                     TT_ERR_SYSTEM);
    assert_int_equal(tt_spawner_start(&spawner, &generous, fds, 0), TT_ERR_SYSTEM);
    start(&ends[1], 1); /* the spawner is as good as before */
    assert_int_equal(tt_spawner_wait(&spawner, 60, &end), TT_OK);
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(children_get_descriptors_and_their_ends_are_told),
        CASE(a_death_is_told),
        CASE(children_have_given_up_what_they_do_not_need),
#ifndef TT_SANITIZED
        CASE(address_space_counts_beyond_the_spawners),
        CASE(a_call_outside_a_childs_list_is_told),
#endif
        CASE(descriptors_are_given_back),
        CASE(a_close_ends_the_child),
        CASE(a_spawner_killed_idle_is_noticed),
        CASE(a_spawner_killed_at_work_is_noticed),
        CASE(a_child_is_ended_by_word),
        CASE(a_word_to_a_child_that_has_ended_is_left_out),
        CASE(a_stopped_spawner_is_given_up),
        CASE(a_spawner_that_fails_is_given_up),
        CASE(descriptors_that_are_lost_are_noticed),
        CASE(all_die_with_their_parent),
        CASE(too_many_descriptors_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
