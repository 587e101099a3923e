/* src/web/remote.c, by way of retrieve.c: bytes that are in the cloud alone. The agent is a child
 * process at the real socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "fake_worker.h"
#include "tintype/journal_sync.h"

#define ORIGINAL "abcdefghijklmnopqrst"

/* ---- an agent ---- */

struct agent {
    pid_t pid;
};

struct deed {
    int questions; /* that it answers, then it leaves */
    const char *expected;
    const char *url;                  /* of the answer */
    enum tt_err err;                  /* or this */
    const struct tt_journal_row *row; /* of which it brings a file back; NULL: none */
    int number;
    const char *bytes;
};

static int agent_answer(int fd, const struct deed *deed) {
    char question[TT_ASK_QUESTION_SIZE + 1] = "";
    ssize_t length = recv(fd, question, TT_ASK_QUESTION_SIZE, 0);

    if (length < 0 || strcmp(question, deed->expected) != 0)
        return 3;
    if (deed->row) {
        struct tt_spool spool;

        if (tt_spool_open(&spool, scratch) != TT_OK ||
            put_file(&spool, deed->row, deed->number, deed->bytes) != TT_OK)
            return 4;
        tt_spool_close(&spool);
    }
    if (deed->err != TT_OK)
        tt_ask_answer_error(fd, deed->err, "the agent's own words");
    else
        tt_ask_answer_ok(fd, deed->url);
    return 0;
}

static int agent_main(int listen_fd, const struct deed *deed) {
    for (int i = 0; i < deed->questions; i++) {
        struct pollfd waiting = {.fd = listen_fd, .events = POLLIN};
        int status;
        int fd;

        if (poll(&waiting, 1, -1) != 1)
            return 2;
        fd = accept(listen_fd, NULL, NULL);
        status = fd < 0 ? 2 : agent_answer(fd, deed);
        close(fd);
        if (status != 0)
            return status;
    }
    return 0;
}

static struct agent agent_start(const struct deed *deed) {
    struct agent agent;
    int listen_fd;

    assert_int_equal(tt_ask_listen(scratch, &listen_fd), TT_OK);
    agent.pid = fork();
    if (agent.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        _exit(agent_main(listen_fd, deed));
    }
    close(listen_fd);
    return agent;
}

/* Asserts that the agent was asked all of its questions, and just those. */
static void agent_end(const struct agent *agent) {
    assert_int_equal(scratch_wait(agent->pid), 0);
    assert_int_equal(seats_free, 1);
}

static const char *question_of(const char *verb, const char *kind,
                               const struct tt_journal_row *row) {
    static char text[TT_ASK_QUESTION_SIZE];

    snprintf(text, sizeof text, "%s %s %s", verb, kind, row->id);
    return text;
}

/* ---- without the agent ---- */

static void agent_away(void **state) {
    static const enum tt_delivery ways[] = {TT_DELIVERY_REDIRECT, TT_DELIVERY_FETCH};
    struct tt_journal_row row = insert_row(TT_SYNC_SYNCED);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        config.delivery.remote = ways[i];
        assert_int_equal(ask_worker("GET", path_of(&row, "/processed")), 503);
        assert_problem(TT_ERR_AGENT_AWAY);
        assert_non_null(answer_header("Retry-After"));
        assert_string_equal(answer_header("Cache-Control"), "no-store");
    }
    assert_int_equal(seats_free, 1);
}

static void what_the_cloud_never_had_is_lost(void **state) {
    static const enum tt_sync_state states[] = {TT_SYNC_OFF, TT_SYNC_PENDING, TT_SYNC_DEAD};

    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct tt_journal_row row = insert_row(states[i]);

        assert_int_equal(ask_worker("GET", path_of(&row, "/processed")), 503);
        assert_problem(TT_ERR_STORAGE);
        assert_int_equal(ask_worker("HEAD", path_of(&row, "/processed")), 503);
    }
    assert_int_equal(seats_taken, 0);
}

static void no_seat_to_wait_in(void **state) {
    struct tt_journal_row row = insert_row(TT_SYNC_SYNCED);

    (void)state;
    seats_free = 0;
    assert_int_equal(ask_worker("GET", path_of(&row, "/processed")), 503);
    assert_problem(TT_ERR_BUSY);
    assert_int_equal(seats_free, 0);
}

/* ---- elsewhere ---- */

