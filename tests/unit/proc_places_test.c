/* Slots and seats among processes: src/proc/places.c. Each taker is a process of its own. Who of
 * many comes next is tested with places_order.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/places_order.h"
#include "tintype/process.h"

#define PATIENCE_MS 60000

struct fixture {
    char dir[64];
    char path[80];
    struct tt_places places;
    int said[2]; /* takers speak: "S" sits, "H" holds a slot, "B" was told busy, "!" failed */
};

/* A taker, and the pipe whose bytes let it go on. */
struct taker {
    pid_t pid;
    int gate_fd;
};

struct message {
    pid_t pid;
    int word;
};

static void fixture_open(struct fixture *fixture, int64_t slots, int64_t seats, int64_t door) {
    snprintf(fixture->dir, sizeof fixture->dir, "/tmp/tintype-places-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    snprintf(fixture->path, sizeof fixture->path, "%s/places.lock", fixture->dir);
    assert_int_equal(tt_places_init(&fixture->places, fixture->path, slots, seats, door), TT_OK);
    assert_return_code(pipe2(fixture->said, O_CLOEXEC), errno);
}

static void fixture_close(struct fixture *fixture) {
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

/* A taker sits down, and asks for a slot when it is let; with the next byte it leaves. */
static _Noreturn void taker_main(struct fixture *fixture, int gate_fd) {
    struct tt_place place;
    char byte;
    enum tt_err err = tt_place_open(&place, &fixture->places);
    if (err == TT_OK)
        err = tt_place_sit(&place, 1, true);
    if (err == TT_OK) {
        say(fixture, 'S');
        if (read(gate_fd, &byte, 1) < 0)
            _exit(5);
        err = tt_place_take_slot(&place, TT_PLACE_LIGHT, PATIENCE_MS);
    }
    if (err != TT_OK) {
        say(fixture, err == TT_ERR_BUSY ? 'B' : '!');
        _exit(place.number == -1 ? 0 : 4);
    }
    say(fixture, 'H');
    if (read(gate_fd, &byte, 1) < 0)
        _exit(5);
    tt_place_leave(&place);
    tt_place_leave(&place); /* twice is safe */
    _exit(place.number == -1 ? 0 : 6);
}

static struct taker taker_start(struct fixture *fixture) {
    int gate[2];
    assert_return_code(pipe2(gate, O_CLOEXEC), errno);
    pid_t pid = fork_bound();
    if (pid == 0) {
        close(gate[1]);
        taker_main(fixture, gate[0]);
    }
    close(gate[0]);
    return (struct taker){.pid = pid, .gate_fd = gate[1]};
}

static void taker_let(const struct taker *taker) {
    assert_int_equal(write(taker->gate_fd, "g", 1), 1);
}

static void taker_end(struct taker *taker) {
    int status;
    close(taker->gate_fd);
    assert_int_equal(waitpid(taker->pid, &status, 0), taker->pid);
    assert_int_equal(status, 0);
}

static void taker_release(struct taker *taker) {
    taker_let(taker);
    taker_end(taker);
}

static void taker_kill(struct taker *taker) {
    assert_int_equal(kill(taker->pid, SIGKILL), 0);
    assert_int_equal(waitpid(taker->pid, NULL, 0), taker->pid);
    close(taker->gate_fd);
}

static void hear_from(struct fixture *fixture, const struct taker *taker, int word) {
    struct message message = hear(fixture);
    assert_int_equal(message.word, word);
    assert_int_equal(message.pid, taker->pid);
}

static struct taker taker_seated(struct fixture *fixture) {
    struct taker taker = taker_start(fixture);
    hear_from(fixture, &taker, 'S');
    return taker;
}

static struct taker taker_holding(struct fixture *fixture) {
    struct taker taker = taker_seated(fixture);
    taker_let(&taker);
    hear_from(fixture, &taker, 'H');
    return taker;
}

/* Returns when the record of that number is in the state: what another process waits for cannot be
 * heard. */
static void await_state(struct fixture *fixture, uint32_t number, enum tt_place_state state) {
    struct tt_place look;
    assert_int_equal(tt_place_open(&look, &fixture->places), TT_OK);
    while (look.board->records[number].state != (uint32_t)state)
        sched_yield();
    tt_place_close(&look);
}

static void test_places_slots_then_seat_then_busy(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 2, 1, 4);
    struct taker first = taker_holding(&fixture);
    struct taker second = taker_holding(&fixture);
    struct taker third = taker_seated(&fixture);
    taker_let(&third);
    await_state(&fixture, 2, TT_PLACE_WAITING);
    struct taker fourth = taker_start(&fixture);
    hear_from(&fixture, &fourth, 'B');
    taker_end(&fourth);
    taker_release(&second);
    hear_from(&fixture, &third, 'H');
    /* The seat is free again, and the slots are not. */
    fourth = taker_seated(&fixture);
    taker_let(&fourth);
    taker_release(&first);
    hear_from(&fixture, &fourth, 'H');
    taker_release(&third);
    taker_release(&fourth);
    fixture_close(&fixture);
}

/* Whoever finds the seats taken for a moment waits for that moment. */
static void test_places_door(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, 1, 1);
    struct taker first = taker_seated(&fixture);
    struct taker second = taker_start(&fixture);
    await_state(&fixture, 1, TT_PLACE_AT_DOOR);
    struct taker third = taker_start(&fixture);
    hear_from(&fixture, &third, 'B');
    taker_end(&third);
    taker_let(&first);
    /* It has its slot, and so left its seat, in either order to be heard. */
    struct message messages[2] = {hear(&fixture), hear(&fixture)};
    int of_first = messages[0].pid == first.pid ? 0 : 1;
    assert_int_equal(messages[of_first].word, 'H');
    assert_int_equal(messages[1 - of_first].word, 'S');
    taker_let(&second);
    taker_release(&first);
    hear_from(&fixture, &second, 'H');
    taker_release(&second);
    fixture_close(&fixture);
}

