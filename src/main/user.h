/* User: whose process this is. */
#ifndef TINTYPE_MAIN_USER_H
#define TINTYPE_MAIN_USER_H

#include "tintype/config.h"
#include "tintype/err.h"

/* The two daemons, each of which has a key that names its user. */
enum tt_user_daemon { TT_USER_TINTYPED /* server.user */, TT_USER_SYNC /* sync.user */ };

/* Looks the users up that the configuration names. TT_ERR_CONFIG where one does not exist, or is
 * root. */
enum tt_err tt_user_check(const struct tt_config *config);

/* Makes the process its user's, before it meets anything that a stranger has sent. Root makes what
 * only root can make, storage.dir and tintyped's folder of server.listen where they are missing
 * (what exists keeps its owner), and then gives its rights up for good. Any other user stays who it
 * is. The memory is guarded afterwards (tt_start_guard_memory). TT_ERR_CONFIG where root is to stay
 * root, where another user than the named one starts it, and as tt_user_check; TT_ERR_SYSTEM. */
enum tt_err tt_user_become(enum tt_user_daemon daemon, const struct tt_config *config);

/* Makes the operator's process that of storage.dir's owner where root has started it, so that it
 * leaves no file there that the daemons cannot open. Where storage.dir is missing or root's own,
 * and for any other user, it only guards the memory. TT_ERR_SYSTEM. */
enum tt_err tt_user_become_owner(const struct tt_config *config);

#endif
