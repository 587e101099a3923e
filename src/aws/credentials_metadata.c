/* Keys that a service beside this machine gives. The container's agent is at an address that the
 * environment names (AWS SDKs and Tools Reference Guide, "Container credential provider"). EC2's
 * instance metadata, of which only version 2 is spoken (EC2 User Guide, "Use the Instance Metadata
 * Service"), is asked for a token first, then for the name of the role, then for its keys. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aws/credentials_look.h"

#define CONTAINER_TIMEOUT_MS 2000
#define INSTANCE_TIMEOUT_MS  1000 /* short, as away from EC2 mostly nobody answers */
#define TOKEN_TTL_SECONDS    "300"
#define ROLE_NAME_SIZE       129
#define CONTAINER_HOST       "http://169.254.170.2"
#define INSTANCE_URL         "http://169.254.169.254"
#define INSTANCE_IPV6_URL    "http://[fd00:ec2::254]"
#define ROLES_PATH           "/latest/meta-data/iam/security-credentials/"

static enum tt_look_step send_request(struct tt_look *look, const char *method, const char *url,
                                      const struct tt_http_header *header, int64_t timeout_ms,
                                      tt_look_next *next) {
    struct tt_http_request request = {
        .method = method,
        .url = url,
        .body_fd = -1,
        .sink_fd = -1,
        .max_answer_bytes = TT_HTTP_ANSWER_KEPT_BYTES,
        .timeout_ms = timeout_ms,
        .ca_file = look->ca_file,
    };
    if (header)
        request.headers[request.header_count++] = *header;
    return tt_look_send(look, &request, next);
}

/* ---- container ---- */

/* Whether keys may be asked for in clear there: at this machine, and at the agents of ECS and EKS
 * on it. */
static bool is_trusted_host(const char *name) {
    static const char *const agents[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23"};
    struct in_addr ipv4;
    bool is_ipv4 = inet_pton(AF_INET, name, &ipv4) == 1;
    struct in6_addr ipv6;
    bool is_ipv6 = !is_ipv4 && inet_pton(AF_INET6, name, &ipv6) == 1;
    if (strcmp(name, "localhost") == 0 || (is_ipv4 && ntohl(ipv4.s_addr) >> 24 == 127) ||
        (is_ipv6 && IN6_IS_ADDR_LOOPBACK(&ipv6)))
        return true;
    struct in6_addr agent_ipv6;
    struct in_addr agent_ipv4;
    for (size_t i = 0; i < sizeof agents / sizeof *agents; i++) {
        if (is_ipv4 && inet_pton(AF_INET, agents[i], &agent_ipv4) == 1 &&
            ipv4.s_addr == agent_ipv4.s_addr)
            return true;
        if (is_ipv6 && inet_pton(AF_INET6, agents[i], &agent_ipv6) == 1 &&
            IN6_ARE_ADDR_EQUAL(&ipv6, &agent_ipv6))
            return true;
    }
    return false;
}

/* Returns WAITING with the URL, BROKEN, or ABSENT when neither variable is set. */
static enum tt_look_step find_container_url(struct tt_look *look, char url[TT_LOOK_URL_SIZE]) {
    const char *relative = tt_aws_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = tt_aws_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *name =
        relative ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" : "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    if (!relative && !full)
        return tt_look_pass(look, "AWS_CONTAINER_CREDENTIALS_FULL_URI is not set");
    if (relative && relative[0] != '/')
        return tt_look_break(look, "container: %s does not begin with /", name);
    int length = snprintf(url, TT_LOOK_URL_SIZE, "%s%s", relative ? CONTAINER_HOST : "",
                          relative ? relative : full);
    if (length < 0 || length >= TT_LOOK_URL_SIZE)
        return tt_look_break(look, "container: %s has over %d bytes", name, TT_LOOK_URL_SIZE - 1);
    struct tt_url parsed;
    const char *flaw = tt_url_parse(&parsed, url);
    if (flaw)
        return tt_look_break(look, "container: %s %s", name, flaw);
    if (strcmp(parsed.scheme, "http") == 0 && !is_trusted_host(parsed.name))
        return tt_look_break(look,
                             "container: %s would send keys in clear to %.100s: use https, or a "
                             "host of this machine",
                             name, parsed.name);
    return TT_LOOK_WAITING;
}

/* Finds the authorization token. A file, which may be written anew while the service runs, beats
 * the variable. The token is "" when neither is set; it may have blanks ("Basic ..."), but nothing
 * that ends a header. */
static bool find_authorization(struct tt_look *look) {
    const char *path = tt_aws_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *text = tt_aws_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    look->token[0] = '\0';
    char flaw[TT_KEYS_FLAW_SIZE];
    if (path) {
        if (!tt_look_read_token(path, look->token, sizeof look->token, flaw)) {
            tt_look_break(look, "container: the token file %.150s %s", path, flaw);
            return false;
        }
    } else if (text) {
        if ((size_t)snprintf(look->token, sizeof look->token, "%s", text) >= sizeof look->token) {
            tt_look_break(look,
                          "container: AWS_CONTAINER_AUTHORIZATION_TOKEN has over %zu "
                          "bytes",
                          sizeof look->token - 1);
            return false;
        }
    }
    for (const char *c = look->token; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') {
            tt_look_break(look, "container: its authorization token has a control character, "
                                "or one beyond ASCII");
            return false;
        }
    }
    return true;
}

