/* The agent's sense of time and its source of chance, so that tests can bring their own. Opening
 * and closing what the context names is loop.c's. */
#include "sync/context.h"

#include <sys/random.h>

#include "tintype/clock.h"

void tt_context_read_clock(struct tt_context *context) {
    context->now_ms = tt_clock_now_ms();
}

void tt_context_wake(struct tt_context *context, int64_t time_ms) {
    if (time_ms < context->woken_ms)
        context->woken_ms = time_ms;
}

uint64_t tt_context_random(void) {
    uint64_t random;
    /* getrandom(2) gives small requests whole once its pool is filled, and may fail before. */
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = (uint64_t)tt_clock_monotonic_ms();
    return random;
}
