/* libFuzzer on what keys are read from: shared files with profiles, and the answers of STS, of
 * containers and of instance metadata.
 *
 * The first byte picks the source (low 2 bits), and whether a profile is named (bit 2). The rest is
 * cut at NUL bytes: two files, or one answer after the other, of which the first byte tells the
 * status. */
#include "fuzz.h"

#include "../unit/fake_http.h"

#include "../unit/aws_environment.h"
#include "tintype/aws.h"
#include "tintype/log.h"

#define NOW_MS    INT64_C(1795503000000) /* 2026-11-24T06:50:00Z */
#define PARTS_MAX 4

enum source { SOURCE_PROFILE, SOURCE_WEB_IDENTITY, SOURCE_CONTAINER, SOURCE_INSTANCE };

static void set_variable(const char *name, const char *value) {
    CHECK(setenv(name, value, 1) == 0);
}

static void set_file(const char *variable, int fd) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    set_variable(variable, path);
}

/* The variables of one source, and none of the others. */
static void set_source(enum source source, bool is_named, const int fds[PARTS_MAX]) {
    clear_aws_variables();
    set_variable("HOME", "/nonexistent");
    if (is_named)
        set_variable("AWS_PROFILE", "named");
    if (source == SOURCE_PROFILE || is_named) {
        set_file("AWS_SHARED_CREDENTIALS_FILE", fds[0]);
        set_file("AWS_CONFIG_FILE", fds[1]);
    }
    if (source == SOURCE_WEB_IDENTITY) {
        set_file("AWS_WEB_IDENTITY_TOKEN_FILE", fds[0]);
        set_variable("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/a");
    } else if (source == SOURCE_CONTAINER) {
        set_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/keys");
    }
    if (source != SOURCE_INSTANCE)
        set_variable("AWS_EC2_METADATA_DISABLED", "true");
}

static void check_key(const char *text, size_t size) {
    CHECK(memchr(text, '\0', size));
    for (; *text != '\0'; text++)
        CHECK(*text > ' ' && *text <= '~');
}

/* Answers what is asked with one part after the other, and at last with none. */
static void look(char *const parts[PARTS_MAX]) {
    static const struct tt_aws_endpoint s3 = {.region = "eu-central-1"};
    struct tt_http *http = tt_http_new(1);
    struct tt_aws_credentials *credentials = tt_aws_credentials_new(http, &s3);
    const struct tt_aws_keys *keys = NULL;
    CHECK(credentials);
    enum tt_err err = tt_aws_credentials_get(credentials, NOW_MS, &keys);
    for (int i = 0; err == TT_ERR_BUSY; i++) {
        const char *part = i < PARTS_MAX ? parts[i] : "";
        CHECK(i <= PARTS_MAX && sent_count == i + 1);
        answer_with(i, (struct tt_http_answer){.status = part[0] == '4' ? 404 : 200,
                                               .body = part[0] != '\0' ? part + 1 : ""});
        err = tt_aws_credentials_get(credentials, NOW_MS, &keys);
    }
    CHECK(err == TT_OK || err == TT_ERR_CLOUD_KEYS);
    CHECK((err == TT_OK) == (keys != NULL));
    if (keys) {
        check_key(keys->access_key_id, sizeof keys->access_key_id);
        check_key(keys->secret_access_key, sizeof keys->secret_access_key);
        check_key(keys->session_token, sizeof keys->session_token);
        CHECK(keys->access_key_id[0] != '\0' && keys->secret_access_key[0] != '\0');
        CHECK(keys->expires_at_ms == 0 || keys->expires_at_ms > NOW_MS);
    }
    tt_aws_credentials_free(credentials);
    tt_http_free(http);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *parts[PARTS_MAX];
    int fds[PARTS_MAX];
    if (size < 1)
        return 0;
    uint8_t kind = data[0];
    data++;
    size--;
    for (int i = 0; i < PARTS_MAX; i++) {
        size_t length = strnlen((const char *)data, size);
        parts[i] = fuzz_text(data, length);
        fds[i] = fuzz_file(data, length);
        length += length < size;
        data += length;
        size -= length;
    }
    tt_log_open("fuzz_keys", TT_LOG_ERROR);
    tt_err_take(TT_OK);
    set_source((enum source)(kind & 3), (kind & 4) != 0, fds);
    look(parts);
    for (int i = 0; i < PARTS_MAX; i++) {
        free(parts[i]);
        close(fds[i]);
    }
    return 0;
}
