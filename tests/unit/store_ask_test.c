/* Units of src/store/ask.c: packets, the socket, answers of an agent that is away, late or hostile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "scratch.h"
#include "tintype/ask.h"
#include "tintype/clock.h"

#define ID      "01890a5d-ac96-7000-8000-000000000001"
#define LONG_MS 20000

static const struct tt_ask_question presign = {TT_ASK_PRESIGN, TT_SPOOL_PROCESSED, ID, ""};
static const struct tt_ask_question fetch = {TT_ASK_FETCH, TT_SPOOL_ORIGINAL, ID, ""};
static const struct tt_ask_question thumb = {TT_ASK_FETCH, TT_SPOOL_RENDITION, ID, "thumb"};

static char url[TT_ASK_ANSWER_MAX_BYTES];
static char packet[2 * TT_ASK_ANSWER_MAX_BYTES];
static int listen_fd = -1;

static int listen_here(void **state) {
    tt_err_take(TT_OK);
    return scratch_make(state) == 0 && tt_ask_listen(scratch, &listen_fd) == TT_OK ? 0 : -1;
}

static int stop_listening(void **state) {
    close(listen_fd);
    listen_fd = -1;
    return scratch_remove(state);
}

static int make_scratch(void **state) {
    tt_err_take(TT_OK);
    return scratch_make(state);
}

/* Takes one connection and puts its question into text. -1 when none came. */
static int take(char text[TT_ASK_QUESTION_SIZE], ssize_t *length) {
    struct pollfd awaited = {.fd = listen_fd, .events = POLLIN};
    int fd;

    if (poll(&awaited, 1, LONG_MS) != 1)
        return -1;
    fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    *length = recv(fd, text, TT_ASK_QUESTION_SIZE, MSG_TRUNC);
    return *length > 0 && *length < TT_ASK_QUESTION_SIZE ? fd : -1;
}

/* ---- packets ---- */

static void questions_have_one_form(void **state) {
    char text[TT_ASK_QUESTION_SIZE];

    (void)state;
    assert_int_equal(tt_ask_format(&presign, text), strlen("presign processed " ID));
    assert_string_equal(text, "presign processed " ID);
    assert_int_equal(tt_ask_format(&fetch, text), strlen("fetch original " ID));
    assert_string_equal(text, "fetch original " ID);
    assert_int_equal(tt_ask_format(&thumb, text), strlen("fetch rendition " ID " thumb"));
    assert_string_equal(text, "fetch rendition " ID " thumb");
    for (int verb = 0; verb < 2; verb++) {
        for (int kind = 0; kind < 3; kind++) {
            const bool is_rendition = kind == TT_SPOOL_RENDITION;
            struct tt_ask_question question = {(enum tt_ask_verb)verb, (enum tt_spool_kind)kind, ID,
                                               "a123456789012345678901234567890"};
            struct tt_ask_question parsed;
            size_t length = tt_ask_format(&question, text);

            memset(text + length, 'x', sizeof text - length); /* a packet has no NUL */
            assert_true(tt_ask_parse(text, length, &parsed));
            assert_int_equal(parsed.verb, verb);
            assert_int_equal(parsed.kind, kind);
            assert_string_equal(parsed.id, ID);
            assert_string_equal(parsed.rendition, is_rendition ? question.rendition : "");
        }
    }
}

static void other_questions_are_refused(void **state) {
    static const char *const bad[] = {
        "",
        "fetch",
        "fetch ",
        "fetch original",
        "fetch original ",
        "fetch  original " ID,
        " fetch original " ID,
        "fetch original " ID " ",
        "fetch original " ID "\n",
        "fetch original 01890A5D-AC96-7000-8000-000000000001",
        "fetch original ../../../../../../../../../../etc/passwd",
        "fetch originals " ID,
        "fetch both " ID,
        "presigned original " ID,
        "Fetch original " ID,
        "remove original " ID,
        "fetch original " ID ID ID ID ID,
        "fetch original " ID " thumb",
        "fetch rendition " ID,
        "fetch rendition " ID " ",
        "fetch rendition " ID "  thumb",
        "fetch rendition " ID " thumb ",
        "fetch rendition " ID " Thumb",
        "fetch rendition " ID " ../thumb",
        "fetch rendition " ID "-thumb",
        "fetch rendition thumb " ID,
        "fetch rendition:thumb " ID,
        "fetch rendition " ID " a1234567890123456789012345678901",
    };
    struct tt_ask_question parsed;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(tt_ask_parse(bad[i], strlen(bad[i]), &parsed));
    assert_false(tt_ask_parse("fetch original " ID, strlen("fetch original " ID) + 1, &parsed));
    assert_false(tt_ask_parse("fetch\0original " ID, strlen("fetch original " ID), &parsed));
}

