/* Multipart body (RFC 7578; RFC 2046, 5.1.1): parts between delimiter lines, read as they come.
 *
 * A delimiter is CRLF "--" boundary. Its CR can stand nowhere else in it, so a match that fails
 * restarts at the byte that broke it, and what was matched is known without being kept: no window
 * over the content is needed. A match counts only when the rest of its line is blank or begins with
 * "--"; else it was content. */
#include "web/body_form.h"

#include <string.h>
#include <strings.h>

#include "tintype/text.h"
#include "web/header_value.h"
#include "web/options.h"

#define BOUNDARY_MAX_BYTES 70 /* RFC 2046, 5.1.1 */
#define HEADERS_MAX_BYTES  8192
#define VALUE_MAX_BYTES    4096
#define FIELD_SIZE         256
#define PARTS_MAX          32
#define REST_MAX_BYTES     64 /* of a delimiter line, behind the boundary */

enum state { STATE_CONTENT, STATE_REST_OF_LINE, STATE_HEADERS, STATE_EPILOGUE };
enum part { PART_NONE, PART_FILE, PART_OPTION };

struct multipart {
    struct tt_body body;
    enum state state;
    enum part part; /* PART_NONE before the first delimiter */
    int parts;
    bool has_file;       /* a file part had a name or a byte */
    bool nothing_chosen; /* a file part had neither: a form sent without choosing a file */
    bool is_counted;     /* has_file comes from this part */

    char delimiter[4 + BOUNDARY_MAX_BYTES + 1];
    size_t delimiter_length;
    size_t matched; /* bytes of the delimiter found just before the next byte */
    size_t implied; /* how many of them are no content, should the match fail */
    char rest[REST_MAX_BYTES];
    size_t rest_length;

    char field[FIELD_SIZE]; /* the part's name, cut: no option's name is as long */
    char headers[HEADERS_MAX_BYTES + 1];
    size_t headers_length;
    char value[VALUE_MAX_BYTES + 1];
    size_t value_length;
};

static enum tt_err count_file(struct multipart *self) {
    if (self->is_counted)
        return TT_OK;
    if (self->has_file)
        return tt_err_refuse(TT_ERR_MULTIPART, "The form has two files. Send one picture per "
                                               "request.");
    self->has_file = self->is_counted = true;
    return TT_OK;
}

/* Takes content of the part at hand. */
static enum tt_err deliver(struct multipart *self, const void *bytes, size_t length) {
    if (length == 0 || self->part == PART_NONE)
        return TT_OK;
    if (self->part == PART_FILE) {
        enum tt_err err = count_file(self);
        return err == TT_OK ? self->body.target->picture(self->body.target->context, bytes, length)
                            : err;
    }
    if (length > VALUE_MAX_BYTES - self->value_length)
        return tt_err_refuse(TT_ERR_MULTIPART, "The form field \"%s\" is over %d bytes.",
                             self->field, VALUE_MAX_BYTES);
    memcpy(self->value + self->value_length, bytes, length);
    self->value_length += length;
    return TT_OK;
}

static enum tt_err finish_part(struct multipart *self) {
    enum part part = self->part;
    self->part = PART_NONE;
    if (part == PART_FILE && !self->is_counted)
        self->nothing_chosen = true;
    if (part != PART_OPTION || self->value_length == 0)
        return TT_OK; /* a field left empty is an option not given */
    self->value[self->value_length] = '\0';
    if (!tt_text_is_utf8(self->value, self->value_length))
        return tt_err_refuse(TT_ERR_MULTIPART, "The form field \"%s\" is not UTF-8 text.",
                             self->field);
    return self->body.target->option(self->body.target->context, self->field, self->value);
}

struct part_headers {
    const char *disposition; /* NULL when there is none */
    const char *type;
    const char *encoding;
};

/* Reads the header lines in place; false when one of them is no header. */
static bool split_headers(char *text, struct part_headers *headers) {
    /* A line that begins with a blank goes on with the one before (RFC 5322, 2.2.3). */
    for (char *fold = text; (fold = strstr(fold, "\r\n")) != NULL; fold += 2)
        if (fold[2] == ' ' || fold[2] == '\t')
            fold[0] = fold[1] = ' ';

    for (char *line = text, *next; *line != '\0'; line = next) {
        next = strstr(line, "\r\n");
        if (!next)
            return false;
        *next = '\0';
        next += 2;
        if (*line == '\0')
            break;
        size_t length = strcspn(line, ": \t\r\n");
        if (line[length] != ':' || length == 0 || strpbrk(line, "\r\n"))
            return false;
        const char *value = line + length + 1;
        if (length == 19 && strncasecmp(line, "Content-Disposition", length) == 0)
            headers->disposition = value;
        else if (length == 12 && strncasecmp(line, "Content-Type", length) == 0)
            headers->type = value;
        else if (length == 25 && strncasecmp(line, "Content-Transfer-Encoding", length) == 0)
            headers->encoding = value;
    }
    return true;
}

