/* A client of src/aws/http.c and the server it talks to, for its tests: requests to run to their
 * end, and what done was called with. Included behind cmocka.h. */
#ifndef TINTYPE_TESTS_HTTP_EXCHANGE_H
#define TINTYPE_TESTS_HTTP_EXCHANGE_H

#include "http_server.h"
#include "tintype/clock.h"
#include "tintype/http.h"

#define DEADLINE_MS     20000
#define MAX_CONNECTIONS 16
#define LARGE_BYTES     (3 * 1024 * 1024)
#define OK_ANSWER       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static struct tt_http *http;

/* The last call of done. */
static struct {
    int calls;
    struct tt_http_answer answer;
    char body[SERVER_ANSWER_SIZE];
} got;

static inline int start_all(void **state) {
    static const char *const variables[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                            "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    tt_err_take(TT_OK);
    memset(&got, 0, sizeof got);
    if (server_start(state) != 0)
        return -1;
    server_set_answer(SERVER_ANSWERS, OK_ANSWER);
    http = tt_http_new(MAX_CONNECTIONS);
    return http ? 0 : -1;
}

static inline int stop_all(void **state) {
    tt_http_free(http);
    http = NULL;
    return server_stop(state);
}

static inline void take(void *context, const struct tt_http_answer *answer) {
    (void)context;
    got.calls++;
    got.answer = *answer;
    assert_true(answer->body_bytes < sizeof got.body);
    assert_int_equal(answer->body[answer->body_bytes], '\0');
    memcpy(got.body, answer->body, answer->body_bytes + 1);
    assert_true((answer->err == TT_OK) == (answer->cause[0] == '\0'));
    assert_true((answer->err == TT_OK) == (answer->status != 0));
}

static inline struct tt_http_request request_for(const char *method, const char *url) {
    return (struct tt_http_request){
        .method = method, .url = url, .body_fd = -1, .sink_fd = -1, .max_answer_bytes = 65536};
}

static inline void start(const struct tt_http_request *request) {
    assert_int_equal(tt_http_start(http, request, take, NULL), TT_OK);
}

static inline void run_all(void) {
    int64_t end_ms = tt_clock_monotonic_ms() + DEADLINE_MS;
    while (tt_http_in_flight(http) > 0) {
        assert_true(tt_clock_monotonic_ms() < end_ms);
        assert_int_equal(tt_http_run(http, NULL, 0, 1000), TT_OK);
    }
}

static inline void exchange(const struct tt_http_request *request) {
    int calls = got.calls;
    start(request);
    assert_int_equal(got.calls, calls);
    run_all();
    assert_int_equal(got.calls, calls + 1);
}

static inline void exchange_well(const struct tt_http_request *request) {
    exchange(request);
    assert_string_equal(got.answer.cause, "");
    assert_int_equal(got.answer.err, TT_OK);
}

static inline void get(const char *answer) {
    struct tt_http_request request = request_for("GET", server_url("/"));
    server_set_answer(SERVER_ANSWERS_AND_CLOSES, answer);
    exchange(&request);
}

static inline void assert_failed(enum tt_err err, const char *words) {
    char host[64];
    snprintf(host, sizeof host, "127.0.0.1:%d: ", server_port);
    assert_int_equal(got.answer.err, err);
    assert_int_equal(strncmp(got.answer.cause, host, strlen(host)), 0);
    if (!strstr(got.answer.cause, words))
        fail_msg("\"%s\" is not in \"%s\"", words, got.answer.cause);
    assert_string_equal(got.body, "");
}

/* An unnamed file with bytes unlike one another. */
static inline int make_file(size_t length) {
    static uint32_t words[LARGE_BYTES / sizeof(uint32_t)];
    int fd = memfd_create("body", MFD_CLOEXEC);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        words[i] = (uint32_t)i * 2654435761U;
    assert_true(length <= sizeof words);
    assert_int_equal(write(fd, words, length), length);
    return fd;
}

static inline void assert_body_is_file(int fd, size_t length) {
    const struct server_request *request = &server->request;
    char *bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
    assert_true(bytes != MAP_FAILED);
    assert_int_equal(request->length - request->body_at, length);
    assert_memory_equal(request->bytes + request->body_at, bytes, length);
    assert_int_equal(munmap(bytes, length), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start_all, stop_all)

#endif
