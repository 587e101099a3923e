/* URLs that settings and variables give are taken apart strictly, and never normalised but for the
 * case of letters. What is wrong is said without the URL, which may hold a password. Pure. */
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

/* Takes "http[s]://host[:port][/path[?query]]" apart. Returns NULL, or what is wrong with it: "has
 * no host". */
const char *tt_url_parse(struct tt_url *url, const char *text);

/* Does the same with a URL behind which other paths are put. path gets "/x", without a slash at its
 * end, or ""; it has only characters that no signer encodes. */
const char *tt_url_parse_base(struct tt_url *url, char path[TT_URL_PATH_SIZE], const char *text);

/* Whether text can be a part of a host's name: 1 to 63 letters, digits and inner hyphens. */
bool tt_url_is_label(const char *text);

#endif
