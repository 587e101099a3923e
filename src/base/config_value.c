/* The values of configuration keys: a text becomes a field, or a sentence about
 * what is wrong with it. */
#include "base/config_value.h"

#include <string.h>

#include "tintype/text.h"

static const struct tt_text_choice switches[] = {
    {"true", 1}, {"false", 0}, {"yes", 1}, {"no", 0}, {"on", 1},
    {"off", 0},  {"1", 1},     {"0", 0},   {NULL, 0},
};

_Static_assert(sizeof(enum tt_picture_fit) == sizeof(int) &&
                   sizeof(enum tt_picture_format) == sizeof(int) &&
                   sizeof(enum tt_picture_position) == sizeof(int) &&
                   sizeof(enum tt_auth_mode) == sizeof(int) &&
                   sizeof(enum tt_s3_path_style) == sizeof(int) &&
                   sizeof(enum tt_s3_sse) == sizeof(int) && sizeof(enum tt_delivery) == sizeof(int),
               "tt_config_value_store knows an enum by the size of int");

void tt_config_value_store(const struct tt_config_key *key, int64_t value, void *field) {
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

/* Whether a line of the file can hold the text: inih takes blanks off both ends, and begins a
 * comment at a ; behind a blank. A variable could hold such a text, but what -T prints of it would
 * be read back as another. */
static bool fits_a_line(const char *text) {
    size_t length = strlen(text);
    return length == 0 ||
           (text[0] != ' ' && text[length - 1] != ' ' && text[0] != ';' && !strstr(text, " ;"));
}

static bool parse_text(const struct tt_config_key *key, const char *text, void *field,
                       char *explanation) {
    size_t length = strlen(text);
    char checked[TT_CONFIG_PATH_MAX];
    if (length >= key->size || length >= sizeof checked) {
        snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE,
                 "the value has %zu bytes; %s takes %zu at most", length, key->name, key->size - 1);
        return false;
    }
    if (length < (size_t)key->lowest) {
        snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE, "%s must not be empty", key->name);
        return false;
    }
    memcpy(checked, text, length + 1);
    if (!is_plain_text(text)) {
        snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE,
                 "%s takes UTF-8 text without control characters", key->name);
        return false;
    }
    if (!fits_a_line(text)) {
        snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE,
                 "%s takes text without blanks at its ends, and without a ; at its start or "
                 "behind a blank",
                 key->name);
        return false;
    }
    if (key->check && !key->check(checked)) {
        snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE, "%s takes %s", key->name, key->takes);
        return false;
    }
    memcpy(field, checked, strlen(checked) + 1);
    return true;
}

/* The factor that the last character of a byte count stands for; 1 when it is no suffix. */
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
    size_t length = strlen(text);
    int64_t factor = 1;
    if (length > 0 && key->type == TT_CONFIG_BYTES)
        factor = suffix_factor(text[length - 1]);
    if (factor > 1)
        length--;
    char digits[32];
    int64_t value;
    if (length < sizeof digits) {
        memcpy(digits, text, length);
        digits[length] = '\0';
        if (tt_text_parse_int(digits, key->lowest < 0 ? key->lowest : 0, key->highest / factor,
                              &value) &&
            value * factor >= key->lowest) {
            tt_config_value_store(key, value * factor, field);
            return true;
        }
    }
    snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE, "%s takes a whole number from %lld to %lld%s",
             key->name, (long long)key->lowest, (long long)key->highest,
             key->type == TT_CONFIG_BYTES ? ", also with k, M or G at its end" : "");
    return false;
}

static const struct tt_text_choice *choices_of(const struct tt_config_key *key) {
    return key->type == TT_CONFIG_SWITCH ? switches : key->choices;
}

static bool parse_choice(const struct tt_config_key *key, const char *text, void *field,
                         char *explanation) {
    const struct tt_text_choice *choices = choices_of(key);
    size_t length = 0;
    for (const struct tt_text_choice *choice = choices; choice->name; choice++) {
        if (strcmp(choice->name, text) == 0) {
            tt_config_value_store(key, choice->value, field);
            return true;
        }
    }
    for (const struct tt_text_choice *choice = choices; choice->name; choice++) {
        bool is_first = choice == choices;
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
    case TT_CONFIG_SWITCH:
    case TT_CONFIG_CHOICE: return parse_choice(key, text, field, explanation);
    case TT_CONFIG_NUMBER:
    case TT_CONFIG_SIDE:
    case TT_CONFIG_BYTES: break;
    }
    return parse_number(key, text, field, explanation);
}

int64_t tt_config_value_load(const struct tt_config_key *key, const void *field) {
    int64_t value;
    if (key->size == sizeof value) {
        memcpy(&value, field, sizeof value);
        return value;
    }
    int narrow;
    if (key->size == sizeof narrow) {
        memcpy(&narrow, field, sizeof narrow);
        return narrow;
    }
    bool flag;
    memcpy(&flag, field, sizeof flag);
    return flag;
}

void tt_config_value_print(FILE *out, const struct tt_config_key *key, const void *field) {
    switch (key->type) {
    case TT_CONFIG_TEXT: fputs(field, out); return;
    case TT_CONFIG_SWITCH:
    case TT_CONFIG_CHOICE:
        fputs(tt_text_choice_name(choices_of(key), (int)tt_config_value_load(key, field)), out);
        return;
    case TT_CONFIG_NUMBER:
    case TT_CONFIG_SIDE:
    case TT_CONFIG_BYTES: break;
    }
    fprintf(out, "%lld", (long long)tt_config_value_load(key, field));
}
