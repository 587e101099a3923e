/* Content-Disposition: reads the filename and the form field of the request's own header (RFC 6266)
 * and of a multipart part's (RFC 7578). What makes a filename fit to be kept is in src/base/text.c.
 */
#include "web/options.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "web/header_value.h"

struct output {
    char *text;
    size_t size;
    size_t length;
    bool cut;
};

static void put(struct output *output, char character) {
    if (output->length + 1 < output->size && !output->cut)
        output->text[output->length++] = character;
    else
        output->cut = true;
}

/* Ends the text; one that did not fit loses its last character too, when that is UTF-8 of several
 * bytes, as some of them may be missing. */
static void finish(struct output *output) {
    while (output->cut && output->length > 0 && (output->text[output->length - 1] & 0x80)) {
        bool is_lead = (output->text[output->length - 1] & 0x40) != 0;
        output->length--;
        if (is_lead)
            break;
    }
    output->text[output->length] = '\0';
}

/* Returns the byte of the "%XX" at text, or -1 when there is none. */
static int percent_byte(const char *text, size_t length) {
    int high = length < 3 || text[0] != '%' ? -1 : tt_text_hex_value(text[1]);
    int low = high < 0 ? -1 : tt_text_hex_value(text[2]);
    return low < 0 ? -1 : high << 4 | low;
}

/* Browsers escape three characters in form data, as %22, %0D and %0A (HTML, "multipart form data"),
 * and leave a backslash alone; curl puts a backslash before a quote and a backslash. Elsewhere a
 * backslash makes a quoted-pair with whatever follows (RFC 9110, 5.6.4). */
static void copy_value(const struct tt_header_parameter *parameter, bool is_form_data, char *text,
                       size_t size) {
    struct output output = {.text = text, .size = size};
    const char *value = parameter->value;
    size_t length = parameter->value_length;
    for (size_t i = 0; i < length; i++) {
        bool is_pair = parameter->quoted && value[i] == '\\' && i + 1 < length;
        int byte = is_form_data ? percent_byte(value + i, length - i) : -1;
        if (is_pair && (!is_form_data || value[i + 1] == '"' || value[i + 1] == '\\')) {
            put(&output, value[++i]);
        } else if (byte == '"' || byte == '\r' || byte == '\n') {
            put(&output, (char)byte);
            i += 2;
        } else {
            put(&output, value[i]);
        }
    }
    finish(&output);
}

/* Reads charset'language'text, percent-encoded (RFC 8187, 3.2.1). Returns false, with text
 * undefined, for another charset than UTF-8 and ISO-8859-1 and for what does not follow the
 * grammar. */
static bool copy_extended_value(const struct tt_header_parameter *parameter, char *text,
                                size_t size) {
    struct output output = {.text = text, .size = size};
    const char *value = parameter->value;
    const char *end = value + parameter->value_length;
    const char *charset_end = memchr(value, '\'', parameter->value_length);
    const char *language_end =
        charset_end ? memchr(charset_end + 1, '\'', (size_t)(end - charset_end - 1)) : NULL;
    if (!language_end || parameter->quoted)
        return false;
    size_t charset_length = (size_t)(charset_end - value);
    bool is_utf8 = charset_length == 5 && strncasecmp(value, "UTF-8", 5) == 0;
    bool is_latin1 = charset_length == 10 && strncasecmp(value, "ISO-8859-1", 10) == 0;
    if (!is_utf8 && !is_latin1)
        return false;

    for (const char *at = language_end + 1; at < end; at++) {
        int byte = (uint8_t)*at;
        if (*at == '%') {
            byte = percent_byte(at, (size_t)(end - at));
            at += 2;
        }
        if (byte <= 0)
            return false;
        if (is_latin1 && byte >= 0x80) {
            put(&output, (char)(0xC0 | byte >> 6));
            byte = 0x80 | (byte & 0x3F);
        }
        put(&output, (char)byte);
    }
    finish(&output);
    return tt_text_is_utf8(output.text, output.length);
}

bool tt_options_parse_disposition(const char *header, char *name, size_t size, bool *is_form_data,
                                  char *field, size_t field_size) {
    bool is_form = tt_header_type_is(header, "form-data");
    if (is_form_data)
        *is_form_data = is_form;
    if (field)
        field[0] = '\0';
    name[0] = '\0';
    if (!header)
        return false;

    struct tt_header_parameter parameter, plain = {0}, extended = {0}, named = {0};
    for (const char *cursor = header; tt_header_next_parameter(&cursor, &parameter);) {
        if (!plain.name && tt_header_parameter_is(&parameter, "filename"))
            plain = parameter;
        else if (!extended.name && tt_header_parameter_is(&parameter, "filename*"))
            extended = parameter;
        else if (!named.name && tt_header_parameter_is(&parameter, "name"))
            named = parameter;
    }
    if (field && named.name)
        copy_value(&named, is_form, field, field_size);
    if (extended.name && copy_extended_value(&extended, name, size))
        return true;
    name[0] = '\0';
    if (!plain.name)
        return false;
    copy_value(&plain, is_form, name, size);
    return true;
}
