/* HTTP that goes nowhere: requests stay here until the test has looked at them and answers them.
 * Takes the place of src/aws/http.c, no object of which may be linked. */
#ifndef TINTYPE_TESTS_FAKE_HTTP_H
#define TINTYPE_TESTS_FAKE_HTTP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tintype/http.h"

#define SENT_MAX 64

/* A request that was sent. */
struct sent {
    tt_http_done *done; /* NULL once it was answered */
    void *context;
    char method[16];
    char url[1024];
    char target[64]; /* the operation in X-Amz-Target */
    char date[32];   /* X-Amz-Date */
    char authorization[512];
    char *body;
    int sink_fd;
    int64_t max_answer_bytes;
};

static struct sent sent[SENT_MAX];
static int sent_count;

struct tt_http {
    int max_connections;
};

struct tt_http *tt_http_new(int max_connections) {
    static struct tt_http http;

    http.max_connections = max_connections;
    return &http;
}

/* Forgets what was sent. */
void tt_http_free(struct tt_http *http) {
    if (!http)
        return;
    while (sent_count > 0)
        free(sent[--sent_count].body);
}

static inline void keep_header(struct sent *one, const struct tt_http_header *header) {
    if (strcasecmp(header->name, "X-Amz-Target") == 0)
        snprintf(one->target, sizeof one->target, "%s", strchr(header->value, '.') + 1);
    else if (strcasecmp(header->name, "X-Amz-Date") == 0)
        snprintf(one->date, sizeof one->date, "%s", header->value);
    else if (strcasecmp(header->name, "Authorization") == 0)
        snprintf(one->authorization, sizeof one->authorization, "%s", header->value);
}

enum tt_err tt_http_start(struct tt_http *http, const struct tt_http_request *request,
                          tt_http_done *done, void *context) {
    assert_non_null(http);
    assert_true(sent_count < SENT_MAX);
    struct sent *one = &sent[sent_count++];
    *one = (struct sent){.done = done,
                         .context = context,
                         .sink_fd = request->sink_fd,
                         .max_answer_bytes = request->max_answer_bytes};
    snprintf(one->method, sizeof one->method, "%s", request->method);
    snprintf(one->url, sizeof one->url, "%s", request->url);
    for (size_t i = 0; i < request->header_count; i++)
        keep_header(one, &request->headers[i]);
    one->body = strndup(request->body ? request->body : "", request->body_bytes);
    assert_non_null(one->body);
    return TT_OK;
}

int tt_http_in_flight(const struct tt_http *http) {
    int count = 0;

    assert_non_null(http);
    for (int i = 0; i < sent_count; i++)
        count += sent[i].done != NULL;
    return count;
}

/* Waiting is the loop's, which no unit test runs. */
enum tt_err tt_http_run(struct tt_http *http, struct pollfd *fds, size_t fd_count, int timeout_ms) {
    (void)fds;
    (void)fd_count;
    (void)timeout_ms;
    assert_null(http);
    return TT_ERR_SYSTEM;
}

/* The last request. */
static inline const struct sent *last_sent(void) {
    assert_true(sent_count > 0);
    return &sent[sent_count - 1];
}

/* Answers sent[index]; the answer needs a body only where it is not "". */
static inline void answer_with(int index, struct tt_http_answer answer) {
    assert_true(index >= 0 && index < sent_count);
    tt_http_done *done = sent[index].done;
    assert_non_null(done);
    sent[index].done = NULL;
    if (!answer.body)
        answer.body = "";
    answer.body_bytes = strlen(answer.body);
    done(sent[index].context, &answer);
}

#endif
