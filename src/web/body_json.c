/* JSON body (RFC 8259): {"image": base64, options}. Nothing else lets jansson read what a client
 * sent.
 *
 * A scanner that knows strings and nesting, and no more of the grammar, takes the value of the
 * member "image" out of the stream and on to the base64 parser. The rest, with "" in its place, is
 * a small document, which jansson reads strictly when the body is over. The scanner can be wrong
 * only about text that is no JSON, and that jansson refuses. */
#include "web/body_form.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tintype/text.h"

#define DOCUMENT_MAX_BYTES ((size_t)64 << 10)

static const char image_name[] = "\"image\"";

enum state {
    STATE_START,          /* before the object */
    STATE_STRUCTURE,      /* between strings */
    STATE_STRING,         /* a name, or a value other than the picture */
    STATE_IMAGE,          /* the picture's string */
    STATE_IMAGE_ESCAPE,   /* behind a backslash in it */
    STATE_IMAGE_CODEPOINT /* in the digits of \uXXXX in it */
};

struct json_body {
    struct tt_body body;
    struct tt_body *picture; /* the base64 parser */
    enum state state;
    int depth;            /* of open objects and arrays */
    bool is_name_next;    /* the next string is the name of a member of the body's object */
    bool is_name;         /* the string at hand is one */
    bool is_escaped;      /* a backslash came before, in STATE_STRING */
    bool is_image_name;   /* the last such name was "image" */
    bool is_image_next;   /* the next value is the picture */
    bool has_image;       /* the picture's string has come */
    size_t string_offset; /* of the string at hand, in document */
    unsigned codepoint;
    int codepoint_digits;
    size_t unescaped_length;
    uint8_t unescaped[256]; /* characters of escapes that the base64 parser has not got yet */
    size_t length;
    char document[DOCUMENT_MAX_BYTES];
};