/* RFC 7578, 4.7 knows no encoding of parts; the old encodings that change nothing are let pass. */
static bool is_plain_encoding(const char *encoding) {
    return !encoding || tt_header_type_is(encoding, "binary") ||
           tt_header_type_is(encoding, "8bit") || tt_header_type_is(encoding, "7bit");
}

static enum tt_err check_part(struct multipart *self, const struct part_headers *headers,
                              bool is_form_data) {
    if (++self->parts > PARTS_MAX)
        return tt_err_refuse(TT_ERR_MULTIPART, "The form has over %d parts.", PARTS_MAX);
    if (!headers->disposition || !is_form_data || self->field[0] == '\0')
        return tt_err_refuse(TT_ERR_MULTIPART,
                             "Part %d of the form has no name: each part needs a header like "
                             "Content-Disposition: form-data; name=\"file\"; "
                             "filename=\"photo.jpg\".",
                             self->parts);
    if (!tt_text_is_utf8(self->field, strlen(self->field)))
        return tt_err_refuse(TT_ERR_MULTIPART, "The name of part %d of the form is not UTF-8 text.",
                             self->parts);
    if (!is_plain_encoding(headers->encoding))
        return tt_err_refuse(TT_ERR_MULTIPART,
                             "Part %d of the form has a Content-Transfer-Encoding. Send the "
                             "picture's own bytes.",
                             self->parts);
    return TT_OK;
}

/* Decides what the part is, once its headers are whole. */
static enum tt_err begin_part(struct multipart *self) {
    self->headers[self->headers_length] = '\0';
    struct part_headers headers = {0};
    if (memchr(self->headers, '\0', self->headers_length) ||
        !split_headers(self->headers, &headers))
        return tt_err_refuse(TT_ERR_MULTIPART,
                             "Part %d of the form has a header that cannot be "
                             "read.",
                             self->parts + 1);
    char filename[HEADERS_MAX_BYTES];
    bool is_form_data;
    bool has_filename =
        tt_options_parse_disposition(headers.disposition, filename, sizeof filename, &is_form_data,
                                     self->field, sizeof self->field);
    enum tt_err err = check_part(self, &headers, is_form_data);
    if (err != TT_OK)
        return err;

    /* The blank line may be the CRLF of the next delimiter, when the part is empty. */
    self->matched = self->implied = 2;
    self->state = STATE_CONTENT;
    self->value_length = 0;
    self->is_counted = false;
    if (!has_filename && !tt_header_type_is(headers.type, "image/*") &&
        !tt_header_type_is(headers.type, "application/octet-stream")) {
        self->part = PART_OPTION;
        return TT_OK;
    }
    self->part = PART_FILE;
    if (filename[0] == '\0')
        return TT_OK;
    err = count_file(self);
    if (err != TT_OK)
        return err;
    return self->body.target->filename(self->body.target->context, filename, strlen(filename));
}

/* Hands on what looked like a delimiter and was content. */
static enum tt_err give_back(struct multipart *self) {
    enum tt_err err = deliver(self, self->delimiter + self->implied, self->matched - self->implied);
    if (err == TT_OK)
        err = deliver(self, self->rest, self->rest_length);
    self->matched = self->implied = self->rest_length = 0;
    self->state = STATE_CONTENT;
    return err;
}

/* Finds where a delimiter, or at the end of the bytes the beginning of one, stands; *matched tells
 * how much of it is there. Where there is none, the result is length and *matched 0. */
static size_t find_delimiter(const struct multipart *self, const uint8_t *bytes, size_t length,
                             size_t *matched) {
    const uint8_t *found = memmem(bytes, length, self->delimiter, self->delimiter_length);
    *matched = self->delimiter_length;
    if (found)
        return (size_t)(found - bytes);
    size_t tail = length < self->delimiter_length ? length : self->delimiter_length - 1;
    found = memrchr(bytes + length - tail, '\r', tail);
    *matched = found ? (size_t)(bytes + length - found) : 0;
    if (found && memcmp(found, self->delimiter, *matched) != 0)
        *matched = 0;
    return length - *matched;
}

static enum tt_err read_content(struct multipart *self, const uint8_t **cursor,
                                const uint8_t *end) {
    enum tt_err err = TT_OK;
    if (self->matched == 0) {
        const uint8_t *start = *cursor;
        size_t before = find_delimiter(self, start, (size_t)(end - start), &self->matched);
        *cursor += before + self->matched;
        err = deliver(self, start, before);
    } else {
        while (*cursor < end && self->matched < self->delimiter_length &&
               **cursor == (uint8_t)self->delimiter[self->matched]) {
            ++*cursor;
            self->matched++;
        }
        if (*cursor < end && self->matched < self->delimiter_length)
            return give_back(self);
    }
    if (self->matched == self->delimiter_length)
        self->state = STATE_REST_OF_LINE;
    return err;
}

