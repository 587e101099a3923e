/* Units of src/aws/http.c, against a server of the test's own: what is sent, over which
 * connections, and the wait. What comes back is aws_http_answer_test.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <sys/time.h>

#include "aws/http_text.h"
#include "heap.h"
#include "http_exchange.h"

/* ---- what is sent ---- */

static void requests_are_sent_to_the_letter(void **state) {
    struct tt_http_request request =
        request_for("PUT", server_url("/a%2Fb/../c//./d+e/%e4?x=%2F&y=+&z&.."));
    (void)state;
    request.body = "body";
    request.body_bytes = 4;
    request.header_count = 4;
    request.headers[0] = (struct tt_http_header){"Host", "images.example"};
    request.headers[1] = (struct tt_http_header){"x-empty", ""};
    request.headers[2] = (struct tt_http_header){"Authorization", "AWS4  Credential=a/b, c;d"};
    request.headers[3] = (struct tt_http_header){"x-Amz-Date", "20261124T065027Z"};
    exchange_well(&request);
    assert_string_equal(server->request.bytes,
                        "PUT /a%2Fb/../c//./d+e/%e4?x=%2F&y=+&z&.. HTTP/1.1\r\n"
                        "Host: images.example\r\n"
                        "User-Agent: tintype/" TT_VERSION "\r\n"
                        "x-empty:\r\n"
                        "Authorization: AWS4  Credential=a/b, c;d\r\n"
                        "x-Amz-Date: 20261124T065027Z\r\n"
                        "Content-Length: 4\r\n"
                        "\r\n"
                        "body");
    assert_int_equal(got.answer.status, 200);
    assert_string_equal(got.body, "hello");
    assert_int_equal(got.answer.body_bytes, 5);
}

static void every_method_says_what_its_body_is(void **state) {
    static const char *const bodies[][2] = {
        {"GET", "\r\n"},
        {"HEAD", "\r\n"},
        {"DELETE", "\r\n"},
        {"PUT", "Content-Length: 0\r\n\r\n"},
        {"POST", "Content-Length: 0\r\n\r\n"},
    };
    (void)state;
    server_set_answer(SERVER_ANSWERS, "HTTP/1.1 204 No Content\r\n\r\n");
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct tt_http_request request = request_for(bodies[i][0], server_url(""));
        exchange_well(&request);
        char expected[256];
        snprintf(expected, sizeof expected,
                 "%s / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: tintype/" TT_VERSION "\r\n%s",
                 bodies[i][0], server_port, bodies[i][1]);
        assert_string_equal(server->request.bytes, expected);
        assert_int_equal(got.answer.status, 204);
    }
    assert_int_equal(server->connections, 1);
}

static void a_file_is_sent_from_its_start_wherever_it_stands(void **state) {
    struct tt_http_request request = request_for("PUT", server_url("/large"));
    (void)state;
    request.body_fd = make_file(LARGE_BYTES);
    request.body_fd_bytes = LARGE_BYTES;
    exchange_well(&request);
    assert_body_is_file(request.body_fd, LARGE_BYTES);
    char headers[256];
    /* No "Expect: 100-continue", which libcurl has for bodies of this size. */
    snprintf(headers, sizeof headers,
             "PUT /large HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: tintype/" TT_VERSION
             "\r\nContent-Length: %d\r\n\r\n",
             server_port, LARGE_BYTES);
    assert_int_equal(strncmp(server->request.bytes, headers, strlen(headers)), 0);
    assert_int_equal(lseek(request.body_fd, 0, SEEK_CUR), LARGE_BYTES);
    assert_int_equal(close(request.body_fd), 0);
}

static void bad_requests_are_refused(void **state) {
    (void)state;
    struct tt_http_request bad[7];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bad[i] = request_for("PUT", "http://127.0.0.1/");
        bad[i].header_count = 1;
        bad[i].headers[0] = (struct tt_http_header){"x-a", "b"};
    }
    bad[0].method = "TRACE";
    bad[1].url = "file:///etc/passwd";
    bad[2].url = "http://127.0.0.1/a b";
    bad[3].headers[0].value = "b\r\nx-c: d";
    bad[4].headers[0].name = "x-a: b\r\nx-c";
    bad[5].header_count = TT_HTTP_HEADERS_MAX + 1;
    bad[6].method = "GET";
    bad[6].body = "body";
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(tt_http_start(http, &bad[i], take, NULL), TT_ERR_INTERNAL);
        assert_string_not_equal(tt_err_cause(), "");
        tt_err_take(TT_OK);
    }
    assert_int_equal(tt_http_in_flight(http), 0);
    run_all();
    assert_int_equal(got.calls, 0);
}

