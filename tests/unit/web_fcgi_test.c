/* The adaptor to libfcgi, src/web/fcgi.c: when a worker leaves, and when it gives a peer up. What a
 * request carries is tested end to end, by web servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tintype/clock.h"
#include "web/fcgi.h"

#define IDLE_MS    200
#define REQUEST_MS 600

/* This is a request without variables and without a body (FastCGI specification, section 3.3). */
static const uint8_t empty_request[] = {
    1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, /* begin, as responder */
    1, 4, 0, 1, 0, 0, 0, 0,                         /* the end of the variables */
    1, 5, 0, 1, 0, 0, 0, 0,                         /* the end of the body */
};

#define HEAD_BYTES 24 /* without the end of the body */

struct fixture {
    int listen_fd;
    int client_fd; /* connected, its request sent; not accepted */
    struct sockaddr_un address;
    socklen_t address_length;
    pid_t peer; /* a client in a process of its own; 0 when none */
};

static struct tt_fcgi *open_fcgi(const struct fixture *fixture, int64_t linger_ms,
                                 int latecomer_ms) {
    const struct tt_fcgi_plan plan = {
        .listen_fd = fixture->listen_fd,
        .linger_ms = linger_ms,
        .latecomer_ms = latecomer_ms,
        .idle_ms = IDLE_MS,
        .request_ms = REQUEST_MS,
    };
    return tt_fcgi_new(&plan);
}

static sigset_t term_only(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    return set;
}

static int fixture_open(void **state) {
    static struct fixture fixture;
    sigset_t term = term_only();
    fixture =
        (struct fixture){.address.sun_family = AF_UNIX, .address_length = sizeof fixture.address};
    fixture.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    fixture.client_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    /* For an address that is its family alone the kernel chooses an abstract one (unix(7)). */
    struct sockaddr *address = (struct sockaddr *)&fixture.address;
    if (bind(fixture.listen_fd, address, sizeof fixture.address.sun_family) != 0 ||
        listen(fixture.listen_fd, 8) != 0 ||
        getsockname(fixture.listen_fd, address, &fixture.address_length) != 0 ||
        connect(fixture.client_fd, address, fixture.address_length) != 0 ||
        write(fixture.client_fd, empty_request, sizeof empty_request) !=
            (ssize_t)sizeof empty_request)
        return -1;
    *state = &fixture;
    tt_err_take(TT_OK);
    return sigprocmask(SIG_BLOCK, &term, NULL);
}

static int fixture_close(void **state) {
    struct fixture *fixture = *state;
    const struct timespec now = {0};
    sigset_t term = term_only();
    sigtimedwait(&term, NULL, &now);
    if (fixture->peer > 0) {
        kill(fixture->peer, SIGKILL);
        waitpid(fixture->peer, NULL, 0);
    }
    close(fixture->client_fd);
    close(fixture->listen_fd);
    return 0;
}

/* Under load there is always a connection that waits, and SIGTERM has its effect all the same. */
static void test_leaves_under_load(void **state) {
    struct fixture *fixture = *state;
    struct tt_fcgi *fcgi = open_fcgi(fixture, 0, 0);
    bool leave = false;
    assert_non_null(fcgi);
    raise(SIGTERM);
    assert_int_equal(tt_fcgi_accept(fcgi, &leave), TT_OK);
    assert_true(leave);
    /* The connection was left to another worker. */
    int other_fd = accept(fixture->listen_fd, NULL, NULL);
    assert_true(other_fd >= 0);
    close(other_fd);
    tt_fcgi_free(fcgi);
}

/* From here on the order of the tests counts: that SIGTERM came is remembered for as long as the
 * process lives. */
static void test_serves_who_waits_and_leaves(void **state) {
    struct fixture *fixture = *state;
    struct tt_fcgi *fcgi = open_fcgi(fixture, 3600000, 0);
    bool leave = true;
    uint8_t byte;
    size_t got = 1;
    assert_non_null(fcgi);
    raise(SIGTERM);
    assert_int_equal(tt_fcgi_accept(fcgi, &leave), TT_OK);
    assert_false(leave);
    assert_int_equal(tt_fcgi_read(fcgi, &byte, 1, &got), TT_OK);
    assert_int_equal(got, 0);
    tt_fcgi_write(fcgi, "Status: 204 No Content\r\n\r\n", 26);
    assert_true(tt_fcgi_finish(fcgi));
    assert_int_equal(tt_fcgi_accept(fcgi, &leave), TT_OK);
    assert_true(leave);
    tt_fcgi_free(fcgi);
}

