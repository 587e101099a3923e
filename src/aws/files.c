/* Which files on this machine the agent reads for the cloud: keys, tokens and certificates. What is
 * read of them is in profile.c, credentials_*.c and http.c. */
#include <stdio.h>
#include <string.h>

#include "aws/profile.h"

static void add(struct tt_aws_files *files, const char *path, bool is_certificate) {
    if (!path || path[0] == '\0' || files->count == TT_AWS_FILES_MAX ||
        strlen(path) >= sizeof files->rows[0].path)
        return;
    struct tt_aws_file *file = &files->rows[files->count++];
    memcpy(file->path, path, strlen(path) + 1);
    file->is_certificate = is_certificate;
}

void tt_aws_files_find(struct tt_aws_files *files, const struct tt_config *config) {
    struct tt_profile profile;
    char problem[TT_PROFILE_PROBLEM_SIZE];
    files->count = 0;
    /* A profile that cannot be read is told by whoever needs its keys. */
    tt_profile_read(&profile, problem);
    add(files, profile.credentials_path, false);
    add(files, profile.config_path, false);
    add(files, profile.role.token_file, false);
    tt_profile_wipe(&profile);
    add(files, tt_aws_variable("AWS_WEB_IDENTITY_TOKEN_FILE"), false);
    add(files, tt_aws_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"), false);
    add(files,
        config->s3.ca_file[0] != '\0' ? config->s3.ca_file : tt_aws_variable("AWS_CA_BUNDLE"),
        true);
}
