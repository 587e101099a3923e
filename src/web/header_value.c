/* Header values: finds a type and its parameters. What the values mean is for the callers. */
#include "web/header_value.h"

#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *at) {
    return at + strspn(at, " \t");
}

bool tt_header_type_is(const char *value, const char *type) {
    if (!value)
        return false;
    value = skip_blanks(value);
    size_t length = strcspn(value, "; \t");
    const char *after = skip_blanks(value + length);
    if (*after != '\0' && *after != ';')
        return false;
    size_t type_length = strlen(type);
    if (type[type_length - 1] == '*')
        return length >= type_length && strncasecmp(value, type, type_length - 1) == 0;
    return length == type_length && strncasecmp(value, type, length) == 0;
}

/* Returns the closing quote, or the end of the text where there is none. */
static const char *find_quote(const char *at) {
    while (*at != '\0' && *at != '"')
        at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
    return at;
}

bool tt_header_next_parameter(const char **cursor, struct tt_header_parameter *parameter) {
    const char *at = *cursor;
    for (;;) {
        /* What comes before the semicolon is the type at first, and garbage behind a value later.
         */
        at += strcspn(at, ";");
        *cursor = at;
        if (*at == '\0')
            return false;
        at = skip_blanks(at + 1);
        parameter->name = at;
        parameter->name_length = strcspn(at, "=;\" \t");
        at = skip_blanks(at + parameter->name_length);
        if (*at == '=' && parameter->name_length > 0)
            break;
    }
    at = skip_blanks(at + 1);
    parameter->quoted = *at == '"';
    parameter->value = at + parameter->quoted;
    at = parameter->quoted ? find_quote(parameter->value) : at + strcspn(at, "; \t");
    parameter->value_length = (size_t)(at - parameter->value);
    *cursor = at + (parameter->quoted && *at == '"');
    return true;
}

bool tt_header_parameter_is(const struct tt_header_parameter *parameter, const char *name) {
    return parameter->name_length == strlen(name) &&
           strncasecmp(parameter->name, name, parameter->name_length) == 0;
}