static void redirect_to_a_signed_address(void **state) {
    struct tt_journal_row row = insert_row(TT_SYNC_STORED);
    static char url[TT_ASK_ANSWER_MAX_BYTES - 3]; /* the longest that fits an answer: "ok <url>" */
    struct deed deed = {.questions = 1, .url = url};
    struct agent agent;

    (void)state;
    memset(url, 'x', sizeof url - 1);
    memcpy(url, "https://", 8);
    deed.expected = question_of("presign", "original", &row);
    agent = agent_start(&deed);
    assert_int_equal(ask_worker("GET", path_of(&row, "/original")), 307);
    assert_string_equal(answer_header("Location"), url);
    assert_string_equal(answer_header("Cache-Control"), "no-store");
    assert_string_equal(answer_header("Content-Length"), "0");
    assert_null(answer_header("ETag"));
    agent_end(&agent);
    assert_int_equal(seats_taken, 1);
}

static void answer_that_is_no_address(void **state) {
    static const char *const urls[] = {"javascript:alert(1)", "/etc/passwd", ""};
    struct tt_journal_row row = insert_row(TT_SYNC_STORED);

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        const struct deed deed = {
            .questions = 1, .expected = question_of("presign", "processed", &row), .url = urls[i]};
        struct agent agent = agent_start(&deed);

        assert_int_equal(ask_worker("GET", path_of(&row, "/processed")), 503);
        assert_problem(TT_ERR_AGENT_AWAY);
        assert_null(answer_header("Location"));
        agent_end(&agent);
    }
}

static void redirect_to_cloudfront(void **state) {
    struct tt_journal_row row = insert_row(TT_SYNC_SYNCED);
    char expected[256];

    (void)state;
    strcpy(config.delivery.cloudfront_url, "https://pictures.example/x");
    strcpy(config.s3.processed_prefix, "a b/\xC3\xA9+~/");
    assert_int_equal(ask_worker("GET", path_of(&row, "/processed")), 307);
    snprintf(expected, sizeof expected, "https://pictures.example/x/a%%20b/%%C3%%A9%%2B~/%s.png",
             row.id);
    assert_string_equal(answer_header("Location"), expected);
    assert_int_equal(ask_worker("GET", path_of(&row, "/original")), 307);
    snprintf(expected, sizeof expected, "https://pictures.example/x/originals/%s.jpg", row.id);
    assert_string_equal(answer_header("Location"), expected);
    assert_int_equal(seats_taken, 0);
}

static void errors_of_the_agent(void **state) {
    static const struct {
        enum tt_err said;
        int status;
        enum tt_err told;
        const char *retry_after; /* NULL: none */
    } rows[] = {
        {TT_ERR_CLOUD_AWAY, 503, TT_ERR_CLOUD_AWAY, "30"},
        {TT_ERR_CLOUD_THROTTLED, 503, TT_ERR_CLOUD_THROTTLED, "2"},
        {TT_ERR_CLOUD_OBJECT, 502, TT_ERR_CLOUD_OBJECT, NULL},
        {TT_ERR_SPOOL_FULL, 507, TT_ERR_SPOOL_FULL, "30"},
        /* The row is there, so its object is lost. */
        {TT_ERR_NOT_FOUND, 502, TT_ERR_CLOUD_OBJECT, NULL},
    };
    struct tt_journal_row row = insert_row(TT_SYNC_SYNCED);

    (void)state;
    config.delivery.remote = TT_DELIVERY_FETCH;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct deed deed = {.questions = 1,
                                  .expected = question_of("fetch", "processed", &row),
                                  .err = rows[i].said};
        struct agent agent = agent_start(&deed);

        assert_int_equal(ask_worker("GET", path_of(&row, "/processed")), rows[i].status);
        assert_problem(rows[i].told);
        assert_null(strstr(answer, "own words"));
        if (!rows[i].retry_after)
            assert_null(answer_header("Retry-After"));
        else
            assert_string_equal(answer_header("Retry-After"), rows[i].retry_after);
        agent_end(&agent);
    }
}

static void fetched_back(void **state) {
    struct tt_journal_row row = insert_row(TT_SYNC_SYNCED);
    const struct deed deed = {.questions = 1,
                              .expected = question_of("fetch", "original", &row),
                              .row = &row,
                              .number = tt_journal_row_original(&row),
                              .bytes = ORIGINAL};
    struct agent agent = agent_start(&deed);

    (void)state;
    config.delivery.remote = TT_DELIVERY_FETCH;
    fake_param_set("HTTP_RANGE", "bytes=2-4");
    assert_int_equal(ask_worker("GET", path_of(&row, "/original")), 206);
    assert_string_equal(answer_body(), "cde");
    assert_string_equal(answer_header("Content-Range"), "bytes 2-4/20");
    agent_end(&agent);
    fake_params_clear();
    /* The file is here now. */
    assert_int_equal(ask_worker("GET", path_of(&row, "/original")), 200);
    assert_string_equal(answer_body(), ORIGINAL);
    assert_int_equal(seats_taken, 1);
}

