/* The values of configuration keys: a text becomes a field, or a sentence about
 * what is wrong with it. */
#include "config_keys.h"

#include <stdio.h>
#include <string.h>

#include "tintype/text.h"
#include "tintype/url.h"

_Static_assert(sizeof(enum tt_picture_fit) == sizeof(int) &&
                   sizeof(enum tt_picture_format) == sizeof(int) &&
                   sizeof(enum tt_picture_position) == sizeof(int) &&
                   sizeof(enum tt_auth_mode) == sizeof(int) &&
                   sizeof(enum tt_s3_path_style) == sizeof(int) &&
                   sizeof(enum tt_s3_sse) == sizeof(int) && sizeof(enum tt_delivery) == sizeof(int),
               "store_number knows an enum by the size of int");

static void store_number(const struct tt_config_key *key, int64_t value, void *field) {
    int narrow = (int)value;
    bool flag = value != 0;

    if (key->size == sizeof value)
        memcpy(field, &value, sizeof value);
    else if (key->size == sizeof narrow)
        memcpy(field, &narrow, sizeof narrow);
    else
        memcpy(field, &flag, sizeof flag);
}

/* Control characters have no place in a path, a name or a URL. */
static bool is_plain_text(const char *text) {
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return false;
    return tt_text_is_utf8(text, strlen(text));
}

/* Whether a line of the file can hold it: inih takes blanks off both ends, and begins a comment at
 * a ; behind one. From elsewhere such a text would work, but not be read back as it was printed. */
static bool fits_a_line(const char *text) {
    size_t length = strlen(text);

    return length == 0 || (text[0] != ' ' && text[length - 1] != ' ' && text[0] != ';' &&
                           strstr(text, " ;") == NULL);
}

static bool parse_text(const struct tt_config_key *key, const char *text, void *field,
                       char *explanation) {
    char checked[TT_CONFIG_PATH_MAX];
    size_t length = strlen(text);

    if (length >= key->size || length >= sizeof checked) {
        (void)snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE,
                       "the value has %zu bytes; %s takes %zu at most", length, key->name,
                       key->size - 1);
        return false;
    }
    if (length < (size_t)key->lowest) {
        (void)snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE, "%s must not be empty", key->name);
        return false;
    }
    memcpy(checked, text, length + 1);
    if (!is_plain_text(text)) {
        (void)snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE,
                       "%s takes UTF-8 text without control characters", key->name);
        return false;
    }
    if (!fits_a_line(text)) {
        (void)snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE,
                       "%s takes text without blanks at its ends, and without a ; at its start or "
                       "behind a blank",
                       key->name);
        return false;
    }
    if (key->check != NULL && !key->check(checked)) {
        (void)snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE, "%s takes %s", key->name,
                       key->takes);
        return false;
    }
    memcpy(field, checked, strlen(checked) + 1);
    return true;
}

/* The number that a suffix of a byte count stands for, 1 when c is none. */
static int64_t suffix_factor(char c) {
    switch (c) {
    case 'k': return INT64_C(1) << 10;
    case 'M': return INT64_C(1) << 20;
    case 'G': return INT64_C(1) << 30;
    default: return 1;
    }
}

static bool parse_number(const struct tt_config_key *key, const char *text, void *field,
                         char *explanation) {
    char digits[32];
    size_t length = strlen(text);
    int64_t factor = 1;
    int64_t value;

    if (length > 0 && key->type == TT_CONFIG_BYTES)
        factor = suffix_factor(text[length - 1]);
    if (factor > 1)
        length--;
    if (length < sizeof digits) {
        memcpy(digits, text, length);
        digits[length] = '\0';
        if (tt_text_parse_int(digits, key->lowest < 0 ? key->lowest : 0, key->highest / factor,
                              &value) &&
            value * factor >= key->lowest) {
            store_number(key, value * factor, field);
            return true;
        }
    }
    (void)snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE,
                   "%s takes a whole number from %lld to %lld%s", key->name, (long long)key->lowest,
                   (long long)key->highest,
                   key->type == TT_CONFIG_BYTES ? ", also with k, M or G at its end" : "");
    return false;
}

static bool parse_choice(const struct tt_config_key *key, const char *text, void *field,
                         char *explanation) {
    size_t length = 0;

    for (const struct tt_text_choice *choice = key->choices; choice->name != NULL; choice++) {
        if (strcmp(choice->name, text) == 0) {
            store_number(key, choice->value, field);
            return true;
        }
    }
    for (const struct tt_text_choice *choice = key->choices; choice->name != NULL; choice++) {
        bool is_first = choice == key->choices;

        length += (size_t)snprintf(explanation + length, TT_CONFIG_EXPLANATION_SIZE - length,
                                   "%s%s%s", is_first ? key->name : "",
                                   is_first ? " takes one of: " : ", ", choice->name);
        if (length >= TT_CONFIG_EXPLANATION_SIZE)
            break;
    }
    return false;
}

