/* What an answer means. Its code and message are read and judged by one table of codes, then by the
 * status. What follows from a judgement is decided by the caller. */
#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/xml.h"
#include "tintype/aws.h"

/* Rules look at this much of the service's own message, before it is cut for people. */
#define RAW_MESSAGE_SIZE 1024

#define JSON_TYPE      "application/x-amz-json-"
#define REQUEST_ID_MAX 64
#define SKEW_MAX_MS    (4 * 60 * 1000) /* AWS takes five minutes, S3 fifteen */

/* The error response of a service, in its own words. */
struct error_response {
    char code[TT_AWS_CODE_SIZE];
    char message[RAW_MESSAGE_SIZE];
    char region[64]; /* where the bucket is */
};

/* ---- the table ---- */

#define ANY TT_AWS_SERVICE_COUNT

struct rule {
    enum tt_aws_service service;
    enum tt_err err;
    const char *code; /* a '*' at its end stands for any more */
    const char *mark; /* in the message, in any case of letters; NULL: whatever it says */
};

/* The first rule that fits holds. */
static const struct rule rules[] = {
    /* It is done already: a repeated step, or a group or stream that others have made. */
    {TT_AWS_DYNAMODB, TT_OK, "ConditionalCheckFailedException", NULL},
    {TT_AWS_LOGS, TT_OK, "ResourceAlreadyExistsException", NULL},
    {TT_AWS_LOGS, TT_OK, "DataAlreadyAcceptedException", NULL},

    /* Answers to GET; for DELETE they say that there is nothing left to do. */
    {TT_AWS_S3, TT_ERR_NOT_FOUND, "NoSuchKey", NULL},
    {TT_AWS_S3, TT_ERR_NOT_FOUND, "NoSuchVersion", NULL},

    /* Our clock is wrong. S3 has codes of its own for that, the others say it in the message. */
    {ANY, TT_ERR_CLOUD_CLOCK, "RequestTimeTooSkewed", NULL},
    {ANY, TT_ERR_CLOUD_CLOCK, "RequestExpired", NULL},
    {ANY, TT_ERR_CLOUD_CLOCK, "RequestInTheFuture", NULL},
    {ANY, TT_ERR_CLOUD_CLOCK, "InvalidSignatureException", "Signature expired"},
    {ANY, TT_ERR_CLOUD_CLOCK, "InvalidSignatureException", "Signature not yet current"},

    /* The request was signed for another region or service than the one that was asked. */
    {ANY, TT_ERR_CLOUD_SETUP, "InvalidSignatureException", "scoped to"},
    {ANY, TT_ERR_CLOUD_SETUP, "SignatureDoesNotMatch", "scoped to"},

    /* Requests come too fast. S3 says ServiceUnavailable where it asks for a lower rate; from the
     * others that code is a failure. A quota of log groups has nothing to do with speed. */
    {TT_AWS_S3, TT_ERR_CLOUD_THROTTLED, "SlowDown*", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_THROTTLED, "ServiceUnavailable", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_THROTTLED, "KMS.Throttl*", NULL},
    {TT_AWS_LOGS, TT_ERR_CLOUD_SETUP, "LimitExceededException", NULL},
    {ANY, TT_ERR_CLOUD_THROTTLED, "Throttl*", NULL},
    {ANY, TT_ERR_CLOUD_THROTTLED, "RequestThrottled*", NULL},
    {ANY, TT_ERR_CLOUD_THROTTLED, "ProvisionedThroughputExceeded*", NULL},
    {ANY, TT_ERR_CLOUD_THROTTLED, "RequestLimitExceeded*", NULL},
    {ANY, TT_ERR_CLOUD_THROTTLED, "LimitExceeded*", NULL},
    {ANY, TT_ERR_CLOUD_THROTTLED, "BandwidthLimitExceeded*", NULL},
    {ANY, TT_ERR_CLOUD_THROTTLED, "TooManyRequests*", NULL},

    /* The keys are wrong, have expired, or may not do this. */
    {ANY, TT_ERR_CLOUD_KEYS, "SignatureDoesNotMatch", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "InvalidSignature*", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "IncompleteSignature*", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "MissingAuthenticationToken*", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "InvalidAccessKeyId", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "UnrecognizedClientException", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "InvalidClientTokenId", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "ExpiredToken*", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "InvalidToken*", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "TokenRefreshRequired", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "AccessDenied*", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "AllAccessDisabled", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "AccountProblem", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "NotSignedUp", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "OptInRequired*", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "SubscriptionRequired*", NULL},
    {ANY, TT_ERR_CLOUD_KEYS, "InvalidSecurity", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_KEYS, "KMS.AccessDenied*", NULL},

    /* The service failed, or what was sent did not all arrive. */
    {ANY, TT_ERR_CLOUD_FAILED, "Internal*", NULL},
    {ANY, TT_ERR_CLOUD_FAILED, "ServiceUnavailable*", NULL},
    {ANY, TT_ERR_CLOUD_FAILED, "ServiceFailure", NULL},
    {ANY, TT_ERR_CLOUD_FAILED, "RequestTimeout*", NULL},
    {ANY, TT_ERR_CLOUD_FAILED, "OperationAborted*", NULL},
    {ANY, TT_ERR_CLOUD_FAILED, "IncompleteBody", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_FAILED, "XAmzContentSHA256Mismatch", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_FAILED, "BadDigest", NULL},
    {ANY, TT_ERR_CLOUD_FAILED, "TransactionConflictException", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_FAILED, "KMS.KMSInternal*", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_FAILED, "KMS.KeyUnavailable*", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_FAILED, "KMS.DependencyTimeout*", NULL},

    /* What the configuration names is missing, elsewhere, or not to be used so. */
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "NoSuchBucket", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "InvalidBucketName", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "PermanentRedirect", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "TemporaryRedirect", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "Redirect", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "AuthorizationHeaderMalformed", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "IllegalLocationConstraintException", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "InvalidEncryptionAlgorithmError", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "KMS.*", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "MethodNotAllowed", NULL}, /* a website endpoint, say */
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "NotImplemented", NULL},
    {ANY, TT_ERR_CLOUD_SETUP, "ResourceNotFoundException", NULL},
    {ANY, TT_ERR_CLOUD_SETUP, "UnknownOperationException", NULL},

    /* Gateways that speak S3 say these when they are full, and room can be made. */
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "QuotaExceeded", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "XMinioAdminBucketQuotaExceeded", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_SETUP, "XMinioStorageFull", NULL},

    /* This object alone is refused: it is too large, or it was archived, and GET would have to wait
     * for a restore. */
    {TT_AWS_S3, TT_ERR_CLOUD_OBJECT, "EntityTooLarge", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_OBJECT, "KeyTooLongError", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_OBJECT, "InvalidDigest", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_OBJECT, "MetadataTooLarge", NULL},
    {TT_AWS_S3, TT_ERR_CLOUD_OBJECT, "InvalidObjectState", NULL},

    /* DynamoDB has one code for an item that it does not take, for a table or index whose keys are
     * not those that every item has, and for a name that no table can have. */
    {TT_AWS_DYNAMODB, TT_ERR_CLOUD_SETUP, "ValidationException", "does not match the schema"},
    {TT_AWS_DYNAMODB, TT_ERR_CLOUD_SETUP, "ValidationException", "Missing the key"},
    {TT_AWS_DYNAMODB, TT_ERR_CLOUD_SETUP, "ValidationException", "Type mismatch for"},
    {TT_AWS_DYNAMODB, TT_ERR_CLOUD_SETUP, "ValidationException", "tableName"},
    {TT_AWS_DYNAMODB, TT_ERR_CLOUD_SETUP, "ValidationException", "table name"},
    {TT_AWS_DYNAMODB, TT_ERR_CLOUD_SETUP, "ValidationException", "table/index name"},
    {TT_AWS_DYNAMODB, TT_ERR_CLOUD_OBJECT, "ValidationException", NULL},

    /* CloudWatch Logs has one code for a name that no group or stream can have, and for this batch.
     * */
    {TT_AWS_LOGS, TT_ERR_CLOUD_SETUP, "InvalidParameterException", "logGroupName"},
    {TT_AWS_LOGS, TT_ERR_CLOUD_SETUP, "InvalidParameterException", "logStreamName"},
    {TT_AWS_LOGS, TT_ERR_CLOUD_OBJECT, "InvalidParameterException", NULL},
};

