/* Time of day as text: RFC 3339 for documents, IMF-fixdate (RFC 9110, 5.6.7) for headers. UTC. */
#ifndef TINTYPE_CLOCK_H
#define TINTYPE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define TT_CLOCK_RFC3339_SIZE 25 /* "2026-11-24T06:50:27.123Z" */
#define TT_CLOCK_HTTP_SIZE    30 /* "Tue, 24 Nov 2026 06:50:27 GMT" */

/* Unix milliseconds, wall clock. */
int64_t tt_clock_now_ms(void);
/* Milliseconds that never go back, for durations. */
int64_t tt_clock_monotonic_ms(void);

/* Both take Unix milliseconds, and clamp what lies outside 0 .. 9999-12-31T23:59:59.999Z. */
void tt_clock_format_rfc3339(int64_t time_ms, char text[TT_CLOCK_RFC3339_SIZE]);
void tt_clock_format_http(int64_t time_ms, char text[TT_CLOCK_HTTP_SIZE]);

/* Parses date-time of RFC 3339, section 5.6: "T", "t" or a space in the middle, an optional
 * fraction (cut to milliseconds), "Z", "z" or a numeric offset; second 60 is read as 59.999.
 * *time_ms may become negative. *exact (may be NULL) tells whether nothing was cut; else the time
 * that was meant lies between *time_ms and the next millisecond. False, with both as they were, for
 * anything else, as a 31 February. */
bool tt_clock_parse_rfc3339(const char *text, int64_t *time_ms, bool *exact);

/* Parses IMF-fixdate, the one form that RFC 9110 lets senders use. False for anything else. */
bool tt_clock_parse_http(const char *text, int64_t *time_ms);

#endif
