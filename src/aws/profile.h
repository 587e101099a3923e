/* Profile: what the AWS variables and the shared files say of the profile that is asked for. Files
 * are read anew by each call. */
#ifndef TINTYPE_AWS_PROFILE_H
#define TINTYPE_AWS_PROFILE_H

#include <stdbool.h>

#include "tintype/aws.h"

#define TT_PROFILE_NAME_SIZE    41 /* inih cuts "[profile NAME]" at 49 bytes within the brackets */
#define TT_PROFILE_PATH_SIZE    4096
#define TT_PROFILE_PROBLEM_SIZE 512
#define TT_PROFILE_ROLE_SIZE    2049 /* STS API Reference, "RoleArn": at most 2,048 */
#define TT_PROFILE_SESSION_SIZE 65   /* the same, "RoleSessionName": at most 64 */
#define TT_KEYS_FLAW_SIZE       96

/* A role that is taken on with a token from a file. */
struct tt_profile_role {
    char token_file[TT_PROFILE_PATH_SIZE]; /* "" for none */
    char arn[TT_PROFILE_ROLE_SIZE];
    char session_name[TT_PROFILE_SESSION_SIZE];
};

struct tt_profile {
    char name[TT_PROFILE_NAME_SIZE];
    bool is_named; /* AWS_PROFILE names it; else it is "default" */
    bool is_found; /* at least one of the files has it */
    char credentials_path[TT_PROFILE_PATH_SIZE];
    char config_path[TT_PROFILE_PATH_SIZE];
    char region[64];
    struct tt_aws_keys keys; /* of one file, the credentials file first; "" when none has them */
    struct tt_profile_role role;
    char unread[192];        /* "/path cannot be read: why", of a file that is there; else "" */
    const char *unsupported; /* "sso_session", ...: the source that it names and that is not read
                                here; NULL for none */
};

/* The value of an environment variable, NULL when it is not set or empty. */
const char *tt_aws_variable(const char *name);

/* Reads the credentials and the config file. A file that is not there, or cannot be read, has no
 * profiles. False, with a sentence in problem, for a line that cannot be read, half a pair of keys,
 * a value over its bound, and a profile that AWS_PROFILE names and no file has. The caller wipes
 * *profile in any case. */
bool tt_profile_read(struct tt_profile *profile, char problem[TT_PROFILE_PROBLEM_SIZE]);
void tt_profile_wipe(struct tt_profile *profile);

/* Whether a key or token fits size bytes, is not empty and can be sent in a header. False with what
 * is wrong in flaw: "has over 256 bytes". */
bool tt_keys_check(const char *value, size_t size, char flaw[TT_KEYS_FLAW_SIZE]);
/* Checks text likewise, and copies it. */
bool tt_keys_copy(char *field, size_t size, const char *value, char flaw[TT_KEYS_FLAW_SIZE]);

#endif
