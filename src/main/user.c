/* User: whose process this is. Root may start the daemons, but serves nobody: what only root can
 * make is made here, and then root's rights are given up. What each user may reach is in src/proc.
 */
#include "main/user.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "main/start.h"
#include "tintype/process.h"

struct account {
    const char *name;
    uid_t uid;
    gid_t gid;
};

/* Root comes back to a process that keeps it as any of its three user ids. */
static bool is_root(void) {
    uid_t real, effective, saved;
    return getresuid(&real, &effective, &saved) != 0 || real == 0 || effective == 0 || saved == 0;
}

static enum tt_err find_account(struct account *account, const char *key, const char *name) {
    const struct passwd *entry = getpwnam(name);
    if (!entry)
        return tt_err_fail(TT_ERR_CONFIG, "%s: there is no user \"%s\"", key, name);
    if (entry->pw_uid == 0)
        return tt_err_fail(TT_ERR_CONFIG, "%s: \"%s\" is root, as whom nothing runs", key, name);
    *account = (struct account){.name = name, .uid = entry->pw_uid, .gid = entry->pw_gid};
    return TT_OK;
}

enum tt_err tt_user_check(const struct tt_config *config) {
    struct account account = {0};
    enum tt_err err = TT_OK;
    if (config->server.user[0] != '\0')
        err = find_account(&account, "server.user", config->server.user);
    if (err == TT_OK && config->sync.user[0] != '\0')
        err = find_account(&account, "sync.user", config->sync.user);
    return err;
}

/* Whoever owns the socket's folder can replace a stale socket in it. */
static enum tt_err make_socket_dir(const char *path, const struct account *owner) {
    char dir[sizeof((struct tt_config *)0)->server.listen];
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (!slash || slash == dir)
        return TT_OK;
    *slash = '\0';
    return tt_start_make_dir(dir, 0755, owner->uid, owner->gid);
}

/* The storage is tintyped's, whichever of the two daemons is started first. */
static enum tt_err make_dirs(enum tt_user_daemon daemon, const struct tt_config *config,
                             const struct account *account) {
    struct account keeper = *account;
    enum tt_err err = TT_OK;
    if (config->server.user[0] != '\0')
        err = find_account(&keeper, "server.user", config->server.user);
    if (err == TT_OK)
        err = tt_start_make_dir(config->storage.dir, 02770, keeper.uid, keeper.gid);
    if (err == TT_OK && daemon == TT_USER_TINTYPED && !tt_listen_is_given())
        err = make_socket_dir(config->server.listen, account);
    return err;
}

/* A process that could become root again has given nothing up, so that is tried. */
static enum tt_err give_up_root(uid_t uid, gid_t gid) {
    if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "cannot become user %ld of group %ld", (long)uid,
                                 (long)gid);
    uid_t uids[3];
    gid_t gids[3];
    if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 ||
        getresgid(&gids[0], &gids[1], &gids[2]) != 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "getresuid");
    for (int i = 0; i < 3; i++)
        if (uids[i] != uid || gids[i] != gid)
            return tt_err_fail(TT_ERR_SYSTEM, "user %ld of group %ld was not become whole",
                               (long)uid, (long)gid);
    if (setuid(0) == 0)
        return tt_err_fail(TT_ERR_SYSTEM, "root's rights came back after they were given up");
    return TT_OK;
}

/* Not only root has capabilities (capabilities(7)): a starter may leave some to a plain user. */
static enum tt_err give_up_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
        syscall(SYS_capset, &header, none) != 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "give up capabilities");
    return TT_OK;
}

static enum tt_err become(enum tt_user_daemon daemon, const struct tt_config *config,
                          const char *key, const char *name) {
    struct account account = {0};
    if (name[0] == '\0' && is_root())
        return tt_err_fail(TT_ERR_CONFIG,
                           "started as root: set %s to the user that it is to become", key);
    if (name[0] == '\0')
        return TT_OK;
    enum tt_err err = find_account(&account, key, name);
    if (err != TT_OK)
        return err;
    if (!is_root() && geteuid() != account.uid)
        return tt_err_fail(
            TT_ERR_CONFIG,
            "%s is %s, but user %ld has started this: root or %s can, or leave %s out", key, name,
            (long)geteuid(), name, key);
    if (!is_root())
        return TT_OK;
    err = make_dirs(daemon, config, &account);
    if (err == TT_OK && initgroups(name, account.gid) != 0)
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "initgroups for %s", name);
    return err == TT_OK ? give_up_root(account.uid, account.gid) : err;
}

enum tt_err tt_user_become(enum tt_user_daemon daemon, const struct tt_config *config) {
    bool has_own = daemon == TT_USER_SYNC && config->sync.user[0] != '\0';
    enum tt_err err = has_own ? become(daemon, config, "sync.user", config->sync.user)
                              : become(daemon, config, "server.user", config->server.user);
    if (err == TT_OK)
        err = give_up_capabilities();
    return err == TT_OK ? tt_start_guard_memory(config->server.core_dumps) : err;
}

enum tt_err tt_user_become_owner(const struct tt_config *config) {
    struct stat status;
    enum tt_err err = TT_OK;
    if (is_root() && stat(config->storage.dir, &status) == 0 && status.st_uid != 0) {
        if (setgroups(1, &status.st_gid) != 0)
            return tt_err_fail_errno(TT_ERR_SYSTEM, "setgroups");
        err = give_up_root(status.st_uid, status.st_gid);
    }
    return err == TT_OK ? tt_start_guard_memory(config->server.core_dumps) : err;
}
