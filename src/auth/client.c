/* Client: whose address a request came from, by the web server's word, and behind proxies that are
 * trusted by theirs. What proxies are trusted is the configuration's matter. */
#include <string.h>
#include <strings.h>

#include "tintype/address.h"
#include "tintype/auth.h"

static bool is_trusted(const struct tt_address *address, const char *trusted) {
    while (*trusted) {
        struct tt_network network;
        size_t length = strcspn(trusted, " \t");
        if (length > 0 && tt_network_parse(trusted, length, &network) &&
            tt_network_has(&network, address))
            return true;
        trusted += length;
        trusted += strspn(trusted, " \t");
    }
    return false;
}

/* Takes the last entry off a list of length bytes, which is separated by commas, and returns it;
 * false when there is none. */
static bool take_last(const char *list, size_t *length, const char **entry, size_t *entry_length) {
    if (*length == 0)
        return false;
    const char *comma = memrchr(list, ',', *length);
    *entry = comma ? comma + 1 : list;
    const char *end = list + *length;
    *length = comma ? (size_t)(comma - list) : 0;
    while (*entry < end && (**entry == ' ' || **entry == '\t'))
        (*entry)++;
    while (end > *entry && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *entry_length = (size_t)(end - *entry);
    return true;
}

/* Some proxies add a port, and brackets around an address of IPv6. */
static bool parse_entry(const char *entry, size_t length, struct tt_address *address) {
    const char *colon = memchr(entry, ':', length);
    if (length > 0 && entry[0] == '[') {
        const char *bracket = memchr(entry, ']', length);
        return bracket && tt_address_parse(entry + 1, (size_t)(bracket - entry) - 1, address);
    }
    if (colon && memrchr(entry, ':', length) == colon)
        length = (size_t)(colon - entry);
    return tt_address_parse(entry, length, address);
}

static uint64_t key_of(const struct tt_address *address) {
    uint64_t key = 0;
    for (int i = tt_address_is_v4(address) ? 8 : 0, n = 0; n < 8; i++, n++)
        key = key << 8 | address->bytes[i];
    return key;
}

uint64_t tt_auth_client(const char *remote, const char *forwarded, const char *trusted) {
    struct tt_address address, before;
    const char *entry;
    size_t length = forwarded ? strlen(forwarded) : 0;
    size_t entry_length;
    if (!remote || !tt_address_parse(remote, strlen(remote), &address))
        return 0;
    while (is_trusted(&address, trusted) && take_last(forwarded, &length, &entry, &entry_length) &&
           parse_entry(entry, entry_length, &before))
        address = before;
    return key_of(&address);
}

const char *tt_auth_scheme(const char *remote, const char *forwarded, const char *trusted) {
    struct tt_address address;
    const char *entry;
    size_t length = forwarded ? strlen(forwarded) : 0;
    size_t entry_length;
    if (!remote || !tt_address_parse(remote, strlen(remote), &address) ||
        !is_trusted(&address, trusted) || !take_last(forwarded, &length, &entry, &entry_length))
        return NULL;
    if (entry_length == 5 && strncasecmp(entry, "https", 5) == 0)
        return "https";
    return entry_length == 4 && strncasecmp(entry, "http", 4) == 0 ? "http" : NULL;
}