/* Reads the rest of a delimiter's line: "--" ends the form; blanks and CRLF begin a part. */
static enum tt_err read_rest_of_line(struct multipart *self, const uint8_t **cursor,
                                     const uint8_t *end) {
    (void)end;
    int byte = **cursor;
    int last = self->rest_length > 0 ? self->rest[self->rest_length - 1] : '\0';
    bool is_closed = last == '-' && byte == '-';
    if (is_closed || (last == '\r' && byte == '\n')) {
        ++*cursor;
        self->rest_length = self->headers_length = 0;
        self->state = is_closed ? STATE_EPILOGUE : STATE_HEADERS;
        return finish_part(self);
    }
    bool may_follow = last != '-' && last != '\r' && self->rest_length < REST_MAX_BYTES &&
                      (byte == ' ' || byte == '\t' || byte == '\r' || (byte == '-' && !last));
    if (!may_follow)
        return give_back(self);
    self->rest[self->rest_length++] = (char)byte;
    ++*cursor;
    return TT_OK;
}

static enum tt_err read_headers(struct multipart *self, const uint8_t **cursor,
                                const uint8_t *end) {
    const uint8_t *newline = memchr(*cursor, '\n', (size_t)(end - *cursor));
    size_t length = (size_t)((newline ? newline + 1 : end) - *cursor);
    if (length > HEADERS_MAX_BYTES - self->headers_length)
        return tt_err_refuse(TT_ERR_MULTIPART,
                             "The headers of part %d of the form are over %d "
                             "bytes.",
                             self->parts + 1, HEADERS_MAX_BYTES);
    memcpy(self->headers + self->headers_length, *cursor, length);
    self->headers_length += length;
    *cursor += length;
    size_t total = self->headers_length;
    bool is_blank_line = (total == 2 && memcmp(self->headers, "\r\n", 2) == 0) ||
                         (total >= 4 && memcmp(self->headers + total - 4, "\r\n\r\n", 4) == 0);
    return is_blank_line ? begin_part(self) : TT_OK;
}

static enum tt_err skip_epilogue(struct multipart *self, const uint8_t **cursor,
                                 const uint8_t *end) {
    (void)self;
    *cursor = end;
    return TT_OK;
}

static enum tt_err push(struct tt_body *body, const uint8_t *bytes, size_t length) {
    static enum tt_err (*const readers[])(struct multipart *, const uint8_t **, const uint8_t *) = {
        [STATE_CONTENT] = read_content,
        [STATE_REST_OF_LINE] = read_rest_of_line,
        [STATE_HEADERS] = read_headers,
        [STATE_EPILOGUE] = skip_epilogue,
    };
    struct multipart *self = (struct multipart *)body;
    const uint8_t *end = bytes + length;
    enum tt_err err = TT_OK;
    while (err == TT_OK && bytes < end)
        err = readers[self->state](self, &bytes, end);
    return err;
}

static enum tt_err end_body(struct tt_body *body) {
    struct multipart *self = (struct multipart *)body;
    if (self->state != STATE_EPILOGUE)
        return tt_err_refuse(TT_ERR_MULTIPART, "The form ends without its closing boundary: it was "
                                               "cut short, or its boundary is not the one of the "
                                               "Content-Type.");
    if (self->has_file)
        return TT_OK;
    if (self->nothing_chosen)
        return tt_err_refuse(TT_ERR_BODY_EMPTY, "Choose a picture first: the form has no file.");
    return tt_err_refuse(TT_ERR_MULTIPART, "The form has no file part: send the picture as a part "
                                           "with a filename.");
}

/* Copies the boundary of a Content-Type and returns its length, 0 when there is none or it is bad.
 */
static size_t find_boundary(const char *content_type, char boundary[BOUNDARY_MAX_BYTES + 1]) {
    struct tt_header_parameter parameter;
    for (const char *cursor = content_type; tt_header_next_parameter(&cursor, &parameter);) {
        if (!tt_header_parameter_is(&parameter, "boundary"))
            continue;
        size_t length = 0;
        for (size_t i = 0; i < parameter.value_length; i++) {
            char byte = parameter.value[i];
            if (parameter.quoted && byte == '\\' && i + 1 < parameter.value_length)
                byte = parameter.value[++i];
            if (length == BOUNDARY_MAX_BYTES || byte < ' ' || byte > '~')
                return 0;
            boundary[length++] = byte;
        }
        return length > 0 && boundary[length - 1] != ' ' ? length : 0;
    }
    return 0;
}

enum tt_err tt_body_open_multipart(struct tt_body **body, struct tt_arena *arena,
                                   const char *content_type, const struct tt_body_target *target) {
    char boundary[BOUNDARY_MAX_BYTES + 1];
    size_t length = find_boundary(content_type, boundary);
    if (length == 0)
        return tt_err_refuse(TT_ERR_MULTIPART,
                             "The Content-Type multipart/form-data has no "
                             "boundary of 1 to %d characters.",
                             BOUNDARY_MAX_BYTES);
    struct multipart *self = tt_arena_alloc(arena, sizeof *self);
    if (!self)
        return TT_ERR_NO_MEMORY;
    self->body = (struct tt_body){.push = push, .end = end_body, .target = target};
    memcpy(self->delimiter, "\r\n--", 4);
    memcpy(self->delimiter + 4, boundary, length);
    self->delimiter_length = 4 + length;
    /* The first delimiter may stand at the very start, without its CRLF. */
    self->matched = self->implied = 2;
    *body = &self->body;
    return TT_OK;
}
