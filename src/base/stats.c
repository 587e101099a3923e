/* The memory of the shared counters. What each counts is in the header. */
#include "tintype/stats.h"

#include <stddef.h>
#include <sys/mman.h>

struct tt_stats *tt_stats_new(void) {
    void *memory = mmap(NULL, sizeof(struct tt_stats), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        tt_err_fail_errno(TT_ERR_NO_MEMORY, "mmap of the shared counters");
        return NULL;
    }
    return memory;
}

enum tt_err tt_stats_hold_back(struct tt_stats *stats) {
    if (madvise(stats, sizeof *stats, MADV_DONTFORK) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "hold the counters back");
    return TT_OK;
}

void tt_stats_raise(_Atomic int64_t *peak, int64_t value) {
    int64_t seen = atomic_load(peak);
    while (value > seen && !atomic_compare_exchange_weak(peak, &seen, value)) {
    }
}
