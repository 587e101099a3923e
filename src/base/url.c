/* URLs are taken apart here. The grammar is RFC 3986's, cut down to what an endpoint can have: no
 * user name, no fragment, and hosts as DNS and inet_pton(3) know them. */
#include "tintype/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tintype/text.h"

#define LABEL_MAX_BYTES 63 /* RFC 1035, 2.3.4 */
#define PORT_MAX        65535

static bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool tt_url_is_label(const char *text) {
    size_t length = strlen(text);
    if (length == 0 || length > LABEL_MAX_BYTES || text[0] == '-' || text[length - 1] == '-')
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if (!is_alphanumeric(*c) && *c != '-')
            return false;
    return true;
}

static void copy_lower(char *out, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
    out[length] = '\0';
}

/* Underscores do not belong in names of hosts, but container networks use them. */
static bool is_host_name(const char *name) {
    char before = '.';
    for (const char *c = name; *c != '\0'; before = *c++)
        if (!is_alphanumeric(*c) && *c != '-' && *c != '_' && (*c != '.' || before == '.'))
            return false;
    return before != '.';
}

static const char *parse_scheme(struct tt_url *url, const char **text) {
    static const char *const schemes[] = {"https", "http"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t length = strlen(schemes[i]);
        if (strncasecmp(*text, schemes[i], length) == 0 && strncmp(*text + length, "://", 3) == 0) {
            memcpy(url->scheme, schemes[i], length + 1);
            *text += length + 3;
            return NULL;
        }
    }
    return "does not begin with http:// or https://";
}

/* Sets name and is_address, and moves *text behind the host. */
static const char *parse_name(struct tt_url *url, const char **text) {
    bool is_bracketed = **text == '[';
    const char *start = *text + (is_bracketed ? 1 : 0);
    size_t length = strcspn(start, is_bracketed ? "]/?#@" : ":/?#@");
    if (start[length] == '@' || strcspn(start, "@") < strcspn(start, "/?#"))
        return "has a user name before the host";
    if (is_bracketed && start[length] != ']')
        return "has a \"[\" without its \"]\"";
    if (length == 0)
        return "has no host";
    if (length >= sizeof url->name)
        return "has a host of over 255 bytes";
    copy_lower(url->name, start, length);
    *text = start + length + (is_bracketed ? 1 : 0);
    unsigned char address[sizeof(struct in6_addr)];
    url->is_address = inet_pton(is_bracketed ? AF_INET6 : AF_INET, url->name, address) == 1;
    if (is_bracketed && !url->is_address)
        return "has something other than an IPv6 address in brackets";
    if (!is_bracketed && !is_host_name(url->name))
        return "has a host that is neither a name nor an address";
    return NULL;
}

/* Sets host, and moves *text behind the port. */
static const char *parse_port(struct tt_url *url, const char **text) {
    int64_t usual = strcmp(url->scheme, "https") == 0 ? 443 : 80;
    int64_t port = usual;
    bool is_ipv6 = strchr(url->name, ':') != NULL;
    char digits[8], suffix[8] = "";
    if (**text == ':') {
        size_t count = strcspn(++*text, "/?#");
        if (count >= sizeof digits)
            return "has a port that is not 1 to 65535";
        memcpy(digits, *text, count);
        digits[count] = '\0';
        if (!tt_text_parse_int(digits, 1, PORT_MAX, &port))
            return "has a port that is not 1 to 65535";
        *text += count;
    }
    if (port != usual)
        snprintf(suffix, sizeof suffix, ":%d", (int)port);
    int length = snprintf(url->host, sizeof url->host, "%s%s%s%s", is_ipv6 ? "[" : "", url->name,
                          is_ipv6 ? "]" : "", suffix);
    return (size_t)length < sizeof url->host ? NULL : "has a host of over 255 bytes";
}

const char *tt_url_parse(struct tt_url *url, const char *text) {
    for (const char *c = text; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            return "has a blank, a control character or one beyond ASCII";
    const char *flaw;
    if ((flaw = parse_scheme(url, &text)) || (flaw = parse_name(url, &text)) ||
        (flaw = parse_port(url, &text)))
        return flaw;
    if (*text != '\0' && *text != '/')
        return *text == '?' ? "has a query right behind the host"
                            : "has something other than a port or a path behind the host";
    if (strchr(text, '#'))
        return "has a fragment (#)";
    url->rest = text;
    return NULL;
}

const char *tt_url_parse_base(struct tt_url *url, char path[TT_URL_PATH_SIZE], const char *text) {
    const char *flaw = tt_url_parse(url, text);
    if (flaw)
        return flaw;
    size_t length = strlen(url->rest);
    while (length > 0 && url->rest[length - 1] == '/')
        length--;
    if (length >= TT_URL_PATH_SIZE)
        return "has a path of over 255 bytes";
    memcpy(path, url->rest, length);
    path[length] = '\0';
    if (strchr(path, '?'))
        return "has a query";
    for (const char *c = path; *c != '\0'; c++) {
        if (!is_alphanumeric(*c) && !strchr("-._~/", *c))
            return "has a path with other characters than letters, digits and - . _ ~ /";
        /* Signers of other services than S3 take out "//", "/./" and "/../" before they sign, so
         * the signature would be one of another path. */
        if (*c == '/' && (c[1] == '/' || c[1] == '.'))
            return "has a path with an empty part or one that begins with a dot";
    }
    return NULL;
}
