/* Units of src/aws/http.c and http_text.c, against a server of the test's own: what comes back, and
 * what goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <sys/stat.h>

#include "http_exchange.h"

/* ---- what comes back ---- */

static void headers_of_the_answer_are_read(void **state) {
    (void)state;
    get("HTTP/1.1 100 Continue\r\nRetry-After: 9\r\nx-amz-request-id: first\r\n\r\n"
        "HTTP/1.1 503 Slow Down\r\ndate:  Tue, 24 Nov 2026 06:50:27 GMT \r\nRETRY-AFTER: 7\r\n"
        "x-amz-request-id: 0A49CE4060975EAC\r\nx-amz-bucket-region: eu-central-1\r\n"
        "Content-Length: 0\r\n\r\n");
    assert_int_equal(got.answer.err, TT_OK);
    assert_int_equal(got.answer.status, 503);
    assert_int_equal(got.answer.date_ms, INT64_C(1795503027000));
    assert_int_equal(got.answer.retry_after_ms, 7000);
    assert_string_equal(got.answer.request_id, "0A49CE4060975EAC");
    assert_string_equal(got.answer.region, "eu-central-1");
    get("HTTP/1.1 200 OK\r\nx-amzn-RequestId: IQ\x1b[31m\r\nDate: today\r\n"
        "Content-Length: 0\r\n\r\n");
    assert_string_equal(got.answer.request_id, "IQ");
    assert_int_equal(got.answer.date_ms, 0);
    assert_int_equal(got.answer.retry_after_ms, 0);
    assert_string_equal(got.answer.region, "");
}

