/* Start: the first steps that both daemons have in common. */
#ifndef TINTYPE_MAIN_START_H
#define TINTYPE_MAIN_START_H

#include "tintype/config.h"
#include "tintype/err.h"
#include "tintype/reach.h"

enum { EXIT_CLEAN, EXIT_FAILED, EXIT_REFUSED /* usage or configuration */ };

#define TT_START_CONFIG_FILE "/etc/tintype/tintype.conf"

/* Opens /dev/null for those of descriptors 0 to 2 that are closed, so that none of ours ever lands
 * there. TT_ERR_SYSTEM. */
enum tt_err tt_start_open_standard_fds(void);

/* $TINTYPE_CONFIG, else TT_START_CONFIG_FILE where it is there, else NULL. */
const char *tt_start_find_config(void);

/* Makes storage.dir (2770) where it is missing, durably; the directories above it must exist.
 * TT_ERR_SYSTEM. */
enum tt_err tt_start_make_storage_dir(const char *dir);

/* Finds out how far the kernel can confine the processes, and adds the paths that the configuration
 * names, whose strings must outlive *reach. It is called once, before any fork. TT_ERR_CONFIG where
 * server.confinement asks for more than the kernel has; TT_ERR_SYSTEM, TT_ERR_NO_MEMORY. */
enum tt_err tt_start_find_reach(struct tt_reach *reach, const struct tt_config *config);
/* Logs in one line what the kernel cannot hold of that, if anything. */
void tt_start_log_reach(const struct tt_reach *reach);

/* Overwrites and unsets what the environment says of AWS credentials (AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and its older name AWS_SECURITY_TOKEN,
 * AWS_CONTAINER_AUTHORIZATION_TOKEN): a process that decodes hostile pictures must not know them,
 * nor show them in /proc. */
void tt_start_forget_credentials(void);

#endif
