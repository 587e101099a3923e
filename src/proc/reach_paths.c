/* Reach, its files: Landlock (landlock(7), and the kernel's Documentation/userspace-api/landlock)
 * allows a process the trees of its row, and nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc/reach_row.h"
#include "tintype/file.h"

/* Debian 12's header ends at ABI 2. */
#define ACCESS_TRUNCATE  (UINT64_C(1) << 14) /* ABI 3 */
#define ACCESS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define NET_BIND_TCP     (UINT64_C(1) << 0)  /* ABI 4 */
#define NET_CONNECT_TCP  (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT   (UINT64_C(1) << 0) /* ABI 6: abstract Unix sockets of other processes */
#define SCOPE_SIGNAL     (UINT64_C(1) << 1) /* ABI 6: signals to processes outside */

#define READ_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define CHANGE_ACCESS                                                                              \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |   \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER |    \
     ACCESS_TRUNCATE)
/* Of these a rule on a file, which is no folder, may allow no more. */
#define FILE_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)

/* This is struct landlock_ruleset_attr of ABI 6; an older kernel is given fewer of its bytes. */
struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

int tt_reach_landlock_abi(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

static uint64_t handled_files(int abi) {
    uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* ABI 1 has all up to this one */
    if (abi >= 2)
        all |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        all |= ACCESS_TRUNCATE;
    if (abi >= 5)
        all |= ACCESS_IOCTL_DEV;
    return all;
}

static int create_ruleset(int abi, const struct tt_reach_row *row) {
    struct ruleset ruleset = {.handled_access_fs = handled_files(abi)};
    size_t size = sizeof ruleset.handled_access_fs;
    if (abi >= 4) {
        size = offsetof(struct ruleset, scoped);
        ruleset.handled_access_net = NET_BIND_TCP;
        if ((row->calls & TT_CALLS_NETWORK) == 0)
            ruleset.handled_access_net |= NET_CONNECT_TCP;
    }
    if (abi >= 6) {
        size = sizeof ruleset;
        ruleset.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
    }
    return (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
}

static enum tt_err allow_path(int ruleset_fd, const char *path, uint64_t access) {
    struct stat status;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == EACCES || errno == ENOTDIR
                   ? TT_OK
                   : tt_err_fail_errno(TT_ERR_SYSTEM, "open %s", path);
    enum tt_err err = TT_OK;
    if (fstat(fd, &status) < 0)
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "fstat %s", path);
    if (err == TT_OK && !S_ISDIR(status.st_mode))
        access &= FILE_ACCESS;
    const struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    if (err == TT_OK &&
        syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "landlock_add_rule %s", path);
    tt_file_close(&fd);
    return err;
}

static uint64_t access_bits(unsigned access, int abi) {
    uint64_t bits = 0;
    if ((access & TT_ACCESS_READ) != 0)
        bits |= READ_ACCESS;
    if ((access & TT_ACCESS_CHANGE) != 0)
        bits |= CHANGE_ACCESS;
    return bits & handled_files(abi);
}

static enum tt_err allow_trees(int ruleset_fd, const struct tt_reach *reach,
                               const struct tt_reach_row *row) {
    enum tt_err err = TT_OK;
    for (int i = 0; err == TT_OK && i < reach->path_count; i++) {
        uint64_t access = access_bits(row->trees[reach->paths[i].tree], reach->landlock_abi);
        if (access != 0)
            err = allow_path(ruleset_fd, reach->paths[i].path, access);
    }
#ifdef TT_SANITIZED
    /* A sanitizer reads programs and /proc to report what it found. */
    if (err == TT_OK && row->trees[TT_TREE_STORAGE] != 0)
        err = allow_path(ruleset_fd, "/", READ_ACCESS);
#endif
    return err;
}

/* ABI 1 denies every link between folders, by which staged files are kept, so a role that changes
 * files goes without it there. */
bool tt_reach_holds_paths(const struct tt_reach *reach, enum tt_role role) {
    const struct tt_reach_row *row = tt_reach_row(role);
    if (!row->has_paths || reach->landlock_abi == 0)
        return false;
    return reach->landlock_abi >= 2 || (row->trees[TT_TREE_STORAGE] & TT_ACCESS_CHANGE) == 0;
}

enum tt_err tt_reach_restrict(const struct tt_reach *reach, enum tt_role role) {
    const struct tt_reach_row *row = tt_reach_row(role);
    if (!tt_reach_holds_paths(reach, role))
        return TT_OK;
    int ruleset_fd = create_ruleset(reach->landlock_abi, row);
    if (ruleset_fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "landlock_create_ruleset");
    enum tt_err err = allow_trees(ruleset_fd, reach, row);
    if (err == TT_OK && syscall(SYS_landlock_restrict_self, ruleset_fd, 0) < 0)
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "landlock_restrict_self");
    tt_file_close(&ruleset_fd);
    return err;
}
