/* Start, the agent's files. Landlock's rules hold folders and not names, so a file that may be
 * replaced by a new one of its name can be read as long as its folder can. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "main/start.h"
#include "tintype/aws.h"

/* Certificates below /etc are links to these, and so may be what /etc says of the resolver. */
static const struct tt_reach_path fixed[] = {
    {TT_TREE_SYSTEM, "/etc"},
    {TT_TREE_SYSTEM, "/lib"},
    {TT_TREE_SYSTEM, "/lib64"},
    {TT_TREE_SYSTEM, "/usr/lib"},
    {TT_TREE_SYSTEM, "/usr/lib64"},
    {TT_TREE_SYSTEM, "/usr/share/zoneinfo"},
    {TT_TREE_SYSTEM, "/run/systemd/resolve"},
    {TT_TREE_SYSTEM, "/run/resolvconf"},
    {TT_TREE_SYSTEM, "/run/NetworkManager"},
    {TT_TREE_CA, "/usr/share/ca-certificates"},
    {TT_TREE_CA, "/usr/local/share/ca-certificates"},
};

/* Makes the path of a file that of its folder. A file right below the root stays itself: its folder
 * is everything. */
static void cut_to_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (!slash)
        memcpy(path, ".", 2);
    else if (slash != path)
        *slash = '\0';
}

static enum tt_err add_folder(struct tt_reach *reach, enum tt_tree tree, const char *path) {
    static char folders[2 * (TT_AWS_FILES_MAX + 1)][PATH_MAX];
    static size_t count;
    if (count == sizeof folders / sizeof *folders || strlen(path) >= PATH_MAX)
        return tt_err_fail(TT_ERR_SYSTEM, "no room for the path %s", path);
    char *folder = folders[count++];
    memcpy(folder, path, strlen(path) + 1);
    cut_to_folder(folder);
    return tt_reach_add(reach, tree, folder);
}

/* Adds the folder that the path names, and the one where the file is that it leads to. */
static enum tt_err add_file(struct tt_reach *reach, enum tt_tree tree, const char *path) {
    char real[PATH_MAX];
    enum tt_err err = add_folder(reach, tree, path);
    return err == TT_OK && realpath(path, real) ? add_folder(reach, tree, real) : err;
}

enum tt_err tt_start_add_agent_paths(struct tt_reach *reach, const struct tt_config *config) {
    static struct tt_aws_files files;
    enum tt_err err = add_file(reach, TT_TREE_SYSTEM, "/etc/resolv.conf");
    for (size_t i = 0; err == TT_OK && i < sizeof fixed / sizeof *fixed; i++)
        err = tt_reach_add(reach, fixed[i].tree, fixed[i].path);
    tt_aws_files_find(&files, config);
    for (int i = 0; err == TT_OK && i < files.count; i++)
        err = add_file(reach, files.rows[i].is_certificate ? TT_TREE_CA : TT_TREE_KEYS,
                       files.rows[i].path);
    return err;
}
