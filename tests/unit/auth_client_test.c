/* Who is meant by a client's address: src/auth/client.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tintype/auth.h"

#define PROXIES "10.0.0.0/8 2001:db8:1::/48"

static uint64_t key(const char *address) {
    return tt_auth_client(address, NULL, "");
}

static void clients_are_told_apart(void **state) {
    (void)state;
    assert_int_not_equal(key("192.0.2.1"), key("192.0.2.2"));
    assert_int_equal(key("192.0.2.1"), key("::ffff:192.0.2.1"));
    assert_int_equal(key("2001:db8:0:7::1"), key("2001:db8:0:7:ffff::2"));
    assert_int_not_equal(key("2001:db8:0:7::1"), key("2001:db8:0:8::1"));
    assert_int_not_equal(key("192.0.2.1"), 0);
    assert_int_equal(key(""), 0);
    assert_int_equal(key("unix:/run/x"), 0);
    assert_int_equal(tt_auth_client(NULL, "192.0.2.1", "0.0.0.0/0"), 0);
}

static void only_proxies_that_are_trusted_are_heard(void **state) {
    static const struct {
        const char *remote, *forwarded, *client;
    } cases[] = {
        {"192.0.2.1", "198.51.100.1", "192.0.2.1"},
        {"10.0.0.1", "198.51.100.1", "198.51.100.1"},
        {"10.0.0.1", NULL, "10.0.0.1"},
        {"10.0.0.1", "", "10.0.0.1"},
        /* What a client wrote itself stands to the left of what the proxy adds. */
        {"10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"},
        {"10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"},
        {"10.0.0.1", "203.0.113.9,198.51.100.1,10.9.9.9 , 10.0.0.2", "198.51.100.1"},
        {"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
        {"2001:db8:1::5", "2001:db8:2::1", "2001:db8:2::1"},
        {"::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"},
        /* forms that proxies write */
        {"10.0.0.1", "198.51.100.1:4711", "198.51.100.1"},
        {"10.0.0.1", "[2001:db8:2::1]:4711", "2001:db8:2::1"},
        {"10.0.0.1", "[2001:db8:2::1]", "2001:db8:2::1"},
        {"10.0.0.1", "\t198.51.100.1\t", "198.51.100.1"},
        /* What is no address ends the search at the proxy that passed it on. */
        {"10.0.0.1", "unknown", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.1, ", "10.0.0.1"},
        {"10.0.0.1", ",", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.1, _hidden, 10.0.0.2", "10.0.0.2"},
        {"10.0.0.1", "198.51.100.1, [", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.1, []", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.1, :", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.1, \x80\xFF", "10.0.0.1"},
        {"10.0.0.1", "198.51.100.1; drop", "10.0.0.1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (tt_auth_client(cases[i].remote, cases[i].forwarded, PROXIES) != key(cases[i].client))
            fail_msg("%s, %s", cases[i].remote, cases[i].forwarded);
    assert_int_equal(tt_auth_client("10.0.0.1", "198.51.100.1", ""), key("10.0.0.1"));
}

static void long_lists_are_read(void **state) {
    static char list[40000];
    (void)state;
    for (size_t at = 0; at + 10 < sizeof list; at += 10)
        memcpy(list + at, "10.0.0.1, ", 10);
    memcpy(list, "192.0.2.1,", 10);
    list[strlen(list) - 2] = '\0';
    assert_int_equal(tt_auth_client("10.0.0.1", list, PROXIES), key("192.0.2.1"));
}

static void schemes_are_believed_of_proxies_alone(void **state) {
    (void)state;
    assert_string_equal(tt_auth_scheme("10.0.0.1", "https", PROXIES), "https");
    assert_string_equal(tt_auth_scheme("10.0.0.1", "HTTP", PROXIES), "http");
    assert_string_equal(tt_auth_scheme("10.0.0.1", "https, http", PROXIES), "http");
    static const char *const no_schemes[] = {"", "httpss", "ftp", "https,", "http:"};
    for (size_t i = 0; i < sizeof no_schemes / sizeof *no_schemes; i++)
        assert_null(tt_auth_scheme("10.0.0.1", no_schemes[i], PROXIES));
    assert_null(tt_auth_scheme("10.0.0.1", NULL, PROXIES));
    assert_null(tt_auth_scheme("192.0.2.1", "https", PROXIES));
    assert_null(tt_auth_scheme("10.0.0.1", "https", ""));
    assert_null(tt_auth_scheme(NULL, "https", PROXIES));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_are_told_apart),
        cmocka_unit_test(only_proxies_that_are_trusted_are_heard),
        cmocka_unit_test(long_lists_are_read),
        cmocka_unit_test(schemes_are_believed_of_proxies_alone),
    };
    return cmocka_run_group_tests_name("auth_client", tests, NULL, NULL);
}