static void every_request_has_a_time_by_its_size(void **state) {
    struct tt_http_request request = request_for("GET", "http://127.0.0.1/");

    (void)state;
    request.max_answer_bytes = 0;
    assert_int_equal(tt_http_timeout_ms(&request), 30000);
    request.max_answer_bytes = 64 * 1024;
    assert_int_equal(tt_http_timeout_ms(&request), 30000 + 16000);
    request.body = "";
    request.body_bytes = 1024 * 1024;
    assert_int_equal(tt_http_timeout_ms(&request), 30000 + 16000 + 256000);
    request.body = NULL;
    request.body_fd_bytes = 4096;
    assert_int_equal(tt_http_timeout_ms(&request), 30000 + 16000);
    request.body_fd = 0;
    assert_int_equal(tt_http_timeout_ms(&request), 30000 + 16000 + 1000);
    request.body_fd_bytes = request.max_answer_bytes = INT64_MAX;
    assert_int_equal(tt_http_timeout_ms(&request), INT_MAX);
    request.timeout_ms = 1000;
    assert_int_equal(tt_http_timeout_ms(&request), 1000);
}

static void proxies_are_asked_but_for_what_is_near(void **state) {
    static const char *const near[] = {"http://169.254.169.254/latest/api/token",
                                       "http://169.254.170.2:80/v2", "http://[fd00:ec2::254]/",
                                       "http://127.0.0.1:1338/keys", "http://localhost/"};
    static const char *const others[] = {"http://169.253.0.1/", "http://169.254.example/",
                                         "http://127.example/", "http://[fd00:ec3::254]/",
                                         "http://localhost.example/"};
    struct tt_http_request request = request_for("GET", "http://bucket.invalid/key?x=%2F");
    (void)state;
    assert_int_equal(setenv("http_proxy", server_url(""), 1), 0);
    exchange_well(&request);
    assert_int_equal(
        strncmp(server->request.bytes, "GET http://bucket.invalid/key?x=%2F HTTP/1.1\r\n", 46), 0);
    assert_int_equal(unsetenv("http_proxy"), 0);
    struct tt_url url;
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        assert_null(tt_url_parse(&url, near[i]));
        assert_true(tt_http_is_near(&url));
        assert_null(tt_url_parse(&url, others[i]));
        assert_false(tt_http_is_near(&url));
    }
}

/* ---- connections ---- */

static void a_connection_is_kept(void **state) {
    struct tt_http_request request = request_for("GET", server_url("/"));
    (void)state;
    for (int i = 0; i < 20; i++)
        exchange_well(&request);
    request.method = "HEAD";
    server_set_answer(SERVER_ANSWERS, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    exchange_well(&request);
    assert_int_equal(got.answer.body_bytes, 0);
    exchange_well(&request);
    assert_int_equal(server->requests, 22);
    assert_int_equal(server->connections, 1);
}

static void a_body_is_sent_again_over_a_new_connection(void **state) {
    struct tt_http_request request = request_for("PUT", server_url("/"));
    (void)state;
    server_set_answer(SERVER_RESETS_REUSED, OK_ANSWER);
    request.body_fd = make_file(LARGE_BYTES);
    request.body_fd_bytes = LARGE_BYTES;
    for (int i = 1; i <= 3; i++) {
        exchange_well(&request);
        assert_body_is_file(request.body_fd, LARGE_BYTES);
        assert_int_equal(server->requests, i);
        assert_int_equal(server->connections, i);
    }
    assert_int_equal(close(request.body_fd), 0);
}

struct chain {
    int left;
    int ended;
};

static void go_on(void *context, const struct tt_http_answer *answer) {
    struct chain *chain = context;
    struct tt_http_request request = request_for("PUT", server_url("/"));
    assert_int_equal(answer->err, TT_OK);
    chain->ended++;
    request.body = chain;
    request.body_bytes = sizeof *chain;
    if (chain->left-- > 0)
        assert_int_equal(tt_http_start(http, &request, go_on, chain), TT_OK);
}

static void many_go_on_at_once_and_done_starts_more(void **state) {
    struct tt_http_request request = request_for("GET", server_url("/"));
    (void)state;
    struct chain chains[MAX_CONNECTIONS];
    for (int i = 0; i < MAX_CONNECTIONS; i++) {
        chains[i] = (struct chain){.left = 20};
        assert_int_equal(tt_http_start(http, &request, go_on, &chains[i]), TT_OK);
    }
    assert_int_equal(tt_http_in_flight(http), MAX_CONNECTIONS);
    run_all();
    for (int i = 0; i < MAX_CONNECTIONS; i++)
        assert_int_equal(chains[i].ended, 21);
    assert_int_equal(server->requests, MAX_CONNECTIONS * 21);
    assert_in_range(server->connections, 1, MAX_CONNECTIONS);
}

static void freeing_drops_what_is_in_flight(void **state) {
    struct tt_http_request request = request_for("GET", server_url("/"));
    (void)state;
    server_set_answer(SERVER_WAITS, "");
    start(&request);
    start(&request);
    while (server->requests < 2)
        assert_int_equal(tt_http_run(http, NULL, 0, 1000), TT_OK);
    tt_http_free(http);
    http = NULL;
    assert_int_equal(got.calls, 0);
    tt_http_free(NULL);
}

#ifndef TT_SANITIZED
/* The words are made at run time, as a literal of the test might be found on the heap itself. */
static void secrets_do_not_stay_in_memory(void **state) {
    static const char *const words[] = {"FwoGZXIvYXdz-in-a-header", "FwoGZXIvYXdz-in-a-body",
                                        "FwoGZXIvYXdz-in-an-answer"};
    struct tt_http_request request = request_for("PUT", server_url("/"));
    char *copy = strdup(words[0]);
    (void)state;
    assert_non_null(copy);
    assert_int_equal(count_in_heap(words[0]), 1);
    explicit_bzero(copy, strlen(copy));
    free(copy);
    char answer[128];
    snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(words[2]), words[2]);
    server_set_answer(SERVER_ANSWERS, answer);
    request.body = words[1];
    request.body_bytes = strlen(words[1]);
    request.header_count = 1;
    request.headers[0] = (struct tt_http_header){"x-amz-security-token", words[0]};
    start(&request);
    assert_true(count_in_heap(words[0]) > 0);
    run_all();
    assert_string_equal(got.body, words[2]);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_int_equal(count_in_heap(words[i]), 0);
}
#endif

