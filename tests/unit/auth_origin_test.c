/* Who may change things from a browser page: src/auth/origin.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tintype/auth.h"

static const struct {
    const char *origin;
    const char *host;
    const char *allowed;
    bool expected;
} cases[] = {
    /* no browser */
    {NULL, "example.com", "", true},
    {"", "example.com", "", true},
    {NULL, NULL, "", true},
    /* the page's own host */
    {"http://example.com", "example.com", "", true},
    {"https://example.com", "example.com", "", true},
    {"http://EXAMPLE.com", "example.COM", "", true},
    {"http://example.com:8080", "example.com:8080", "", true},
    {"http://example.com:8080", "example.com", "", true}, /* a host passed without its port */
    {"http://example.com", "example.com:80", "", true},
    {"https://example.com", "example.com:443", "", true},
    {"http://[::1]:8080", "[::1]:8080", "", true},
    {"http://[::1]", "[::1]:80", "", true},
    {"http://[::1]", "[::1]", "", true},
    /* another's */
    {"http://example.com:8081", "example.com:8080", "", false},
    {"http://example.com", "example.com:8080", "", false},
    {"https://example.com", "example.com:80", "", false},
    {"http://[::1]:8080", "[::2]:8080", "", false},
    {"http://evil.example", "example.com", "", false},
    {"http://example.com.evil.example", "example.com", "", false},
    {"http://xexample.com", "example.com", "", false},
    {"http://example.com/", "example.com", "", false},
    {"http://user@example.com", "example.com", "", false},
    {"example.com", "example.com", "", false},
    {"http://", "", "", false},
    {"http://example.com", NULL, "", false},
    {"http://example.com", "", "", false},
    /* the list */
    {"https://a.example", "example.com", "https://a.example", true},
    {"https://A.example", "example.com", "https://a.example", true},
    {"https://b.example", "example.com", "  https://a.example   https://b.example ", true},
    {"https://b.example", NULL, "https://a.example https://b.example", true},
    {"https://b.example", "example.com", "https://a.example https://b.example.org", false},
    {"http://a.example", "example.com", "https://a.example", false},
    {"https://a.example:444", "example.com", "https://a.example", false},
    {"https://evil.example", "example.com", "*", true},
    /* sandboxed frames and files */
    {"null", "example.com", "", false},
    {"null", "null", "", false},
    {"null", "example.com", "null", false},
    {"null", "example.com", "https://a.example *", true},
};

static void test_origin_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (tt_auth_origin_allowed(cases[i].origin, cases[i].host, NULL, cases[i].allowed) !=
            cases[i].expected)
            fail_msg("origin %s, host %s, list '%s': expected %d", cases[i].origin, cases[i].host,
                     cases[i].allowed, cases[i].expected);
}

/* A page that was not sent over TLS is not the own one of a host that is asked over it. */
static void a_known_scheme_counts(void **state) {
    (void)state;
    assert_true(tt_auth_origin_allowed("https://example.com", "example.com", "https", ""));
    assert_false(tt_auth_origin_allowed("http://example.com", "example.com", "https", ""));
    assert_false(tt_auth_origin_allowed("https://example.com", "example.com", "http", ""));
    assert_true(
        tt_auth_origin_allowed("http://example.com", "example.com", "https", "http://example.com"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_origin_cases),
                                       cmocka_unit_test(a_known_scheme_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
