/* Web identity: a token from a file (of Kubernetes, say) that STS changes into the keys of a role
 * (STS API Reference, "AssumeRoleWithWebIdentity"). The request needs no signature. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials_look.h"
#include "aws/endpoint.h"
#include "tintype/text.h"

#define TIMEOUT_MS         10000
#define TOKEN_SIZE         20001 /* STS API Reference, "WebIdentityToken": at most 20,000 */
#define BODY_SIZE          ((size_t)3 * (TOKEN_SIZE + TT_PROFILE_ROLE_SIZE + TT_PROFILE_SESSION_SIZE) + 256)
#define USUAL_SESSION_NAME "tintype-sync"
#define CODE_SIZE          48

/* Appends "name=value", the value percent-encoded, to a body that has room for all of it: one that
 * grew would leave copies of the token unwiped. */
static void append_pair(struct tt_look *look, const char *name, const char *value) {
    char *out = look->body + look->body_size;
    out += snprintf(out, 64, "%s%s=", look->body_size > 0 ? "&" : "", name);
    for (; *value != '\0'; value++)
        out += tt_text_percent_encode(*value, out);
    look->body_size = (size_t)(out - look->body);
}

static enum tt_look_step take_answer(struct tt_look *look, const struct tt_http_answer *answer) {
    if (answer->err != TT_OK)
        return tt_look_break(look, "web identity: STS: %.200s", answer->cause);
    char code[CODE_SIZE];
    if (answer->status != 200) {
        tt_answer_read_code(code, sizeof code, answer->body);
        return tt_look_break(look, "web identity: STS answered %d %s", answer->status, code);
    }
    char flaw[TT_KEYS_FLAW_SIZE];
    if (!tt_answer_read_xml(&look->keys, answer->body, flaw))
        return tt_look_break(look, "web identity: the answer of STS %s", flaw);
    return TT_LOOK_FOUND;
}

/* Writes to url the region's own address of STS, unless a variable names another. */
static bool find_sts(struct tt_look *look, char url[TT_LOOK_URL_SIZE]) {
    static const char *const variables[] = {"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"};
    struct tt_url parsed;
    char path[TT_URL_PATH_SIZE];
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *text = tt_aws_variable(variables[i]);
        const char *flaw = text ? tt_url_parse_base(&parsed, path, text) : NULL;
        if (flaw) {
            tt_look_break(look, "web identity: %s %s", variables[i], flaw);
            return false;
        }
        if (text) {
            snprintf(url, TT_LOOK_URL_SIZE, "%s://%s%s/", parsed.scheme, parsed.host, path);
            return true;
        }
    }
    snprintf(url, TT_LOOK_URL_SIZE, "https://sts.%s.%s/", look->region,
             tt_aws_domain(look->region));
    return true;
}

/* Each of the three comes from the environment, else from the profile, as in the SDKs. */
static bool find_role(struct tt_look *look, const char **token_file, const char **arn,
                      const char **session_name) {
    *token_file = tt_aws_variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    *arn = tt_aws_variable("AWS_ROLE_ARN");
    *session_name = tt_aws_variable("AWS_ROLE_SESSION_NAME");
    if (!*token_file)
        *token_file = look->role.token_file;
    if (!*arn)
        *arn = look->role.arn;
    if (!*session_name)
        *session_name =
            look->role.session_name[0] != '\0' ? look->role.session_name : USUAL_SESSION_NAME;
    return (*token_file)[0] != '\0';
}

static enum tt_look_step make_body(struct tt_look *look, const char *token_file, const char *arn,
                                   const char *session_name) {
    if (arn[0] == '\0')
        return tt_look_break(look, "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is set without "
                                   "AWS_ROLE_ARN");
    if (strlen(arn) >= TT_PROFILE_ROLE_SIZE || strlen(session_name) >= TT_PROFILE_SESSION_SIZE)
        return tt_look_break(look,
                             "web identity: AWS_ROLE_ARN has over %d bytes, or "
                             "AWS_ROLE_SESSION_NAME over %d",
                             TT_PROFILE_ROLE_SIZE - 1, TT_PROFILE_SESSION_SIZE - 1);
    char token[TOKEN_SIZE];
    char flaw[TT_KEYS_FLAW_SIZE];
    if (!tt_look_read_token(token_file, token, sizeof token, flaw) ||
        !tt_keys_check(token, sizeof token, flaw)) {
        OPENSSL_cleanse(token, sizeof token);
        return tt_look_break(look, "web identity: the token file %.150s %s", token_file, flaw);
    }
    look->body = malloc(BODY_SIZE);
    if (look->body) {
        append_pair(look, "Action", "AssumeRoleWithWebIdentity");
        append_pair(look, "Version", "2011-06-15");
        append_pair(look, "RoleArn", arn);
        append_pair(look, "RoleSessionName", session_name);
        append_pair(look, "WebIdentityToken", token);
    }
    OPENSSL_cleanse(token, sizeof token);
    return look->body ? TT_LOOK_WAITING : tt_look_break(look, "web identity: no memory");
}

enum tt_look_step tt_look_web_identity(struct tt_look *look) {
    const char *token_file, *arn, *session_name;
    if (!find_role(look, &token_file, &arn, &session_name))
        return tt_look_pass(look, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    char url[TT_LOOK_URL_SIZE];
    if (!find_sts(look, url))
        return TT_LOOK_BROKEN;
    enum tt_look_step step = make_body(look, token_file, arn, session_name);
    if (step != TT_LOOK_WAITING)
        return step;
    const struct tt_http_request request = {
        .method = "POST",
        .url = url,
        .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
        .header_count = 1,
        .body = look->body,
        .body_bytes = look->body_size,
        .body_fd = -1,
        .sink_fd = -1,
        .max_answer_bytes = TT_HTTP_ANSWER_KEPT_BYTES,
        .timeout_ms = TIMEOUT_MS,
        .ca_file = look->ca_file,
    };
    return tt_look_send(look, &request, take_answer);
}
