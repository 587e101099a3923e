/* INI files, line by line through inih. What sections and names mean is the caller's. */
#include "tintype/ini.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ini.h>

#define FILE_BUFFER_BYTES 4096
#define PROBLEM_SIZE      96
#define SECTION_SIZE      50             /* inih's own, so that a section has one name */
#define BYTE_ORDER_MARK   "\xEF\xBB\xBF" /* that some editors begin UTF-8 with; inih skips it */

struct reading {
    FILE *file;
    tt_ini_pair *pair;
    tt_ini_problem *problem;
    void *context;
    int line;        /* number of the line read last */
    int read_errno;  /* why the file could not be read on; 0: it could */
    bool is_stopped; /* by a line that leaves unclear what the next ones belong to */
};

static void note_problem(const struct reading *reading, int line, const char *text) {
    if (reading->problem)
        reading->problem(reading->context, line, text);
}

/* inih's handler: one line "name = value". Always returns 1, "go on". */
static int take_pair(void *user, const char *section, const char *name, const char *value) {
    const struct reading *reading = user;
    reading->pair(reading->context, reading->line, section, name, value);
    return 1;
}

/* inih tells of a section by its pairs alone: what would have it tell more is no option of Debian's
 * build (INI_CALL_HANDLER_ON_NEW_SECTION). */
static void note_section(const struct reading *reading, const char *line) {
    bool has_mark =
        reading->line == 1 && strncmp(line, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0;
    const char *start = has_mark ? line + strlen(BYTE_ORDER_MARK) : line;
    start += strspn(start, " \t\v\f\r");
    size_t length = strcspn(start, "]");
    if (start[0] != '[' || start[length] != ']')
        return;
    char section[SECTION_SIZE];
    snprintf(section, sizeof section, "%.*s", (int)length - 1, start + 1);
    reading->pair(reading->context, reading->line, section, NULL, NULL);
}

/* inih's reader: one line, counted. A line that is too long or holds a NUL is a problem, and is
 * handed on as an empty one. The line before it is wiped: inih frees the memory as it is, and then
 * holds nothing but, at the most, a section without its "]". */
static char *read_line(char *line, int size, void *stream) {
    struct reading *reading = stream;
    bool is_cut = false;
    int length = 0;
    explicit_bzero(line, (size_t)size);
    int c;
    while ((c = getc(reading->file)) != EOF && c != '\n') {
        if (c == '\0' || length >= size - 2)
            is_cut = true;
        else
            line[length++] = (char)c;
    }
    if (c == EOF && ferror(reading->file))
        reading->read_errno = errno;
    if (c == EOF && length == 0 && !is_cut)
        return NULL;
    reading->line++;
    if (is_cut) {
        char text[PROBLEM_SIZE];
        snprintf(text, sizeof text, "the line has more than %d bytes, or a NUL byte", size - 2);
        note_problem(reading, reading->line, text);
        explicit_bzero(line, (size_t)size);
        length = 0;
    }
    line[length] = '\n';
    line[length + 1] = '\0';
    note_section(reading, line);
    return line;
}

static void read_lines(struct reading *reading, int max_line_bytes) {
    /* Names without a value reach the handler, so that it can say so with the line's number; what
     * is left as inih's own error is a section without "]", and then the lines that follow would be
     * taken for another section's. */
    ini_allow_no_value = true;
    ini_allow_multiline = false;
    ini_stop_on_first_error = true;
    ini_use_stack = false;
    ini_max_line = max_line_bytes + 2; /* the line's end and the NUL */
    ini_initial_alloc = ini_max_line;
    int result = ini_parse_stream(read_line, reading, take_pair, reading);
    if (result > 0) {
        note_problem(reading, reading->line, "the section has no \"]\" at its end");
        reading->is_stopped = true;
    } else if (result < 0) {
        reading->read_errno = ENOMEM;
    }
}

bool tt_ini_read(const char *path, int max_line_bytes, tt_ini_pair *pair, tt_ini_problem *problem,
                 void *context) {
    struct reading reading = {.pair = pair, .problem = problem, .context = context};
    reading.file = fopen(path, "re");
    char buffer[FILE_BUFFER_BYTES];
    if (!reading.file) {
        reading.read_errno = errno;
    } else {
        /* So that what stdio reads ahead can be wiped; it cannot fail for a buffer that is there.
         */
        setvbuf(reading.file, buffer, _IOFBF, sizeof buffer);
        read_lines(&reading, max_line_bytes);
        fclose(reading.file);
        explicit_bzero(buffer, sizeof buffer);
    }
    if (reading.read_errno != 0)
        note_problem(&reading, 0, strerror(reading.read_errno));
    errno = reading.is_stopped ? EINVAL : reading.read_errno;
    return errno == 0;
}