static bool is_space(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static enum tt_err refuse_not_object(void) {
    return tt_err_refuse(TT_ERR_JSON, "The JSON body is not an object. Send {\"image\": \"...\"}, "
                                      "with the picture in base64.");
}

static enum tt_err keep(struct json_body *self, char byte) {
    if (self->length == DOCUMENT_MAX_BYTES)
        return tt_err_refuse(TT_ERR_JSON,
                             "The JSON body has over %zu bytes beside the text of \"image\".",
                             DOCUMENT_MAX_BYTES);
    self->document[self->length++] = byte;
    return TT_OK;
}

static enum tt_err read_structure(struct json_body *self, char byte) {
    if (self->is_image_next && byte == '"') {
        if (self->has_image)
            return tt_err_refuse(TT_ERR_JSON, "The JSON body has \"image\" twice.");
        self->is_image_next = false;
        self->has_image = true;
        self->state = STATE_IMAGE;
        enum tt_err err = keep(self, '"');
        return err == TT_OK ? keep(self, '"') : err;
    }
    if (!is_space(byte))
        self->is_image_next = false;
    switch (byte) {
    case '{':
    case '[':
        self->depth++;
        self->is_name_next = self->depth == 1;
        break;
    case '}':
    case ']': self->depth--; break;
    case ',': self->is_name_next = self->depth == 1; break;
    case ':':
        self->is_image_next = self->is_image_name;
        self->is_image_name = false;
        break;
    case '"':
        self->state = STATE_STRING;
        self->string_offset = self->length;
        self->is_name = self->depth == 1 && self->is_name_next;
        self->is_name_next = false;
        break;
    default: break;
    }
    return keep(self, byte);
}

static enum tt_err read_start(struct json_body *self, char byte) {
    if (is_space(byte))
        return keep(self, byte);
    if (byte != '{')
        return refuse_not_object();
    self->state = STATE_STRUCTURE;
    return read_structure(self, byte);
}

static enum tt_err read_string(struct json_body *self, char byte) {
    enum tt_err err = keep(self, byte);
    if (self->is_escaped || byte == '\\') {
        self->is_escaped = !self->is_escaped;
    } else if (byte == '"') {
        size_t length = self->length - self->string_offset;
        self->is_image_name = self->is_name && length == sizeof image_name - 1 &&
                              memcmp(self->document + self->string_offset, image_name, length) == 0;
        self->state = STATE_STRUCTURE;
    }
    return err;
}

static enum tt_err push_unescaped(struct json_body *self) {
    size_t length = self->unescaped_length;
    self->unescaped_length = 0;
    return length > 0 ? self->picture->push(self->picture, self->unescaped, length) : TT_OK;
}

static enum tt_err keep_character(struct json_body *self, unsigned character) {
    self->state = STATE_IMAGE;
    self->unescaped[self->unescaped_length++] = (uint8_t)character;
    return self->unescaped_length == sizeof self->unescaped ? push_unescaped(self) : TT_OK;
}

static enum tt_err read_image_escape(struct json_body *self, char byte) {
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (byte == 'u') {
        self->state = STATE_IMAGE_CODEPOINT;
        self->codepoint = 0;
        self->codepoint_digits = 0;
        return TT_OK;
    }
    const char *found = memchr(escapes, byte, sizeof escapes - 1);
    if (!found)
        return tt_err_refuse(TT_ERR_JSON, "The text of \"image\" has a backslash that begins no "
                                          "JSON escape.");
    return keep_character(self, (unsigned)meanings[found - escapes]);
}

static enum tt_err read_image_codepoint(struct json_body *self, char byte) {
    int digit = tt_text_hex_value(byte);
    if (digit < 0)
        return tt_err_refuse(TT_ERR_JSON, "The text of \"image\" has a \\u without four "
                                          "hexadecimal digits.");
    self->codepoint = self->codepoint << 4 | (unsigned)digit;
    if (++self->codepoint_digits < 4)
        return TT_OK;
    if (self->codepoint > 0x7F)
        return tt_err_refuse(TT_ERR_BASE64,
                             "The text of \"image\" has the character U+%04X, which is not base64.",
                             self->codepoint);
    return keep_character(self, self->codepoint);
}

/* A quote, a backslash or a control character ends what stands unescaped in a string. */
static const uint8_t string_stops[256] = {1, 1, 1, 1, 1, 1, 1, 1, 1,         1,         1, 1,
                                          1, 1, 1, 1, 1, 1, 1, 1, 1,         1,         1, 1,
                                          1, 1, 1, 1, 1, 1, 1, 1, ['"'] = 1, ['\\'] = 1};

/* Takes as much of the picture's string as stands there without an escape, and the byte behind it;
 * *taken tells how many bytes. */
static enum tt_err read_image(struct json_body *self, const uint8_t *bytes, size_t length,
                              size_t *taken) {
    size_t run = tt_text_run(bytes, length, string_stops);
    *taken = run;
    enum tt_err err = run > 0 || bytes[run] != '\\' ? push_unescaped(self) : TT_OK;
    if (err == TT_OK && run > 0)
        err = self->picture->push(self->picture, bytes, run);
    if (err != TT_OK || run == length)
        return err;
    *taken = run + 1;
    if (bytes[run] == '"') {
        self->state = STATE_STRUCTURE;
        return self->picture->end(self->picture);
    }
    if (bytes[run] == '\\') {
        self->state = STATE_IMAGE_ESCAPE;
        return TT_OK;
    }
    return tt_err_refuse(TT_ERR_JSON, "The text of \"image\" has a raw line break or control "
                                      "character, which JSON does not allow. Write \\n, or leave "
                                      "it out.");
}

static enum tt_err push(struct tt_body *body, const uint8_t *bytes, size_t length) {
    static enum tt_err (*const readers[])(struct json_body *, char) = {
        [STATE_START] = read_start,
        [STATE_STRUCTURE] = read_structure,
        [STATE_STRING] = read_string,
        [STATE_IMAGE_ESCAPE] = read_image_escape,
        [STATE_IMAGE_CODEPOINT] = read_image_codepoint,
    };
    struct json_body *self = (struct json_body *)body;
    while (length > 0) {
        size_t taken = 1;
        enum tt_err err = self->state == STATE_IMAGE ? read_image(self, bytes, length, &taken)
                                                     : readers[self->state](self, (char)*bytes);
        if (err != TT_OK)
            return err;
        bytes += taken;
        length -= taken;
    }
    return TT_OK;
}

static enum tt_err refuse_document(const json_error_t *error) {
    switch (json_error_code(error)) {
    case json_error_premature_end_of_input:
        return tt_err_refuse(TT_ERR_JSON, "The JSON body was cut short.");
    case json_error_invalid_utf8:
        return tt_err_refuse(TT_ERR_JSON, "The JSON body is not UTF-8 text.");
    case json_error_duplicate_key:
        return tt_err_refuse(TT_ERR_JSON, "The JSON body has a member twice.");
    case json_error_end_of_input_expected:
        return tt_err_refuse(TT_ERR_JSON, "The JSON body goes on behind its object.");
    default:
        return tt_err_refuse(TT_ERR_JSON, "The JSON body cannot be read: line %d: %s.", error->line,
                             error->text);
    }
}

static enum tt_err take_option(const struct tt_body_target *target, const char *name,
                               const json_t *value) {
    char number[32];
    switch (json_typeof(value)) {
    case JSON_STRING: return target->option(target->context, name, json_string_value(value));
    case JSON_TRUE: return target->option(target->context, name, "true");
    case JSON_FALSE: return target->option(target->context, name, "false");
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return target->option(target->context, name, number);
    default:
        return tt_err_refuse(TT_ERR_JSON,
                             "The JSON member \"%.60s\" is not text, a whole number, true or "
                             "false.",
                             name);
    }
}

static enum tt_err check_image(const struct json_body *self, const json_t *image) {
    if (!image)
        return tt_err_refuse(TT_ERR_JSON, "The JSON body has no \"image\": send the picture there, "
                                          "as base64 text.");
    if (!json_is_string(image))
        return tt_err_refuse(TT_ERR_JSON, "The JSON member \"image\" is not text: send the picture "
                                          "there, in base64.");
    if (!self->has_image)
        return tt_err_refuse(TT_ERR_JSON, "Write the name \"image\" without \\u escapes.");
    return TT_OK;
}

static enum tt_err end(struct tt_body *body) {
    struct json_body *self = (struct json_body *)body;
    json_error_t error;
    json_t *root = json_loadb(self->document, self->length, JSON_REJECT_DUPLICATES, &error);
    if (!root || self->state != STATE_STRUCTURE) {
        json_decref(root);
        return root ? tt_err_refuse(TT_ERR_JSON, "The JSON body was cut short.")
                    : refuse_document(&error);
    }
    enum tt_err err = check_image(self, json_object_get(root, "image"));
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value) {
        if (err == TT_OK && strcmp(name, "image") != 0)
            err = take_option(self->body.target, name, value);
    }
    json_decref(root);
    return err;
}

enum tt_err tt_body_open_json(struct tt_body **body, struct tt_arena *arena,
                              const char *content_type, const struct tt_body_target *target) {
    (void)content_type;
    struct json_body *self = tt_arena_alloc(arena, sizeof *self);
    if (!self)
        return TT_ERR_NO_MEMORY;
    self->body = (struct tt_body){.push = push, .end = end, .target = target};
    *body = &self->body;
    return tt_body_open_base64(&self->picture, arena, NULL, target);
}
