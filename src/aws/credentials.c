/* Keys: the walk along the chain of sources, and the keys that it found. Keys that expire are
 * looked for anew while they still serve. What the sources read and ask is in credentials_*.c. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials_look.h"
#include "tintype/log.h"

#define REFRESH_BEFORE_MS (5 * 60 * 1000)
#define REFRESH_EVERY_MS  (10 * 1000) /* after a refresh that failed */
#define EXPIRED_SERVE_MS  (10 * 60 * 1000)

static const struct source {
    const char *name;
    enum tt_look_step (*try)(struct tt_look *look);
} sources[] = {
    {"environment", tt_look_environment},    {"profile", tt_look_profile},
    {"web identity", tt_look_web_identity},  {"container", tt_look_container},
    {"instance metadata", tt_look_instance},
};
#define SOURCE_COUNT (sizeof sources / sizeof *sources)

enum look_state {
    LOOK_IDLE,
    LOOK_RUNNING,
    LOOK_FOUND,  /* look.keys wait to be taken over */
    LOOK_FAILED, /* look.text tells why */
};

struct tt_aws_credentials {
    struct tt_look look; /* the first member, so that walk_on can find the rest */
    enum look_state state;
    bool is_abandoned;  /* keys were forgotten while it ran, so what it finds is thrown away */
    size_t source;      /* the one that is being asked */
    int64_t started_ms; /* when the look began */
    bool has_keys;      /* keys are valid, but may have expired */
    struct tt_aws_keys keys;
};

/* ---- the walk ---- */

/* Wipes all that belongs to the look but its result. */
static void wipe_look(struct tt_look *look) {
    OPENSSL_cleanse(&look->role, sizeof look->role);
    OPENSSL_cleanse(look->token, sizeof look->token);
    OPENSSL_cleanse(look->base_url, sizeof look->base_url);
    if (look->body)
        OPENSSL_cleanse(look->body, look->body_size);
    free(look->body);
    look->body = NULL;
    look->body_size = 0;
}

static void drop_result(struct tt_aws_credentials *self) {
    OPENSSL_cleanse(&self->look.keys, sizeof self->look.keys);
    self->look.text[0] = '\0';
    self->state = LOOK_IDLE;
}

/* Goes on from the step of the source that was asked last. */
static void walk(struct tt_aws_credentials *self, enum tt_look_step step) {
    while (step == TT_LOOK_ABSENT && ++self->source < SOURCE_COUNT)
        step = sources[self->source].try(&self->look);
    if (step == TT_LOOK_WAITING)
        return;
    wipe_look(&self->look);
    self->state = step == TT_LOOK_FOUND ? LOOK_FOUND : LOOK_FAILED;
    if (self->is_abandoned)
        drop_result(self);
    self->is_abandoned = false;
}

static void walk_on(struct tt_look *look, enum tt_look_step step) {
    walk((struct tt_aws_credentials *)look, step);
}

static void start_look(struct tt_aws_credentials *self, int64_t now_ms) {
    self->state = LOOK_RUNNING;
    self->started_ms = now_ms;
    self->look.may_be_expired = false;
    self->look.text[0] = '\0';
    self->source = 0;
    walk(self, sources[0].try(&self->look));
}

/* ---- what is kept ---- */

static bool is_expired(const struct tt_aws_keys *keys, int64_t now_ms) {
    return keys->expires_at_ms != 0 && now_ms >= keys->expires_at_ms;
}

/* Takes over what a look has found. Keys that came expired are a failure of their source. */
static void adopt(struct tt_aws_credentials *self, int64_t now_ms) {
    struct tt_aws_keys *found = &self->look.keys;
    if (is_expired(found, self->started_ms) && !self->look.may_be_expired) {
        tt_look_break(&self->look,
                      "%s gives keys that have expired already; or this machine's clock is "
                      "wrong",
                      sources[self->source].name);
        self->state = LOOK_FAILED;
        return;
    }
    if (is_expired(found, self->started_ms))
        found->expires_at_ms = now_ms + EXPIRED_SERVE_MS;
    memcpy(&self->keys, found, sizeof self->keys);
    self->has_keys = true;
    tt_log(TT_LOG_DEBUG, "AWS keys from %s", sources[self->source].name);
    drop_result(self);
}

static void drop_keys(struct tt_aws_credentials *self) {
    OPENSSL_cleanse(&self->keys, sizeof self->keys);
    self->has_keys = false;
}

static bool has_good_keys(struct tt_aws_credentials *self, int64_t now_ms) {
    if (self->has_keys && is_expired(&self->keys, now_ms))
        drop_keys(self);
    return self->has_keys;
}

static bool needs_refresh(const struct tt_aws_credentials *self, int64_t now_ms) {
    int64_t expires_ms = self->keys.expires_at_ms;
    return expires_ms != 0 && now_ms >= expires_ms - REFRESH_BEFORE_MS &&
           now_ms - self->started_ms >= REFRESH_EVERY_MS;
}

/* Takes over the result of a look that has ended since the last call. */
static void settle(struct tt_aws_credentials *self, int64_t now_ms) {
    if (self->state == LOOK_FOUND)
        adopt(self, now_ms);
    if (self->state == LOOK_FAILED && has_good_keys(self, now_ms)) {
        tt_log(TT_LOG_WARNING, "new AWS keys cannot be had, the old ones serve on: %s",
               self->look.text);
        drop_result(self);
    }
}

struct tt_aws_credentials *tt_aws_credentials_new(struct tt_http *http,
                                                  const struct tt_aws_endpoint *endpoint) {
    struct tt_aws_credentials *self = calloc(1, sizeof *self);
    if (!self) {
        tt_err_fail(TT_ERR_NO_MEMORY, "credentials: no memory");
        return NULL;
    }
    self->look.http = http;
    self->look.walk_on = walk_on;
    memcpy(self->look.region, endpoint->region, sizeof self->look.region);
    memcpy(self->look.ca_file, endpoint->ca_file, sizeof self->look.ca_file);
    return self;
}

void tt_aws_credentials_free(struct tt_aws_credentials *credentials) {
    if (!credentials)
        return;
    wipe_look(&credentials->look);
    OPENSSL_cleanse(credentials, sizeof *credentials);
    free(credentials);
}

enum tt_err tt_aws_credentials_get(struct tt_aws_credentials *credentials, int64_t now_ms,
                                   const struct tt_aws_keys **keys) {
    settle(credentials, now_ms);
    bool needs_look =
        has_good_keys(credentials, now_ms) ? needs_refresh(credentials, now_ms) : true;
    if (credentials->state == LOOK_IDLE && needs_look) {
        start_look(credentials, now_ms);
        settle(credentials, now_ms);
    }
    if (has_good_keys(credentials, now_ms)) {
        *keys = &credentials->keys;
        return TT_OK;
    }
    *keys = NULL;
    if (credentials->state == LOOK_RUNNING)
        return TT_ERR_BUSY;
    tt_err_fail(TT_ERR_CLOUD_KEYS, "no AWS keys: %s", credentials->look.text);
    drop_result(credentials);
    return TT_ERR_CLOUD_KEYS;
}

void tt_aws_credentials_forget(struct tt_aws_credentials *credentials) {
    drop_keys(credentials);
    if (credentials->state == LOOK_RUNNING)
        credentials->is_abandoned = true;
    else
        drop_result(credentials);
}
