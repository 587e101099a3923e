/* A back-off with full jitter: the attempts give a ceiling, and a random part of it is waited. The
 * caller brings the random number and keeps the time. */
#include "sync/backoff.h"

/* This is first_ms doubled attempts - 1 times, but last_ms at most. */
static int64_t ceiling_ms(const struct tt_backoff *backoff, int64_t attempts) {
    int64_t doublings = attempts > 1 ? attempts - 1 : 0;
    /* The last is halved instead of the first doubled, as the doubled time may not fit in 64 bits.
     */
    if (doublings >= 63 || backoff->first_ms > backoff->last_ms >> doublings)
        return backoff->last_ms;
    return backoff->first_ms << doublings;
}

int64_t tt_backoff_wait_ms(const struct tt_backoff *backoff, int64_t attempts, uint64_t random,
                           int64_t retry_after_ms) {
    uint64_t range = (uint64_t)ceiling_ms(backoff, attempts) + 1;
    /* The remainder favours low values by less than range / 2^64, which no wait shows. */
    int64_t jitter_ms = (int64_t)(random % range);

    if (retry_after_ms <= 0)
        return jitter_ms;
    return jitter_ms > INT64_MAX - retry_after_ms ? INT64_MAX : retry_after_ms + jitter_ms;
}
