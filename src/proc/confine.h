/* Confine: what a process gives up after a fork. A process that will fork children calls join,
 * settle and measure, each of its children join and limit. */
#ifndef TINTYPE_PROC_CONFINE_H
#define TINTYPE_PROC_CONFINE_H

#include <sys/types.h>

#include "tintype/err.h"
#include "tintype/process.h"

/* Has this process die with parent, which is to be its parent, and leave stops to it (it ignores
 * SIGINT, SIGTERM and SIGHUP). Keeps keep_fds (3 or above, at most TT_CHILD_KEEP_MAX, in any order)
 * and the standard streams, and closes all else. TT_ERR_SYSTEM. */
enum tt_err tt_confine_join(pid_t parent, const int *keep_fds, int keep_count);

/* Gives up what neither this process nor its children need: standard input and output become
 * /dev/null, there is no core file, there are no new privileges, and other processes of the same
 * user cannot look into it. TT_ERR_SYSTEM. */
enum tt_err tt_confine_settle(void);

/* Tells how much this process has mapped at this moment. TT_ERR_SYSTEM. */
enum tt_err tt_confine_measure(int64_t *mapped_bytes);

/* Puts the limits on this process, and allows it no new process and no new file. Its standard error
 * becomes what its standard input is. TT_ERR_SYSTEM. */
enum tt_err tt_confine_limit(const struct tt_child_limits *limits);

#endif
