/* The way to the cloud. Which services there are is known here, requests are signed and sent, and
 * an answer has its effect on the service as a whole: on its pause and window, the log, the clock
 * and the keys. How pauses and windows move is service.c's. */
#include "sync/cloud.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sync/service.h"
#include "tintype/log.h"

/* Clocks that differ by less are left alone: AWS takes five minutes (RequestTimeTooSkewed: fifteen
 * on S3), and a Date header has whole seconds. */
#define SKEW_IGNORED_MS (60 * 1000)

#define FAILURES_TOLD_EVERY_MS (10 * 60 * 1000)

/* The way to one of the services. */
struct access {
    bool is_configured; /* the configuration names a bucket, table or log group */
    struct tt_aws_endpoint endpoint;
    struct tt_service service;
    int64_t started;          /* the number of the request that was started last */
    int64_t succeeded;        /* the highest number of one that succeeded */
    int64_t failures_told_ms; /* Unix: no warning of a failure comes before */
};

struct tt_cloud {
    struct tt_context *context;
    struct tt_http *http;
    struct tt_aws_credentials *credentials;
    struct access accesses[TT_AWS_SERVICE_COUNT];
    int64_t skew_ms; /* the cloud's clock less ours, when they disagree by minutes; else 0 */
};

/* ---- start and end ---- */

/* The bucket, table or log group, as it was configured. */
static const char *name_target(const struct tt_config *config, enum tt_aws_service service) {
    switch (service) {
    case TT_AWS_S3: return config->s3.bucket;
    case TT_AWS_DYNAMODB: return config->dynamodb.table;
    case TT_AWS_LOGS: return config->cloudwatch.log_group;
    case TT_AWS_SERVICE_COUNT: break;
    }
    return "";
}

static enum tt_err find_accesses(struct access accesses[TT_AWS_SERVICE_COUNT],
                                 const struct tt_config *config) {
    enum tt_err err = TT_OK;
    for (int i = 0; err == TT_OK && i < TT_AWS_SERVICE_COUNT; i++) {
        enum tt_aws_service service = (enum tt_aws_service)i;
        accesses[i] = (struct access){.is_configured = name_target(config, service)[0] != '\0'};
        tt_service_init(&accesses[i].service, (int)config->sync.in_flight);
        if (accesses[i].is_configured)
            err = tt_aws_endpoint_find(&accesses[i].endpoint, service, config);
    }
    if (err == TT_OK && !accesses[TT_AWS_S3].is_configured && !accesses[TT_AWS_LOGS].is_configured)
        err = tt_err_fail(TT_ERR_CONFIG, "there is nothing to sync to: set s3.bucket, or "
                                         "cloudwatch.log_group");
    return err;
}

enum tt_err tt_cloud_check(const struct tt_config *config) {
    struct access accesses[TT_AWS_SERVICE_COUNT];
    return find_accesses(accesses, config);
}

static enum tt_err open_cloud(struct tt_cloud *cloud) {
    const struct tt_config *config = cloud->context->config;
    enum tt_err err = find_accesses(cloud->accesses, config);
    if (err != TT_OK)
        return err;
    /* There are connections for each service, and one for keys. */
    cloud->http = tt_http_new(TT_AWS_SERVICE_COUNT * (int)config->sync.in_flight + 1);
    if (!cloud->http)
        return TT_ERR_SYSTEM;
    enum tt_aws_service first = tt_cloud_has(cloud, TT_AWS_S3) ? TT_AWS_S3 : TT_AWS_LOGS;
    cloud->credentials = tt_aws_credentials_new(cloud->http, &cloud->accesses[first].endpoint);
    return cloud->credentials ? TT_OK : TT_ERR_NO_MEMORY;
}

struct tt_cloud *tt_cloud_new(struct tt_context *context) {
    struct tt_cloud *cloud = calloc(1, sizeof *cloud);
    if (!cloud) {
        tt_err_fail(TT_ERR_NO_MEMORY, "sync: no memory for the cloud's services");
        return NULL;
    }
    cloud->context = context;
    if (open_cloud(cloud) != TT_OK) {
        tt_cloud_free(cloud);
        return NULL;
    }
    return cloud;
}

void tt_cloud_free(struct tt_cloud *cloud) {
    if (!cloud)
        return;
    tt_aws_credentials_free(cloud->credentials);
    tt_http_free(cloud->http);
    free(cloud);
}

/* ---- what a service takes ---- */

bool tt_cloud_has(const struct tt_cloud *cloud, enum tt_aws_service service) {
    return cloud->accesses[service].is_configured;
}

bool tt_cloud_may_start(const struct tt_cloud *cloud, enum tt_aws_service service) {
    return tt_cloud_has(cloud, service) &&
           cloud->context->now_ms >= tt_cloud_next_ms(cloud, service);
}

