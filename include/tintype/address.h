/* Address: an IP address, and a network of such. */
#ifndef TINTYPE_ADDRESS_H
#define TINTYPE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_ADDRESS_BYTES 16

/* One of IPv4 is its IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2). */
struct tt_address {
    uint8_t bytes[TT_ADDRESS_BYTES];
};

struct tt_network {
    struct tt_address address; /* the first one */
    int prefix_bits;           /* of all 128 */
};

/* Reads "192.0.2.1" or "2001:db8::1" from length bytes of text, with nothing beside it; false
 * otherwise. */
bool tt_address_parse(const char *text, size_t length, struct tt_address *address);

/* Reads an address, which is a network of one, or "192.0.2.0/24", "2001:db8::/32", with no bit set
 * behind the prefix; false otherwise. */
bool tt_network_parse(const char *text, size_t length, struct tt_network *network);

bool tt_network_has(const struct tt_network *network, const struct tt_address *address);

/* Whether the address is IPv4. */
bool tt_address_is_v4(const struct tt_address *address);

#endif