/* Reads what arrives at the other end of an answer. */
static const char *received(int fd) {
    ssize_t length = recv(fd, packet, sizeof packet - 1, MSG_DONTWAIT);

    assert_true(length >= 0);
    packet[length] = '\0';
    assert_int_equal(strlen(packet), length);
    return packet;
}

static void answers_have_one_form(void **state) {
    char long_url[TT_ASK_ANSWER_MAX_BYTES + 1];
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    tt_ask_answer_ok(fds[0], "https://b.example/k?a=b");
    assert_string_equal(received(fds[1]), "ok https://b.example/k?a=b");
    tt_ask_answer_ok(fds[0], "");
    assert_string_equal(received(fds[1]), "ok");
    tt_ask_answer_ok(fds[0], NULL);
    assert_string_equal(received(fds[1]), "ok");
    tt_ask_answer_error(fds[0], TT_ERR_NOT_FOUND, "no such\nrow\t\x7F.");
    assert_string_equal(received(fds[1]), "error not-found no such row  .");
    memset(long_url, 'u', sizeof long_url);
    long_url[sizeof long_url - 1] = '\0';
    tt_ask_answer_error(fds[0], TT_ERR_BUSY, long_url);
    assert_int_equal(strlen(received(fds[1])), strlen("error busy ") + 512);
    tt_ask_answer_ok(fds[0], long_url);
    assert_int_equal(strncmp(received(fds[1]), "error internal", 14), 0);
    close(fds[0]);
    close(fds[1]);
}

static void an_asker_that_is_gone_or_slow_does_no_harm(void **state) {
    int sent = 0;
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    while (send(fds[0], packet, TT_ASK_ANSWER_MAX_BYTES, MSG_DONTWAIT) > 0)
        sent++;
    assert_true(sent > 0);
    tt_ask_answer_ok(fds[0], "https://b.example/"); /* it returns, though no more fits */
    close(fds[1]);
    tt_ask_answer_ok(fds[0], "https://b.example/");
    tt_ask_answer_error(fds[0], TT_ERR_BUSY, "busy");
    close(fds[0]);
}

/* ---- the socket ---- */

static void the_path_has_its_bound(void **state) {
    char dir[128];
    char path[108];
    int fd;

    (void)state;
    assert_true(tt_ask_path("/var/lib/tintype", path));
    assert_string_equal(path, "/var/lib/tintype/agent.sock");
    memset(dir, 'd', sizeof dir);
    dir[0] = '/';
    dir[96] = '\0';
    assert_true(tt_ask_path(dir, path));
    assert_int_equal(strlen(path), 107);
    dir[96] = 'd';
    dir[97] = '\0';
    assert_false(tt_ask_path(dir, path));
    assert_int_equal(tt_ask_listen(dir, &fd), TT_ERR_SYSTEM);
    assert_int_equal(fd, -1);
    assert_non_null(strstr(tt_err_cause(), "96 bytes"));
    tt_err_take(TT_OK);
    assert_int_equal(tt_ask(dir, &fetch, LONG_MS, url), TT_ERR_AGENT_AWAY);
}

