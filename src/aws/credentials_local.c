/* Keys that lie on this machine: in the environment, and in a profile of the shared files. They do
 * not expire. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aws/credentials_look.h"

/* ---- environment ---- */

static bool copy_variable(struct tt_look *look, char *field, size_t size, const char *name,
                          const char *value) {
    char flaw[TT_KEYS_FLAW_SIZE];
    if (tt_keys_copy(field, size, value, flaw))
        return true;
    tt_look_break(look, "%s %s", name, flaw);
    return false;
}

enum tt_look_step tt_look_environment(struct tt_look *look) {
    const char *id = tt_aws_variable("AWS_ACCESS_KEY_ID");
    const char *secret = tt_aws_variable("AWS_SECRET_ACCESS_KEY");
    const char *token_name = "AWS_SESSION_TOKEN";
    const char *token = tt_aws_variable(token_name);
    struct tt_aws_keys *keys = &look->keys;
    if (!token) {
        token_name = "AWS_SECURITY_TOKEN"; /* the same by its older name */
        token = tt_aws_variable(token_name);
    }
    if (!id)
        return tt_look_pass(look, "AWS_ACCESS_KEY_ID is not set");
    if (!secret)
        return tt_look_break(look, "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY");
    if (!copy_variable(look, keys->access_key_id, sizeof keys->access_key_id, "AWS_ACCESS_KEY_ID",
                       id) ||
        !copy_variable(look, keys->secret_access_key, sizeof keys->secret_access_key,
                       "AWS_SECRET_ACCESS_KEY", secret) ||
        (token &&
         !copy_variable(look, keys->session_token, sizeof keys->session_token, token_name, token)))
        return TT_LOOK_BROKEN;
    return TT_LOOK_FOUND;
}

/* ---- profile ---- */

enum tt_look_step tt_look_profile(struct tt_look *look) {
    struct tt_profile profile;
    char problem[TT_PROFILE_PROBLEM_SIZE];
    enum tt_look_step step;
    if (!tt_profile_read(&profile, problem)) {
        step = tt_look_break(look, "%s", problem);
    } else if (profile.keys.access_key_id[0] != '\0') {
        memcpy(&look->keys, &profile.keys, sizeof look->keys);
        step = TT_LOOK_FOUND;
    } else if (profile.unread[0] != '\0') {
        step = tt_look_pass(look, "%s", profile.unread);
    } else if (!profile.is_found) {
        step = tt_look_pass(look, "profile \"%s\" is neither in %.80s nor in %.80s", profile.name,
                            profile.credentials_path, profile.config_path);
    } else if (profile.unsupported) {
        step = tt_look_pass(look, "profile \"%s\" has no keys but %s, which is not supported",
                            profile.name, profile.unsupported);
    } else {
        step = tt_look_pass(look, "profile \"%s\" has no keys", profile.name);
    }
    memcpy(&look->role, &profile.role, sizeof look->role);
    tt_profile_wipe(&profile);
    return step;
}

/* ---- files of tokens ---- */

static void cut_blanks(char *text) {
    static const char blanks[] = " \t\r\n";
    size_t start = strspn(text, blanks);
    size_t length = strlen(text + start);
    while (length > 0 && strchr(blanks, text[start + length - 1]))
        length--;
    memmove(text, text + start, length);
    text[length] = '\0';
}

/* Reads up to size - 1 bytes; more, or a NUL among them, is a flaw. The file is opened with
 * O_NONBLOCK, as a FIFO would hold the agent up. */
static bool read_text(const char *path, char *text, size_t size, char *flaw) {
    size_t length = 0;
    ssize_t got = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (fd >= 0 && length < size) {
        got = read(fd, text + length, size - length);
        if (got > 0)
            length += (size_t)got;
        else if (got == 0 || errno != EINTR)
            break;
    }
    if (fd < 0 || got < 0)
        snprintf(flaw, TT_KEYS_FLAW_SIZE, "cannot be read: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    if (fd < 0 || got < 0)
        return false;
    if (length == size) {
        snprintf(flaw, TT_KEYS_FLAW_SIZE, "has over %zu bytes", size - 1);
        return false;
    }
    text[length] = '\0';
    if (strlen(text) == length)
        return true;
    snprintf(flaw, TT_KEYS_FLAW_SIZE, "has a NUL byte");
    return false;
}

bool tt_look_read_token(const char *path, char *token, size_t size, char flaw[TT_KEYS_FLAW_SIZE]) {
    if (read_text(path, token, size, flaw)) {
        cut_blanks(token);
        return true;
    }
    OPENSSL_cleanse(token, size);
    return false;
}
