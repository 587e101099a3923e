/* Start: what both daemons do first. What each of them does then is in its own file. */
#include "main/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tintype/file.h"
#include "tintype/log.h"
#include "tintype/process.h"

enum tt_err tt_start_tidy_fds(bool listens) {
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return tt_err_fail_errno(TT_ERR_SYSTEM, "open /dev/null");
    unsigned first = STDERR_FILENO + 1U + (listens ? (unsigned)tt_listen_passed_count() : 0);
    if (close_range(first, ~0U, 0) != 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "close_range");
    return TT_OK;
}

/* A sanitizer build stays open to its own leak checker, which is a process of the same user that
 * traces it. */
enum tt_err tt_start_guard_memory(bool allows_core) {
    const struct rlimit none = {0, 0};
    int is_open = allows_core;
#ifdef TT_SANITIZED
    is_open = 1;
#endif
    if (!allows_core && setrlimit(RLIMIT_CORE, &none) != 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "setrlimit");
    if (prctl(PR_SET_DUMPABLE, is_open, 0, 0, 0) != 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "prctl");
    return TT_OK;
}

const char *tt_start_find_config(void) {
    const char *named = getenv("TINTYPE_CONFIG");
    if (named && named[0] != '\0')
        return named;
    return access(TT_START_CONFIG_FILE, F_OK) == 0 ? TT_START_CONFIG_FILE : NULL;
}

/* A directory that was just made survives a crash once its parent is synced, as the parent holds
 * its name. */
static enum tt_err sync_parent(const char *dir) {
    char path[sizeof((struct tt_config *)0)->storage.dir + sizeof "/.."];
    snprintf(path, sizeof path, "%s/..", dir);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "open %s", path);
    enum tt_err err = tt_file_sync_dir(fd);
    tt_file_close(&fd);
    return err;
}

/* Whoever owns the directory above could have put a link in the place of the new one by now, so no
 * link is followed. */
static enum tt_err set_up_dir(const char *dir, mode_t mode, uid_t uid, gid_t gid) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "open %s", dir);
    enum tt_err err = TT_OK;
    if (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "owner and mode of %s", dir);
    tt_file_close(&fd);
    return err == TT_OK ? sync_parent(dir) : err;
}

enum tt_err tt_start_make_dir(const char *dir, mode_t mode, uid_t uid, gid_t gid) {
    if (mkdir(dir, 0700) == 0)
        return set_up_dir(dir, mode, uid, gid);
    if (errno != EEXIST)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "cannot make the directory %s", dir);
    return TT_OK;
}

/* Storage belongs to two users of one group, so whatever is made in it must get its group: that
 * takes the set-group-ID bit, which mkdir does not set. Directories above are the administrator's.
 */
enum tt_err tt_start_make_storage_dir(const char *dir) {
    enum tt_err err = tt_start_make_dir(dir, 02770, (uid_t)-1, (gid_t)-1);
    if (err != TT_OK)
        return err;
    struct stat status;
    if (stat(dir, &status) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "cannot use the storage directory %s", dir);
    if (!S_ISDIR(status.st_mode))
        return tt_err_fail(TT_ERR_SYSTEM, "storage.dir %s is not a directory", dir);
    return TT_OK;
}

enum tt_err tt_start_find_reach(struct tt_reach *reach, const struct tt_config *config,
                                bool is_required) {
    enum tt_err err = tt_reach_init(reach, is_required);
    if (err == TT_OK)
        err = tt_reach_add(reach, TT_TREE_STORAGE, config->storage.dir);
    return err == TT_OK ? tt_reach_add(reach, TT_TREE_CHANCE, "/dev/urandom") : err;
}

void tt_start_log_reach(const struct tt_reach *reach) {
    if (reach->missing[0] != '\0')
        tt_log(TT_LOG_WARNING, "confinement: the processes run without %s", reach->missing);
}

/* Several entries may have one name, of which getenv shows one, so all are overwritten. */
static void forget_variable(const char *name) {
    size_t length = strlen(name);
    for (char **entry = environ; entry && *entry; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            explicit_bzero(*entry + length + 1, strlen(*entry + length + 1));
    unsetenv(name);
}

void tt_start_forget_credentials(void) {
    forget_variable("AWS_ACCESS_KEY_ID");
    forget_variable("AWS_SECRET_ACCESS_KEY");
    forget_variable("AWS_SESSION_TOKEN");
    forget_variable("AWS_SECURITY_TOKEN");
    forget_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
}