/* What a status means where no code is known. All others are failures that are tried again, as an
 * object is given up only for an answer that is understood. */
static const struct {
    int first, last;
    enum tt_err err;
} statuses[] = {
    {300, 399, TT_ERR_CLOUD_SETUP},     {401, 401, TT_ERR_CLOUD_KEYS},
    {403, 403, TT_ERR_CLOUD_KEYS},      {404, 405, TT_ERR_CLOUD_SETUP},
    {407, 407, TT_ERR_CLOUD_SETUP},     {413, 413, TT_ERR_CLOUD_OBJECT},
    {429, 429, TT_ERR_CLOUD_THROTTLED}, {501, 501, TT_ERR_CLOUD_SETUP},
    {503, 503, TT_ERR_CLOUD_THROTTLED}, {507, 507, TT_ERR_CLOUD_SETUP},
};

/* Whether the signature was refused. A 403 without a code may mean that as well, as the answer to
 * HEAD has no body. */
static bool is_signature_refusal(const struct error_response *response, int status) {
    return strcmp(response->code, "SignatureDoesNotMatch") == 0 ||
           strcmp(response->code, "InvalidSignatureException") == 0 ||
           (response->code[0] == '\0' && status == 403);
}

static bool is_code(const char *pattern, const char *code) {
    size_t length = strlen(pattern);
    if (pattern[length - 1] == '*')
        return strncmp(pattern, code, length - 1) == 0;
    return strcmp(pattern, code) == 0;
}

