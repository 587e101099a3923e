/* The master and its workers: src/proc/master.c. The master runs in a process of its own; its
 * workers speak through a pipe, and wait at a gate where a test wants them busy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tintype/clock.h"
#include "tintype/process.h"

/* A worker (or the reload) says one word, with what it knew when it spoke. */
struct message {
    pid_t pid;
    int generation;
    int word; /* 'u' up, 'x' up as an extra worker, 's' was asked to stop, 'd' done, 'r' reload
                 called, 'm' bad start */
};

struct fixture {
    struct tt_master_plan plan;
    struct tt_stats *stats;
    int said[2];
    int gate[2];       /* its end lets busy workers go */
    int generation;    /* raised by each reload */
    bool reload_fails; /* the reload's answer */
    int64_t workers_after_reload;
    pid_t master;
};

static void say(const struct fixture *fixture, char word) {
    struct message message = {.pid = getpid(), .generation = fixture->generation, .word = word};
    if (write(fixture->said[1], &message, sizeof message) != sizeof message)
        _exit(99);
}

static struct message hear(const struct fixture *fixture) {
    struct message message;
    assert_int_equal(read(fixture->said[0], &message, sizeof message), sizeof message);
    return message;
}

static struct message hear_word(const struct fixture *fixture, char word) {
    struct message message = hear(fixture);
    assert_int_equal(message.word, word);
    return message;
}

/* Asserts that no process that could speak is left. */
static void hear_end(const struct fixture *fixture) {
    struct message message;
    assert_int_equal(read(fixture->said[0], &message, sizeof message), 0);
}

static bool starts_as_promised(void) {
    sigset_t blocked;
    struct sigaction interrupt, hangup, broken_pipe;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    sigaction(SIGINT, NULL, &interrupt);
    sigaction(SIGHUP, NULL, &hangup);
    sigaction(SIGPIPE, NULL, &broken_pipe);
    return sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGCHLD) == 0 &&
           sigismember(&blocked, SIGHUP) == 0 && interrupt.sa_handler == SIG_IGN &&
           hangup.sa_handler == SIG_IGN && broken_pipe.sa_handler == SIG_IGN;
}

static void await_sigterm(void) {
    sigset_t term;
    int number;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    while (sigwait(&term, &number) != 0)
        ;
}

/* This worker leaves when asked, as one between requests does. */
static int work_idle(void *context, const struct tt_post *post) {
    (void)post;
    struct fixture *fixture = context;
    say(fixture, starts_as_promised() ? 'u' : 'm');
    await_sigterm();
    return 0;
}

/* This worker is asked in the middle of a request, and finishes it. */
static int work_busy(void *context, const struct tt_post *post) {
    (void)post;
    struct fixture *fixture = context;
    char byte;
    close(fixture->gate[1]);
    say(fixture, 'u');
    await_sigterm();
    say(fixture, 's');
    if (read(fixture->gate[0], &byte, 1) < 0)
        return 1;
    say(fixture, 'd');
    return 0;
}

static int work_deaf(void *context, const struct tt_post *post) {
    (void)post;
    say(context, 'u');
    while (pause() < 0)
        ;
    return 0;
}

static int work_deaf_at_first(void *context, const struct tt_post *post) {
    const struct fixture *fixture = context;
    return fixture->generation == 0 ? work_deaf(context, post) : work_idle(context, post);
}

static int work_fails(void *context, const struct tt_post *post) {
    (void)post;
    say(context, 'u');
    return 3;
}

/* This worker is brought down by its first peer. */
static int work_aborts(void *context, const struct tt_post *post) {
    say(context, 'u');
    tt_post_busy(post);
    abort();
}

/* This worker has a slow client from the beginning, until the gate opens. An extra one has all its
 * life a client that is not slow. */
static int work_waits(void *context, const struct tt_post *post) {
    struct fixture *fixture = context;
    char byte;
    close(fixture->gate[1]);
    if (post->is_extra) {
        say(fixture, 'x');
        await_sigterm();
        say(fixture, 's');
        return 0;
    }
    tt_post_wait(post, 1);
    say(fixture, 'u');
    if (read(fixture->gate[0], &byte, 1) < 0)
        return 1;
    tt_post_wait(post, 0);
    tt_post_idle(post);
    await_sigterm();
    return 0;
}

/* All workers have slow clients without an end. */
static int work_waits_always(void *context, const struct tt_post *post) {
    tt_post_busy(post);
    tt_post_wait(post, 1);
    say(context, post->is_extra ? 'x' : 'u');
    await_sigterm();
    return 0;
}