/* ---- the wait ---- */

static void a_descriptor_ends_the_wait(void **state) {
    int64_t start_ms = tt_clock_monotonic_ms();
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct pollfd fds[12];
    for (int i = 0; i < 12; i++)
        fds[i] = (struct pollfd){.fd = -1, .events = POLLIN, .revents = POLLIN};
    fds[7].fd = ends[0];
    assert_int_equal(tt_http_run(http, fds, 12, 30), TT_OK);
    assert_true(tt_clock_monotonic_ms() - start_ms >= 29);
    assert_int_equal(fds[7].revents, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(tt_http_run(http, fds, 12, DEADLINE_MS), TT_OK);
    assert_int_equal(fds[7].revents, POLLIN);
    assert_int_equal(fds[6].revents, 0);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(tt_http_run(http, fds, 12, DEADLINE_MS), TT_OK);
    assert_int_equal(fds[7].revents, POLLIN | POLLHUP);
    fds[7] = (struct pollfd){.fd = ends[0], .events = 0};
    assert_int_equal(tt_http_run(http, fds, 12, DEADLINE_MS), TT_OK);
    assert_int_equal(fds[7].revents, POLLHUP);
    assert_true(tt_clock_monotonic_ms() - start_ms < DEADLINE_MS);
    assert_int_equal(close(ends[0]), 0);
}

static void ignore(int number) {
    (void)number;
}

static void a_signal_ends_the_wait(void **state) {
    struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
    struct itimerval soon = {.it_value = {.tv_usec = 30000}};
    struct pollfd fds = {.fd = -1, .events = POLLIN};
    struct tt_http_request request = request_for("GET", server_url("/"));
    int64_t start_ms = tt_clock_monotonic_ms();
    (void)state;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_int_equal(tt_http_run(http, NULL, 0, DEADLINE_MS), TT_OK);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_int_equal(tt_http_run(http, &fds, 1, DEADLINE_MS), TT_OK);
    assert_int_equal(fds.revents, 0);
    assert_true(tt_clock_monotonic_ms() - start_ms < DEADLINE_MS);
    /* A signal does not harm a request either. */
    start(&request);
    assert_int_equal(raise(SIGALRM), 0);
    run_all();
    assert_int_equal(got.answer.status, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(requests_are_sent_to_the_letter),
        TEST(every_method_says_what_its_body_is),
        TEST(a_file_is_sent_from_its_start_wherever_it_stands),
        TEST(bad_requests_are_refused),
        TEST(every_request_has_a_time_by_its_size),
        TEST(proxies_are_asked_but_for_what_is_near),
        TEST(a_connection_is_kept),
        TEST(a_body_is_sent_again_over_a_new_connection),
        TEST(many_go_on_at_once_and_done_starts_more),
        TEST(freeing_drops_what_is_in_flight),
#ifndef TT_SANITIZED
        TEST(secrets_do_not_stay_in_memory),
#endif
        TEST(a_descriptor_ends_the_wait),
        TEST(a_signal_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
