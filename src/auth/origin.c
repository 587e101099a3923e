/* Origin: whether a browser page may change things here (RFC 6454, the Origin header). Not here:
 * what is answered when it may not, and the CORS headers when it may. */
#include <string.h>
#include <strings.h>

#include "tintype/auth.h"

/* A piece of a longer text. */
struct span {
    const char *text;
    size_t length;
};

static bool same(struct span a, struct span b) {
    return a.length == b.length && strncasecmp(a.text, b.text, a.length) == 0;
}

static struct span span_of(const char *text) {
    return (struct span){text, strlen(text)};
}

/* Splits "name", "name:port" or "[address]:port" in two; an absent port has length 0. */
static void split_authority(struct span authority, struct span *name, struct span *port) {
    *name = authority;
    *port = (struct span){"", 0};
    const char *colon = memrchr(authority.text, ':', authority.length);
    const char *bracket = memrchr(authority.text, ']', authority.length);
    if (!colon || (bracket && bracket > colon))
        return;
    name->length = (size_t)(colon - authority.text);
    *port = (struct span){colon + 1, authority.length - name->length - 1};
}

/* The port that a browser leaves out of Origin and Host, and a proxy may put in (RFC 9110, 4.2.1,
 * 4.2.2). */
static struct span default_port(struct span scheme) {
    if (same(scheme, span_of("http")))
        return span_of("80");
    if (same(scheme, span_of("https")))
        return span_of("443");
    return (struct span){"", 0};
}

static bool is_own_host(const char *origin, const char *host, const char *own_scheme) {
    const char *mark = strstr(origin, "://");
    if (!mark || !host)
        return false;
    struct span scheme = {origin, (size_t)(mark - origin)};
    if (own_scheme && !same(scheme, span_of(own_scheme)))
        return false;
    struct span name, port, host_name, host_port;
    split_authority(span_of(mark + 3), &name, &port);
    split_authority(span_of(host), &host_name, &host_port);
    if (port.length == 0)
        port = default_port(scheme);
    return name.length > 0 && same(name, host_name) &&
           (host_port.length == 0 || same(port, host_port));
}

static bool is_listed(const char *list, struct span wanted) {
    while (*list) {
        struct span item = {list, strcspn(list, " \t")};
        if (item.length > 0 && same(item, wanted))
            return true;
        list += item.length;
        list += strspn(list, " \t");
    }
    return false;
}

bool tt_auth_origin_allowed(const char *origin, const char *host, const char *scheme,
                            const char *allowed) {
    if (!origin || !*origin || is_listed(allowed, span_of("*")))
        return true;
    /* Every sandboxed frame, local file and redirect has the origin "null", so a list that names it
     * names nobody. */
    if (strcasecmp(origin, "null") == 0)
        return false;
    return is_listed(allowed, span_of(origin)) || is_own_host(origin, host, scheme);
}
