/* The cloud as a part of the agent meets it in a test: src/sync/cloud.c and all below it are the
 * real ones, but for HTTP (fake_http.h), and for the clock and the random numbers, which are the
 * test's. So no object of src/sync/context.c may be linked. */
#ifndef TINTYPE_TESTS_SYNC_CLOUD_H
#define TINTYPE_TESTS_SYNC_CLOUD_H

#include "fake_http.h"

#include "aws_environment.h"
#include "store_rows.h"
#include "sync/cloud.h"

#define NOW_MS INT64_C(1800000000000) /* 2027-01-15T08:00:00Z */

/* sync.in_flight where a test does not need a narrower way. */
#define IN_FLIGHT 4

static struct tt_config config;
static struct tt_context agent;
static struct tt_cloud *cloud;

/* The test sets now_ms. */
void tt_context_read_clock(struct tt_context *context) {
    assert_ptr_equal(context, &agent);
}

void tt_context_wake(struct tt_context *context, int64_t time_ms) {
    if (time_ms < context->woken_ms)
        context->woken_ms = time_ms;
}

uint64_t tt_context_random(void) {
    return UINT64_MAX;
}

/* ---- answers ---- */

static inline enum tt_aws_service service_of(const struct sent *one) {
    if (strstr(one->url, "://s3.example/"))
        return TT_AWS_S3;
    return strstr(one->url, "://dynamodb.example/") ? TT_AWS_DYNAMODB : TT_AWS_LOGS;
}

static inline bool is_waiting_of(int index, enum tt_aws_service service) {
    return sent[index].done && service_of(&sent[index]) == service;
}

static inline struct tt_http_answer new_answer(int status, const char *body) {
    return (struct tt_http_answer){.status = status,
                                   .body = body,
                                   .has_etag = true,
                                   .content_type = "application/x-amz-json-1.1"};
}

static inline void answer_ok_at(int index) {
    answer_with(index, new_answer(200, "{}"));
}

/* Answers the last request. */
static inline void answer_ok(const char *body) {
    answer_with(sent_count - 1, new_answer(200, body));
}

/* An error in the service's own form: XML of S3, JSON of the others. The text lives until the next
 * call. */
static inline struct tt_http_answer new_error(enum tt_aws_service service, const char *code,
                                              const char *message) {
    static char body[512];

    if (service == TT_AWS_S3)
        snprintf(body, sizeof body, "<Error><Code>%s</Code><Message>%s</Message></Error>", code,
                 message);
    else
        snprintf(body, sizeof body, "{\"__type\":\"com.amazonaws#%s\",\"message\":\"%s\"}", code,
                 message);
    return new_answer(400, body);
}

static inline void answer_error_at(int index, const char *code, const char *message) {
    answer_with(index, new_error(service_of(&sent[index]), code, message));
}

static inline void answer_error(const char *code, const char *message) {
    answer_error_at(sent_count - 1, code, message);
}

/* The last request has found nobody. */
static inline void answer_away(void) {
    answer_with(sent_count - 1,
                (struct tt_http_answer){.err = TT_ERR_CLOUD_AWAY, .cause = "no route"});
}

/* ---- a request of nobody's ---- */

static inline void ignore_outcome(void *context, const struct tt_aws_outcome *outcome,
                                  const struct tt_http_answer *answer) {
    (void)context;
    (void)outcome;
    (void)answer;
}

/* The service answers some other part's request. */
static inline void answer_another(enum tt_aws_service service, struct tt_http_answer answer) {
    static const char *const urls[] = {"https://s3.example/", "https://dynamodb.example/",
                                       "https://logs.example/"};
    const struct tt_http_request request = {
        .method = "GET", .url = urls[service], .body_fd = -1, .sink_fd = -1};
    struct tt_cloud_exchange exchange = {0};

    assert_int_equal(tt_cloud_start(cloud, service, &exchange, &request, ignore_outcome, NULL),
                     TT_OK);
    answer_with(sent_count - 1, answer);
    assert_false(exchange.in_flight);
    free(sent[--sent_count].body);
}

static inline void pause_service(enum tt_aws_service service) {
    answer_another(service, (struct tt_http_answer){.err = TT_ERR_CLOUD_AWAY, .cause = "no route"});
    assert_true(tt_cloud_is_paused(cloud, service));
}

