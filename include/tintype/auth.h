/* Auth: who may call. */
#ifndef TINTYPE_AUTH_H
#define TINTYPE_AUTH_H

#include <stdbool.h>
#include <stdint.h>

/* Tells clients apart by their address: returns one number for each address of IPv4 and each /64 of
 * IPv6, and 0 where the address is not known. remote is the address that the web server saw, NULL
 * or any other text when it saw none. Where that is one of trusted (addresses and networks,
 * separated by spaces), the client is the rightmost of forwarded (X-Forwarded-For; NULL for none)
 * that is not; what is no address there ends the search at the proxy that passed it on. */
uint64_t tt_auth_client(const char *remote, const char *forwarded, const char *trusted);

/* Returns "http" or "https" where a trusted proxy says so (forwarded is X-Forwarded-Proto); NULL
 * otherwise. */
const char *tt_auth_scheme(const char *remote, const char *forwarded, const char *trusted);

/* Tells whether a browser page may change things here. origin is the Origin header: NULL or ""
 * means that no browser said so, and is allowed. A page of the request's own host (the Host header;
 * ports are compared only where host has one, as Debian's nginx passes none; the scheme only where
 * scheme, the request's, is not NULL) is allowed, and so is
 * one of allowed (origins separated by spaces; "*" is any). "null" is allowed by "*" alone. */
bool tt_auth_origin_allowed(const char *origin, const char *host, const char *scheme,
                            const char *allowed);

#endif
