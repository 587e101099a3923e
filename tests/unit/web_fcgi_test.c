/* The adaptor to libfcgi, src/web/fcgi.c: when a worker leaves. What a request carries is tested
 * end to end, by web servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "web/fcgi.h"

/* This is a request without variables and without a body (FastCGI specification, section 3.3). */
static const uint8_t empty_request[] = {
    1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, /* begin, as responder */
    1, 4, 0, 1, 0, 0, 0, 0,                         /* the end of the variables */
    1, 5, 0, 1, 0, 0, 0, 0,                         /* the end of the body */
};

struct fixture {
    int listen_fd;
    int client_fd; /* connected, its request sent; not accepted */
};

static sigset_t term_only(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    return set;
}

static int fixture_open(void **state) {
    static struct fixture fixture;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address;
    sigset_t term = term_only();
    fixture.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    fixture.client_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    /* For an address that is its family alone the kernel chooses an abstract one (unix(7)). */
    if (bind(fixture.listen_fd, (struct sockaddr *)&address, sizeof address.sun_family) != 0 ||
        listen(fixture.listen_fd, 8) != 0 ||
        getsockname(fixture.listen_fd, (struct sockaddr *)&address, &length) != 0 ||
        connect(fixture.client_fd, (struct sockaddr *)&address, length) != 0 ||
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
    close(fixture->client_fd);
    close(fixture->listen_fd);
    return 0;
}

/* Under load there is always a connection that waits, and SIGTERM has its effect all the same. */
static void test_leaves_under_load(void **state) {
    struct fixture *fixture = *state;
    struct tt_fcgi *fcgi = tt_fcgi_new(fixture->listen_fd, 0, 0);
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
    struct tt_fcgi *fcgi = tt_fcgi_new(fixture->listen_fd, 3600000, 0);
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
    struct tt_fcgi *fcgi = tt_fcgi_new(fixture->listen_fd, 3600000, 1);
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
    assert_null(tt_fcgi_new(-1, 0, 0));
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
}

int main(void) {
    alarm(60); /* a hang is a failure */
#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        CASE(test_leaves_under_load),
        CASE(test_failure_leaves_descriptor_0),
        CASE(test_serves_who_waits_and_leaves),
        CASE(test_serves_latecomers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