/* SIGTERM has come before; a process that is alone on its socket takes whoever connects meanwhile.
 */
static void test_serves_latecomers(void **state) {
    struct fixture *fixture = *state;
    struct tt_fcgi *fcgi = open_fcgi(fixture, 3600000, 1);
    bool leave = true;
    assert_non_null(fcgi);
    assert_int_equal(tt_fcgi_accept(fcgi, &leave), TT_OK);
    assert_false(leave);
    assert_true(tt_fcgi_finish(fcgi));
    assert_int_equal(tt_fcgi_accept(fcgi, &leave), TT_OK);
    assert_true(leave);
    tt_fcgi_free(fcgi);
}

/* Descriptor 0 may be the socket that all workers share. */
static void test_failure_leaves_descriptor_0(void **state) {
    (void)state;
    assert_null(tt_fcgi_new(&(struct tt_fcgi_plan){.listen_fd = -1}));
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
}

static int connect_client(const struct fixture *fixture) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(
        connect(fd, (const struct sockaddr *)&fixture->address, fixture->address_length), 0);
    return fd;
}

/* Connects a new client in place of the fixture's, whose request is read first by whoever accepts:
 * so that one is accepted and closed here. */
static int connect_anew(struct fixture *fixture) {
    int accepted_fd = accept(fixture->listen_fd, NULL, NULL);
    assert_true(accepted_fd >= 0);
    close(accepted_fd);
    return connect_client(fixture);
}

/* Starts a peer that writes the first head_bytes of a request, and then, every 20 ms, the bytes of
 * a record that says nothing (another request's), one after the other, without an end. */
static void start_trickle(struct fixture *fixture, size_t head_bytes) {
    static const uint8_t skipped[] = {1, 5, 0, 2, 0, 0, 0, 0};
    const struct timespec interval = {.tv_nsec = 20000000};
    int fd = connect_anew(fixture);
    fixture->peer = fork();
    assert_true(fixture->peer >= 0);
    if (fixture->peer == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        bool sent = write(fd, empty_request, head_bytes) == (ssize_t)head_bytes;
        for (size_t i = 0; sent; i = (i + 1) % sizeof skipped) {
            sent = send(fd, &skipped[i], 1, MSG_NOSIGNAL) == 1;
            nanosleep(&interval, NULL);
        }
        for (;;)
            pause();
    }
    close(fd);
}

/* Accepts the fixture's own request, so that what came before it was given up. */
static void assert_next_is_served(struct fixture *fixture, struct tt_fcgi *fcgi) {
    bool leave = true;
    int next_fd = connect_client(fixture);
    assert_int_equal(write(next_fd, empty_request, sizeof empty_request), sizeof empty_request);
    assert_int_equal(tt_fcgi_accept(fcgi, &leave), TT_OK);
    assert_false(leave);
    uint8_t byte;
    size_t got;
    assert_int_equal(tt_fcgi_read(fcgi, &byte, 1, &got), TT_OK);
    close(next_fd);
    tt_fcgi_finish(fcgi);
}

/* The peer says nothing, or stops in the middle of a record's header or of the variables. */
static void test_gives_up_who_sends_no_request(void **state) {
    struct fixture *fixture = *state;
    static const size_t sent_bytes[] = {0, 1, 16, 23};
    struct tt_fcgi *fcgi = open_fcgi(fixture, 0, 0);
    assert_non_null(fcgi);
    for (size_t i = 0; i < sizeof sent_bytes / sizeof *sent_bytes; i++) {
        int64_t began_ms = tt_clock_monotonic_ms();
        int fd = i == 0 ? connect_anew(fixture) : connect_client(fixture);
        assert_int_equal(write(fd, empty_request, sent_bytes[i]), sent_bytes[i]);
        assert_next_is_served(fixture, fcgi);
        assert_true(tt_clock_monotonic_ms() - began_ms >= IDLE_MS);
        close(fd);
    }
    tt_fcgi_free(fcgi);
}

