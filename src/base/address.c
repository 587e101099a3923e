/* Address: reading IP addresses and networks. Opens no socket, and asks nobody. */
#include "tintype/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "tintype/text.h"

#define V4_AT    12
#define V4_BITS  (8 * V4_AT)
#define ALL_BITS (8 * TT_ADDRESS_BYTES)

static const uint8_t v4_prefix[V4_AT] = {[10] = 0xFF, [11] = 0xFF};

bool tt_address_is_v4(const struct tt_address *address) {
    return memcmp(address->bytes, v4_prefix, sizeof v4_prefix) == 0;
}

bool tt_address_parse(const char *text, size_t length, struct tt_address *address) {
    char copy[INET6_ADDRSTRLEN];
    if (length >= sizeof copy || memchr(text, '\0', length))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (inet_pton(AF_INET6, copy, address->bytes) == 1)
        return true;
    memcpy(address->bytes, v4_prefix, sizeof v4_prefix);
    return inet_pton(AF_INET, copy, address->bytes + V4_AT) == 1;
}

/* Returns byte number i of the mask of so many bits. */
static uint8_t mask(int prefix_bits, int i) {
    int bits = prefix_bits - 8 * i;
    if (bits >= 8)
        return 0xFF;
    return bits > 0 ? (uint8_t)(0xFF << (8 - bits)) : 0;
}

bool tt_network_parse(const char *text, size_t length, struct tt_network *network) {
    const char *slash = memchr(text, '/', length);
    char number[4];
    int64_t bits = ALL_BITS;
    size_t address_length = slash ? (size_t)(slash - text) : length;
    if (!tt_address_parse(text, address_length, &network->address))
        return false;
    if (slash) {
        size_t digits = length - address_length - 1;
        int above = memchr(text, ':', address_length) ? 0 : V4_BITS;
        if (digits >= sizeof number)
            return false;
        memcpy(number, slash + 1, digits);
        number[digits] = '\0';
        if (!tt_text_parse_int(number, 0, ALL_BITS - above, &bits))
            return false;
        bits += above;
    }
    network->prefix_bits = (int)bits;
    for (int i = 0; i < TT_ADDRESS_BYTES; i++)
        if (network->address.bytes[i] & (uint8_t)~mask(network->prefix_bits, i))
            return false;
    return true;
}

bool tt_network_has(const struct tt_network *network, const struct tt_address *address) {
    for (int i = 0; i < TT_ADDRESS_BYTES; i++)
        if ((address->bytes[i] & mask(network->prefix_bits, i)) != network->address.bytes[i])
            return false;
    return true;
}
