/* libFuzzer on what the cloud answers: lines of the head, and what S3, DynamoDB and CloudWatch Logs
 * say.
 *
 * The first byte picks the service (modulo 3) and the second the status; lines follow up to an
 * empty one, and then the body. */
#include "fuzz.h"

#include <ctype.h>
#include <regex.h>

#include "aws/http_text.h"
#include "tintype/aws.h"
#include "tintype/logs.h"

#define NOW_MS     INT64_C(1795503000000) /* 2026-11-24T06:50:00Z */
#define EVENTS_MAX 7

/* Takes the lines of the head, and returns where the body begins. */
static char *take_head(struct tt_http_answer *answer, char *text) {
    int64_t retry_at_ms = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        char *next = text + length + (text[length] == '\n');
        if (length == 0)
            break;
        tt_http_line_take(answer, &retry_at_ms, text, length);
        text = next;
    }
    tt_http_retry_settle(answer, retry_at_ms);
    return text;
}

static void check_text(const char *text) {
    static regex_t key_id;
    static int is_ready;
    if (!is_ready)
        CHECK(regcomp(&key_id, "A[KS]IA[A-Z0-9]{12}", REG_EXTENDED | REG_NOSUB) == 0);
    is_ready = 1;
    for (const char *c = text; *c != '\0'; c++)
        CHECK(*c >= ' ' && *c <= '~');
    CHECK(regexec(&key_id, text, 0, NULL, 0) == REG_NOMATCH);
}

static void judge(enum tt_aws_service service, const struct tt_http_answer *answer) {
    struct tt_aws_outcome outcome;
    tt_aws_answer_judge(&outcome, service, answer, NOW_MS);
    CHECK(memchr(outcome.code, '\0', sizeof outcome.code));
    CHECK(memchr(outcome.message, '\0', sizeof outcome.message));
    check_text(outcome.message);
    CHECK(outcome.err == TT_OK || outcome.err == TT_ERR_NOT_FOUND ||
          outcome.err == TT_ERR_CLOUD_OBJECT || outcome.err == TT_ERR_CLOUD_THROTTLED ||
          outcome.err == TT_ERR_CLOUD_FAILED || outcome.err == TT_ERR_CLOUD_KEYS ||
          outcome.err == TT_ERR_CLOUD_SETUP || outcome.err == TT_ERR_CLOUD_CLOCK);
    CHECK(answer->status < 200 || answer->status > 299 || outcome.err == TT_OK ||
          outcome.err == TT_ERR_CLOUD_FAILED);
    CHECK(tt_logs_rejected(answer, EVENTS_MAX) <= EVENTS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int statuses[] = {200, 204, 301, 307, 400, 403, 404, 413, 429, 500, 503, 507};
    if (size < 2)
        return 0;
    char *text = fuzz_text(data + 2, size - 2);
    struct tt_http_answer answer = {0};
    answer.body = take_head(&answer, text);
    answer.body_bytes = size - 2 - (size_t)(answer.body - text);
    if (answer.body_bytes > 0 && *answer.body == '\n') {
        answer.body++;
        answer.body_bytes--;
    }
    answer.status = statuses[data[1] % (sizeof statuses / sizeof *statuses)];
    CHECK(answer.retry_after_ms >= 0 && answer.retry_after_ms <= TT_HTTP_RETRY_AFTER_MAX_MS);
    judge((enum tt_aws_service)(data[0] % TT_AWS_SERVICE_COUNT), &answer);
    free(text);
    return 0;
}
