/* Decode slots and waiting seats: src/proc/places.c. Each taker is a process of its own. */
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
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tintype/process.h"

struct fixture {
    char dir[64];
    char path[80];
    struct tt_places places;
    int said[2]; /* takers speak: "H" holds, "B" was told busy, "!" failed */
};

/* A taker, and the pipe whose end (or a byte) lets it give its slot back. */
struct taker {
    pid_t pid;
    int release_fd;
};

struct message {
    pid_t pid;
    int word;
};

static void fixture_open(struct fixture *fixture, int64_t slots, int64_t seats) {
    snprintf(fixture->dir, sizeof fixture->dir, "/tmp/tintype-places-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    snprintf(fixture->path, sizeof fixture->path, "%s/places.lock", fixture->dir);
    assert_int_equal(tt_places_init(&fixture->places, fixture->path, slots, seats), TT_OK);
    assert_return_code(pipe2(fixture->said, O_CLOEXEC), errno);
}

static void fixture_close(struct fixture *fixture) {
    tt_places_fini(&fixture->places);
    close(fixture->said[0]);
    close(fixture->said[1]);
    unlink(fixture->path);
    rmdir(fixture->dir);
}

/* Forks in such a way that a failed test leaves no process behind. */
static pid_t fork_bound(void) {
    pid_t pid = fork();
    assert_return_code(pid, errno);
    if (pid == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        _exit(2);
    return pid;
}

static void say(const struct fixture *fixture, char word) {
    struct message message = {.pid = getpid(), .word = word};
    if (write(fixture->said[1], &message, sizeof message) != sizeof message)
        _exit(3);
}

static struct message hear(const struct fixture *fixture) {
    struct message message;
    assert_int_equal(read(fixture->said[0], &message, sizeof message), sizeof message);
    return message;
}

static _Noreturn void taker_main(struct fixture *fixture, int release_fd) {
    struct tt_place place;
    char byte;
    enum tt_err err = tt_places_take(&fixture->places, &place);
    if (err != TT_OK) {
        say(fixture, err == TT_ERR_BUSY ? 'B' : '!');
        _exit(place.fd == -1 ? 0 : 4);
    }
    say(fixture, 'H');
    if (read(release_fd, &byte, 1) < 0)
        _exit(5);
    tt_places_give(&fixture->places, &place);
    tt_places_give(&fixture->places, &place); /* twice is safe */
    _exit(place.fd == -1 ? 0 : 6);
}

static struct taker taker_start(struct fixture *fixture) {
    int release[2];
    assert_return_code(pipe2(release, O_CLOEXEC), errno);
    pid_t pid = fork_bound();
    if (pid == 0) {
        close(release[1]);
        taker_main(fixture, release[0]);
    }
    close(release[0]);
    return (struct taker){.pid = pid, .release_fd = release[1]};
}

static void taker_release(struct taker *taker) {
    int status;
    assert_int_equal(write(taker->release_fd, "r", 1), 1);
    close(taker->release_fd);
    assert_int_equal(waitpid(taker->pid, &status, 0), taker->pid);
    assert_int_equal(status, 0);
}

static void taker_kill(struct taker *taker) {
    assert_int_equal(kill(taker->pid, SIGKILL), 0);
    assert_int_equal(waitpid(taker->pid, NULL, 0), taker->pid);
    close(taker->release_fd);
}

static struct taker taker_holding(struct fixture *fixture) {
    struct taker taker = taker_start(fixture);
    struct message message = hear(fixture);
    assert_int_equal(message.word, 'H');
    assert_int_equal(message.pid, taker.pid);
    return taker;
}

/* Two come at once where one seat is left: one is told that all is taken, and so the other sits. */
static struct taker taker_seated(struct fixture *fixture) {
    struct taker two[2] = {taker_start(fixture), taker_start(fixture)};
    struct message message = hear(fixture);
    assert_int_equal(message.word, 'B');
    int busy = message.pid == two[0].pid ? 0 : 1;
    int status;
    assert_int_equal(message.pid, two[busy].pid);
    assert_int_equal(waitpid(two[busy].pid, &status, 0), two[busy].pid);
    assert_int_equal(status, 0);
    close(two[busy].release_fd);
    return two[1 - busy];
}

static void hear_holding(struct fixture *fixture, const struct taker *taker) {
    struct message message = hear(fixture);
    assert_int_equal(message.word, 'H');
    assert_int_equal(message.pid, taker->pid);
}

static void test_places_slots_then_seat_then_busy(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 2, 1);
    struct taker first = taker_holding(&fixture);
    struct taker second = taker_holding(&fixture);
    struct taker third = taker_seated(&fixture);
    taker_release(&second);
    hear_holding(&fixture, &third);
    /* The seat is free again, and the slots are not. */
    struct taker fourth = taker_seated(&fixture);
    taker_release(&first);
    hear_holding(&fixture, &fourth);
    taker_release(&third);
    taker_release(&fourth);
    fixture_close(&fixture);
}

static void test_places_killed_holder(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, 1);
    struct taker holder = taker_holding(&fixture);
    struct taker waiter = taker_seated(&fixture);
    taker_kill(&holder);
    hear_holding(&fixture, &waiter);
    taker_release(&waiter);
    fixture_close(&fixture);
}

