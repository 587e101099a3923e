/* AWS: where a service is, who asks, a signed request, and what its answer means. The services'
 * own calls are in s3.h, dynamodb.h and logs.h; sending is http.h's. */
#ifndef TINTYPE_AWS_H
#define TINTYPE_AWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tintype/arena.h"
#include "tintype/config.h"
#include "tintype/err.h"
#include "tintype/http.h"

enum tt_aws_service { TT_AWS_S3, TT_AWS_DYNAMODB, TT_AWS_LOGS, TT_AWS_SERVICE_COUNT };

/* "S3", "DynamoDB", "CloudWatch Logs": for the log. */
const char *tt_aws_service_name(enum tt_aws_service service);

/* ---- where: src/aws/endpoint.c ---- */

struct tt_aws_endpoint {
    enum tt_aws_service service;
    char scheme[8];  /* "https" */
    char host[256];  /* with its port where that is not the scheme's own: the Host header */
    char path[256];  /* of an endpoint below a path, "/x" without a slash at its end; else "" */
    char region[64]; /* "eu-central-1" */
    bool path_style; /* of S3: the bucket is in the path, not in the host's name */
    char ca_file[TT_CONFIG_TEXT_MAX]; /* PEM; "" for the system's certificates */
};

/* Finds a service from configuration, environment and profile, each of which beats the next.
 *
 * endpoint: <section>.endpoint, AWS_ENDPOINT_URL_S3 | _DYNAMODB | _CLOUDWATCH_LOGS,
 * AWS_ENDPOINT_URL, then the service's public address in the region (below amazonaws.com.cn for
 * cn-*).
 *
 * region: <section>.region, AWS_REGION, AWS_DEFAULT_REGION, "region" of the profile (AWS_PROFILE in
 * AWS_CONFIG_FILE or ~/.aws/config), then us-east-1 for a configured endpoint; else it is refused.
 *
 * ca_file: s3.ca_file (for all services), AWS_CA_BUNDLE.
 *
 * S3 uses path style where s3.path_style asks for it, or, where that is "auto", with a configured
 * endpoint and with a bucket whose name has a dot. With virtual-host style, host gets the bucket's
 * name before it.
 *
 * TT_ERR_CONFIG, noted with what to set. */
enum tt_err tt_aws_endpoint_find(struct tt_aws_endpoint *endpoint, enum tt_aws_service service,
                                 const struct tt_config *config);

/* ---- who: src/aws/credentials.c, profile.c ---- */

#define TT_AWS_ACCESS_KEY_SIZE 129
#define TT_AWS_SECRET_KEY_SIZE 257 /* TT_SIGV4_SECRET_MAX_BYTES and the NUL */
#define TT_AWS_TOKEN_SIZE      8193

struct tt_aws_keys {
    char access_key_id[TT_AWS_ACCESS_KEY_SIZE];
    char secret_access_key[TT_AWS_SECRET_KEY_SIZE];
    char session_token[TT_AWS_TOKEN_SIZE]; /* "" when none */
    int64_t expires_at_ms;                 /* Unix milliseconds; 0 for keys that do not expire */
};

/* Keys come from the first source of this chain that is set up: environment (AWS_ACCESS_KEY_ID,
 * ...) → shared credentials and config files with AWS_PROFILE → web identity
 * (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN; STS) → container (AWS_CONTAINER_CREDENTIALS_FULL_URI
 * or _RELATIVE_URI) → instance metadata (IMDSv2, unless AWS_EC2_METADATA_DISABLED). Sources that
 * are asked over HTTP are asked by requests of http, and never hold up its others. */
struct tt_aws_credentials;

/* http is borrowed, and must be freed later than the credentials. endpoint is that of S3: its
 * region and ca_file serve STS as well, whose address AWS_ENDPOINT_URL_STS (then AWS_ENDPOINT_URL)
 * may change; it is copied. NULL with TT_ERR_NO_MEMORY noted. */
struct tt_aws_credentials *tt_aws_credentials_new(struct tt_http *http,
                                                  const struct tt_aws_endpoint *endpoint);
/* Wipes all keys. NULL is allowed. After this http may be freed, but not run: answers to requests
 * in flight would go to freed memory. */
void tt_aws_credentials_free(struct tt_aws_credentials *credentials);

/* Gives the keys at hand, for use until the next call of any function here. Keys that expire within
 * five minutes are looked for anew in the background while they still serve. TT_ERR_BUSY, with
 * nothing noted: a look is under way, so ask again after a tt_http_run. TT_ERR_CLOUD_KEYS: no
 * source has any, noted with what was tried; the next call begins the next look, so callers back
 * off. */
