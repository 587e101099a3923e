/* Confine: what a process gives up after a fork. To be called in it, in this order. */
#ifndef TINTYPE_PROC_CONFINE_H
#define TINTYPE_PROC_CONFINE_H

#include <sys/types.h>

#include "tintype/err.h"
#include "tintype/process.h"

/* Dies with parent, which is to be its parent; leaves stops to it (ignores SIGINT, SIGTERM and
 * SIGHUP); keeps keep_fds (3 or above, at most TT_CHILD_KEEP_MAX, in any order) and standard
 * error, and closes all else. TT_ERR_SYSTEM. */
enum tt_err tt_confine_join(pid_t parent, const int *keep_fds, int keep_count);

/* Has the limits, and beside them no core file, no new process, no new file and no new privileges.
 * TT_ERR_SYSTEM. */
enum tt_err tt_confine_limit(const struct tt_child_limits *limits);

#endif