static void listens_for_the_group(void **state) {
    mode_t before = umask(0007);
    struct stat status;
    int fd;

    (void)state;
    assert_int_equal(tt_ask_listen(scratch, &fd), TT_OK);
    assert_int_equal(umask(before), 0007);
    assert_int_equal(stat(scratch_path("agent.sock"), &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0660);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(close(fd), 0);
}

static void replaces_sockets_and_nothing_else(void **state) {
    int first;
    int second;

    (void)state;
    assert_int_equal(tt_ask_listen(scratch, &first), TT_OK);
    assert_int_equal(tt_ask_listen(scratch, &second), TT_OK);
    assert_int_equal(close(first), 0);
    assert_int_equal(close(second), 0);
    assert_int_equal(tt_ask_listen(scratch, &first),
                     TT_OK); /* the socket is left, and nobody serves it */
    assert_int_equal(close(first), 0);
    assert_int_equal(unlink(scratch_path("agent.sock")), 0);
    assert_int_equal(mkdir(scratch_path("agent.sock"), 0700), 0);
    assert_int_equal(tt_ask_listen(scratch, &first), TT_ERR_SYSTEM);
    assert_int_equal(first, -1);
    assert_non_null(strstr(tt_err_cause(), "no socket"));
}

/* ---- asking ---- */

/* An agent for one question. It exits with 0 when that was the presign or the fetch. */
static int answer_well(int is_presign) {
    struct tt_ask_question question;
    char text[TT_ASK_QUESTION_SIZE];
    ssize_t length;
    int fd = take(text, &length);

    if (fd < 0 || !tt_ask_parse(text, (size_t)length, &question))
        return 1;
    if (question.verb != (is_presign ? presign : fetch).verb)
        return 2;
    if (question.kind != (is_presign ? presign : fetch).kind || strcmp(question.id, ID) != 0)
        return 3;
    tt_ask_answer_ok(fd, is_presign ? "https://b.example/k?X-Amz-Signature=1" : NULL);
    return 0;
}

static void asks_and_is_answered(void **state) {
    pid_t agent = scratch_fork(answer_well, 1);

    (void)state;
    assert_int_equal(tt_ask(scratch, &presign, LONG_MS, url), TT_OK);
    assert_string_equal(url, "https://b.example/k?X-Amz-Signature=1");
    assert_int_equal(scratch_wait(agent), 0);
    agent = scratch_fork(answer_well, 0);
    assert_int_equal(tt_ask(scratch, &fetch, LONG_MS, url), TT_OK);
    assert_string_equal(url, "");
    assert_int_equal(scratch_wait(agent), 0);
}

static int answer_with_error(int err) {
    char text[TT_ASK_QUESTION_SIZE];
    ssize_t length;

    tt_ask_answer_error(take(text, &length), (enum tt_err)err, "the bucket says no");
    return 0;
}

static void errors_come_through(void **state) {
    static const enum tt_err errs[] = {TT_ERR_NOT_FOUND, TT_ERR_BUSY, TT_ERR_CLOUD_KEYS,
                                       TT_ERR_AGENT_AWAY, TT_ERR_SPOOL_FULL};

    (void)state;
    for (size_t i = 0; i < sizeof errs / sizeof *errs; i++) {
        pid_t agent = scratch_fork(answer_with_error, (int)errs[i]);

        tt_err_take(TT_OK);
        assert_int_equal(tt_ask(scratch, &fetch, LONG_MS, url), errs[i]);
        assert_string_equal(tt_err_cause(), "the bucket says no");
        assert_int_equal(scratch_wait(agent), 0);
    }
}

static int answer_with_packet(int length) {
    char text[TT_ASK_QUESTION_SIZE];
    ssize_t asked;
    int fd = take(text, &asked);

    return send(fd, packet, (size_t)length, MSG_NOSIGNAL) == length ? 0 : 1;
}

/* Asks an agent that sends the packet. Whatever that is, what is no URL never comes out as one. */
static enum tt_err ask_for_packet(int length) {
    pid_t agent = scratch_fork(answer_with_packet, length);
    enum tt_err err;

    tt_err_take(TT_OK);
    err = tt_ask(scratch, &presign, LONG_MS, url);
    assert_int_equal(scratch_wait(agent), 0);
    if (err != TT_OK)
        assert_string_equal(url, "");
    return err;
}

static void other_answers_are_refused(void **state) {
    static const char *const bad[] = {
        "o",
        "okay",
        "ok ",
        "OK https://b.example/",
        " ok",
        "ok https://b.example/ x",
        "ok https://b.example/\r\nSet-Cookie: a=b",
        "ok https://b.example/\x7F",
        "ok https://b.example/\xC3\xA9",
        "error",
        "error ",
        "error busy",
        "error busy two\nlines",
        "error ok all is well",
        "error bus wrong name",
        "error busyy wrong name",
        "error  no name",
        "error system-failure that answers no request",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memcpy(packet, bad[i], strlen(bad[i]));
        assert_int_equal(ask_for_packet((int)strlen(bad[i])), TT_ERR_AGENT_AWAY);
        assert_string_not_equal(tt_err_cause(), "");
    }
    memcpy(packet, "ok\0https://b.example/", 21);
    assert_int_equal(ask_for_packet(21), TT_ERR_AGENT_AWAY);
    memcpy(packet, "error busy a\0b", 14);
    assert_int_equal(ask_for_packet(14), TT_ERR_AGENT_AWAY);
}

static void answers_have_a_bound(void **state) {
    (void)state;
    memset(packet, 'u', sizeof packet);
    memcpy(packet, "ok ", 3);
    assert_int_equal(ask_for_packet(TT_ASK_ANSWER_MAX_BYTES - 1), TT_OK);
    assert_int_equal(strlen(url), TT_ASK_ANSWER_MAX_BYTES - 1 - 3);
    assert_int_equal(ask_for_packet(TT_ASK_ANSWER_MAX_BYTES), TT_ERR_AGENT_AWAY);
    assert_int_equal(ask_for_packet(2 * TT_ASK_ANSWER_MAX_BYTES), TT_ERR_AGENT_AWAY);
}

static void nobody_there_is_told_at_once(void **state) {
    int64_t started_ms = tt_clock_monotonic_ms();
    int fd;

    (void)state;
    assert_int_equal(tt_ask(scratch, &presign, LONG_MS, url), TT_ERR_AGENT_AWAY);
    assert_non_null(strstr(tt_err_cause(), "agent.sock"));
    assert_int_equal(tt_ask_listen(scratch, &fd), TT_OK);
    assert_int_equal(close(fd), 0);
    assert_int_equal(tt_ask(scratch, &presign, LONG_MS, url), TT_ERR_AGENT_AWAY);
    assert_true(tt_clock_monotonic_ms() - started_ms < LONG_MS / 2);
}

static int close_unanswered(int argument) {
    char text[TT_ASK_QUESTION_SIZE];
    ssize_t length;

    (void)argument;
    return take(text, &length) >= 0 ? 0 : 1;
}

static void an_agent_that_dies_is_away(void **state) {
    int64_t started_ms = tt_clock_monotonic_ms();
    pid_t agent = scratch_fork(close_unanswered, 0);

    (void)state;
    assert_int_equal(tt_ask(scratch, &presign, LONG_MS, url), TT_ERR_AGENT_AWAY);
    assert_int_equal(scratch_wait(agent), 0);
    assert_true(tt_clock_monotonic_ms() - started_ms < LONG_MS / 2);
}

static void the_wait_ends_at_its_deadline(void **state) {
    int64_t started_ms = tt_clock_monotonic_ms();

    (void)state;
    assert_int_equal(tt_ask(scratch, &presign, 30, url), TT_ERR_AGENT_AWAY);
    assert_true(tt_clock_monotonic_ms() - started_ms >= 30);
    assert_non_null(strstr(tt_err_cause(), "in time"));
    assert_int_equal(tt_ask(scratch, &presign, -1, url), TT_ERR_AGENT_AWAY);
}

static volatile sig_atomic_t signals;

static void count_signal(int number) {
    (void)number;
    signals = signals + 1;
}

/* The signals neither cut the wait short nor begin it anew. */
static void signals_do_not_change_the_deadline(void **state) {
    const struct itimerval every_ms = {.it_interval.tv_usec = 1000, .it_value.tv_usec = 1000};
    const struct itimerval never = {.it_value.tv_usec = 0};
    struct sigaction action = {.sa_handler = count_signal};
    struct sigaction before;
    int64_t started_ms = tt_clock_monotonic_ms();
    enum tt_err err;

    (void)state;
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &every_ms, NULL), 0);
    err = tt_ask(scratch, &presign, 100, url);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    assert_int_equal(err, TT_ERR_AGENT_AWAY);
    assert_true(signals > 1);
    assert_true(tt_clock_monotonic_ms() - started_ms >= 100);
    assert_non_null(strstr(tt_err_cause(), "in time"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_scratch, scratch_remove)
#define TEST_LISTENING(function)                                                                   \
    cmocka_unit_test_setup_teardown(function, listen_here, stop_listening)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(questions_have_one_form),
        TEST(other_questions_are_refused),
        TEST(answers_have_one_form),
        TEST(an_asker_that_is_gone_or_slow_does_no_harm),
        TEST(the_path_has_its_bound),
        TEST(listens_for_the_group),
        TEST(replaces_sockets_and_nothing_else),
        TEST_LISTENING(asks_and_is_answered),
        TEST_LISTENING(errors_come_through),
        TEST_LISTENING(other_answers_are_refused),
        TEST_LISTENING(answers_have_a_bound),
        TEST(nobody_there_is_told_at_once),
        TEST_LISTENING(an_agent_that_dies_is_away),
        TEST_LISTENING(the_wait_ends_at_its_deadline),
        TEST_LISTENING(signals_do_not_change_the_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