static void test_places_killed_waiter(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, 1);
    struct taker holder = taker_holding(&fixture);
    struct taker waiter = taker_seated(&fixture);
    taker_kill(&waiter);
    struct taker next = taker_seated(&fixture); /* in the seat it left */
    taker_release(&holder);
    hear_holding(&fixture, &next);
    taker_release(&next);
    fixture_close(&fixture);
}

/* Whoever waits for something else than a slot gets a seat at once, or none. */
static void test_places_sit(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, 2);
    struct tt_place first, second, third;
    assert_int_equal(tt_places_sit(&fixture.places, &first), TT_OK);
    assert_int_equal(tt_places_sit(&fixture.places, &second), TT_OK);
    assert_int_equal(tt_places_sit(&fixture.places, &third), TT_ERR_BUSY);
    assert_int_equal(third.fd, -1);
    assert_non_null(strstr(tt_err_cause(), "2 waiting places"));
    tt_err_take(TT_OK);
    tt_places_stand(&third); /* where none is held */
    tt_places_stand(&first);
    tt_places_stand(&first);
    assert_int_equal(first.fd, -1);
    assert_int_equal(tt_places_sit(&fixture.places, &third), TT_OK);
    tt_places_stand(&second);
    tt_places_stand(&third);
    fixture_close(&fixture);
}

/* The seats are the same ones: a crowd that waits for the agent leaves no seat to wait for a slot,
 * but takes no slot. */
static void test_places_sit_among_takers(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, 1);
    struct tt_place seat, slot;
    assert_int_equal(tt_places_sit(&fixture.places, &seat), TT_OK);
    struct taker holder = taker_holding(&fixture);
    assert_int_equal(tt_places_take(&fixture.places, &slot), TT_ERR_BUSY);
    tt_err_take(TT_OK);
    tt_places_stand(&seat);
    struct taker waiter = taker_seated(&fixture);
    assert_int_equal(tt_places_sit(&fixture.places, &seat), TT_ERR_BUSY);
    tt_err_take(TT_OK);
    taker_release(&holder);
    hear_holding(&fixture, &waiter);
    assert_int_equal(tt_places_sit(&fixture.places, &seat), TT_OK);
    tt_places_stand(&seat);
    taker_release(&waiter);
    fixture_close(&fixture);
}

static int sit_and_die(struct fixture *fixture) {
    struct tt_place seat;
    return tt_places_sit(&fixture->places, &seat) == TT_OK ? 0 : 1;
}

