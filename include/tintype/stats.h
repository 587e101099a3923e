/* Counters that all workers of a service share, in one anonymous mapping that is made before they
 * are forked. They are plain atomics, so a worker that dies in any state leaves them readable. They
 * start at zero with the service; what must outlive it is in the journal. */
#ifndef TINTYPE_STATS_H
#define TINTYPE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "tintype/err.h"

struct tt_stats {
    _Atomic int64_t started_ms;             /* Unix milliseconds */
    _Atomic int64_t workers_started;        /* forks, respawns included */
    _Atomic int64_t workers_died;           /* ends that were not asked for */
    _Atomic int64_t requests;               /* answered, whatever the answer */
    _Atomic int64_t uploads[TT_ERR_COUNT];  /* by outcome; [TT_OK] the acknowledged ones */
    _Atomic int64_t body_bytes;             /* read from clients, as on the wire */
    _Atomic int64_t upload_ms;              /* wall time of acknowledged uploads, summed */
    _Atomic int64_t decode_cpu_us;          /* CPU time of decoders, summed */
    _Atomic int64_t decoder_peak_rss_bytes; /* the largest decoder so far */
    _Atomic int64_t decoders_confined;      /* ended at a system call outside their list */
};

/* Makes the mapping, zeroed, which lives as long as the process and its children. NULL with
 * TT_ERR_NO_MEMORY noted. */
struct tt_stats *tt_stats_new(void);

/* Leaves the counters out of all processes that this one forks from now on. TT_ERR_SYSTEM. */
enum tt_err tt_stats_hold_back(struct tt_stats *stats);

/* Raises *peak to value if it is higher. */
void tt_stats_raise(_Atomic int64_t *peak, int64_t value);

#endif