static void test_gives_up_who_trickles_a_request(void **state) {
    struct fixture *fixture = *state;
    struct tt_fcgi *fcgi = open_fcgi(fixture, 0, 0);
    assert_non_null(fcgi);
    int64_t began_ms = tt_clock_monotonic_ms();
    start_trickle(fixture, 16);
    assert_next_is_served(fixture, fcgi);
    assert_true(tt_clock_monotonic_ms() - began_ms >= REQUEST_MS);
    tt_fcgi_free(fcgi);
}

/* Returns what is read of the body of the request that waits. */
static enum tt_err read_body(struct tt_fcgi *fcgi) {
    bool leave = true;
    uint8_t bytes[64];
    size_t got;
    assert_int_equal(tt_fcgi_accept(fcgi, &leave), TT_OK);
    assert_false(leave);
    return tt_fcgi_read(fcgi, bytes, sizeof bytes, &got);
}

/* The answer reaches a peer whose body was given up. */
static void test_answers_who_stops_in_the_body(void **state) {
    struct fixture *fixture = *state;
    struct tt_fcgi *fcgi = open_fcgi(fixture, 0, 0);
    static const uint8_t piece[] = {1, 5, 0, 1, 0, 2, 0, 0, 'a', 'b'};
    char answer[256] = "";
    assert_non_null(fcgi);
    int fd = connect_anew(fixture);
    assert_int_equal(write(fd, empty_request, HEAD_BYTES), HEAD_BYTES);
    assert_int_equal(write(fd, piece, sizeof piece), sizeof piece);
    assert_int_equal(read_body(fcgi), TT_ERR_REQUEST_TIMEOUT);
    assert_non_null(strstr(tt_err_take(TT_ERR_REQUEST_TIMEOUT).detail, "No more of the body"));
    tt_fcgi_write(fcgi, "Status: 408\r\n\r\n", 15);
    assert_true(tt_fcgi_finish(fcgi));
    assert_true(read(fd, answer, sizeof answer) > 8);
    assert_memory_equal(answer + 8, "Status: 408", 11);
    close(fd);
    tt_fcgi_free(fcgi);
}

static void test_answers_who_trickles_the_body(void **state) {
    struct fixture *fixture = *state;
    struct tt_fcgi *fcgi = open_fcgi(fixture, 0, 0);
    assert_non_null(fcgi);
    int64_t began_ms = tt_clock_monotonic_ms();
    start_trickle(fixture, HEAD_BYTES);
    assert_int_equal(read_body(fcgi), TT_ERR_REQUEST_TIMEOUT);
    assert_non_null(strstr(tt_err_take(TT_ERR_REQUEST_TIMEOUT).detail, "had not come whole"));
    assert_true(tt_clock_monotonic_ms() - began_ms >= REQUEST_MS);
    tt_fcgi_write(fcgi, "Status: 408\r\n\r\n", 15);
    assert_true(tt_fcgi_finish(fcgi));
    tt_fcgi_free(fcgi);
}

/* Nothing of the answer is taken, so the socket's buffer fills up; the writes behind that one do
 * not wait again. */
static void test_gives_up_who_takes_no_answer(void **state) {
    struct fixture *fixture = *state;
    struct tt_fcgi *fcgi = open_fcgi(fixture, 0, 0);
    static const uint8_t bytes[1 << 20];
    assert_non_null(fcgi);
    assert_int_equal(read_body(fcgi), TT_OK);
    int64_t began_ms = tt_clock_monotonic_ms();
    for (int i = 0; i < 100; i++)
        tt_fcgi_write(fcgi, bytes, sizeof bytes);
    assert_false(tt_fcgi_finish(fcgi));
    assert_in_range(tt_clock_monotonic_ms() - began_ms, IDLE_MS, 50 * IDLE_MS);
    tt_fcgi_free(fcgi);
}

