/* Auth: who may call. */
#ifndef TINTYPE_AUTH_H
#define TINTYPE_AUTH_H

#include <stdbool.h>

/* Tells whether a browser page may change things here. origin is the Origin header: NULL or ""
 * means that no browser said so, and is allowed. A page of the request's own host (the Host header;
 * ports are compared only where host has one, as Debian's nginx passes none) is allowed, and so is
 * one of allowed (origins separated by spaces; "*" is any). "null" is allowed by "*" alone. */
bool tt_auth_origin_allowed(const char *origin, const char *host, const char *allowed);

#endif