bool tt_config_value_parse(const struct tt_config_key *key, const char *text, void *field,
                           char explanation[TT_CONFIG_EXPLANATION_SIZE]) {
    switch (key->type) {
    case TT_CONFIG_TEXT: return parse_text(key, text, field, explanation);
    case TT_CONFIG_CHOICE: return parse_choice(key, text, field, explanation);
    case TT_CONFIG_NUMBER:
    case TT_CONFIG_BYTES: break;
    }
    return parse_number(key, text, field, explanation);
}

static int64_t load_number(const struct tt_config_key *key, const void *field) {
    int64_t value;
    int narrow;
    bool flag;

    if (key->size == sizeof value) {
        memcpy(&value, field, sizeof value);
        return value;
    }
    if (key->size == sizeof narrow) {
        memcpy(&narrow, field, sizeof narrow);
        return narrow;
    }
    memcpy(&flag, field, sizeof flag);
    return flag;
}

void tt_config_value_print(FILE *out, const struct tt_config_key *key, const void *field) {
    int64_t value;

    if (key->type == TT_CONFIG_TEXT) {
        (void)fputs(field, out);
        return;
    }
    value = load_number(key, field);
    if (key->type != TT_CONFIG_CHOICE) {
        (void)fprintf(out, "%lld", (long long)value);
        return;
    }
    for (const struct tt_text_choice *choice = key->choices; choice->name != NULL; choice++) {
        if (choice->value == value) {
            (void)fputs(choice->name, out);
            return;
        }
    }
}

/* A host and a port, as other servers take them, would become a socket of that name. */
bool tt_config_check_socket(char *text) {
    return strchr(text, '/') != NULL;
}

bool tt_config_check_base_path(char *text) {
    size_t length = strlen(text);

    if (strcmp(text, "/") == 0) {
        text[0] = '\0';
        return true;
    }
    /* It is compared with the path of a request, which holds none of these as they are. */
    return length == 0 || (text[0] == '/' && text[length - 1] != '/' &&
                           strpbrk(text, " ?#%\"<>\\") == NULL && strstr(text, "//") == NULL);
}

/* One serialized origin (RFC 6454, 6.2): scheme "://" host, and perhaps a port; no path. */
static bool is_origin(const char *text, size_t length) {
    const char *colon = memchr(text, ':', length);
    size_t scheme_length = colon != NULL ? (size_t)(colon - text) : 0;
    size_t host_start = scheme_length + strlen("://");

    return scheme_length > 0 && host_start < length && memcmp(colon, "://", strlen("://")) == 0 &&
           memchr(text + host_start, '/', length - host_start) == NULL;
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

static bool is_bucket_edge(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Amazon S3 User Guide, "General purpose bucket naming rules": the shape, not the reserved
 * prefixes and suffixes, which only Amazon hands out. */
bool tt_config_check_bucket(char *text) {
    size_t length = strlen(text);

    if (length == 0)
        return true;
    if (length < 3 || length > 63 || !is_bucket_edge(text[0]) || !is_bucket_edge(text[length - 1]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_bucket_edge(text[i]) && text[i] != '-' && text[i] != '.')
            return false;
    return strstr(text, "..") == NULL && strspn(text, "0123456789.") < length;
}

bool tt_config_check_prefix(char *text) {
    size_t length = strlen(text);

    return length > 1 && text[0] != '/' && text[length - 1] == '/';
}

static bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Letters, digits and these others alone. */
static bool is_made_of(const char *text, const char *others) {
    for (; *text != '\0'; text++)
        if (!is_letter_or_digit(*text) && strchr(others, *text) == NULL)
            return false;
    return true;
}

/* It becomes a part of hosts' names. */
bool tt_config_check_region(char *text) {
    size_t length = strlen(text);

    for (const char *c = text; *c != '\0'; c++)
        if (!is_bucket_edge(*c) && *c != '-')
            return false;
    return length == 0 || (text[0] != '-' && text[length - 1] != '-');
}

/* A path is put behind it, so the slashes at its end go. */
bool tt_config_check_url(char *text) {
    struct tt_url url;
    char path[TT_URL_PATH_SIZE];
    size_t length = strlen(text);
    if (length == 0)
        return true;
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
    return strpbrk(text, ":*") == NULL;
}