static enum tt_err reload(void *context, struct tt_master_plan *plan) {
    struct fixture *fixture = context;
    fixture->generation++;
    say(fixture, 'r');
    if (fixture->reload_fails)
        return TT_ERR_CONFIG;
    if (fixture->workers_after_reload > 0)
        plan->workers = fixture->workers_after_reload;
    return TT_OK;
}

static void fixture_open(struct fixture *fixture, int64_t workers,
                         int (*work)(void *context, const struct tt_post *post)) {
    *fixture = (struct fixture){.stats = tt_stats_new()};
    assert_non_null(fixture->stats);
    assert_return_code(pipe2(fixture->said, O_CLOEXEC), errno);
    assert_return_code(pipe2(fixture->gate, O_CLOEXEC), errno);
    fixture->plan = (struct tt_master_plan){.workers = workers,
                                            .drain_seconds = 60,
                                            .stats = fixture->stats,
                                            .work = work,
                                            .reload = reload,
                                            .context = fixture};
}

static void master_start(struct fixture *fixture) {
    fflush(NULL); /* workers leave through exit() */
    fixture->master = fork();
    assert_return_code(fixture->master, errno);
    if (fixture->master == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) /* so that a failed test leaves nothing
                                                            * behind */
            _exit(97);
        close(fixture->said[0]);
        close(fixture->gate[1]);
        fixture->gate[1] = -1;
        signal(SIGCHLD, SIG_IGN); /* as a careless starter leaves it */
        int status = tt_master_run(&fixture->plan);
        _exit(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? status : 98); /* no zombies */
    }
    close(fixture->said[1]);
    close(fixture->gate[0]);
}

static void master_signal(const struct fixture *fixture, int number) {
    assert_int_equal(kill(fixture->master, number), 0);
}

static void assert_master_ends(const struct fixture *fixture, int expected) {
    int status;
    assert_int_equal(waitpid(fixture->master, &status, 0), fixture->master);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), expected);
    hear_end(fixture);
}

static void fixture_close(struct fixture *fixture) {
    close(fixture->said[0]);
    if (fixture->gate[1] >= 0)
        close(fixture->gate[1]);
    munmap(fixture->stats, sizeof *fixture->stats);
}

static void test_master_starts_and_drains(void **state) {
    (void)state;
    static const int stops[] = {SIGTERM, SIGINT};
    for (int i = 0; i < 2; i++) {
        struct fixture fixture;
        fixture_open(&fixture, 3, work_idle);
        master_start(&fixture);
        for (int worker = 0; worker < 3; worker++)
            hear_word(&fixture, 'u');
        master_signal(&fixture, stops[i]);
        assert_master_ends(&fixture, 0);
        assert_int_equal(fixture.stats->workers_started, 3);
        assert_int_equal(fixture.stats->workers_died, 0);
        fixture_close(&fixture);
    }
}

static void test_master_replaces_the_killed(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 2, work_idle);
    master_start(&fixture);
    pid_t killed = hear_word(&fixture, 'u').pid;
    pid_t other = hear_word(&fixture, 'u').pid;
    assert_int_equal(kill(killed, SIGKILL), 0);
    pid_t next = hear_word(&fixture, 'u').pid;
    assert_int_not_equal(next, killed);
    assert_int_not_equal(next, other);
    master_signal(&fixture, SIGTERM);
    assert_master_ends(&fixture, 0);
    assert_int_equal(fixture.stats->workers_started, 3);
    assert_int_equal(fixture.stats->workers_died, 1);
    fixture_close(&fixture);
}

/* A worker that ends with 0, as after max_requests, is replaced and was no death. */
static void test_master_replaces_the_finished(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, work_idle);
    master_start(&fixture);
    for (int round = 0; round < 5; round++)
        assert_int_equal(kill(hear_word(&fixture, 'u').pid, SIGTERM), 0);
    hear_word(&fixture, 'u');
    master_signal(&fixture, SIGTERM);
    assert_master_ends(&fixture, 0);
    assert_int_equal(fixture.stats->workers_started, 6);
    assert_int_equal(fixture.stats->workers_died, 0);
    fixture_close(&fixture);
}

/* The waits are a floor, whatever the machine's speed: 100, 200 and 400 ms before the second, third
 * and fourth start of each place. */
static void test_master_backs_off(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 2, work_fails);
    int64_t began_ms = tt_clock_monotonic_ms();
    master_start(&fixture);
    for (int start = 0; start < 2 * 4; start++)
        hear_word(&fixture, 'u');
    int64_t took_ms = tt_clock_monotonic_ms() - began_ms;
    assert_true(took_ms >= 100 + 200 + 400);
    /* The master may be stopped while it waits to start a worker. */
    master_signal(&fixture, SIGTERM);
    assert_master_ends(&fixture, 0);
    /* Each start was preceded by its wait, so in took_ms no place can have had more than these. */
    assert_in_range(fixture.stats->workers_started, 8, 2 * (4 + took_ms / 800));
    assert_in_range(fixture.stats->workers_died, 6, 2 * (4 + took_ms / 800));
    fixture_close(&fixture);
}

