/* The two halves of entering a role: its system calls and its paths. */
#ifndef TINTYPE_PROC_REACH_ROW_H
#define TINTYPE_PROC_REACH_ROW_H

#include "tintype/reach.h"

/* Compiles the filter of a role into reach->filters. TT_ERR_NO_MEMORY, TT_ERR_SYSTEM. */
enum tt_err tt_reach_compile(struct tt_reach *reach, enum tt_role role);
/* Installs it; no_new_privs is set already. TT_ERR_SYSTEM. */
enum tt_err tt_reach_filter(const struct tt_reach *reach, enum tt_role role);
/* Whether this kernel takes filters of its processes. */
bool tt_reach_has_filters(void);

/* The version of Landlock that this kernel has; 0: none. */
int tt_reach_landlock_abi(void);
/* Whether this kernel can limit the files of the role, and the role wants it. */
bool tt_reach_holds_paths(const struct tt_reach *reach, enum tt_role role);
/* Allows the role's trees and nothing else; no_new_privs is set already. TT_ERR_SYSTEM. */
enum tt_err tt_reach_restrict(const struct tt_reach *reach, enum tt_role role);

#endif
