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

/* The call fails for addresses that are no mapping alone. */
void tt_stats_hold_back(struct tt_stats *stats) {
    madvise(stats, sizeof *stats, MADV_DONTFORK);
}

void tt_stats_raise(_Atomic int64_t *peak, int64_t value) {
    int64_t seen = atomic_load(peak);
    while (value > seen && !atomic_compare_exchange_weak(peak, &seen, value)) {
    }
}