static enum tt_err judge(enum tt_aws_service service, const struct error_response *response,
                         int status) {
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if ((rules[i].service == ANY || rules[i].service == service) &&
            is_code(rules[i].code, response->code) &&
            (!rules[i].mark || strcasestr(response->message, rules[i].mark)))
            return rules[i].err;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (status >= statuses[i].first && status <= statuses[i].last)
            return statuses[i].err;
    return TT_ERR_CLOUD_FAILED;
}

/* ---- S3: <Error><Code>...</Code><Message>...</Message>...</Error> ---- */

/* The text of the first element of that name, "" when there is none, cut to size. A character
 * beyond ASCII is a '?', and an answer may be cut short anywhere: people read this, no program. */
static void read_element(const char *body, const char *name, char *text, size_t size) {
    const char *end = body + strlen(body);
    const char *to;
    const char *next = tt_xml_find_element(body, end, name, &to);
    size_t length = 0;
    while (next && next < end && *next != '<' && length + 1 < size) {
        uint32_t point = (unsigned char)*next;
        size_t taken = *next == '&' ? tt_xml_read_reference(next, (size_t)(end - next), &point) : 0;
        bool is_plain_byte = taken == 0 || (point > 0 && point < 0x7F);
        text[length++] = is_plain_byte ? (char)point : '?';
        next += taken > 0 ? taken : 1;
    }
    text[length] = '\0';
}

static void read_xml(struct error_response *response, const char *body) {
    const char *error = strstr(body, "<Error");
    if (!error)
        return;
    read_element(error, "Code", response->code, sizeof response->code);
    read_element(error, "Message", response->message, sizeof response->message);
    read_element(error, "Region", response->region, sizeof response->region);
}

/* ---- the others: {"__type": "prefix#Code", "message": "..."} ---- */

static const char *find_string(const json_t *root, const char *name) {
    const char *text = json_string_value(json_object_get(root, name));
    return text ? text : "";
}

/* Takes code and message. False for what is no JSON object. */
static bool read_json(struct error_response *response, const struct tt_http_answer *answer) {
    json_t *root = json_loadb(answer->body, answer->body_bytes, 0, NULL);
    bool is_object = json_is_object(root);
    const char *type = find_string(root, "__type");
    const char *hash = strrchr(type, '#');
    const char *code = hash ? hash + 1 : type;
    const char *message = find_string(root, "message");
    if (message[0] == '\0')
        message = find_string(root, "Message");
    snprintf(response->code, sizeof response->code, "%.*s", (int)strcspn(code, ":"), code);
    snprintf(response->message, sizeof response->message, "%s", message);
    json_decref(root);
    return is_object;
}

/* ---- an answer that says OK ---- */

/* The document's first tag, behind its XML declaration. */
static const char *find_first_tag(const char *body) {
    while (isspace((unsigned char)*body))
        body++;
    if (strncmp(body, "<?xml", 5) == 0) {
        const char *tag = strchr(body + 1, '<');
        body = tag ? tag : "";
    }
    return body;
}

/* S3 may fail after it said 200 (Amazon S3 API Reference, "CopyObject"). A portal that wants a
 * sign-in, or a wrong endpoint, says 200 to anything, but not in AWS's own media type (Smithy, "AWS
 * JSON 1.0 protocol"). DynamoDB always says something, if only {}; CloudWatch Logs says nothing
 * where it has made a group or stream. */
static bool is_false_success(struct error_response *response, enum tt_aws_service service,
                             const struct tt_http_answer *answer) {
    if (service == TT_AWS_LOGS && answer->body_bytes == 0)
        return false;
    if (service != TT_AWS_S3)
        return !read_json(response, answer) ||
               strncasecmp(answer->content_type, JSON_TYPE, strlen(JSON_TYPE)) != 0;
    const char *tag = find_first_tag(answer->body);
    if (strncmp(tag, "<Error", 6) != 0)
        return strncasecmp(tag, "<html", 5) == 0 || strncasecmp(tag, "<!doctype html", 14) == 0;
    read_xml(response, tag);
    return true;
}

/* ---- the message for people ---- */

/* Services that refuse a signature repeat what was signed, and some gateways repeat the header
 * itself: the message is cut before either. */