int64_t tt_cloud_next_ms(const struct tt_cloud *cloud, enum tt_aws_service service) {
    return tt_service_next_ms(&cloud->accesses[service].service);
}

enum tt_err tt_cloud_pause_reason(const struct tt_cloud *cloud, enum tt_aws_service service) {
    return cloud->accesses[service].service.reason;
}

bool tt_cloud_is_paused(const struct tt_cloud *cloud, enum tt_aws_service service) {
    return tt_service_is_paused(&cloud->accesses[service].service);
}

int64_t tt_cloud_resumes_ms(const struct tt_cloud *cloud, enum tt_aws_service service) {
    return cloud->accesses[service].service.resumes_ms;
}

void tt_cloud_hurry(struct tt_cloud *cloud) {
    for (int i = 0; i < TT_AWS_SERVICE_COUNT; i++)
        cloud->accesses[i].service.resumes_ms = cloud->accesses[i].service.started_ms = 0;
}

void tt_cloud_forget_keys(struct tt_cloud *cloud) {
    tt_aws_credentials_forget(cloud->credentials);
}

int64_t tt_cloud_now_ms(const struct tt_cloud *cloud) {
    return cloud->context->now_ms + cloud->skew_ms;
}

/* ---- what is told of a service ---- */

static void log_pause(const struct tt_cloud *cloud, enum tt_aws_service service, enum tt_err err,
                      const char *cause) {
    const struct tt_context *context = cloud->context;
    const struct tt_aws_endpoint *endpoint = &cloud->accesses[service].endpoint;
    int64_t wait_ms = tt_cloud_resumes_ms(cloud, service) - context->now_ms;
    tt_log(
        TT_LOG_ERROR,
        "%s pauses, uploads go on and wait: %s (%s): %s; asked for \"%s\" at %s://%s, region %s; "
        "next try in %" PRId64 " s",
        tt_aws_service_name(service), tt_err_row(err)->title, tt_err_row(err)->name, cause,
        name_target(context->config, service), endpoint->scheme, endpoint->host, endpoint->region,
        (wait_ms + 999) / 1000);
}

/* A request that failed is tried again without a pause, perhaps for hours, so the log warns of it
 * once in a while only. */
static void log_failure(struct tt_cloud *cloud, enum tt_aws_service service, enum tt_err err,
                        const char *cause) {
    struct access *access = &cloud->accesses[service];
    int64_t now_ms = cloud->context->now_ms;
    enum tt_log_level level = TT_LOG_DEBUG;
    if (tt_err_row(err)->retry == TT_RETRY_SOON && now_ms >= access->failures_told_ms) {
        level = TT_LOG_WARNING;
        access->failures_told_ms = now_ms + FAILURES_TOLD_EVERY_MS;
    }
    tt_log(level, "%s: %s (%s): %s; it is tried again", tt_aws_service_name(service),
           tt_err_row(err)->title, tt_err_row(err)->name, cause);
}

static void report(struct tt_cloud *cloud, enum tt_aws_service service, enum tt_err err,
                   int64_t retry_after_ms, const char *cause) {
    struct tt_context *context = cloud->context;
    struct tt_service *reported = &cloud->accesses[service].service;
    int64_t since_ms = reported->since_ms;
    uint64_t random = err != TT_OK ? tt_context_random() : 0;
    enum tt_service_change change =
        tt_service_report(reported, err, retry_after_ms, context->now_ms, random);
    if (change == TT_SERVICE_PAUSED)
        log_pause(cloud, service, err, cause);
    else if (change == TT_SERVICE_RESUMED)
        tt_log(TT_LOG_INFO, "%s takes requests again, after %" PRId64 " s",
               tt_aws_service_name(service), (context->now_ms - since_ms) / 1000);
    else if (err != TT_OK && !tt_service_is_paused(reported))
        log_failure(cloud, service, err, cause);
    if (reported->resumes_ms > context->now_ms)
        tt_context_wake(context, reported->resumes_ms);
}

/* ---- one request ---- */

enum tt_err tt_cloud_signer(struct tt_cloud *cloud, enum tt_aws_service service,
                            struct tt_aws_signer *signer) {
    if (tt_cloud_pause_reason(cloud, service) == TT_ERR_CLOUD_KEYS &&
        cloud->context->now_ms < tt_cloud_resumes_ms(cloud, service))
        return TT_ERR_CLOUD_KEYS;
    /* Keys expire by the cloud's clock. */
    *signer = (struct tt_aws_signer){.endpoint = &cloud->accesses[service].endpoint,
                                     .time_ms = tt_cloud_now_ms(cloud)};
    enum tt_err err = tt_aws_credentials_get(cloud->credentials, signer->time_ms, &signer->keys);
    /* The part that asked has a job to end with the same note, so the note stays. */
    if (err != TT_OK && err != TT_ERR_BUSY)
        report(cloud, service, err, 0, tt_err_cause());
    return err;
}

