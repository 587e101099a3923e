/* Back-off: how long to wait after a failure. Pure.
 *
 * Full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog): the wait is a
 * random time between nothing and a ceiling that doubles with each attempt, so that many rows that
 * failed together do not come back together. */
#ifndef TINTYPE_SYNC_BACKOFF_H
#define TINTYPE_SYNC_BACKOFF_H

#include <stdint.h>

struct tt_backoff {
    int64_t first_ms; /* the ceiling after one failure, above 0 */
    int64_t last_ms;  /* the highest ceiling, above 0 */
};

/* The time to wait after that many failures, 0 to the ceiling; attempts below 1 count as 1, and
 * random is uniform over all 64 bits. Where retry_after_ms is above 0, which is the server's own
 * word, the random time comes on top of it, as the server told it to many at once. Whatever
 * attempts and retry_after_ms are, the sum is INT64_MAX at most. */
int64_t tt_backoff_wait_ms(const struct tt_backoff *backoff, int64_t attempts, uint64_t random,
                           int64_t retry_after_ms);

#endif