static void test_places_killed_holder(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, 1, 0);
    struct taker holder = taker_holding(&fixture);
    struct taker waiter = taker_seated(&fixture);
    taker_let(&waiter);
    await_state(&fixture, 1, TT_PLACE_WAITING);
    taker_kill(&holder);
    hear_from(&fixture, &waiter, 'H');
    taker_release(&waiter);
    fixture_close(&fixture);
}

static void test_places_killed_waiters(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, 1, 1);
    struct taker holder = taker_holding(&fixture);
    struct taker waiter = taker_seated(&fixture);
    struct taker behind = taker_start(&fixture);
    await_state(&fixture, 2, TT_PLACE_AT_DOOR);
    taker_kill(&behind);
    taker_kill(&waiter);
    struct taker next = taker_seated(&fixture); /* in the seat it left */
    taker_let(&next);
    taker_release(&holder);
    hear_from(&fixture, &next, 'H');
    taker_release(&next);
    fixture_close(&fixture);
}

/* A slot that does not come in time is not waited for, and the seat is free again. */
static void test_places_wait_ends(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, 1, 0);
    struct taker holder = taker_holding(&fixture);
    struct tt_place place;
    assert_int_equal(tt_place_open(&place, &fixture.places), TT_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tt_place_sit(&place, 2, true), TT_OK);
        assert_int_equal(tt_place_take_slot(&place, TT_PLACE_LIGHT, 1), TT_ERR_BUSY);
        assert_int_equal(place.number, -1);
        assert_non_null(strstr(tt_err_cause(), "1 decode slots and 1 waiting places"));
        tt_err_take(TT_OK);
    }
    taker_release(&holder);
    assert_int_equal(tt_place_sit(&place, 2, true), TT_OK);
    assert_int_equal(tt_place_take_slot(&place, TT_PLACE_COSTLY, 1), TT_OK);
    tt_place_close(&place);
    tt_place_close(&place);
    fixture_close(&fixture);
}

