/* Service: whether one of the cloud's services takes requests, and how many at once. Pure.
 *
 * A failure that is the whole service's (tt_err_row(err)->retry is TT_RETRY_LATER) pauses it for a
 * time that grows; then one request is let through to see. Throttling halves the window and pauses
 * briefly; each success after that widens it by one (additive increase, multiplicative decrease, as
 * TCP has it: RFC 5681, 3.1). Where requests keep the window full without an answer, they are late
 * after a few seconds, and take no more part in it: answers that trickle in hold up no others. */
#ifndef TINTYPE_SYNC_SERVICE_H
#define TINTYPE_SYNC_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "tintype/err.h"

struct tt_service {
    int window;     /* requests that may be in flight, 1 to window_max */
    int window_max; /* sync.in_flight */
    int in_flight;
    int late;           /* of those in flight, which the window does without */
    int64_t started_ms; /* Unix: when a request was last started */
    int64_t resumes_ms; /* Unix: nothing starts before */
    int failures;       /* pauses and throttlings since the last success */
    enum tt_err reason; /* why the service is paused; TT_OK when it is not */
    int64_t since_ms;   /* Unix: when the pause began */
};

enum tt_service_change { TT_SERVICE_SAME, TT_SERVICE_PAUSED, TT_SERVICE_RESUMED };

/* A service begins with a window of one, as its first answer tells how it is. */
void tt_service_init(struct tt_service *service, int window_max);

/* The time (Unix) from which the next request may be started, as far as can be told without an
 * answer: INT64_MAX where window_max are in flight. */
int64_t tt_service_next_ms(const struct tt_service *service);

/* Whether it is paused, or being tried out after a pause. */
bool tt_service_is_paused(const struct tt_service *service);

/* Takes note of a request that is started now, and of one that has ended. */
void tt_service_start(struct tt_service *service, int64_t now_ms);
void tt_service_end(struct tt_service *service);

/* Takes note of an outcome. random is uniform over 64 bits. The answer is PAUSED when a pause
 * begins or its reason changes, and RESUMED when a pause ends. */
enum tt_service_change tt_service_report(struct tt_service *service, enum tt_err err,
                                         int64_t retry_after_ms, int64_t now_ms, uint64_t random);

#endif
