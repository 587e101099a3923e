/* Header values of the form `type; name=value; name="value"` (Content-Type: RFC 9110, 8.3;
 * Content-Disposition: RFC 6266, 4.1), read where they stand: nothing is copied or changed. */
#ifndef TINTYPE_WEB_HEADER_VALUE_H
#define TINTYPE_WEB_HEADER_VALUE_H

#include <stdbool.h>
#include <stddef.h>

struct tt_header_parameter {
    const char *name;
    size_t name_length;
    const char *value; /* what is between the quotes where it is quoted, quoted-pairs included */
    size_t value_length;
    bool quoted;
};

/* Tells whether what comes before the parameters is type, in any case; "image/" followed by an
 * asterisk matches every type that begins with "image/". False for NULL. */
bool tt_header_type_is(const char *value, const char *type);

/* Finds the parameter after *cursor and moves *cursor behind it; false when there is none left. For
 * the first, *cursor is the start of the value. What is no parameter is passed over; a quote that
 * is never closed ends with the value. */
bool tt_header_next_parameter(const char **cursor, struct tt_header_parameter *parameter);

/* Tells whether that is the parameter's name, in any case. */
bool tt_header_parameter_is(const struct tt_header_parameter *parameter, const char *name);

#endif
