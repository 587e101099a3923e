/* URLs that settings and variables give: taken apart strictly, never normalised but for letters'
 * case. Pure; what is wrong is said without the URL, which may hold a password. */
#ifndef TINTYPE_URL_H
#define TINTYPE_URL_H

#include <stdbool.h>

#define TT_URL_HOST_SIZE 256
#define TT_URL_PATH_SIZE 256

struct tt_url {
    char scheme[8];              /* "http", "https" */
    char name[TT_URL_HOST_SIZE]; /* host without port, an IPv6 address without brackets */
    char host[TT_URL_HOST_SIZE]; /* as the Host header has it: with a port that is not usual */
    bool is_address;             /* name is an IPv4 or IPv6 address */
    const char *rest;            /* path and query, "" or from "/" on; points into the text */
};

/* "http[s]://host[:port][/path[?query]]". NULL, or what is wrong: "has no host". */
const char *tt_url_parse(struct tt_url *url, const char *text);

/* The same of a URL that other paths are put behind: path gets "/x", without a slash at its end, or
 * "". It has only characters that no signer encodes. */
const char *tt_url_parse_base(struct tt_url *url, char path[TT_URL_PATH_SIZE], const char *text);

/* Letters, digits and inner hyphens, 1 to 63: a part of a host's name. */
bool tt_url_is_label(const char *text);

#endif
