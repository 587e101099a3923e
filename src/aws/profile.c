/* Profile: what the variables and shared files of AWS say. Names, places and precedence are those
 * of the AWS SDKs ("AWS SDKs and Tools Reference Guide", shared config and credentials files). In
 * which order sources are asked is decided in credentials.c. Nothing here sends. */
#include "aws/profile.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "tintype/ini.h"

#define LINE_MAX_BYTES (2 * TT_AWS_TOKEN_SIZE)

struct reading {
    struct tt_profile *profile;
    const char *path;
    bool is_config; /* its sections are "profile NAME" and "default", not just "NAME" */
    struct tt_aws_keys keys;
    bool has_new_token; /* aws_session_token, which beats aws_security_token */
    char *problem;      /* TT_PROFILE_PROBLEM_SIZE; "" while there is none */
};

const char *tt_aws_variable(const char *name) {
    const char *value = getenv(name);
    return value && value[0] != '\0' ? value : NULL;
}

bool tt_keys_check(const char *value, size_t size, char flaw[TT_KEYS_FLAW_SIZE]) {
    size_t length = strlen(value);
    if (length == 0) {
        snprintf(flaw, TT_KEYS_FLAW_SIZE, "is empty");
        return false;
    }
    if (length >= size) {
        snprintf(flaw, TT_KEYS_FLAW_SIZE, "has over %zu bytes", size - 1);
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (value[i] <= ' ' || value[i] > '~') {
            snprintf(flaw, TT_KEYS_FLAW_SIZE,
                     "has a blank, a control character or one beyond ASCII");
            return false;
        }
    }
    return true;
}

bool tt_keys_copy(char *field, size_t size, const char *value, char flaw[TT_KEYS_FLAW_SIZE]) {
    if (!tt_keys_check(value, size, flaw))
        return false;
    memcpy(field, value, strlen(value) + 1);
    return true;
}

static void note_problem(char problem[TT_PROFILE_PROBLEM_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Writes a problem; the first one stays. */
static void note_problem(char problem[TT_PROFILE_PROBLEM_SIZE], const char *format, ...) {
    if (problem[0] != '\0')
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem, TT_PROFILE_PROBLEM_SIZE, format, arguments);
    va_end(arguments);
}

/* ---- one file ---- */

static const char *skip_blanks(const char *text) {
    return text + strspn(text, " \t");
}

/* Whether the rest of a section's header is this name, quoted or not. */
static bool is_quoted_name(const char *text, const char *name) {
    char quote = *text == '"' || *text == '\'' ? *text++ : '\0';
    size_t length = strlen(name);
    if (strncmp(text, name, length) != 0)
        return false;
    text += length;
    if (quote != '\0' && *text++ != quote)
        return false;
    return *skip_blanks(text) == '\0';
}

static bool is_section(const struct reading *reading, const char *section) {
    static const char word[] = "profile";
    const char *name = reading->profile->name;
    const char *start = skip_blanks(section);
    const char *rest = start + sizeof word - 1;
    if (!reading->is_config)
        return strcmp(section, name) == 0;
    if (strncmp(start, word, sizeof word - 1) == 0 && skip_blanks(rest) > rest)
        return is_quoted_name(skip_blanks(rest), name);
    return strcmp(name, "default") == 0 && strcmp(section, "default") == 0;
}

/* The settings that are read, and the fields of struct tt_profile that take them. */
static const struct setting {
    const char *name;
    size_t offset;
    size_t size;
} settings[] = {
#define SETTING(name, member)                                                                      \
    { name, offsetof(struct tt_profile, member), sizeof((struct tt_profile *)NULL)->member }
    SETTING("region", region),
    SETTING("web_identity_token_file", role.token_file),
    SETTING("role_arn", role.arn),
    SETTING("role_session_name", role.session_name),
#undef SETTING
};

static bool take_setting(struct reading *reading, int line, const char *name, const char *value) {
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (strcasecmp(name, settings[i].name) != 0)
            continue;
        if (strlen(value) >= settings[i].size)
            note_problem(reading->problem, "%s in %.150s, line %d, has over %zu bytes",
                         settings[i].name, reading->path, line, settings[i].size - 1);
        else
            memcpy((char *)reading->profile + settings[i].offset, value, strlen(value) + 1);
        return true;
    }
    return false;
}

static bool take_key(struct reading *reading, int line, const char *name, const char *value) {
    struct tt_aws_keys *keys = &reading->keys;
    bool is_new_token = strcasecmp(name, "aws_session_token") == 0;
    bool is_old_token = strcasecmp(name, "aws_security_token") == 0;
    bool is_copied = true;
    char flaw[TT_KEYS_FLAW_SIZE];
    if (strcasecmp(name, "aws_access_key_id") == 0)
        is_copied = tt_keys_copy(keys->access_key_id, sizeof keys->access_key_id, value, flaw);
    else if (strcasecmp(name, "aws_secret_access_key") == 0)
        is_copied =
            tt_keys_copy(keys->secret_access_key, sizeof keys->secret_access_key, value, flaw);
    else if (is_new_token || (is_old_token && !reading->has_new_token))
        is_copied = tt_keys_copy(keys->session_token, sizeof keys->session_token, value, flaw);
    else
        return is_old_token;
    reading->has_new_token |= is_new_token;
    if (!is_copied)
        note_problem(reading->problem, "%s in %.150s, line %d, %s", name, reading->path, line,
                     flaw);
    return true;
}

