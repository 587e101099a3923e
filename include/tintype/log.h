/* Log: each message is one line on standard error, written by one write(2), so lines of several
 * processes never mix. Control characters and bytes that are not UTF-8 are written as \xNN, so no
 * client can forge a line. Standard error belongs to whoever started the process (a terminal,
 * journald, the web server). */
#ifndef TINTYPE_LOG_H
#define TINTYPE_LOG_H

enum tt_log_level { TT_LOG_ERROR, TT_LOG_WARNING, TT_LOG_INFO, TT_LOG_DEBUG };

/* Sets the name that each line has, which is borrowed for ever, and the least important level that
 * is written. Before this call they are "tintype" and TT_LOG_INFO. */
void tt_log_open(const char *name, enum tt_log_level lowest);

/* Writes "2026-11-24T06:50:27.123Z tintyped[4711] warning: message ". A message over 2 KiB is cut.
 * errno is left as it was. */
void tt_log(enum tt_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
