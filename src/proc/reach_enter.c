/* Reach: finding out what the kernel can hold, and entering a role. The table is in reach_table.c,
 * system calls are in reach_calls.c, files in reach_paths.c. */
#include "tintype/reach.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "proc/reach_row.h"

/* The oldest Landlock that lets a process link files between folders (LANDLOCK_ACCESS_FS_REFER). */
#define LANDLOCK_WANTED 2

#ifdef TT_SANITIZED
#define WHY_NO_FILTERS "a sanitizer's runtime needs other ones"
#else
#define WHY_NO_FILTERS "the kernel has no seccomp"
#endif

static void find_missing(struct tt_reach *reach) {
    char *text = reach->missing;
    if (!reach->has_filters)
        snprintf(text, sizeof reach->missing, "filters of system calls (%s)", WHY_NO_FILTERS);
    size_t length = strlen(text);
    const char *and = length > 0 ? ", " : "";
    if (reach->landlock_abi == 0)
        snprintf(text + length, sizeof reach->missing - length,
                 "%slimits of files (the kernel has no Landlock)", and);
    else if (reach->landlock_abi < LANDLOCK_WANTED)
        snprintf(text + length, sizeof reach->missing - length,
                 "%slimits of a worker's and the agent's files (the kernel's Landlock has ABI %d; "
                 "%d is needed)",
                 and, reach->landlock_abi, LANDLOCK_WANTED);
}

enum tt_err tt_reach_init(struct tt_reach *reach, bool is_required) {
    *reach = (struct tt_reach){
        .landlock_abi = tt_reach_landlock_abi(),
        .has_filters = tt_reach_has_filters(),
    };
    find_missing(reach);
    if (is_required && reach->missing[0] != '\0')
        return tt_err_fail(TT_ERR_CONFIG, "it is required, and this machine has no %s",
                           reach->missing);
    enum tt_err err = TT_OK;
    for (int role = 0; err == TT_OK && reach->has_filters && role < TT_ROLE_COUNT; role++)
        err = tt_reach_compile(reach, (enum tt_role)role);
    return err;
}

void tt_reach_fini(struct tt_reach *reach) {
    for (int role = 0; role < TT_ROLE_COUNT; role++)
        free(reach->filters[role]);
    *reach = (struct tt_reach){0};
}

enum tt_err tt_reach_add(struct tt_reach *reach, enum tt_tree tree, const char *path) {
    if (reach->path_count == TT_REACH_PATHS_MAX)
        return tt_err_fail(TT_ERR_SYSTEM, "more than %d paths to reach", TT_REACH_PATHS_MAX);
    reach->paths[reach->path_count++] = (struct tt_reach_path){tree, path};
    return TT_OK;
}

struct tt_reach_held tt_reach_held(const struct tt_reach *reach, enum tt_role role) {
    bool files = tt_reach_holds_paths(reach, role);
    return (struct tt_reach_held){
        .calls = reach->has_filters && tt_reach_row(role)->calls != 0,
        .files = files,
        .tcp = files && reach->landlock_abi >= 4,
        .signals = files && reach->landlock_abi >= 6,
    };
}

/* A spawner's decoders have its limits of files, under which nothing is allowed, and its
 * no_new_privs; so each of them costs one call here. */
enum tt_err tt_reach_enter(const struct tt_reach *reach, enum tt_role role) {
    if (role == TT_ROLE_DECODER)
        return reach->has_filters ? tt_reach_filter(reach, role) : TT_OK;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "prctl PR_SET_NO_NEW_PRIVS");
    enum tt_err err = tt_reach_restrict(reach, role);
    if (err == TT_OK && reach->has_filters)
        err = tt_reach_filter(reach, role);
    return err;
}
