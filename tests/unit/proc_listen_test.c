/* The listening socket, given or made: src/proc/listen.c. A given one comes as descriptor 0 or 3,
 * so each case runs in a process of its own and tells by its exit status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tintype/process.h"

struct fixture {
    char dir[64];
    char path[80];
    int null_fd; /* /dev/null, for descriptors that must be no socket */
};

static int fixture_open(void **state) {
    static struct fixture fixture;
    snprintf(fixture.dir, sizeof fixture.dir, "/tmp/tintype-listen-XXXXXX");
    if (!mkdtemp(fixture.dir))
        return -1;
    snprintf(fixture.path, sizeof fixture.path, "%s/s", fixture.dir);
    fixture.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    tt_err_take(TT_OK);
    *state = &fixture;
    return 0;
}

static int fixture_close(void **state) {
    struct fixture *fixture = *state;
    close(fixture->null_fd);
    unlink(fixture->path);
    tt_err_take(TT_OK);
    return rmdir(fixture->dir);
}

static int bound_socket(const char *path, bool listening) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(fd, errno);
    assert_return_code(bind(fd, (const struct sockaddr *)&address, sizeof address), errno);
    if (listening)
        assert_return_code(listen(fd, 1), errno);
    return fd;
}

/* Returns 0 when a client that connects to path reaches fd. */
static int reaches(const char *path, int fd) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0 || connect(client, (const struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    int server = accept(fd, NULL, NULL);
    close(client);
    close(server);
    return server < 0 ? -1 : 0;
}

static bool is_ready(int fd) {
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) && (fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

/* Runs one case in a child and returns the number of the check that failed, 0 when all held. */
static int in_child(int (*run)(struct fixture *fixture, int socket_fd), struct fixture *fixture,
                    int socket_fd) {
    int status;
    fflush(NULL);
    pid_t pid = fork();
    assert_return_code(pid, errno);
    if (pid == 0) {
        if (dup2(fixture->null_fd, STDIN_FILENO) < 0)
            _exit(99);
        _exit(run(fixture, socket_fd));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int run_fd_zero(struct fixture *fixture, int socket_fd) {
    int fd = -1;
    bool made = true;
    if (tt_listen_is_given() || dup2(socket_fd, STDIN_FILENO) < 0 || !tt_listen_is_given())
        return 1;
    if (tt_listen_open(&fd, &made, "/nonexistent/unused") != TT_OK)
        return 2;
    if (fd != STDIN_FILENO || made || !is_ready(fd))
        return 3;
    return reaches(fixture->path, fd) == 0 ? 0 : 4;
}

static void test_listen_fd_zero(void **state) {
    struct fixture *fixture = *state;
    int socket_fd = bound_socket(fixture->path, true);
    assert_int_equal(in_child(run_fd_zero, fixture, socket_fd), 0);
    close(socket_fd);
}

static int set_systemd(pid_t pid, const char *count, int socket_fd) {
    char text[16];
    snprintf(text, sizeof text, "%d", (int)pid);
    return setenv("LISTEN_PID", text, 1) < 0 || setenv("LISTEN_FDS", count, 1) < 0 ||
                   setenv("LISTEN_FDNAMES", "tintyped", 1) < 0 ||
                   (socket_fd != 3 && dup2(socket_fd, 3) < 0)
               ? -1
               : 0;
}

static bool systemd_is_unset(void) {
    return !getenv("LISTEN_PID") && !getenv("LISTEN_FDS") && !getenv("LISTEN_FDNAMES");
}

static int run_systemd(struct fixture *fixture, int socket_fd) {
    int fd = -1;
    bool made = true;
    if (set_systemd(getpid(), "1", socket_fd) < 0)
        return 1;
    if (tt_listen_passed_count() != 1 || !tt_listen_is_given())
        return 5;
    if (tt_listen_open(&fd, &made, "/nonexistent/unused") != TT_OK)
        return 2;
    if (fd != 3 || made || !is_ready(fd) || !systemd_is_unset())
        return 3;
    return reaches(fixture->path, fd) == 0 ? 0 : 4;
}

static void test_listen_systemd(void **state) {
    struct fixture *fixture = *state;
    int socket_fd = bound_socket(fixture->path, true);
    assert_int_equal(in_child(run_systemd, fixture, socket_fd), 0);
    close(socket_fd);
}

/* The variables are meant for another process, so there is no socket of ours and one is made. */
static int run_systemd_of_another(struct fixture *fixture, int socket_fd) {
    int fd = -1;
    bool made = false;
    if (set_systemd(getppid(), "1", socket_fd) < 0)
        return 1;
    if (tt_listen_passed_count() != 0 || tt_listen_is_given())
        return 5;
    unlink(fixture->path);
    if (tt_listen_open(&fd, &made, fixture->path) != TT_OK)
        return 2;
    if (fd == 3 || !made || !systemd_is_unset())
        return 3;
    return reaches(fixture->path, fd) == 0 ? 0 : 4;
}

static void test_listen_systemd_of_another(void **state) {
    struct fixture *fixture = *state;
    int socket_fd = bound_socket(fixture->path, true);
    assert_int_equal(in_child(run_systemd_of_another, fixture, socket_fd), 0);
    close(socket_fd);
}

static int run_made(struct fixture *fixture, int socket_fd) {
    int fd = -1;
    bool made = false;
    struct stat status;
    (void)socket_fd;
    umask(0);
    if (tt_listen_open(&fd, &made, fixture->path) != TT_OK)
        return 1;
    if (!made || !is_ready(fd))
        return 2;
    if (stat(fixture->path, &status) < 0 || !S_ISSOCK(status.st_mode) ||
        (status.st_mode & 07777) != 0660)
        return 3;
    if (umask(0) != 0)
        return 4; /* not given back */
    return reaches(fixture->path, fd) == 0 ? 0 : 5;
}

static void test_listen_makes_a_socket(void **state) {
    assert_int_equal(in_child(run_made, *state, -1), 0);
}

static void test_listen_replaces_a_stale_socket(void **state) {
    struct fixture *fixture = *state;
    close(bound_socket(fixture->path, true));
    assert_int_equal(in_child(run_made, fixture, -1), 0);
}

/* The cause has the words that an operator needs. */
static const char *expected_words;

static int run_refused(struct fixture *fixture, int socket_fd) {
    int fd = -1;
    bool made = true;
    (void)socket_fd;
    if (tt_listen_open(&fd, &made, fixture->path) != TT_ERR_SYSTEM)
        return 1;
    if (fd != -1 || made)
        return 2;
    return strstr(tt_err_cause(), expected_words) ? 0 : 3;
}

static void test_listen_refuses_a_live_socket(void **state) {
    struct fixture *fixture = *state;
    int socket_fd = bound_socket(fixture->path, true);
    expected_words = "it is in use";
    assert_int_equal(in_child(run_refused, fixture, -1), 0);
    /* A server whose backlog is full is alive as well. */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int clients[16];
    int failed = 0;
    memcpy(address.sun_path, fixture->path, strlen(fixture->path) + 1);
    for (int i = 0; i < 16; i++) {
        clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        failed |= connect(clients[i], (const struct sockaddr *)&address, sizeof address);
    }
    assert_int_equal(failed, -1);
    assert_int_equal(in_child(run_refused, fixture, -1), 0);
    for (int i = 0; i < 16; i++)
        close(clients[i]);
    assert_return_code(fcntl(socket_fd, F_SETFL, O_NONBLOCK), errno);
    for (int queued; (queued = accept(socket_fd, NULL, NULL)) >= 0;)
        close(queued);
    assert_int_equal(reaches(fixture->path, socket_fd), 0); /* left as it was */
    close(socket_fd);
}

static void test_listen_keeps_a_file(void **state) {
    struct fixture *fixture = *state;
    struct stat status;
    int fd = open(fixture->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_return_code(fd, errno);
    close(fd);
    expected_words = "no socket";
    assert_int_equal(in_child(run_refused, fixture, -1), 0);
    assert_int_equal(stat(fixture->path, &status), 0);
}

static void test_listen_needs_the_directory(void **state) {
    struct fixture elsewhere = *(struct fixture *)*state;
    snprintf(elsewhere.path, sizeof elsewhere.path, "%s/none/s", elsewhere.dir);
    expected_words = "its directory does not exist";
    assert_int_equal(in_child(run_refused, &elsewhere, -1), 0);
}

static int run_long_path(struct fixture *fixture, int socket_fd) {
    int fd = -1;
    bool made = true;
    char path[200];
    (void)socket_fd;
    snprintf(path, sizeof path, "%s/%0100d", fixture->dir, 0);
    if (tt_listen_open(&fd, &made, path) != TT_ERR_SYSTEM || fd != -1 || made)
        return 1;
    return strstr(tt_err_cause(), "1 to 107 bytes") ? 0 : 2;
}

static void test_listen_checks_the_length(void **state) {
    assert_int_equal(in_child(run_long_path, *state, -1), 0);
}

int main(void) {
    alarm(120); /* a hang is a failure */
#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        CASE(test_listen_fd_zero),
        CASE(test_listen_systemd),
        CASE(test_listen_systemd_of_another),
        CASE(test_listen_makes_a_socket),
        CASE(test_listen_replaces_a_stale_socket),
        CASE(test_listen_refuses_a_live_socket),
        CASE(test_listen_keeps_a_file),
        CASE(test_listen_needs_the_directory),
        CASE(test_listen_checks_the_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