/* A peer that has its answer and keeps on sending is left after a while. */
static void test_leaves_who_does_not_close(void **state) {
    struct fixture *fixture = *state;
    struct tt_fcgi *fcgi = open_fcgi(fixture, 0, 0);
    bool leave = true;
    assert_non_null(fcgi);
    start_trickle(fixture, HEAD_BYTES);
    assert_int_equal(tt_fcgi_accept(fcgi, &leave), TT_OK);
    tt_fcgi_write(fcgi, "Status: 413\r\n\r\n", 15);
    assert_true(tt_fcgi_finish(fcgi));
    assert_next_is_served(fixture, fcgi);
    tt_fcgi_free(fcgi);
}

static enum tt_board_state own_state(const struct tt_board *board) {
    return tt_board_state(board, 0, tt_clock_monotonic_ms());
}

static void await_state(const struct tt_board *board, enum tt_board_state state) {
    const struct timespec pause = {.tv_nsec = 1000000};
    while (own_state(board) != state)
        nanosleep(&pause, NULL);
}

/* Is a client whose every step waits for what the worker tells of itself. */
static int be_slow(const struct fixture *fixture, const struct tt_board *board, int go_fd) {
    static const size_t rest_bytes = sizeof empty_request - HEAD_BYTES;
    static uint8_t bytes[65536];
    bool is_served = false;
    await_state(board, TT_BOARD_IDLE);
    int fd = connect_client(fixture);
    is_served = write(fd, empty_request, HEAD_BYTES) == HEAD_BYTES;
    await_state(board, TT_BOARD_WAITING);
    is_served = is_served &&
                write(fd, empty_request + HEAD_BYTES, rest_bytes) == (ssize_t)rest_bytes &&
                read(go_fd, bytes, 1) == 1;
    await_state(board, TT_BOARD_WAITING);
    while (is_served && read(fd, bytes, sizeof bytes) > 0) {
    }
    return is_served ? 0 : 1;
}

static void test_tells_when_it_waits(void **state) {
    struct fixture *fixture = *state;
    static const uint8_t bytes[1 << 20];
    struct tt_board board;
    int status;
    int go[2];
    close(connect_anew(fixture));
    close(accept(fixture->listen_fd, NULL, NULL));
    assert_int_equal(tt_board_open(&board, 1), TT_OK);
    tt_board_enter(&board, 0);
    assert_int_equal(pipe(go), 0);
    fixture->peer = fork();
    assert_true(fixture->peer >= 0);
    if (fixture->peer == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        _exit(be_slow(fixture, &board, go[0]));
    }
    const struct tt_post post = {.board = &board};
    const struct tt_fcgi_plan plan = {
        .listen_fd = fixture->listen_fd, .idle_ms = 60000, .request_ms = 60000, .post = &post};
    struct tt_fcgi *fcgi = tt_fcgi_new(&plan);
    assert_non_null(fcgi);
    assert_false(tt_board_has_accepted(&board, 0));
    assert_int_equal(read_body(fcgi), TT_OK);
    assert_true(tt_board_has_accepted(&board, 0));
    assert_int_equal(own_state(&board), TT_BOARD_BUSY);
    assert_int_equal(write(go[1], "", 1), 1);
    for (int i = 0; i < 10; i++)
        tt_fcgi_write(fcgi, bytes, sizeof bytes);
    assert_int_equal(own_state(&board), TT_BOARD_BUSY);
    assert_true(tt_fcgi_finish(fcgi));
    assert_int_equal(waitpid(fixture->peer, &status, 0), fixture->peer);
    fixture->peer = 0;
    assert_int_equal(status, 0);
    tt_fcgi_free(fcgi);
    tt_board_close(&board);
    close(go[0]);
    close(go[1]);
}

int main(void) {
    alarm(60); /* a hang is a failure */
#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        CASE(test_gives_up_who_sends_no_request),
        CASE(test_gives_up_who_trickles_a_request),
        CASE(test_answers_who_stops_in_the_body),
        CASE(test_answers_who_trickles_the_body),
        CASE(test_gives_up_who_takes_no_answer),
        CASE(test_leaves_who_does_not_close),
        CASE(test_tells_when_it_waits),
        CASE(test_leaves_under_load),
        CASE(test_failure_leaves_descriptor_0),
        CASE(test_serves_who_waits_and_leaves),
        CASE(test_serves_latecomers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