static inline void slow_service_down(enum tt_aws_service service, int64_t retry_after_ms) {
    struct tt_http_answer answer = new_error(service, "ThrottlingException", "slow down");

    answer.retry_after_ms = retry_after_ms;
    answer_another(service, answer);
    assert_true(tt_cloud_resumes_ms(cloud, service) > agent.now_ms);
}

/* The cloud says that its clock differs by so much. */
static inline void find_skew(int64_t skew_ms) {
    struct tt_http_answer answer =
        new_error(TT_AWS_LOGS, "InvalidSignatureException", "Signature expired");

    answer.date_ms = agent.now_ms + skew_ms;
    answer_another(TT_AWS_LOGS, answer);
    assert_int_equal(tt_cloud_now_ms(cloud), agent.now_ms + skew_ms);
}

/* ---- keys ---- */

static inline void set_keys(const char *id) {
    assert_int_equal(setenv("AWS_ACCESS_KEY_ID", id, 1), 0);
    assert_int_equal(setenv("AWS_SECRET_ACCESS_KEY", "secret", 1), 0);
}

/* No source has any keys from now on. */
static inline void lose_keys(void) {
    clear_aws_variables();
    assert_int_equal(setenv("AWS_EC2_METADATA_DISABLED", "true", 1), 0);
    tt_cloud_forget_keys(cloud);
}

/* The next who needs keys sends a request for them, and has to wait for its answer. */
static inline void move_keys_away(void) {
    lose_keys();
    assert_int_equal(setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/keys", 1), 0);
}

/* Answers the last request, which is one for keys. */
static inline void answer_keys(void) {
    assert_string_equal(last_sent()->url, "http://127.0.0.1:1/keys");
    answer_ok("{\"AccessKeyId\":\"MOVED\",\"SecretAccessKey\":\"secret\",\"Token\":\"token\","
              "\"Expiration\":\"2030-01-01T00:00:00Z\"}");
}

/* ---- start and end ---- */

static inline void configure(int in_flight) {
    config = (struct tt_config){.sync = {.in_flight = in_flight}};
    snprintf(config.storage.dir, sizeof config.storage.dir, "%s", scratch);
    snprintf(config.s3.bucket, sizeof config.s3.bucket, "pictures");
    snprintf(config.s3.region, sizeof config.s3.region, "eu-test-1");
    snprintf(config.s3.endpoint, sizeof config.s3.endpoint, "https://s3.example");
    snprintf(config.s3.processed_prefix, sizeof config.s3.processed_prefix, "results/");
    snprintf(config.s3.original_prefix, sizeof config.s3.original_prefix, "uploads/");
    snprintf(config.dynamodb.table, sizeof config.dynamodb.table, "images");
    snprintf(config.dynamodb.endpoint, sizeof config.dynamodb.endpoint, "https://dynamodb.example");
    snprintf(config.cloudwatch.log_group, sizeof config.cloudwatch.log_group, "/group");
    snprintf(config.cloudwatch.endpoint, sizeof config.cloudwatch.endpoint, "https://logs.example");
}

/* An agent at NOW_MS with every service in full swing, on the journal of open_journal. */
static inline void make_agent(int in_flight) {
    configure(in_flight);
    clear_aws_variables();
    assert_int_equal(setenv("HOME", scratch, 1), 0);
    set_keys("AKIDEXAMPLE");
    agent = (struct tt_context){
        .config = &config, .journal = journal, .now_ms = NOW_MS, .woken_ms = TT_NEVER_MS};
    snprintf(agent.node, sizeof agent.node, "node-1");
    assert_int_equal(tt_spool_open(&agent.spool, scratch), TT_OK);
    cloud = tt_cloud_new(&agent);
    assert_non_null(cloud);
    for (int i = 0; i < TT_AWS_SERVICE_COUNT; i++)
        for (int window = 1; window < in_flight; window++)
            answer_another((enum tt_aws_service)i, new_answer(200, "{}"));
}

/* The cloud is freed by the test, before the part that it tests. */
static inline void free_agent(void) {
    tt_spool_close(&agent.spool);
}

#endif
