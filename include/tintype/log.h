/* Log: one line a message on standard error, in one write(2), so lines of several processes never
 * mix. Control characters and bytes that are not UTF-8 in a message are written as \xNN, so no
 * client can forge a line. Standard error belongs to whoever started the process (a terminal,
 * journald, the web server). */
#ifndef TINTYPE_LOG_H
#define TINTYPE_LOG_H

enum tt_log_level { TT_LOG_ERROR, TT_LOG_WARNING, TT_LOG_INFO, TT_LOG_DEBUG };

/* Messages below `lowest` are dropped. name is printed in each line and must outlive the process.
 * Before this call: name "tintype", level TT_LOG_INFO. */
void tt_log_open(const char *name, enum tt_log_level lowest);

/* "2026-11-24T06:50:27.123Z tintyped[4711] warning: message\n"; a message over 2 KiB is cut.
 * errno is left as it was. */
void tt_log(enum tt_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