/* A service that was killed leaves its records, and the next one starts as with none. */
static void test_places_are_free_after_a_crash(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 2, 1, 0);
    for (int i = 0; i < 3; i++) {
        struct taker holders[2] = {taker_holding(&fixture), taker_holding(&fixture)};
        struct taker waiter = taker_seated(&fixture);
        taker_kill(&holders[0]);
        taker_kill(&holders[1]);
        taker_kill(&waiter);
    }
    fixture_close(&fixture);
}

/* A child may outlive the place, as a decoder might, and its copy must not keep it; nor does its
 * end give anything back. */
static void test_places_copies_change_nothing(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, 1, 0);
    struct tt_place place;
    int gate[2];
    char byte;
    assert_int_equal(tt_place_open(&place, &fixture.places), TT_OK);
    assert_int_equal(tt_place_sit(&place, 1, false), TT_OK);
    assert_return_code(pipe2(gate, O_CLOEXEC), errno);
    pid_t ended = fork_bound();
    if (ended == 0)
        _exit(0);
    assert_int_equal(waitpid(ended, NULL, 0), ended);
    struct taker other = taker_start(&fixture);
    hear_from(&fixture, &other, 'B');
    taker_end(&other);
    pid_t copy = fork_bound();
    if (copy == 0) {
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(gate[0]);
    tt_place_leave(&place);
    other = taker_holding(&fixture);
    taker_release(&other);
    close(gate[1]);
    assert_int_equal(waitpid(copy, NULL, 0), copy);
    tt_place_close(&place);
    fixture_close(&fixture);
}

/* More takers than places come over and over: nobody is lost, and never more than two hold a slot.
 */
static void test_places_crowd(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 2, 8, 0);
    pid_t pids[8];
    for (int i = 0; i < 8; i++) {
        pids[i] = fork_bound();
        if (pids[i] != 0)
            continue;
        struct tt_place place;
        if (tt_place_open(&place, &fixture.places) != TT_OK)
            _exit(1);
        for (int round = 0; round < 200; round++) {
            if (tt_place_sit(&place, (uint64_t)i, true) != TT_OK ||
                tt_place_take_slot(&place, TT_PLACE_LIGHT, PATIENCE_MS) != TT_OK)
                _exit(1);
            say(&fixture, '+');
            say(&fixture, '-');
            tt_place_leave(&place);
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
    struct tt_place place;
    struct stat status;
    mode_t mask = umask(0007);
    fixture_open(&fixture, 1, 0, 0);
    umask(mask);
    assert_int_equal(stat(fixture.path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
    assert_true(status.st_size > 0);
    assert_int_equal(tt_places_init(&places, fixture.path, 0, 1, 0), TT_ERR_SYSTEM);
    tt_err_take(TT_OK);
    assert_int_equal(tt_places_init(&places, fixture.path, 1024, 1024, 1), TT_ERR_SYSTEM);
    tt_err_take(TT_OK);
    assert_int_equal(tt_places_init(&places, "/nonexistent/places.lock", 1, 1, 1), TT_ERR_SYSTEM);
    tt_err_take(TT_OK);
    assert_int_equal(tt_place_open(&place, &places), TT_ERR_SYSTEM);
    tt_place_close(&place);
    tt_err_take(TT_OK);
    fixture_close(&fixture);
}

int main(void) {
    alarm(120); /* a hang is a failure */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_init),
        cmocka_unit_test(test_places_slots_then_seat_then_busy),
        cmocka_unit_test(test_places_door),
        cmocka_unit_test(test_places_killed_holder),
        cmocka_unit_test(test_places_killed_waiters),
        cmocka_unit_test(test_places_wait_ends),
        cmocka_unit_test(test_places_are_free_after_a_crash),
        cmocka_unit_test(test_places_copies_change_nothing),
        cmocka_unit_test(test_places_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
