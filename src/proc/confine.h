/* Confine: what a process gives up after a fork. Both functions are called in the new process, in
 * this order. */
#ifndef TINTYPE_PROC_CONFINE_H
#define TINTYPE_PROC_CONFINE_H

#include <sys/types.h>

#include "tintype/err.h"
#include "tintype/process.h"

/* Has this process die with parent, which is to be its parent, and leave stops to it (it ignores
 * SIGINT, SIGTERM and SIGHUP). Keeps keep_fds (3 or above, at most TT_CHILD_KEEP_MAX, in any order)
 * and standard error, and closes all else. TT_ERR_SYSTEM. */
enum tt_err tt_confine_join(pid_t parent, const int *keep_fds, int keep_count);

/* Puts the limits on this process, and allows it no core file, no new process, no new file and no
 * new privileges. TT_ERR_SYSTEM. */
enum tt_err tt_confine_limit(const struct tt_child_limits *limits);

#endif
