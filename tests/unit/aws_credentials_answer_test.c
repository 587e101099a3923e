/* src/aws/credentials_answer.c: keys in JSON and XML, and what is refused of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "aws/credentials_look.h"

#define EXPIRES    "2026-11-24T06:50:27Z"
#define EXPIRES_MS INT64_C(1795503027000)

static struct tt_aws_keys keys;
static char flaw[TT_KEYS_FLAW_SIZE];

static bool read_json(const char *body) {
    memset(&keys, 0, sizeof keys);
    return tt_answer_read_json(&keys, body, strlen(body), flaw);
}

static bool read_xml(const char *body) {
    memset(&keys, 0, sizeof keys);
    return tt_answer_read_xml(&keys, body, flaw);
}

static void assert_keys(const char *id, const char *secret, const char *token, int64_t expires_ms) {
    assert_string_equal(keys.access_key_id, id);
    assert_string_equal(keys.secret_access_key, secret);
    assert_string_equal(keys.session_token, token);
    assert_int_equal(keys.expires_at_ms, expires_ms);
}

static void reads_json(void **state) {
    (void)state;
    assert_true(read_json("{\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"S\\/\\u002b\",\"Token\":"
                          "\"T\",\"Expiration\":\"" EXPIRES "\",\"Code\":\"Success\",\"x\":[1]}"));
    assert_keys("I", "S/+", "T", EXPIRES_MS);
    assert_true(read_json("{\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"S\"}"));
    assert_keys("I", "S", "", 0);
    assert_true(read_json("{\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"S\",\"Token\":null,"
                          "\"Expiration\":null}"));
    assert_keys("I", "S", "", 0);
}

static void assert_json_flaw(const char *body, const char *expected) {
    assert_false(read_json(body));
    assert_string_equal(flaw, expected);
}

static void refuses_json(void **state) {
    (void)state;
    assert_json_flaw("", "is no JSON object");
    assert_json_flaw("[]", "is no JSON object");
    assert_json_flaw("{\"AccessKeyId\":\"I\"", "is no JSON object");
    assert_json_flaw("{\"AccessKeyId\":\"I\",\"AccessKeyId\":\"J\",\"SecretAccessKey\":\"S\"}",
                     "is no JSON object");
    assert_json_flaw("{}", "has no AccessKeyId");
    assert_json_flaw("{\"AccessKeyId\":1,\"SecretAccessKey\":\"S\"}", "has no AccessKeyId");
    assert_json_flaw("{\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"\"}", "has no SecretAccessKey");
    assert_json_flaw("{\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"a\\u0000b\"}",
                     "is no JSON object");
    assert_json_flaw(
        "{\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"S\\n\"}",
        "has a SecretAccessKey that has a blank, a control character or one beyond ASCII");
    assert_json_flaw("{\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"S\",\"Expiration\":\"soon\"}",
                     "has an Expiration that is no date");
    assert_json_flaw("{\"Code\":\"Failed\"}", "is the refusal Failed");
    assert_json_flaw("{\"Code\":\"Failed\\nforged line\"}", "is the refusal (?)");
}

static void leaves_jansson_as_it_was(void **state) {
    (void)state;
    json_malloc_t malloc_before;
    json_free_t free_before;
    json_get_alloc_funcs(&malloc_before, &free_before);
    assert_true(read_json("{\"AccessKeyId\":\"I\",\"SecretAccessKey\":\"S\"}"));
    assert_false(read_json("{"));
    json_malloc_t malloc_after;
    json_free_t free_after;
    json_get_alloc_funcs(&malloc_after, &free_after);
    assert_ptr_equal(malloc_before, malloc_after);
    assert_ptr_equal(free_before, free_after);
}

#define XML(id, secret, token, expires)                                                            \
    "<R><Credentials><AccessKeyId>" id "</AccessKeyId><SecretAccessKey>" secret                    \
    "</SecretAccessKey><SessionToken>" token "</SessionToken><Expiration>" expires                 \
    "</Expiration></Credentials></R>"

static void reads_xml(void **state) {
    (void)state;
    assert_true(read_xml(XML("I", "S", "T", EXPIRES)));
    assert_keys("I", "S", "T", EXPIRES_MS);
    assert_true(read_xml(XML("\n I\t", "&lt;&gt;&amp;&quot;&apos;", "&#65;&#x42;&#x2f;", EXPIRES)));
    assert_keys("I", "<>&\"'", "AB/", EXPIRES_MS);
    /* A reference is replaced once, and what comes of it is text. */
    assert_true(read_xml(XML("&amp;lt;", "S", "T", EXPIRES)));
    assert_keys("&lt;", "S", "T", EXPIRES_MS);
}