/* With waits, ten starts of one place would take 100 + 200 + ... + 5000 ms, 20 s and more. */
static void test_master_replaces_who_had_served_at_once(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, work_aborts);
    int64_t began_ms = tt_clock_monotonic_ms();
    master_start(&fixture);
    for (int start = 0; start < 10; start++)
        hear_word(&fixture, 'u');
    assert_in_range(tt_clock_monotonic_ms() - began_ms, 0, 15000);
    master_signal(&fixture, SIGTERM);
    int status;
    assert_int_equal(waitpid(fixture.master, &status, 0), fixture.master);
    assert_true(WIFEXITED(status));
    fixture_close(&fixture);
}

/* Hears so many workers that are up, and returns how many of them are extra ones. */
static int hear_extras(const struct fixture *fixture, int count) {
    int extras = 0;
    for (int i = 0; i < count; i++) {
        int word = hear(fixture).word;
        assert_true(word == 'u' || word == 'x');
        extras += word == 'x';
    }
    return extras;
}

/* There are two for those that wait beyond the spare one, and three more because all three wait. */
static void test_master_adds_workers_while_others_wait(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 3, work_waits);
    fixture.plan.extra_workers = 10;
    fixture.plan.spare_workers = 1;
    master_start(&fixture);
    assert_int_equal(hear_extras(&fixture, 3 + 5), 5);
    close(fixture.gate[1]);
    fixture.gate[1] = -1;
    for (int i = 0; i < 5; i++)
        hear_word(&fixture, 's');
    master_signal(&fixture, SIGTERM);
    assert_master_ends(&fixture, 0);
    assert_int_equal(fixture.stats->workers_started, 8);
    assert_int_equal(fixture.stats->workers_died, 0);
    fixture_close(&fixture);
}

static void test_master_adds_no_more_than_it_may(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 2, work_waits_always);
    fixture.plan.extra_workers = 3;
    master_start(&fixture);
    assert_int_equal(hear_extras(&fixture, 2 + 3), 3);
    master_signal(&fixture, SIGTERM);
    assert_master_ends(&fixture, 0);
    assert_int_equal(fixture.stats->workers_started, 5);
    fixture_close(&fixture);
}

static void test_master_drain_waits_for_the_busy(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 2, work_busy);
    master_start(&fixture);
    hear_word(&fixture, 'u');
    hear_word(&fixture, 'u');
    master_signal(&fixture, SIGTERM);
    hear_word(&fixture, 's');
    hear_word(&fixture, 's');
    /* No second stop cuts the drain short, and nothing is reloaded meanwhile. */
    master_signal(&fixture, SIGTERM);
    master_signal(&fixture, SIGINT);
    master_signal(&fixture, SIGHUP);
    assert_int_equal(waitpid(fixture.master, NULL, WNOHANG), 0);
    close(fixture.gate[1]);
    fixture.gate[1] = -1;
    hear_word(&fixture, 'd');
    hear_word(&fixture, 'd');
    assert_master_ends(&fixture, 0);
    assert_int_equal(fixture.stats->workers_started, 2);
    fixture_close(&fixture);
}

static void test_master_drain_kills_in_the_end(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 2, work_deaf);
    fixture.plan.drain_seconds = 0;
    master_start(&fixture);
    hear_word(&fixture, 'u');
    hear_word(&fixture, 'u');
    master_signal(&fixture, SIGTERM);
    assert_master_ends(&fixture, 1);
    assert_int_equal(fixture.stats->workers_died, 0); /* it was asked for */
    fixture_close(&fixture);
}

static void test_master_stop_kills_what_a_reload_left(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, work_deaf_at_first);
    fixture.workers_after_reload = 1;
    fixture.plan.drain_seconds = 1;
    master_start(&fixture);
    hear_word(&fixture, 'u');
    master_signal(&fixture, SIGHUP);
    hear_word(&fixture, 'r');
    hear_word(&fixture, 'u');
    master_signal(&fixture, SIGTERM);
    assert_master_ends(&fixture, 1);
    fixture_close(&fixture);
}

