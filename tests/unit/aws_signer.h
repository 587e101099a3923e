/* A signer for tests of calls: the keys of the S3 API Reference's examples, at 2013-05-24. */
#ifndef TINTYPE_TEST_AWS_SIGNER_H
#define TINTYPE_TEST_AWS_SIGNER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "tintype/aws.h"

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ACCESS_KEY   "AKIAIOSFODNN7EXAMPLE"
#define SIGNED_MS    INT64_C(1369353600000)

static struct tt_aws_endpoint endpoint;
static struct tt_aws_keys keys;
static const struct tt_aws_signer signer = {&endpoint, &keys, SIGNED_MS};
static struct tt_arena arena;
static struct tt_http_request request;

static inline int signer_setup(void **state) {
    (void)state;
    tt_err_take(TT_OK);
    endpoint = (struct tt_aws_endpoint){.service = TT_AWS_S3,
                                        .scheme = "https",
                                        .host = "examplebucket.s3.amazonaws.com",
                                        .region = "us-east-1",
                                        .ca_file = "/ca.pem"};
    keys = (struct tt_aws_keys){.access_key_id = ACCESS_KEY,
                                .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
    tt_arena_init(&arena, (size_t)4 * 1024 * 1024);
    memset(&request, 0xAA, sizeof request);
    return 0;
}

static inline int signer_teardown(void **state) {
    (void)state;
    tt_arena_fini(&arena);
    return 0;
}

/* The value of the request's header of that name, of which there is one at most; NULL when there is
 * none. */
static inline const char *header_of(const char *name) {
    const char *value = NULL;
    for (size_t i = 0; i < request.header_count; i++)
        if (strcasecmp(request.headers[i].name, name) == 0) {
            assert_null(value);
            value = request.headers[i].value;
        }
    return value;
}

static inline void assert_signs(const char *signed_headers) {
    const char *authorization = header_of("authorization");
    assert_non_null(authorization);
    const char *found = strstr(authorization, "SignedHeaders=");
    assert_non_null(found);
    found += strlen("SignedHeaders=");
    assert_int_equal(strcspn(found, ","), strlen(signed_headers));
    assert_memory_equal(found, signed_headers, strlen(signed_headers));
}

static inline void assert_body(const char *body) {
    assert_int_equal(request.body_bytes, strlen(body));
    assert_memory_equal(request.body, body, strlen(body));
}

#endif