static void test_places_killed_sitter(void **state) {
    (void)state;
    struct fixture fixture;
    struct tt_place seat;
    int status;
    fixture_open(&fixture, 1, 1);
    pid_t pid = fork_bound();
    if (pid == 0)
        _exit(sit_and_die(&fixture));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(tt_places_sit(&fixture.places, &seat), TT_OK);
    tt_places_stand(&seat);
    fixture_close(&fixture);
}

/* A child may outlive the give, as a decoder might, and its copy must not keep the slot. */
static void test_places_forked_copy_keeps_nothing(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, 0);
    struct tt_place place;
    int gate[2];
    assert_int_equal(tt_places_take(&fixture.places, &place), TT_OK);
    assert_return_code(pipe2(gate, O_CLOEXEC), errno);
    pid_t copy = fork_bound();
    if (copy == 0) {
        char byte;
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(gate[0]);
    struct tt_place other;
    assert_int_equal(tt_places_take(&fixture.places, &other), TT_ERR_BUSY);
    tt_err_take(TT_OK);
    tt_places_give(&fixture.places, &place);
    assert_int_equal(tt_places_take(&fixture.places, &other), TT_OK);
    tt_places_give(&fixture.places, &other);
    close(gate[1]);
    assert_int_equal(waitpid(copy, NULL, 0), copy);
    fixture_close(&fixture);
}

/* The end of a child that had a copy gives nothing back either. */
static void test_places_ended_copy_frees_nothing(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, 0);
    struct tt_place place, other;
    assert_int_equal(tt_places_take(&fixture.places, &place), TT_OK);
    pid_t copy = fork_bound();
    if (copy == 0)
        _exit(0);
    assert_int_equal(waitpid(copy, NULL, 0), copy);
    assert_int_equal(tt_places_take(&fixture.places, &other), TT_ERR_BUSY);
    tt_err_take(TT_OK);
    tt_places_give(&fixture.places, &place);
    fixture_close(&fixture);
}

/* More takers than places come over and over: nobody is lost, and never more than two hold a slot.
 */
static void test_places_crowd(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 2, 8);
    pid_t pids[8];
    for (int i = 0; i < 8; i++) {
        pids[i] = fork_bound();
        if (pids[i] != 0)
            continue;
        for (int round = 0; round < 200; round++) {
            struct tt_place place;
            if (tt_places_take(&fixture.places, &place) != TT_OK)
                _exit(1);
            say(&fixture, '+');
            say(&fixture, '-');
            tt_places_give(&fixture.places, &place);
        }
        _exit(0);
    }
    int holding = 0;
    for (int i = 0; i < 8 * 200 * 2; i++) {
        holding += hear(&fixture).word == '+' ? 1 : -1;
        assert_in_range(holding, 0, 2);
    }
    for (int i = 0; i < 8; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    fixture_close(&fixture);
}

static void test_places_init(void **state) {
    (void)state;
    struct fixture fixture;
    struct tt_places places;
    struct stat status;
    mode_t mask = umask(0007);
    fixture_open(&fixture, 1, 0);
    umask(mask);
    assert_int_equal(stat(fixture.path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
    assert_int_equal(tt_places_init(&places, fixture.path, 0, 1), TT_ERR_SYSTEM);
    tt_err_take(TT_OK);
    assert_int_equal(tt_places_init(&places, "/nonexistent/places.lock", 1, 1), TT_ERR_SYSTEM);
    tt_err_take(TT_OK);
    fixture_close(&fixture);
}

int main(void) {
    alarm(120); /* a hang is a failure */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_init),
        cmocka_unit_test(test_places_slots_then_seat_then_busy),
        cmocka_unit_test(test_places_killed_holder),
        cmocka_unit_test(test_places_killed_waiter),
        cmocka_unit_test(test_places_sit),
        cmocka_unit_test(test_places_sit_among_takers),
        cmocka_unit_test(test_places_killed_sitter),
        cmocka_unit_test(test_places_forked_copy_keeps_nothing),
        cmocka_unit_test(test_places_ended_copy_frees_nothing),
        cmocka_unit_test(test_places_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