static void test_master_reload_replaces_all(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 2, work_busy);
    fixture.workers_after_reload = 3;
    master_start(&fixture);
    pid_t old[2];
    for (int i = 0; i < 2; i++)
        old[i] = hear_word(&fixture, 'u').pid;
    master_signal(&fixture, SIGHUP);
    hear_word(&fixture, 'r');
    /* New workers come up and old ones are asked to leave, in whatever order they get to say so. */
    int up = 0, asked = 0;
    while (up < 3 || asked < 2) {
        struct message message = hear(&fixture);
        bool is_old = message.pid == old[0] || message.pid == old[1];
        assert_int_equal(message.generation, is_old ? 0 : 1);
        assert_int_equal(message.word, is_old ? 's' : 'u');
        up += !is_old;
        asked += is_old;
    }
    assert_int_equal(fixture.stats->workers_started, 5);
    close(fixture.gate[1]);
    fixture.gate[1] = -1;
    hear_word(&fixture, 'd');
    hear_word(&fixture, 'd');
    master_signal(&fixture, SIGTERM);
    for (int i = 0; i < 3 * 2; i++)
        assert_int_equal(hear(&fixture).generation, 1);
    assert_master_ends(&fixture, 0);
    assert_int_equal(fixture.stats->workers_started, 5);
    assert_int_equal(fixture.stats->workers_died, 0);
    fixture_close(&fixture);
}

/* A second SIGHUP that comes while the generation before is still leaving is acted on after that.
 */
static void test_master_reload_one_at_a_time(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, work_busy);
    master_start(&fixture);
    pid_t first = hear_word(&fixture, 'u').pid;
    master_signal(&fixture, SIGHUP);
    hear_word(&fixture, 'r');
    for (int i = 0; i < 2; i++) {
        struct message message = hear(&fixture);
        assert_int_equal(message.word, message.pid == first ? 's' : 'u');
    }
    master_signal(&fixture, SIGHUP);
    close(fixture.gate[1]);
    fixture.gate[1] = -1;
    struct message done = hear_word(&fixture, 'd');
    assert_int_equal(done.pid, first);
    assert_int_equal(hear_word(&fixture, 'r').generation, 2);
    /* The second generation is asked, is done at once (the gate is open), and the third comes up.
     */
    int words = 0;
    while (words < 3) {
        struct message message = hear(&fixture);
        assert_int_equal(message.generation, message.word == 'u' ? 2 : 1);
        words++;
    }
    master_signal(&fixture, SIGTERM);
    hear_word(&fixture, 's');
    hear_word(&fixture, 'd');
    assert_master_ends(&fixture, 0);
    assert_int_equal(fixture.stats->workers_started, 3);
    fixture_close(&fixture);
}

static void test_master_reload_refused(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 2, work_idle);
    fixture.reload_fails = true;
    master_start(&fixture);
    hear_word(&fixture, 'u');
    hear_word(&fixture, 'u');
    master_signal(&fixture, SIGHUP);
    hear_word(&fixture, 'r');
    master_signal(&fixture, SIGTERM);
    assert_master_ends(&fixture, 0);
    assert_int_equal(fixture.stats->workers_started, 2);
    fixture_close(&fixture);
}

static void test_master_killed_takes_workers_along(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 3, work_deaf);
    master_start(&fixture);
    for (int worker = 0; worker < 3; worker++)
        hear_word(&fixture, 'u');
    master_signal(&fixture, SIGKILL);
    assert_int_equal(waitpid(fixture.master, NULL, 0), fixture.master);
    hear_end(&fixture);
    fixture_close(&fixture);
}

static void test_master_needs_workers(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 0, work_idle);
    assert_int_equal(tt_master_run(&fixture.plan), 2);
    assert_string_not_equal(tt_err_cause(), "");
    tt_err_take(TT_OK);
    close(fixture.said[1]);
    close(fixture.gate[0]);
    fixture_close(&fixture);
}

int main(void) {
    alarm(120); /* a hang is a failure */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_master_starts_and_drains),
        cmocka_unit_test(test_master_replaces_the_killed),
        cmocka_unit_test(test_master_replaces_the_finished),
        cmocka_unit_test(test_master_backs_off),
        cmocka_unit_test(test_master_replaces_who_had_served_at_once),
        cmocka_unit_test(test_master_adds_workers_while_others_wait),
        cmocka_unit_test(test_master_adds_no_more_than_it_may),
        cmocka_unit_test(test_master_drain_waits_for_the_busy),
        cmocka_unit_test(test_master_drain_kills_in_the_end),
        cmocka_unit_test(test_master_stop_kills_what_a_reload_left),
        cmocka_unit_test(test_master_reload_replaces_all),
        cmocka_unit_test(test_master_reload_one_at_a_time),
        cmocka_unit_test(test_master_reload_refused),
        cmocka_unit_test(test_master_killed_takes_workers_along),
        cmocka_unit_test(test_master_needs_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