/* A wrong clock is corrected for, and the request may soon be sent again; a service that finds
 * fault with a corrected clock pauses. */
static enum tt_err correct_clock(const struct tt_cloud_exchange *exchange,
                                 const struct tt_aws_outcome *outcome) {
    struct tt_cloud *cloud = exchange->cloud;
    int64_t skew_ms = exchange->skew_ms + outcome->date_ms - exchange->signed_ms;
    if (outcome->date_ms == 0 || llabs(skew_ms - exchange->skew_ms) < SKEW_IGNORED_MS)
        return TT_ERR_CLOUD_CLOCK;
    if (llabs(skew_ms) < SKEW_IGNORED_MS) {
        skew_ms = 0;
        if (cloud->skew_ms != 0)
            tt_log(TT_LOG_INFO, "this machine's clock agrees with the cloud's again");
    } else if (llabs(skew_ms - cloud->skew_ms) >= SKEW_IGNORED_MS) {
        tt_log(TT_LOG_WARNING,
               "this machine's clock is %" PRId64 " s %s; requests are signed with the cloud's "
               "time from now on. Set the clock",
               (int64_t)llabs(skew_ms) / 1000, skew_ms > 0 ? "slow" : "fast");
    }
    cloud->skew_ms = skew_ms;
    return TT_ERR_CLOUD_FAILED;
}

/* What an outcome says of the service as a whole. */
static enum tt_err judge_service(const struct tt_cloud_exchange *exchange,
                                 const struct tt_aws_outcome *outcome) {
    if (exchange->forgiven_code && strcmp(outcome->code, exchange->forgiven_code) == 0)
        return TT_OK;
    /* The disk here has failed, and not the cloud. */
    if (outcome->err == TT_ERR_STORAGE || outcome->err == TT_ERR_SPOOL_FULL)
        return TT_ERR_CLOUD_FAILED;
    /* A request that was sent later has its answer, so this one alone got none. */
    if (outcome->err == TT_ERR_CLOUD_AWAY &&
        exchange->number < exchange->cloud->accesses[exchange->service].succeeded)
        return TT_ERR_CLOUD_FAILED;
    return outcome->err;
}

static void finish(void *context, const struct tt_http_answer *answer) {
    struct tt_cloud_exchange *exchange = context;
    struct tt_cloud *cloud = exchange->cloud;
    struct access *access = &cloud->accesses[exchange->service];
    struct tt_aws_outcome outcome;
    tt_context_read_clock(cloud->context);
    tt_service_end(&access->service);
    exchange->in_flight = false;
    tt_aws_answer_judge(&outcome, exchange->service, answer, exchange->signed_ms);
    if (outcome.err == TT_ERR_CLOUD_CLOCK)
        outcome.err = correct_clock(exchange, &outcome);
    enum tt_err err = judge_service(exchange, &outcome);
    if (err == TT_ERR_CLOUD_KEYS)
        tt_cloud_forget_keys(cloud);
    if (err == TT_OK && exchange->number > access->succeeded)
        access->succeeded = exchange->number;
    report(cloud, exchange->service, err, outcome.retry_after_ms, outcome.message);
    exchange->done(exchange->context, &outcome, answer);
}

enum tt_err tt_cloud_start(struct tt_cloud *cloud, enum tt_aws_service service,
                           struct tt_cloud_exchange *exchange,
                           const struct tt_http_request *request, tt_cloud_done *done,
                           void *context) {
    struct access *access = &cloud->accesses[service];
    enum tt_err err = tt_http_start(cloud->http, request, finish, exchange);
    if (err != TT_OK)
        return err;
    exchange->in_flight = true;
    exchange->cloud = cloud;
    exchange->service = service;
    exchange->number = ++access->started;
    exchange->signed_ms = tt_cloud_now_ms(cloud);
    exchange->skew_ms = cloud->skew_ms;
    exchange->done = done;
    exchange->context = context;
    tt_service_start(&access->service, cloud->context->now_ms);
    return TT_OK;
}

/* ---- for the loop ---- */

int tt_cloud_in_flight(const struct tt_cloud *cloud) {
    return tt_http_in_flight(cloud->http);
}

enum tt_err tt_cloud_run(struct tt_cloud *cloud, struct pollfd *fds, size_t fd_count,
                         int timeout_ms) {
    return tt_http_run(cloud->http, fds, fd_count, timeout_ms);
}
