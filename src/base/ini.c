/* INI files, read line by line by inih. What sections and names mean is for the caller to know. */
#include "tintype/ini.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ini.h>

#define FILE_BUFFER_BYTES 4096
#define PROBLEM_SIZE      96
#define SECTION_SIZE                                                                               \
    50 /* inih's own limit, by which a longer name would be cut and so read as another's */
#define BYTE_ORDER_MARK "\xEF\xBB\xBF" /* some editors put it before UTF-8; inih skips it */

struct reading {
    FILE *file;
    tt_ini_pair *pair;
    tt_ini_problem *problem;
    void *context;
    int line;        /* number of the line read last */
    int read_errno;  /* why the file could not be read on; 0: it could */
    bool is_stopped; /* a line was met after which nobody knows to which section the next ones
                        belong */
};

static void note_problem(const struct reading *reading, int line, const char *text) {
    if (reading->problem)
        reading->problem(reading->context, line, text);
}

/* inih's handler of one line "name = value". It always returns 1, which means to go on. */
static int take_pair(void *user, const char *section, const char *name, const char *value) {
    const struct reading *reading = user;
    reading->pair(reading->context, reading->line, section, name, value);
    return 1;
}

/* inih names a section with each of its pairs alone, so an empty one is found here: Debian builds
 * inih without INI_CALL_HANDLER_ON_NEW_SECTION, by which it would tell. */
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

/* inih's reader of one line, which it counts. A line that is too long or holds a NUL is a problem,
 * and is handed on as an empty one. Each line is wiped before the next is read, as inih frees its
 * memory unwiped; in the end that holds a section without its "]" at the most. */
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
    /* Names without a value reach the handler, which tells of them with the line's number. What
     * inih itself calls an error then is a section without "]" alone, behind which lines would be
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
        /* The buffer is the caller's own so that what stdio reads ahead can be wiped. setvbuf(3)
         * does not fail for a buffer that is there. */
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