/* Some sources of keys are known to SDKs and not to this service. The first one that a profile
 * names is told. */
static void take_unsupported(struct tt_profile *profile, const char *name) {
    static const char *const names[] = {"credential_process", "sso_session", "sso_start_url",
                                        "source_profile", "credential_source"};
    for (size_t i = 0; i < sizeof names / sizeof *names && !profile->unsupported; i++)
        if (strcasecmp(name, names[i]) == 0)
            profile->unsupported = names[i];
}

/* The lines of a setting that is a block of its own ("s3 =", with indented lines below it) come
 * here like the others. No such line of AWS's has one of the names above. */
static void take_pair(void *context, int line, const char *section, const char *name,
                      const char *value) {
    struct reading *reading = context;
    if (!is_section(reading, section))
        return;
    reading->profile->is_found = true;
    if (!value || value[0] == '\0')
        return;
    if (!take_setting(reading, line, name, value) && !take_key(reading, line, name, value))
        take_unsupported(reading->profile, name);
}

static void take_problem(void *context, int line, const char *text) {
    struct reading *reading = context;
    if (line > 0)
        note_problem(reading->problem, "%.150s, line %d: %s", reading->path, line, text);
}

/* Settings of the file read last win; keys of one file are never mixed with another's. */
static void read_file(struct tt_profile *profile, bool is_config, char *problem) {
    struct reading reading = {.profile = profile,
                              .path = is_config ? profile->config_path : profile->credentials_path,
                              .is_config = is_config,
                              .problem = problem};
    /* A file that cannot be read is passed over, as by the SDKs; mostly it is just not there. */
    if (!tt_ini_read(reading.path, LINE_MAX_BYTES, take_pair, take_problem, &reading) &&
        errno != ENOENT && errno != ENOTDIR)
        snprintf(profile->unread, sizeof profile->unread, "%.120s cannot be read: %s", reading.path,
                 strerror(errno));
    if (reading.keys.access_key_id[0] != '\0') {
        if (reading.keys.secret_access_key[0] == '\0')
            note_problem(problem,
                         "%.150s has aws_access_key_id of profile \"%s\", and no "
                         "aws_secret_access_key",
                         reading.path, profile->name);
        memcpy(&profile->keys, &reading.keys, sizeof profile->keys);
    }
    OPENSSL_cleanse(&reading.keys, sizeof reading.keys);
}

/* ---- both ---- */

/* "~/" stands for HOME, or for the home of the user database where a daemon was started without
 * HOME. */
static bool find_path(char path[TT_PROFILE_PATH_SIZE], const char *variable, const char *usual,
                      char *problem) {
    const char *text = tt_aws_variable(variable);
    const char *home = "";
    if (!text)
        text = usual;
    if (strncmp(text, "~/", 2) == 0) {
        home = tt_aws_variable("HOME");
        if (!home) {
            const struct passwd *user = getpwuid(getuid());
            home = user ? user->pw_dir : "";
        }
        text++;
    }
    int length = snprintf(path, TT_PROFILE_PATH_SIZE, "%s%s", home, text);
    if (length >= 0 && length < TT_PROFILE_PATH_SIZE)
        return true;
    note_problem(problem, "the path of %s has over %d bytes", variable, TT_PROFILE_PATH_SIZE - 1);
    return false;
}

static bool find_name(struct tt_profile *profile, char *problem) {
    const char *name = tt_aws_variable("AWS_PROFILE");
    profile->is_named = name != NULL;
    if (!name)
        name = "default";
    if (strlen(name) >= sizeof profile->name) {
        note_problem(problem, "AWS_PROFILE has over %zu bytes", sizeof profile->name - 1);
        return false;
    }
    memcpy(profile->name, name, strlen(name) + 1);
    return true;
}

bool tt_profile_read(struct tt_profile *profile, char problem[TT_PROFILE_PROBLEM_SIZE]) {
    memset(profile, 0, sizeof *profile);
    problem[0] = '\0';
    if (!find_name(profile, problem) ||
        !find_path(profile->credentials_path, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials",
                   problem) ||
        !find_path(profile->config_path, "AWS_CONFIG_FILE", "~/.aws/config", problem))
        return false;
    read_file(profile, true, problem);
    read_file(profile, false, problem);
    if (!profile->unsupported && profile->role.arn[0] != '\0' &&
        profile->role.token_file[0] == '\0')
        profile->unsupported = "role_arn";
    if (profile->is_named && !profile->is_found)
        note_problem(problem,
                     "AWS_PROFILE names \"%s\", which is neither in %.120s nor in %.120s%s%s",
                     profile->name, profile->credentials_path, profile->config_path,
                     profile->unread[0] != '\0' ? ": " : "", profile->unread);
    return problem[0] == '\0';
}

void tt_profile_wipe(struct tt_profile *profile) {
    OPENSSL_cleanse(profile, sizeof *profile);
}
