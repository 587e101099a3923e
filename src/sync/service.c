/* A service's pause and window move here. What an outcome means is the error table's to say, and
 * how long to wait is backoff.c's; nothing here sends, logs or reads a clock. */
#include "sync/service.h"

#include "sync/backoff.h"

/* In an outage, or while a setting is wrong, the service is tried seldom enough to do no harm for
 * days, and often enough that nobody waits long once it is over. */
static const struct tt_backoff pause_backoff = {.first_ms = 1000, .last_ms = 30000};
static const struct tt_backoff throttle_backoff = {.first_ms = 100, .last_ms = 5000};

/* A service that works answers nearly all requests sooner, and to one that does not, a request now
 * and then does no harm. */
#define PATIENCE_MS 5000

void tt_service_init(struct tt_service *service, int window_max) {
    *service = (struct tt_service){.window = 1, .window_max = window_max};
}

int64_t tt_service_next_ms(const struct tt_service *service) {
    int64_t next_ms = service->resumes_ms;
    if (service->in_flight >= service->window_max)
        return INT64_MAX;
    if (service->in_flight - service->late >= service->window &&
        next_ms < service->started_ms + PATIENCE_MS)
        next_ms = service->started_ms + PATIENCE_MS;
    return next_ms;
}

/* What fills the window when another is started has been on its way for PATIENCE_MS. */
void tt_service_start(struct tt_service *service, int64_t now_ms) {
    if (service->in_flight - service->late >= service->window)
        service->late = service->in_flight;
    service->in_flight++;
    service->started_ms = now_ms;
}

/* The late ones are not told apart from the others: they are taken for those that stay. */
void tt_service_end(struct tt_service *service) {
    service->in_flight--;
    if (service->late > service->in_flight)
        service->late = service->in_flight;
}

bool tt_service_is_paused(const struct tt_service *service) {
    return service->reason != TT_OK;
}

static enum tt_service_change succeed(struct tt_service *service, int64_t now_ms) {
    bool was_paused = tt_service_is_paused(service);
    /* A request that was sent before another was throttled tells nothing of the time since. */
    if (!was_paused && now_ms < service->resumes_ms)
        return TT_SERVICE_SAME;
    service->reason = TT_OK;
    service->failures = 0;
    service->resumes_ms = 0;
    if (service->window < service->window_max)
        service->window++;
    return was_paused ? TT_SERVICE_RESUMED : TT_SERVICE_SAME;
}

/* Requests that were in flight together fail together, so all that fail during one wait count as
 * one failure. */
static void wait_longer(struct tt_service *service, const struct tt_backoff *backoff,
                        int64_t retry_after_ms, int64_t now_ms, uint64_t random) {
    if (now_ms < service->resumes_ms)
        return;
    service->failures++;
    service->resumes_ms =
        now_ms + 1 + tt_backoff_wait_ms(backoff, service->failures, random, retry_after_ms);
}

static enum tt_service_change pause(struct tt_service *service, enum tt_err reason,
                                    int64_t retry_after_ms, int64_t now_ms, uint64_t random) {
    enum tt_err before = service->reason;
    wait_longer(service, &pause_backoff, retry_after_ms, now_ms, random);
    service->window = 1;
    service->reason = reason;
    if (before == TT_OK)
        service->since_ms = now_ms;
    return before == reason ? TT_SERVICE_SAME : TT_SERVICE_PAUSED;
}

enum tt_service_change tt_service_report(struct tt_service *service, enum tt_err err,
                                         int64_t retry_after_ms, int64_t now_ms, uint64_t random) {
    if (tt_err_row(err)->retry == TT_RETRY_LATER)
        return pause(service, err, retry_after_ms, now_ms, random);
    if (err == TT_ERR_CLOUD_THROTTLED) {
        wait_longer(service, &throttle_backoff, retry_after_ms, now_ms, random);
        service->window = service->window > 1 ? service->window / 2 : 1;
        return TT_SERVICE_SAME;
    }
    /* A single request that failed says nothing of the service, unless it is the one that tries the
     * service out. */
    if (err == TT_ERR_CLOUD_FAILED) {
        if (tt_service_is_paused(service))
            wait_longer(service, &pause_backoff, retry_after_ms, now_ms, random);
        return TT_SERVICE_SAME;
    }
    return succeed(service, now_ms);
}