enum tt_err tt_aws_credentials_get(struct tt_aws_credentials *credentials, int64_t now_ms,
                                   const struct tt_aws_keys **keys);

/* Forgets the keys, as a service refused them. The next get looks for others along the whole chain,
 * files included. */
void tt_aws_credentials_forget(struct tt_aws_credentials *credentials);

/* ---- which files: src/aws/files.c ---- */

#define TT_AWS_FILES_MAX 6

struct tt_aws_file {
    char path[TT_CONFIG_PATH_MAX];
    bool is_certificate; /* of authorities to trust; else it has keys or a token */
};

struct tt_aws_files {
    struct tt_aws_file rows[TT_AWS_FILES_MAX];
    int count;
};

/* Finds the files that the endpoints and the credentials above are read from, as configuration,
 * environment and profile name them at this moment. They may be missing. */
void tt_aws_files_find(struct tt_aws_files *files, const struct tt_config *config);

/* ---- a signed request: src/aws/call.c ---- */

/* Who signs what, and when. */
struct tt_aws_signer {
    const struct tt_aws_endpoint *endpoint;
    const struct tt_aws_keys *keys;
    int64_t time_ms; /* Unix, clock skew corrected */
};

struct tt_aws_call {
    const char *method;
    const char *path; /* absolute, not encoded, below the endpoint's own path: "/bucket/a b.png" */
    const struct tt_http_header *query; /* pairs, not encoded; NULL for none */
    size_t query_count;
    const struct tt_http_header *headers; /* all are signed; host, x-amz-date and token are added */
    size_t header_count;
    const char *payload_sha256; /* lower-case hexadecimal */
};

/* Signs call and fills all of *request, without a body and with TT_HTTP_ANSWER_KEPT_BYTES for the
 * answer. Its text lies in the arena, but for the method, which is call's, and ca_file, which is
 * the endpoint's. TT_ERR_NO_MEMORY; TT_ERR_INTERNAL for a call that cannot be signed. */
enum tt_err tt_aws_call_sign(struct tt_http_request *request, struct tt_arena *arena,
                             const struct tt_aws_signer *signer, const struct tt_aws_call *call);

/* ---- what an answer means: src/aws/answer.c ---- */

#define TT_AWS_CODE_SIZE    96
#define TT_AWS_MESSAGE_SIZE 256

struct tt_aws_outcome {
    /* TT_OK, or by what can be done about it (see the error table's retry class):
     * TT_ERR_NOT_FOUND        S3 has no such object: an answer to GET, and to DELETE by services
     *                         that do not say 204 (HEAD, without a body, gives CLOUD_SETUP)
     * TT_ERR_CLOUD_OBJECT     about this object or item alone, never to change (NEVER)
     * TT_ERR_CLOUD_THROTTLED  too fast (SOON)
     * TT_ERR_CLOUD_FAILED     the service failed on this request (SOON)
     * TT_ERR_CLOUD_AWAY       not to be reached (LATER)
     * TT_ERR_CLOUD_KEYS       keys missing, wrong, expired, or not allowed this call (LATER)
     * TT_ERR_CLOUD_SETUP      bucket, table or log group missing, wrong region (LATER)
     * TT_ERR_CLOUD_CLOCK      our clock and theirs disagree: date_ms is theirs (LATER)
     * and TT_ERR_STORAGE, TT_ERR_SPOOL_FULL of the descriptors. */
    enum tt_err err;
    int status;                  /* HTTP; 0 when there was no answer */
    char code[TT_AWS_CODE_SIZE]; /* the service's own, "NoSuchBucket"; "" when none */
    /* One line of ASCII for people, without secrets: "NoSuchBucket: ... (request
     * 4442587FB7D0A2F9)". It is "" for a 2xx. */
    char message[TT_AWS_MESSAGE_SIZE];
    int64_t date_ms;
    int64_t retry_after_ms;
};

/* Reads code and message of an error (XML of S3, JSON of the others) and judges it by one table of
 * codes, then by its status. A 2xx that no such service would answer (an <Error> or a web page of
 * S3, no JSON of the others, nothing at all of DynamoDB) is TT_ERR_CLOUD_FAILED. now_ms is the time
 * that was signed: when a server whose Date is over four minutes off refuses the signature, that is
 * TT_ERR_CLOUD_CLOCK. */
void tt_aws_answer_judge(struct tt_aws_outcome *outcome, enum tt_aws_service service,
                         const struct tt_http_answer *answer, int64_t now_ms);

#endif
