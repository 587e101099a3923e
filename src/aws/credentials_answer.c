/* Keys in the answers of sources that are asked over HTTP: JSON of containers and instance
 * metadata, XML of STS. Copies of secrets are wiped. */
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "aws/credentials_look.h"
#include "aws/wipe.h"
#include "aws/xml.h"
#include "tintype/clock.h"

/* One part of an answer, and where it goes. */
struct part {
    const char *json;
    const char *xml;
    char *field;
    size_t size;
    bool is_optional;
};

#define PART_COUNT 4

static void set_parts(struct part parts[PART_COUNT], struct tt_aws_keys *keys,
                      char expires[TT_LOOK_EXPIRES_BYTES]) {
    parts[0] = (struct part){"AccessKeyId", "AccessKeyId", keys->access_key_id,
                             sizeof keys->access_key_id, false};
    parts[1] = (struct part){"SecretAccessKey", "SecretAccessKey", keys->secret_access_key,
                             sizeof keys->secret_access_key, false};
    parts[2] = (struct part){"Token", "SessionToken", keys->session_token,
                             sizeof keys->session_token, true};
    parts[3] = (struct part){"Expiration", "Expiration", expires, TT_LOOK_EXPIRES_BYTES, true};
}

/* Keys whose answer names no expiration do not expire. */
static bool take_expiration(struct tt_aws_keys *keys, const char *expires, char *flaw) {
    keys->expires_at_ms = 0;
    if (expires[0] == '\0' || tt_clock_parse_rfc3339(expires, &keys->expires_at_ms, NULL))
        return true;
    snprintf(flaw, TT_KEYS_FLAW_SIZE, "has an Expiration that is no date");
    return false;
}

/* Takes a part's value, which is NULL where the answer has none. */
static bool take_part(const struct part *part, const char *name, const char *value, char *flaw) {
    if (!value || value[0] == '\0') {
        part->field[0] = '\0';
        if (!part->is_optional)
            snprintf(flaw, TT_KEYS_FLAW_SIZE, "has no %s", name);
        return part->is_optional;
    }
    char what[TT_KEYS_FLAW_SIZE];
    if (tt_keys_copy(part->field, part->size, value, what))
        return true;
    snprintf(flaw, TT_KEYS_FLAW_SIZE, "has a %s that %.64s", name, what);
    return false;
}

/* ---- JSON ---- */

static bool take_object(struct tt_aws_keys *keys, const json_t *root, char *flaw) {
    char expires[TT_LOOK_EXPIRES_BYTES] = "";
    const char *code = json_string_value(json_object_get(root, "Code"));
    if (!json_is_object(root)) {
        snprintf(flaw, TT_KEYS_FLAW_SIZE, "is no JSON object");
        return false;
    }
    if (code && strcmp(code, "Success") != 0) {
        bool is_word =
            strspn(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-") == strlen(code);
        snprintf(flaw, TT_KEYS_FLAW_SIZE, "is the refusal %.60s", is_word ? code : "(?)");
        return false;
    }
    struct part parts[PART_COUNT];
    set_parts(parts, keys, expires);
    for (size_t i = 0; i < PART_COUNT; i++) {
        const char *name = parts[i].json;
        if (!take_part(&parts[i], name, json_string_value(json_object_get(root, name)), flaw))
            return false;
    }
    return take_expiration(keys, expires, flaw);
}

bool tt_answer_read_json(struct tt_aws_keys *keys, const char *body, size_t body_bytes,
                         char flaw[TT_KEYS_FLAW_SIZE]) {
    json_malloc_t usual_malloc;
    json_free_t usual_free;
    /* Jansson keeps a copy of every string, which is wiped as it is freed. */
    json_get_alloc_funcs(&usual_malloc, &usual_free);
    json_set_alloc_funcs(malloc, tt_wipe_free);
    json_t *root = json_loadb(body, body_bytes, JSON_REJECT_DUPLICATES, NULL);
    bool is_read = take_object(keys, root, flaw);
    json_decref(root);
    json_set_alloc_funcs(usual_malloc, usual_free);
    return is_read;
}

/* ---- XML ---- */

/* Copies the text of an element, its references replaced. False for one that has elements in it,
 * references that are not ASCII characters, or more than size - 1 bytes. */
static bool unescape(char *text, size_t size, const char *from, const char *to) {
    size_t length = 0;
    while (from < to) {
        uint32_t point = (unsigned char)*from;
        size_t taken = 1;
        if (*from == '<' || length == size - 1)
            return false;
        if (*from == '&') {
            taken = tt_xml_read_reference(from, (size_t)(to - from), &point);
            if (taken == 0 || point == 0 || point > 0x7F)
                return false;
        }
        from += taken;
        text[length++] = (char)point;
    }
    text[length] = '\0';
    return true;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool take_element(const struct part *part, const char *start, const char *end, char *flaw) {
    const char *to = NULL;
    const char *from = tt_xml_find_element(start, end, part->xml, &to);
    if (!from || !to)
        return take_part(part, part->xml, NULL, flaw);
    while (from < to && is_blank(*from))
        from++;
    while (to > from && is_blank(to[-1]))
        to--;
    char text[TT_AWS_TOKEN_SIZE +
              1]; /* one more than a key may have, so that take_part finds it too long */
    bool is_taken = unescape(text, sizeof text, from, to);
    if (is_taken)
        is_taken = take_part(part, part->xml, text, flaw);
    else
        snprintf(flaw, TT_KEYS_FLAW_SIZE, "has a %s that cannot be read, or is over %zu bytes",
                 part->xml, part->size - 1);
    OPENSSL_cleanse(text, sizeof text);
    return is_taken;
}

bool tt_answer_read_xml(struct tt_aws_keys *keys, const char *body, char flaw[TT_KEYS_FLAW_SIZE]) {
    char expires[TT_LOOK_EXPIRES_BYTES] = "";
    const char *end = NULL;
    const char *start = tt_xml_find_element(body, body + strlen(body), "Credentials", &end);
    if (!start || !end) {
        snprintf(flaw, TT_KEYS_FLAW_SIZE, "has no <Credentials>");
        return false;
    }
    struct part parts[PART_COUNT];
    set_parts(parts, keys, expires);
    for (size_t i = 0; i < PART_COUNT; i++) {
        parts[i].is_optional = false; /* STS always gives all four */
        if (!take_element(&parts[i], start, end, flaw))
            return false;
    }
    return take_expiration(keys, expires, flaw);
}

void tt_answer_read_code(char *code, size_t size, const char *body) {
    const char *to = NULL;
    const char *from = tt_xml_find_element(body, body + strlen(body), "Code", &to);
    code[0] = '\0';
    if (!from || !to || (size_t)(to - from) >= size)
        return;
    for (const char *c = from; c < to; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '.'))
            return;
    memcpy(code, from, (size_t)(to - from));
    code[to - from] = '\0';
}