static void refuses_xml(void **state) {
    static const char *const bodies[] = {
        "",
        "<Credentials>",
        "</Credentials><Credentials>",
        "<AccessKeyId>I</AccessKeyId>" XML("", "S", "T", EXPIRES),
        XML("I", "", "T", EXPIRES),
        XML("I", "S", "", EXPIRES),
        XML("I", "S", "T", ""),
        XML("I", "S", "T", "soon"),
        XML("I", "<a>S</a>", "T", EXPIRES),
        XML("I", "<![CDATA[S]]>", "T", EXPIRES),
        XML("I", "S&", "T", EXPIRES),
        XML("I", "S&nbsp;", "T", EXPIRES),
        XML("I", "S&#0;", "T", EXPIRES),
        XML("I", "S&#10;", "T", EXPIRES),
        XML("I", "S&#233;", "T", EXPIRES),
        XML("I", "S&# 65;", "T", EXPIRES),
        XML("I", "S&#-65;", "T", EXPIRES),
        XML("I", "S&#x;", "T", EXPIRES),
        XML("I", "S&#65", "T", EXPIRES),
        XML("I", "S&#99999999999999999999;", "T", EXPIRES),
        XML("I", "S S", "T", EXPIRES),
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        if (read_xml(bodies[i]))
            fail_msg("taken: %s", bodies[i]);
    /* A reference's end is looked for in its element alone. */
    assert_false(read_xml(XML("I", "S&#6", "5;T", EXPIRES)));
}

static void bounds_xml(void **state) {
    static char body[30000];
    static const size_t lengths[] = {8192, 8193, 8194, 20000};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t head = (size_t)snprintf(body, sizeof body,
                                       "<Credentials><AccessKeyId>I</AccessKeyId><SecretAccessKey>S"
                                       "</SecretAccessKey><SessionToken>");
        memset(body + head, 'x', lengths[i]);
        snprintf(body + head + lengths[i], sizeof body - head - lengths[i],
                 "</SessionToken><Expiration>" EXPIRES "</Expiration></Credentials>");
        assert_int_equal(read_xml(body), lengths[i] <= 8192);
        if (lengths[i] > 8192)
            assert_non_null(strstr(flaw, "over 8192 bytes"));
    }
    assert_null(strstr(flaw, "xxx"));
}

static void reads_codes_that_are_words(void **state) {
    (void)state;
    char code[16];
    tt_answer_read_code(code, sizeof code, "<Error><Code>Access.Denied</Code></Error>");
    assert_string_equal(code, "Access.Denied");
    tt_answer_read_code(code, sizeof code, "<Code>ExactlySixteenXX</Code>");
    assert_string_equal(code, "");
    tt_answer_read_code(code, sizeof code, "<Code>two words</Code>");
    assert_string_equal(code, "");
    tt_answer_read_code(code, sizeof code, "<Code>");
    assert_string_equal(code, "");
    tt_answer_read_code(code, sizeof code, "");
    assert_string_equal(code, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_json),
        cmocka_unit_test(refuses_json),
        cmocka_unit_test(leaves_jansson_as_it_was),
        cmocka_unit_test(reads_xml),
        cmocka_unit_test(refuses_xml),
        cmocka_unit_test(bounds_xml),
        cmocka_unit_test(reads_codes_that_are_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
