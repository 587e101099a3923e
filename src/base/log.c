/* Log: each message is one cleaned line and one write(2). Where standard error goes is decided by
 * whoever started the process. */
#include "tintype/log.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tintype/clock.h"
#include "tintype/utf8.h"

#define MESSAGE_MAX_BYTES 2048

/* No line is longer than PIPE_BUF, as a write to a pipe stays in one piece up to that (pipe(7)). */
#define LINE_SIZE PIPE_BUF

static const char *const level_names[] = {
    [TT_LOG_ERROR] = "error",
    [TT_LOG_WARNING] = "warning",
    [TT_LOG_INFO] = "info",
    [TT_LOG_DEBUG] = "debug",
};

static const char *process_name = "tintype";
static enum tt_log_level lowest_level = TT_LOG_INFO;

void tt_log_open(const char *name, enum tt_log_level lowest) {
    process_name = name;
    lowest_level = lowest;
}

/* Whether a character is a C0 or C1 control or DEL, which a terminal would obey. */
static bool is_control(uint32_t point) {
    return point < 0x20 || (point >= 0x7F && point < 0xA0);
}

/* Appends message to line[length..size) and returns the new length. Each byte that is not plain
 * text becomes \xNN; what does not fit as a whole character is left out. */
static size_t append_clean(char *line, size_t length, size_t size, const char *message) {
    size_t left = strlen(message);
    while (left > 0 && size - length >= sizeof "\\xNN") {
        uint32_t point;
        size_t bytes = tt_utf8_decode(message, left, &point);
        if (bytes == 0 || is_control(point)) {
            length += (size_t)snprintf(line + length, size - length, "\\x%02x",
                                       (unsigned)(unsigned char)*message);
            bytes = 1;
        } else {
            memcpy(line + length, message, bytes);
            length += bytes;
        }
        message += bytes;
        left -= bytes;
    }
    return length;
}

void tt_log(enum tt_log_level level, const char *format, ...) {
    int saved_errno = errno;
    if (level > lowest_level)
        return;
    va_list arguments;
    va_start(arguments, format);
    char message[MESSAGE_MAX_BYTES + 1];
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    char time[TT_CLOCK_RFC3339_SIZE];
    tt_clock_format_rfc3339(tt_clock_now_ms(), time);
    char line[LINE_SIZE];
    int prefix_length = snprintf(line, sizeof line, "%s %.64s[%ld] %s: ", time, process_name,
                                 (long)getpid(), level_names[level]);
    if (prefix_length < 0)
        prefix_length = 0;
    size_t length = append_clean(line, (size_t)prefix_length, sizeof line, message);
    line[length++] = '\n';
    while (write(STDERR_FILENO, line, length) < 0 && errno == EINTR) {
    }
    errno = saved_errno;
}
