/* src/base/url.c: what is a URL of a service, part by part, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tintype/url.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void assert_url(const char *text, const char *scheme, const char *name, const char *host,
                       const char *rest) {
    struct tt_url url;
    const char *flaw = tt_url_parse(&url, text);
    if (flaw)
        fail_msg("%s %s", text, flaw);
    assert_string_equal(url.scheme, scheme);
    assert_string_equal(url.name, name);
    assert_string_equal(url.host, host);
    assert_string_equal(url.rest, rest);
}

static void takes_urls_apart(void **state) {
    (void)state;
    assert_url("https://a.example", "https", "a.example", "a.example", "");
    assert_url("HTTPS://A.Example/X?y=1", "https", "a.example", "a.example", "/X?y=1");
    assert_url("http://a_b:80/", "http", "a_b", "a_b", "/");
    assert_url("http://a:443", "http", "a", "a:443", "");
    assert_url("https://a:443", "https", "a", "a", "");
    assert_url("https://a:65535/b", "https", "a", "a:65535", "/b");
    assert_url("http://127.0.0.1:8000", "http", "127.0.0.1", "127.0.0.1:8000", "");
    assert_url("http://[FD00:ec2::23]/v1", "http", "fd00:ec2::23", "[fd00:ec2::23]", "/v1");
    assert_url("http://[::1]:8080", "http", "::1", "[::1]:8080", "");
}

static void tells_addresses_from_names(void **state) {
    (void)state;
    struct tt_url url;
    assert_null(tt_url_parse(&url, "http://10.0.0.1"));
    assert_true(url.is_address);
    assert_null(tt_url_parse(&url, "http://[::1]"));
    assert_true(url.is_address);
    assert_null(tt_url_parse(&url, "http://10.0.0.example"));
    assert_false(url.is_address);
    assert_null(tt_url_parse(&url, "http://127.1")); /* no address to inet_pton */
    assert_false(url.is_address);
}

static void refuses_what_is_none(void **state) {
    static const char *const texts[] = {"",
                                        "a.example",
                                        "ftp://a",
                                        "http:/a",
                                        "http:///x",
                                        "http://",
                                        "http://:80",
                                        "http://a:",
                                        "http://a:0",
                                        "http://a:65536",
                                        "http://a b",
                                        "http://a\n",
                                        "http://a:8x",
                                        "http://a:+80",
                                        "http://a:000000080",
                                        "http://[::1",
                                        "http://[a.b]",
                                        "http://[]",
                                        "http://::1",
                                        "http://[::1]x",
                                        "http://a..b",
                                        "http://.a",
                                        "http://a.",
                                        "http://a%41",
                                        "http://a?b=1",
                                        "http://a#b",
                                        "http://a/b#c",
                                        "http://\xC3\xA4",
                                        "http://[::1%25lo]"};
    (void)state;
    struct tt_url url;
    for (size_t i = 0; i < COUNT(texts); i++)
        if (!tt_url_parse(&url, texts[i]))
            fail_msg("%s was taken", texts[i]);
}

static void refuses_user_names_without_repeating_them(void **state) {
    static const char *const texts[] = {"http://hidden@a", "https://me:hidden@a:80/x",
                                        "https://hidden:@[::1]"};
    (void)state;
    struct tt_url url;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_string_equal(tt_url_parse(&url, texts[i]), "has a user name before the host");
    assert_null(tt_url_parse(&url, "http://a/x@y"));
}

static void bounds_hosts(void **state) {
    char text[400] = "http://";
    (void)state;
    memset(text + 7, 'a', 255);
    struct tt_url url;
    assert_null(tt_url_parse(&url, text));
    assert_int_equal(strlen(url.host), 255);
    memcpy(text + 7 + 255, ":81", 4);
    assert_string_equal(tt_url_parse(&url, text), "has a host of over 255 bytes");
    memcpy(text + 7 + 255, "a", 2);
    assert_string_equal(tt_url_parse(&url, text), "has a host of over 255 bytes");
}

static void bases_end_without_a_slash(void **state) {
    static const char *const flawed[] = {"http://a/b?c",  "http://a/%20", "http://a//b",
                                         "http://a/../b", "http://a/b/.", "http://a/b:c"};
    char path[TT_URL_PATH_SIZE], text[400] = "http://a/";
    (void)state;
    struct tt_url url;
    assert_null(tt_url_parse_base(&url, path, "http://a"));
    assert_string_equal(path, "");
    assert_null(tt_url_parse_base(&url, path, "http://a///"));
    assert_string_equal(path, "");
    assert_null(tt_url_parse_base(&url, path, "http://a/b/C~-._0/"));
    assert_string_equal(path, "/b/C~-._0");
    for (size_t i = 0; i < COUNT(flawed); i++)
        if (!tt_url_parse_base(&url, path, flawed[i]))
            fail_msg("%s was taken", flawed[i]);
    memset(text + 9, 'b', 254);
    assert_null(tt_url_parse_base(&url, path, text));
    assert_int_equal(strlen(path), 255);
    text[9 + 254] = 'b';
    assert_string_equal(tt_url_parse_base(&url, path, text), "has a path of over 255 bytes");
}

static void knows_labels(void **state) {
    (void)state;
    assert_true(tt_url_is_label("eu-central-1"));
    assert_true(tt_url_is_label("A"));
    assert_false(tt_url_is_label(""));
    assert_false(tt_url_is_label("-a"));
    assert_false(tt_url_is_label("a-"));
    assert_false(tt_url_is_label("a.b"));
    assert_false(tt_url_is_label("a/b"));
    assert_false(tt_url_is_label("a b"));
    char longest[65];
    memset(longest, 'a', sizeof longest);
    longest[63] = '\0';
    assert_true(tt_url_is_label(longest));
    longest[63] = 'a';
    longest[64] = '\0';
    assert_false(tt_url_is_label(longest));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_urls_apart),
        cmocka_unit_test(tells_addresses_from_names),
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(refuses_user_names_without_repeating_them),
        cmocka_unit_test(bounds_hosts),
        cmocka_unit_test(bases_end_without_a_slash),
        cmocka_unit_test(knows_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
