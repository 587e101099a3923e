/* The forms of texts that configuration keys take. What each key takes, and the sentence that says
 * so, is in config_keys.c. */
#include "base/config_form.h"

#include <stddef.h>
#include <string.h>

#include "tintype/address.h"
#include "tintype/url.h"

/* Without a slash, a host and port, as other servers take them, would become a socket of that name.
 * */
bool tt_config_check_socket(char *text) {
    return strchr(text, '/') != NULL;
}

bool tt_config_check_base_path(char *text) {
    size_t length = strlen(text);
    if (strcmp(text, "/") == 0) {
        text[0] = '\0';
        return true;
    }
    /* The value is compared with the path of a request, which has none of these characters
     * unescaped. */
    return length == 0 || (text[0] == '/' && text[length - 1] != '/' &&
                           !strpbrk(text, " ?#%\"<>\\") && !strstr(text, "//"));
}

/* One serialized origin (RFC 6454, 6.2): scheme "://" host, and perhaps a port; no path. */
static bool is_origin(const char *text, size_t length) {
    const char *colon = memchr(text, ':', length);
    size_t scheme_length = colon ? (size_t)(colon - text) : 0;
    size_t host_start = scheme_length + strlen("://");
    return scheme_length > 0 && host_start < length && memcmp(colon, "://", strlen("://")) == 0 &&
           !memchr(text + host_start, '/', length - host_start);
}

bool tt_config_check_origins(char *text) {
    const char *next = text;
    if (strcmp(text, "*") == 0)
        return true;
    while (*next != '\0') {
        size_t length = strcspn(next, " ");
        if (length > 0 && !is_origin(next, length))
            return false;
        next += length;
        next += strspn(next, " ");
    }
    return true;
}

bool tt_config_check_networks(char *text) {
    const char *next = text;
    while (*next != '\0') {
        struct tt_network network;
        size_t length = strcspn(next, " ");
        if (length > 0 && !tt_network_parse(next, length, &network))
            return false;
        next += length;
        next += strspn(next, " ");
    }
    return true;
}

static bool is_bucket_edge(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Amazon S3 User Guide, "General purpose bucket naming rules". The reserved prefixes and suffixes
 * are not looked at: only Amazon hands out such names. */
bool tt_config_check_bucket(char *text) {
    size_t length = strlen(text);
    if (length == 0)
        return true;
    if (length < 3 || length > 63 || !is_bucket_edge(text[0]) || !is_bucket_edge(text[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_bucket_edge(text[i]) && text[i] != '-' && text[i] != '.')
            return false;
    return !strstr(text, "..") && strspn(text, "0123456789.") < length;
}

bool tt_config_check_prefix(char *text) {
    size_t length = strlen(text);
    return length > 1 && text[0] != '/' && text[length - 1] == '/';
}

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Whether text is made of letters, digits and the others alone. */
static bool is_made_of(const char *text, const char *others) {
    for (; *text != '\0'; text++)
        if (!is_letter_or_digit(*text) && !strchr(others, *text))
            return false;
    return true;
}

/* A region becomes a part of hosts' names. */
bool tt_config_check_region(char *text) {
    size_t length = strlen(text);
    for (const char *c = text; *c != '\0'; c++)
        if (!is_bucket_edge(*c) && *c != '-')
            return false;
    return length == 0 || (text[0] != '-' && text[length - 1] != '-');
}

/* Paths are put behind the URL, so the slashes at its end go. */
bool tt_config_check_url(char *text) {
    size_t length = strlen(text);
    if (length == 0)
        return true;
    struct tt_url url;
    char path[TT_URL_PATH_SIZE];
    if (tt_url_parse_base(&url, path, text))
        return false;
    while (text[length - 1] == '/')
        text[--length] = '\0';
    return true;
}

bool tt_config_check_kms_key(char *text) {
    return is_made_of(text, ":/_-");
}

/* DynamoDB Developer Guide, "Naming rules". */
bool tt_config_check_table(char *text) {
    size_t length = strlen(text);
    return length == 0 || (length >= 3 && is_made_of(text, "_.-"));
}

bool tt_config_check_names(char *text) {
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-, ") == strlen(text);
}

/* CloudWatch Logs API Reference, CreateLogGroup and CreateLogStream. */
bool tt_config_check_log_group(char *text) {
    return is_made_of(text, "._/#-");
}

bool tt_config_check_log_stream(char *text) {
    return !strpbrk(text, ":*");
}
