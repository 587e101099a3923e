/* Start: the first steps that both daemons have in common. */
#ifndef TINTYPE_MAIN_START_H
#define TINTYPE_MAIN_START_H

#include <stdbool.h>
#include <sys/types.h>

#include "tintype/config.h"
#include "tintype/err.h"
#include "tintype/reach.h"

enum { EXIT_CLEAN, EXIT_FAILED, EXIT_REFUSED /* usage or configuration */ };

#define TT_START_CONFIG_FILE "/etc/tintype/tintype.conf"

/* Opens /dev/null for those of descriptors 0 to 2 that are closed, so that none of ours ever lands
 * there, and closes all others that the starter has left open; where listens is true, it keeps the
 * sockets that systemd has passed. TT_ERR_SYSTEM. */
enum tt_err tt_start_tidy_fds(bool listens);

/* Keeps what is in memory away from disks and from other processes of the same user: no core file,
 * no ptrace(2), nothing of /proc/PID that shows it. All of that stays possible with allows_core
 * (server.core_dumps). It comes after a change of user, which undoes it. TT_ERR_SYSTEM. */
enum tt_err tt_start_guard_memory(bool allows_core);

/* $TINTYPE_CONFIG, else TT_START_CONFIG_FILE where it is there, else NULL. */
const char *tt_start_find_config(void);

/* Makes a directory of this mode for this owner, durably, where nothing of the name exists; the
 * directories above it must exist. TT_ERR_SYSTEM. */
enum tt_err tt_start_make_dir(const char *dir, mode_t mode, uid_t uid, gid_t gid);

/* Makes storage.dir (2770) where it is missing, durably; the directories above it must exist.
 * TT_ERR_SYSTEM. */
enum tt_err tt_start_make_storage_dir(const char *dir);

/* Finds out how far the kernel can confine the processes, and adds the paths that the configuration
 * names, whose strings must outlive *reach. It is called once, before any fork. TT_ERR_CONFIG where
 * is_required is true (server.confinement) and the kernel lacks something; TT_ERR_SYSTEM,
 * TT_ERR_NO_MEMORY. */
enum tt_err tt_start_find_reach(struct tt_reach *reach, const struct tt_config *config,
                                bool is_required);
/* Adds the files that the agent needs beyond those: what names are resolved by, certificates, and
 * the cloud's keys. It keeps the paths, so it is called once. TT_ERR_SYSTEM. */
enum tt_err tt_start_add_agent_paths(struct tt_reach *reach, const struct tt_config *config);
/* Logs in one line what the kernel cannot hold of that, if anything. */
void tt_start_log_reach(const struct tt_reach *reach);

/* Overwrites and unsets what the environment says of AWS credentials (AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and its older name AWS_SECURITY_TOKEN,
 * AWS_CONTAINER_AUTHORIZATION_TOKEN): a process that decodes hostile pictures must not know them,
 * nor show them in /proc, and the operator's command has no use for them. */
void tt_start_forget_credentials(void);

#endif