static void fetched_and_gone_at_once(void **state) {
    struct tt_journal_row row = insert_row(TT_SYNC_SYNCED);
    const struct deed deed = {.questions = 3, .expected = question_of("fetch", "processed", &row)};
    struct agent agent = agent_start(&deed);

    (void)state;
    config.delivery.remote = TT_DELIVERY_FETCH;
    assert_int_equal(ask_worker("GET", path_of(&row, "/processed")), 503);
    assert_problem(TT_ERR_AGENT_AWAY);
    agent_end(&agent);
    assert_int_equal(seats_taken, 3);
}

static void rendition_that_is_elsewhere(void **state) {
    struct tt_journal_row row = insert_with_renditions(TT_SYNC_SYNCED);
    char expected[TT_ASK_QUESTION_SIZE];
    char address[256];
    struct deed deed = {.questions = 1, .expected = expected, .url = "https://there.example/x"};
    struct agent agent;

    (void)state;
    snprintf(expected, sizeof expected, "presign rendition %s thumb", row.id);
    agent = agent_start(&deed);
    assert_int_equal(ask_worker("GET", path_of(&row, "/renditions/thumb")), 307);
    assert_string_equal(answer_header("Location"), deed.url);
    agent_end(&agent);
    snprintf(expected, sizeof expected, "fetch rendition %s thumb", row.id);
    deed.url = NULL;
    deed.row = &row;
    deed.number = TT_JOURNAL_RENDITION + 1;
    deed.bytes = "thumb";
    config.delivery.remote = TT_DELIVERY_FETCH;
    agent = agent_start(&deed);
    assert_int_equal(ask_worker("GET", path_of(&row, "/renditions/thumb")), 200);
    assert_string_equal(answer_body(), "thumb");
    agent_end(&agent);
    assert_int_equal(ask_worker("HEAD", path_of(&row, "/renditions/large")), 200);
    assert_string_equal(answer_header("Content-Length"), "30");
    config.delivery.remote = TT_DELIVERY_REDIRECT;
    strcpy(config.delivery.cloudfront_url, "https://pictures.example");
    assert_int_equal(ask_worker("GET", path_of(&row, "/renditions/large")), 307);
    snprintf(address, sizeof address, "https://pictures.example/processed/%s-large.webp", row.id);
    assert_string_equal(answer_header("Location"), address);
}

static void evict(const struct tt_journal_row *row) {
    struct tt_journal_outcome outcome = {.done = true, .state = TT_SYNC_SYNCED};
    struct tt_journal_row rows[1];
    int count;

    memcpy(outcome.id, row->id, sizeof outcome.id);
    assert_int_equal(tt_journal_record(worker.journal, &outcome, 1, 1000), TT_OK);
    assert_int_equal(tt_journal_evict(worker.journal, 1000, 1, rows, &count), TT_OK);
    assert_int_equal(count, 1);
}

static void page_may_show_what_is_elsewhere(void **state) {
    struct tt_journal_row row = insert_row(TT_SYNC_PENDING);

    (void)state;
    fake_param_set("HTTP_ACCEPT", "text/html");
    assert_int_equal(ask_worker("GET", path_of(&row, "")), 200);
    assert_non_null(strstr(answer_header("Content-Security-Policy"), "img-src 'self';"));
    evict(&row);
    assert_int_equal(ask_worker("GET", path_of(&row, "")), 200);
    assert_non_null(
        strstr(answer_header("Content-Security-Policy"), "img-src 'self' https: http:;"));
    config.delivery.remote = TT_DELIVERY_FETCH;
    assert_int_equal(ask_worker("GET", path_of(&row, "")), 200);
    assert_non_null(strstr(answer_header("Content-Security-Policy"), "img-src 'self';"));
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, worker_open, worker_close)
    const struct CMUnitTest tests[] = {
        CASE(agent_away),
        CASE(what_the_cloud_never_had_is_lost),
        CASE(no_seat_to_wait_in),
        CASE(redirect_to_a_signed_address),
        CASE(answer_that_is_no_address),
        CASE(redirect_to_cloudfront),
        CASE(errors_of_the_agent),
        CASE(fetched_back),
        CASE(fetched_and_gone_at_once),
        CASE(rendition_that_is_elsewhere),
        CASE(page_may_show_what_is_elsewhere),
    };

    alarm(120); /* a hang is a failure */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
