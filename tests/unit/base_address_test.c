/* Addresses and networks: src/base/address.c. */
#include "tintype/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static bool parses(const char *text) {
    struct tt_address address;
    return tt_address_parse(text, strlen(text), &address);
}

static void addresses_are_read_to_the_letter(void **state) {
    static const char *const good[] = {"192.0.2.1", "0.0.0.0", "::", "2001:db8::1",
                                       "::ffff:192.0.2.1"};
    static const char *const bad[] = {
        "",           "1",
        "1.2.3",      "1.2.3.4.5",
        "1.2.3.256",  "1.2.3.4 ",
        "[::1]",      "::1%eth0",
        "01.2.3.4",   ":::",
        "1.2.3.4:80", "unknown",
        "1.2.3.4/8",  "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!parses(good[i]))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parses(bad[i]))
            fail_msg("%s", bad[i]);
    struct tt_address address;
    assert_false(tt_address_parse("::1\0", 4, &address));
    assert_true(tt_address_parse("192.0.2.1, 3", 9, &address));
    assert_true(tt_address_is_v4(&address));
    assert_true(tt_address_parse("::ffff:192.0.2.1", 16, &address));
    assert_true(tt_address_is_v4(&address));
    assert_true(tt_address_parse("::1", 3, &address));
    assert_false(tt_address_is_v4(&address));
}

static void networks_have_their_addresses(void **state) {
    static const struct {
        const char *network, *address;
        bool has;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"10.0.0.0/9", "10.127.1.1", true},
        {"10.0.0.0/9", "10.128.1.1", false},
        {"0.0.0.0/0", "255.1.2.3", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "::1", true},
        {"::/0", "1.2.3.4", true},
        {"::1", "::1", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"::ffff:192.0.2.0/120", "192.0.2.9", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tt_network network;
        struct tt_address address;
        assert_true(tt_network_parse(cases[i].network, strlen(cases[i].network), &network));
        assert_true(tt_address_parse(cases[i].address, strlen(cases[i].address), &address));
        if (tt_network_has(&network, &address) != cases[i].has)
            fail_msg("%s, %s", cases[i].network, cases[i].address);
    }
}

static void other_networks_are_refused(void **state) {
    static const char *const bad[] = {"",
                                      "/",
                                      "/8",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0.0/-1",
                                      "10.0.0.0/ 8",
                                      "10.0.0.0/8 ",
                                      "10.0.0.1/8",
                                      "10.0.0.0/8/8",
                                      "::/129",
                                      "2001:db8::1/64",
                                      "10.0.0.0/0008",
                                      "localhost",
                                      "10.0.0.0/255.0.0.0"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tt_network network;
        if (tt_network_parse(bad[i], strlen(bad[i]), &network))
            fail_msg("%s", bad[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_to_the_letter),
        cmocka_unit_test(networks_have_their_addresses),
        cmocka_unit_test(other_networks_are_refused),
    };
    return cmocka_run_group_tests_name("base_address", tests, NULL, NULL);
}