static void retry_after_is_capped(void **state) {
    static const struct {
        const char *value;
        int64_t expected_ms;
    } cases[] = {
        {"0", 0},
        {"300", TT_HTTP_RETRY_AFTER_MAX_MS},
        {"301", TT_HTTP_RETRY_AFTER_MAX_MS},
        {"9223372036854775807", TT_HTTP_RETRY_AFTER_MAX_MS},
        {"-5", 0},
        {"soon", 0},
        {"Tue, 24 Nov 2026 06:51:00 GMT", 33000},
        {"Tue, 24 Nov 2026 06:50:00 GMT", 0},
        {"Wed, 25 Nov 2026 06:50:00 GMT", TT_HTTP_RETRY_AFTER_MAX_MS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char answer[256];
        snprintf(answer, sizeof answer,
                 "HTTP/1.1 503 Slow Down\r\nRetry-After: %s\r\n"
                 "Date: Tue, 24 Nov 2026 06:50:27 GMT\r\nContent-Length: 0\r\n\r\n",
                 cases[i].value);
        get(answer);
        assert_int_equal(got.answer.retry_after_ms, cases[i].expected_ms);
    }
}

static void a_body_may_come_in_every_form(void **state) {
    (void)state;
    get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_int_equal(got.answer.err, TT_OK);
    assert_string_equal(got.body, "abcde");
    get("HTTP/1.0 404 Not Found\r\n\r\nto the end");
    assert_int_equal(got.answer.err, TT_OK);
    assert_int_equal(got.answer.status, 404);
    assert_string_equal(got.body, "to the end");
    get("HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(got.answer.err, TT_OK);
    assert_int_equal(got.answer.status, 301);
}

static void a_body_is_kept_up_to_its_maximum(void **state) {
    struct tt_http_request request = request_for("GET", server_url("/"));
    static char answer[200000];
    int headers =
        snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: 150000\r\n\r\n");
    (void)state;
    memset(answer + headers, 'x', 150000);
    server_set_answer(SERVER_ANSWERS, answer);
    request.max_answer_bytes = 150000;
    exchange_well(&request);
    assert_int_equal(got.answer.body_bytes, 150000);
    assert_string_equal(got.body, answer + headers);
    request.max_answer_bytes = 149999;
    exchange(&request);
    assert_failed(TT_ERR_CLOUD_FAILED, "more than 149999 bytes");
    request.max_answer_bytes = 0;
    exchange(&request);
    assert_failed(TT_ERR_CLOUD_FAILED, "more than 0 bytes");
    request.method = "HEAD";
    exchange_well(&request);
}

static void a_good_body_goes_to_the_sink(void **state) {
    struct tt_http_request request = request_for("GET", server_url("/"));
    char bytes[16] = "";
    (void)state;
    request.sink_fd = memfd_create("sink", MFD_CLOEXEC);
    request.max_answer_bytes = 5;
    exchange_well(&request);
    assert_int_equal(got.answer.body_bytes, 0);
    assert_int_equal(pread(request.sink_fd, bytes, sizeof bytes, 0), 5);
    assert_string_equal(bytes, "hello");
    server_set_answer(SERVER_ANSWERS,
                      "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nno object");
    exchange_well(&request);
    assert_string_equal(got.body, "no object");
    assert_int_equal(lseek(request.sink_fd, 0, SEEK_END), 5);
    server_set_answer(SERVER_ANSWERS, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!");
    exchange(&request);
    assert_failed(TT_ERR_CLOUD_FAILED, "more than 5 bytes");
    assert_int_equal(close(request.sink_fd), 0);
}

/* ---- what goes wrong ---- */

static void nobody_there_is_away(void **state) {
    int fd = server_bind(&server_port); /* the port is bound, but nobody listens on it */
    (void)state;
    struct tt_http_request request = request_for("GET", server_url("/"));
    exchange(&request);
    assert_failed(TT_ERR_CLOUD_AWAY, "connect");
    assert_int_equal(close(fd), 0);
}

static void no_answer_is_away(void **state) {
    struct tt_http_request request = request_for("GET", server_url("/"));
    (void)state;
    server_set_answer(SERVER_CLOSES, "");
    exchange(&request);
    assert_failed(TT_ERR_CLOUD_AWAY, "");
    server_set_answer(SERVER_WAITS, "");
    request.timeout_ms = 50;
    exchange(&request);
    assert_failed(TT_ERR_CLOUD_AWAY, "timed out");
    server_set_answer(SERVER_TALKS_FIRST, "220 not TLS\r\n\r\n");
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", server_port);
    request.url = url;
    request.timeout_ms = 0;
    exchange(&request);
    assert_failed(TT_ERR_CLOUD_AWAY, "");
}

/* The test takes the place of the resolver, which libcurl asks in a thread of its own: no name is
 * answered for before the pipe has a byte. */
static int names[2];

int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints,
                struct addrinfo **result) {
    char byte;

    (void)name;
    (void)port;
    (void)hints;
    *result = NULL;
    return read(names[0], &byte, 1) == 1 ? EAI_NONAME : EAI_SYSTEM;
}

static int count_threads(void) {
    struct stat status;

    assert_int_equal(stat("/proc/self/task", &status), 0);
    return (int)status.st_nlink - 2;
}

static void a_name_that_is_not_answered_for_holds_up_nothing(void **state) {
    struct tt_http_request request = request_for("GET", "http://slow.example/");

    (void)state;
    assert_int_equal(pipe2(names, O_CLOEXEC), 0);
    request.timeout_ms = 100;
    exchange(&request);
    assert_int_equal(got.answer.err, TT_ERR_CLOUD_AWAY);
    assert_int_equal(count_threads(), 2); /* the resolver is still being asked */
    assert_int_equal(write(names[1], "x", 1), 1);
    while (count_threads() > 1)
        sched_yield();
    assert_int_equal(close(names[0]), 0);
    assert_int_equal(close(names[1]), 0);
}

static void an_answer_that_trickles_ends_with_its_time(void **state) {
    static const struct {
        const char *beginning;
        enum tt_err err;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n", TT_ERR_CLOUD_FAILED},
        {"HTTP/1.1 200 OK\r\nx-amz-id-2: ", TT_ERR_CLOUD_FAILED},
        {"HTTP/1.1 200 ", TT_ERR_CLOUD_AWAY},
    };
    struct tt_http_request request = request_for("GET", server_url("/"));

    (void)state;
    request.timeout_ms = 1000;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        server_set_answer(SERVER_TRICKLES, cases[i].beginning);
        exchange(&request);
        assert_failed(cases[i].err, "timed out");
    }
}

static void half_an_answer_has_failed(void **state) {
    (void)state;
    get("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
    assert_failed(TT_ERR_CLOUD_FAILED, "95 bytes remaining");
    get("HTTP/1.1 503 Slow Down\r\nRetry-After: 7\r\nContent-Length: 100\r\n\r\nhello");
    assert_failed(TT_ERR_CLOUD_FAILED, "");
    assert_int_equal(got.answer.retry_after_ms, 7000);
    get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    assert_failed(TT_ERR_CLOUD_FAILED, "");
    get("HTTP/1.1 200 OK\r\nConte");
    assert_failed(TT_ERR_CLOUD_FAILED, "within its headers");
    get("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nETag: 1\r\n");
    assert_failed(TT_ERR_CLOUD_FAILED, "within its headers");
    get("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    assert_failed(TT_ERR_CLOUD_FAILED, "");
}

static void an_early_answer_ends_the_sending(void **state) {
    struct tt_http_request request = request_for("PUT", server_url("/"));
    (void)state;
    server_set_answer(SERVER_ANSWERS_EARLY,
                      "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n<Code>");
    request.body_fd = make_file(LARGE_BYTES);
    request.body_fd_bytes = LARGE_BYTES;
    exchange_well(&request);
    assert_int_equal(got.answer.status, 403);
    assert_string_equal(got.body, "<Code>");
    assert_int_equal(close(request.body_fd), 0);
}

static void files_that_fail_are_told_from_the_cloud(void **state) {
    struct tt_http_request request = request_for("PUT", server_url("/"));
    int fd = make_file(1000);
    (void)state;
    request.body_fd = fd;
    request.body_fd_bytes = 1001;
    exchange(&request);
    assert_failed(TT_ERR_STORAGE, "ends after 1000 of 1001 bytes");
    request.body_fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    exchange(&request);
    assert_failed(TT_ERR_STORAGE, "Is a directory");
    assert_int_equal(close(request.body_fd), 0);
    request = request_for("GET", server_url("/"));
    request.sink_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    exchange(&request);
    assert_failed(TT_ERR_STORAGE, "Bad file descriptor");
    assert_int_equal(close(request.sink_fd), 0);
    request.sink_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    exchange(&request);
    assert_failed(TT_ERR_SPOOL_FULL, "No space left on device");
    assert_int_equal(close(request.sink_fd), 0);
    assert_int_equal(close(fd), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(headers_of_the_answer_are_read),
        TEST(retry_after_is_capped),
        TEST(a_body_may_come_in_every_form),
        TEST(a_body_is_kept_up_to_its_maximum),
        TEST(a_good_body_goes_to_the_sink),
        TEST(nobody_there_is_away),
        TEST(no_answer_is_away),
        TEST(a_name_that_is_not_answered_for_holds_up_nothing),
        TEST(an_answer_that_trickles_ends_with_its_time),
        TEST(half_an_answer_has_failed),
        TEST(an_early_answer_ends_the_sending),
        TEST(files_that_fail_are_told_from_the_cloud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