static void cut_secrets(char *text) {
    static const char *const marks[] = {
        "AWS4-HMAC-SHA256", "Canonical",  "String-to-Sign",      "StringToSign",
        "Credential=",      "Signature=", "X-Amz-Security-Token"};
    char *found;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if ((found = strcasestr(text, marks[i])))
            *found = '\0';
}

/* Access key ids are replaced by asterisks, with what stands right behind them. They begin with
 * "AKIA" or "ASIA" (IAM User Guide, "IAM identifiers") and have at least twelve characters more. */
static void mask_key_ids(char *text) {
    while (*text != '\0') {
        size_t length = 0;
        if (strncmp(text, "AKIA", 4) == 0 || strncmp(text, "ASIA", 4) == 0)
            length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
        if (length >= 16)
            memset(text, '*', length);
        text += length >= 16 ? length : 1;
    }
}

/* Leaves the first line of text, printable and without secrets. */
static void clean(char *text) {
    char *start = text + strspn(text, " \t\r\n");
    memmove(text, start, strlen(start) + 1);
    text[strcspn(text, "\r\n")] = '\0';
    for (char *c = text; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    cut_secrets(text);
    mask_key_ids(text);
    for (size_t length = strlen(text); length > 0 && text[length - 1] == ' '; length--)
        text[length - 1] = '\0';
}

static bool is_plain(const char *text) {
    size_t length =
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/");
    return length > 0 && text[length] == '\0';
}

/* Writes what is added to the service's own words. */
static void format_suffix(char *suffix, size_t size, const struct tt_aws_outcome *outcome,
                          const struct error_response *response,
                          const struct tt_http_answer *answer) {
    const char *region = answer->region[0] != '\0' ? answer->region : response->region;
    int length = 0;
    suffix[0] = '\0';
    if (outcome->err == TT_ERR_CLOUD_SETUP && is_plain(region))
        length = snprintf(suffix, size, "; the bucket is in %s", region);
    if (is_plain(answer->request_id) && strlen(answer->request_id) <= REQUEST_ID_MAX)
        snprintf(suffix + length, size - (size_t)length, " (request %s)", answer->request_id);
}

static void append_cut(char *text, size_t size, const char *more) {
    size_t length = strlen(text);
    size_t more_length = strnlen(more, size - 1 - length);
    memcpy(text + length, more, more_length);
    text[length + more_length] = '\0';
}

/* "Code: message; the bucket is in eu-west-1 (request 4442587FB7D0A2F9)". Where all of it has no
 * room, the service's own words are cut. */
static void format_message(struct tt_aws_outcome *outcome, struct error_response *response,
                           const struct tt_http_answer *answer) {
    char suffix[sizeof "; the bucket is in  (request )" + sizeof response->region + REQUEST_ID_MAX];
    format_suffix(suffix, sizeof suffix, outcome, response, answer);
    size_t words_size = sizeof outcome->message - strlen(suffix);
    if (outcome->code[0] != '\0') {
        append_cut(outcome->message, words_size, outcome->code);
        append_cut(outcome->message, words_size, ": ");
    }
    clean(response->message);
    if (response->message[0] == '\0')
        snprintf(response->message, sizeof response->message, "HTTP status %d", outcome->status);
    append_cut(outcome->message, words_size, response->message);
    append_cut(outcome->message, sizeof outcome->message, suffix);
    mask_key_ids(
        outcome->message); /* what was added to the service's words may have some as well */
}

/* ---- all of it ---- */

static bool is_skewed(const struct tt_http_answer *answer, int64_t now_ms) {
    return answer->date_ms != 0 && llabs(answer->date_ms - now_ms) > SKEW_MAX_MS;
}

void tt_aws_answer_judge(struct tt_aws_outcome *outcome, enum tt_aws_service service,
                         const struct tt_http_answer *answer, int64_t now_ms) {
    struct error_response response = {0};
    *outcome = (struct tt_aws_outcome){.err = answer->err,
                                       .status = answer->status,
                                       .date_ms = answer->date_ms,
                                       .retry_after_ms = answer->retry_after_ms};
    if (answer->err != TT_OK) {
        append_cut(outcome->message, sizeof outcome->message, answer->cause);
        clean(outcome->message);
        return;
    }
    if (answer->status >= 200 && answer->status <= 299) {
        if (!is_false_success(&response, service, answer))
            return;
        outcome->err = TT_ERR_CLOUD_FAILED;
    } else {
        if (service == TT_AWS_S3)
            read_xml(&response, answer->body);
        else
            read_json(&response, answer);
        outcome->err = judge(service, &response, answer->status);
        if (is_signature_refusal(&response, answer->status) && is_skewed(answer, now_ms))
            outcome->err = TT_ERR_CLOUD_CLOCK;
    }
    clean(response.code);
    memcpy(outcome->code, response.code, sizeof outcome->code);
    format_message(outcome, &response, answer);
}
