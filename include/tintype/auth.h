/* Auth: who may call. */
#ifndef TINTYPE_AUTH_H
#define TINTYPE_AUTH_H

#include <stdbool.h>

/* Whether a browser page of `origin` (the Origin header; NULL or "": no browser said so, allowed)
 * may change things here: its host is the request's own (host, the Host header; a port is compared
 * only where host has one, as Debian's nginx passes none), or one of allowed (space-separated
 * origins; "*": any). "null" is allowed by "*" alone. */
bool tt_auth_origin_allowed(const char *origin, const char *host, const char *allowed);

#endif
