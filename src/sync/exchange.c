/* One signed request of whatever part, and what its answer means for the whole service: its pause,
 * its window, the log's one line, the clock, the keys. What it means for an image is job.c's. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "sync/agent.h"
#include "tintype/clock.h"
#include "tintype/log.h"

/* Clocks that differ by less are left alone: AWS takes five minutes (RequestTimeTooSkewed: fifteen
 * on S3), and a Date header has whole seconds. */
#define SKEW_IGNORED_MS (60 * 1000)

#define FAILURES_TOLD_EVERY_MS (10 * 60 * 1000)

uint64_t tt_agent_random(void) {
    uint64_t random;

    /* Small requests do not fail once the pool is filled (getrandom(2)). */
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = (uint64_t)tt_clock_monotonic_ms();
    return random;
}

bool tt_exchange_may_start(const struct tt_agent *agent, enum tt_aws_service service) {
    return agent->has_service[service] &&
           tt_service_may_start(&agent->services[service], agent->now_ms);
}

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

static void log_pause(const struct tt_agent *agent, enum tt_aws_service service, enum tt_err err,
                      const char *cause) {
    const struct tt_aws_endpoint *endpoint = &agent->endpoints[service];
    int64_t wait_ms = agent->services[service].resumes_ms - agent->now_ms;

    tt_log(
        TT_LOG_ERROR,
        "%s pauses, uploads go on and wait: %s (%s): %s; asked for \"%s\" at %s://%s, region %s; "
        "next try in %" PRId64 " s",
        tt_aws_service_name(service), tt_err_row(err)->title, tt_err_row(err)->name, cause,
        name_target(agent->config, service), endpoint->scheme, endpoint->host, endpoint->region,
        (wait_ms + 999) / 1000);
}

/* What is tried again without a pause: said once in a while, as it may go on and on. */
static void log_failure(struct tt_agent *agent, enum tt_aws_service service, enum tt_err err,
                        const char *cause) {
    enum tt_log_level level = TT_LOG_DEBUG;

    if (tt_err_row(err)->retry == TT_RETRY_SOON &&
        agent->now_ms >= agent->failures_told_ms[service]) {
        level = TT_LOG_WARNING;
        agent->failures_told_ms[service] = agent->now_ms + FAILURES_TOLD_EVERY_MS;
    }
    tt_log(level, "%s: %s (%s): %s; it is tried again", tt_aws_service_name(service),
           tt_err_row(err)->title, tt_err_row(err)->name, cause);
}

static void report(struct tt_agent *agent, enum tt_aws_service service, enum tt_err err,
                   int64_t retry_after_ms, const char *cause) {
    struct tt_service *reported = &agent->services[service];
    int64_t since_ms = reported->since_ms;
    uint64_t random = err != TT_OK ? tt_agent_random() : 0;
    enum tt_service_change change =
        tt_service_report(reported, err, retry_after_ms, agent->now_ms, random);

    if (change == TT_SERVICE_PAUSED)
        log_pause(agent, service, err, cause);
    else if (change == TT_SERVICE_RESUMED)
        tt_log(TT_LOG_INFO, "%s takes requests again, after %" PRId64 " s",
               tt_aws_service_name(service), (agent->now_ms - since_ms) / 1000);
    else if (err != TT_OK && !tt_service_is_paused(reported))
        log_failure(agent, service, err, cause);
    if (reported->resumes_ms > agent->now_ms)
        tt_agent_wake(agent, reported->resumes_ms);
}

enum tt_err tt_exchange_signer(struct tt_agent *agent, enum tt_aws_service service,
                               struct tt_aws_signer *signer) {
    /* Keys expire by the cloud's clock. */
    enum tt_err err =
        tt_aws_credentials_get(agent->credentials, agent->now_ms + agent->skew_ms, &signer->keys);

    if (err != TT_OK && err != TT_ERR_BUSY) {
        report(agent, service, err, 0, tt_err_cause());
        return err;
    }
    signer->endpoint = &agent->endpoints[service];
    signer->time_ms = tt_clock_now_ms() + agent->skew_ms;
    return err;
}

/* A clock that is wrong is corrected for, and the request may soon be sent again; a service that
 * finds fault with a corrected clock pauses. */
static enum tt_err correct_clock(struct tt_exchange *exchange,
                                 const struct tt_aws_outcome *outcome) {
    struct tt_agent *agent = exchange->agent;
    int64_t skew_ms = exchange->skew_ms + outcome->date_ms - exchange->signed_ms;

    if (outcome->date_ms == 0 || llabs(skew_ms - exchange->skew_ms) < SKEW_IGNORED_MS)
        return TT_ERR_CLOUD_CLOCK;
    if (llabs(skew_ms) < SKEW_IGNORED_MS) {
        skew_ms = 0;
        if (agent->skew_ms != 0)
            tt_log(TT_LOG_INFO, "this machine's clock agrees with the cloud's again");
    } else if (llabs(skew_ms - agent->skew_ms) >= SKEW_IGNORED_MS) {
        tt_log(TT_LOG_WARNING,
               "this machine's clock is %" PRId64 " s %s; requests are signed with the cloud's "
               "time from now on. Set the clock",
               (int64_t)llabs(skew_ms) / 1000, skew_ms > 0 ? "slow" : "fast");
    }
    agent->skew_ms = skew_ms;
    return TT_ERR_CLOUD_FAILED;
}

/* What an outcome says of the service as a whole. */
static enum tt_err judge_service(const struct tt_exchange *exchange,
                                 const struct tt_aws_outcome *outcome) {
    if (exchange->forgiven_code != NULL && strcmp(outcome->code, exchange->forgiven_code) == 0)
        return TT_OK;
    /* A disk's failure is not the cloud's. */
    if (outcome->err == TT_ERR_STORAGE || outcome->err == TT_ERR_SPOOL_FULL)
        return TT_ERR_CLOUD_FAILED;
    return outcome->err;
}

static void finish(void *context, const struct tt_http_answer *answer) {
    struct tt_exchange *exchange = context;
    struct tt_agent *agent = exchange->agent;
    struct tt_aws_outcome outcome;
    enum tt_err err;

    agent->now_ms = tt_clock_now_ms();
    agent->services[exchange->service].in_flight--;
    tt_aws_answer_judge(&outcome, exchange->service, answer, exchange->signed_ms);
    if (outcome.err == TT_ERR_CLOUD_CLOCK)
        outcome.err = correct_clock(exchange, &outcome);
    err = judge_service(exchange, &outcome);
    if (err == TT_ERR_CLOUD_KEYS)
        tt_aws_credentials_forget(agent->credentials);
    report(agent, exchange->service, err, outcome.retry_after_ms, outcome.message);
    exchange->agent = NULL;
    exchange->done(exchange->context, &outcome, answer);
}

enum tt_err tt_exchange_start(struct tt_exchange *exchange, struct tt_agent *agent,
                              enum tt_aws_service service, const struct tt_http_request *request,
                              void (*done)(void *context, const struct tt_aws_outcome *outcome,
                                           const struct tt_http_answer *answer),
                              void *context) {
    enum tt_err err = tt_http_start(agent->http, request, finish, exchange);

    if (err != TT_OK)
        return err;
    exchange->agent = agent;
    exchange->service = service;
    exchange->signed_ms = tt_clock_now_ms() + agent->skew_ms;
    exchange->skew_ms = agent->skew_ms;
    exchange->done = done;
    exchange->context = context;
    agent->services[service].in_flight++;
    return TT_OK;
}