static enum tt_look_step take_container(struct tt_look *look, const struct tt_http_answer *answer) {
    if (answer->err != TT_OK)
        return tt_look_break(look, "container: %.200s", answer->cause);
    if (answer->status != 200)
        return tt_look_break(look, "container: its credentials' service answered %d",
                             answer->status);
    char flaw[TT_KEYS_FLAW_SIZE];
    if (!tt_answer_read_json(&look->keys, answer->body, answer->body_bytes, flaw))
        return tt_look_break(look, "container: the answer of its credentials' service %s", flaw);
    return TT_LOOK_FOUND;
}

enum tt_look_step tt_look_container(struct tt_look *look) {
    struct tt_http_header header = {"Authorization", look->token};
    char url[TT_LOOK_URL_SIZE];
    enum tt_look_step step = find_container_url(look, url);
    if (step != TT_LOOK_WAITING)
        return step;
    if (!find_authorization(look))
        return TT_LOOK_BROKEN;
    return send_request(look, "GET", url, look->token[0] != '\0' ? &header : NULL,
                        CONTAINER_TIMEOUT_MS, take_container);
}

/* ---- instance metadata ---- */

/* True for 200. All else passes on, as this is the last source of the chain, and whatever answers
 * may be no EC2 at all. */
static bool check_instance(struct tt_look *look, const struct tt_http_answer *answer,
                           const char *what) {
    if (answer->err != TT_OK)
        tt_look_pass(look, "instance metadata: %.120s", answer->cause);
    else if (answer->status != 200)
        tt_look_pass(look, "instance metadata answered %d when asked for %s", answer->status, what);
    return answer->err == TT_OK && answer->status == 200;
}

static enum tt_look_step ask_instance(struct tt_look *look, const char *role, tt_look_next *next) {
    struct tt_http_header header = {"X-aws-ec2-metadata-token", look->token};
    char url[TT_LOOK_URL_SIZE + sizeof ROLES_PATH + ROLE_NAME_SIZE];
    snprintf(url, sizeof url, "%s" ROLES_PATH "%s", look->base_url, role);
    return send_request(look, "GET", url, &header, INSTANCE_TIMEOUT_MS, next);
}

static enum tt_look_step take_instance_keys(struct tt_look *look,
                                            const struct tt_http_answer *answer) {
    if (!check_instance(look, answer, "keys"))
        return TT_LOOK_ABSENT;
    char flaw[TT_KEYS_FLAW_SIZE];
    if (!tt_answer_read_json(&look->keys, answer->body, answer->body_bytes, flaw))
        return tt_look_pass(look, "instance metadata: the answer with keys %s", flaw);
    look->may_be_expired = true;
    return TT_LOOK_FOUND;
}

/* An instance has one role, whose name is the first line. */
static enum tt_look_step take_role(struct tt_look *look, const struct tt_http_answer *answer) {
    /* A name has these characters alone (IAM API Reference, "RoleName"), which need no encoding in
     * a path. */
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+=,.@-";
    if (!check_instance(look, answer, "its role"))
        return TT_LOOK_ABSENT;
    size_t length = strspn(answer->body, letters);
    char role[ROLE_NAME_SIZE];
    if (length == 0 || length >= sizeof role ||
        (answer->body[length] != '\0' && answer->body[length] != '\n' &&
         answer->body[length] != '\r'))
        return tt_look_pass(look, "instance metadata names no role");
    memcpy(role, answer->body, length);
    role[length] = '\0';
    return ask_instance(look, role, take_instance_keys);
}

static enum tt_look_step take_token(struct tt_look *look, const struct tt_http_answer *answer) {
    if (!check_instance(look, answer, "a token"))
        return TT_LOOK_ABSENT;
    char flaw[TT_KEYS_FLAW_SIZE];
    if (!tt_keys_copy(look->token, sizeof look->token, answer->body, flaw))
        return tt_look_pass(look, "instance metadata: its token %s", flaw);
    return ask_instance(look, "", take_role);
}

static bool find_instance_url(struct tt_look *look) {
    const char *text = tt_aws_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = tt_aws_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    if (!text)
        text = mode && strcasecmp(mode, "ipv6") == 0 ? INSTANCE_IPV6_URL : INSTANCE_URL;
    struct tt_url parsed;
    char path[TT_URL_PATH_SIZE];
    const char *flaw = tt_url_parse_base(&parsed, path, text);
    if (flaw) {
        tt_look_break(look, "AWS_EC2_METADATA_SERVICE_ENDPOINT %s", flaw);
        return false;
    }
    snprintf(look->base_url, sizeof look->base_url, "%s://%s%s", parsed.scheme, parsed.host, path);
    return true;
}

enum tt_look_step tt_look_instance(struct tt_look *look) {
    static const struct tt_http_header ttl = {"X-aws-ec2-metadata-token-ttl-seconds",
                                              TOKEN_TTL_SECONDS};
    const char *disabled = tt_aws_variable("AWS_EC2_METADATA_DISABLED");
    if (disabled && strcasecmp(disabled, "true") == 0)
        return tt_look_pass(look, "AWS_EC2_METADATA_DISABLED is true");
    if (!find_instance_url(look))
        return TT_LOOK_BROKEN;
    char url[TT_LOOK_URL_SIZE + 32];
    snprintf(url, sizeof url, "%s/latest/api/token", look->base_url);
    return send_request(look, "PUT", url, &ttl, INSTANCE_TIMEOUT_MS, take_token);
}
