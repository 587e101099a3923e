/* The agent of a test, and exchanges that stay here: what was sent is looked at and answered by the
 * test. Takes the place of src/sync/exchange.c, agent.c and, unless TT_TEST_HAS_JOBS is defined,
 * request.c, so no object of these may be linked. */
#ifndef TINTYPE_TESTS_FAKE_EXCHANGE_H
#define TINTYPE_TESTS_FAKE_EXCHANGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/agent.h"

#define NOW_MS INT64_C(1800000000000)

#define SENT_MAX 64

/* A request that was sent. */
struct sent {
    struct tt_exchange *exchange; /* NULL once it was answered */
    enum tt_aws_service service;
    char method[16];
    char url[1024];
    char target[64]; /* X-Amz-Target */
    char *body;
    char forgiven_code[64];
    int sink_fd;
    int64_t max_answer_bytes;
};

static struct tt_config config;
static struct tt_agent agent;
static struct sent sent[SENT_MAX];
static int sent_count;
static enum tt_err signer_err; /* what tt_exchange_signer gives */
static int signer_calls;

uint64_t tt_agent_random(void) {
    return UINT64_MAX;
}

void tt_agent_wake(struct tt_agent *woken, int64_t time_ms) {
    if (time_ms < woken->woken_ms)
        woken->woken_ms = time_ms;
}

bool tt_exchange_may_start(const struct tt_agent *asked, enum tt_aws_service service) {
    return asked->has_service[service] &&
           tt_service_may_start(&asked->services[service], asked->now_ms);
}

enum tt_err tt_exchange_signer(struct tt_agent *asked, enum tt_aws_service service,
                               struct tt_aws_signer *signer) {
    static const struct tt_aws_keys keys = {.access_key_id = "AKIDEXAMPLE",
                                            .secret_access_key = "secret"};

    signer_calls++;
    *signer = (struct tt_aws_signer){&asked->endpoints[service], &keys, asked->now_ms};
    return signer_err;
}

enum tt_err tt_exchange_start(struct tt_exchange *exchange, struct tt_agent *asked,
                              enum tt_aws_service service, const struct tt_http_request *request,
                              void (*done)(void *context, const struct tt_aws_outcome *outcome,
                                           const struct tt_http_answer *answer),
                              void *context) {
    struct sent *one = &sent[sent_count++];

    assert_true(sent_count <= SENT_MAX);
    assert_null(exchange->agent);
    *one = (struct sent){.exchange = exchange, .service = service};
    one->sink_fd = request->sink_fd;
    one->max_answer_bytes = request->max_answer_bytes;
    (void)snprintf(one->method, sizeof one->method, "%s", request->method);
    (void)snprintf(one->url, sizeof one->url, "%s", request->url);
    if (exchange->forgiven_code != NULL)
        (void)snprintf(one->forgiven_code, sizeof one->forgiven_code, "%s",
                       exchange->forgiven_code);
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, "X-Amz-Target") == 0)
            (void)snprintf(one->target, sizeof one->target, "%s",
                           strchr(request->headers[i].value, '.') + 1);
    one->body = strndup(request->body != NULL ? request->body : "", request->body_bytes);
    assert_non_null(one->body);
    exchange->agent = asked;
    exchange->done = done;
    exchange->context = context;
    asked->services[service].in_flight++;
    return TT_OK;
}

/* The last request. */
static inline const struct sent *last_sent(void) {
    assert_true(sent_count > 0);
    return &sent[sent_count - 1];
}

/* Whether answers are S3's own. */
static bool has_etag = true;

/* Answers a request, as exchange.c does. */
static inline void answer_request(struct sent *one, const struct tt_aws_outcome *outcome,
                                  const char *body) {
    const struct tt_http_answer http = {
        .status = outcome->status, .body = body, .body_bytes = strlen(body), .has_etag = has_etag};
    struct tt_exchange *exchange = one->exchange;

    assert_non_null(exchange);
    agent.services[one->service].in_flight--;
    if (outcome->err == TT_OK || strcmp(outcome->code, one->forgiven_code) != 0)
        (void)tt_service_report(&agent.services[one->service], outcome->err, 0, agent.now_ms,
                                UINT64_MAX);
    one->exchange = NULL;
    exchange->agent = NULL;
    exchange->done(exchange->context, outcome, &http);
}

/* Answers the last request. */
static inline void answer(const struct tt_aws_outcome *outcome, const char *body) {
    assert_true(sent_count > 0);
    answer_request(&sent[sent_count - 1], outcome, body);
}

static inline void answer_ok_at(int index) {
    const struct tt_aws_outcome outcome = {.err = TT_OK, .status = 200};

    answer_request(&sent[index], &outcome, "{}");
}

static inline void answer_ok(const char *body) {
    const struct tt_aws_outcome outcome = {.err = TT_OK, .status = 200};

    answer(&outcome, body);
}

static inline void answer_error(enum tt_err err, const char *code, const char *message) {
    struct tt_aws_outcome outcome = {.err = err, .status = 400};

    (void)snprintf(outcome.code, sizeof outcome.code, "%s", code);
    (void)snprintf(outcome.message, sizeof outcome.message, "%s", message);
    answer(&outcome, "");
}

/* An agent at NOW_MS with a service of each kind, in full swing, on a storage directory and its
 * journal. */
static inline void make_agent(const char *storage_dir, struct tt_journal *journal) {
    memset(&config, 0, sizeof config);
    memset(&agent, 0, sizeof agent);
    (void)snprintf(config.storage.dir, sizeof config.storage.dir, "%s", storage_dir);
    (void)snprintf(config.s3.bucket, sizeof config.s3.bucket, "pictures");
    (void)snprintf(config.s3.processed_prefix, sizeof config.s3.processed_prefix, "results/");
    (void)snprintf(config.s3.original_prefix, sizeof config.s3.original_prefix, "uploads/");
    (void)snprintf(config.cloudwatch.log_group, sizeof config.cloudwatch.log_group, "/group");
    (void)snprintf(agent.node, sizeof agent.node, "node-1");
    agent.config = &config;
    agent.journal = journal;
    agent.now_ms = NOW_MS;
    agent.woken_ms = TT_NEVER_MS;
    for (int i = 0; i < TT_AWS_SERVICE_COUNT; i++) {
        agent.has_service[i] = true;
        agent.endpoints[i] = (struct tt_aws_endpoint){.service = (enum tt_aws_service)i,
                                                      .scheme = "https",
                                                      .host = "cloud.example",
                                                      .region = "eu-test-1",
                                                      .path_style = true};
        tt_service_init(&agent.services[i], 4);
        agent.services[i].window = 4;
    }
    signer_err = TT_OK;
    signer_calls = 0;
    assert_int_equal(tt_spool_open(&agent.spool, storage_dir), TT_OK);
}

static inline void free_agent(void) {
    tt_spool_close(&agent.spool);
    while (sent_count > 0)
        free(sent[--sent_count].body);
}

#endif
