/* Time of day as text. Month and day names come from tables here, never from the locale. */
#include "tintype/clock.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TIME_MAX_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* The names of IMF-fixdate (RFC 9110, section 5.6.7). */
static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static int64_t read_clock_ms(clockid_t clock) {
    struct timespec now = {0};
    /* clock_gettime(2) fails for unknown clocks alone, and both of these are known. */
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t tt_clock_now_ms(void) {
    return read_clock_ms(CLOCK_REALTIME);
}

int64_t tt_clock_monotonic_ms(void) {
    return read_clock_ms(CLOCK_MONOTONIC);
}

/* Takes time_ms, clamped, apart into fields of UTC, and returns the milliseconds within the second.
 * */
static unsigned break_down(int64_t time_ms, struct tm *fields) {
    if (time_ms < 0)
        time_ms = 0;
    if (time_ms > TIME_MAX_MS)
        time_ms = TIME_MAX_MS;
    time_t seconds = (time_t)(time_ms / 1000);
    /* gmtime_r(3) fails for years that an int does not hold, and the time is clamped. */
    gmtime_r(&seconds, fields);
    return (unsigned)(time_ms % 1000);
}

/* An operand of %u. The modulus tells the compiler how many digits the field can have, so that its
 * warnings of cut texts stay useful. */
static unsigned field(int value, unsigned modulus) {
    return (unsigned)value % modulus;
}

void tt_clock_format_rfc3339(int64_t time_ms, char text[TT_CLOCK_RFC3339_SIZE]) {
    struct tm fields = {0};
    unsigned milliseconds = break_down(time_ms, &fields);
    snprintf(text, TT_CLOCK_RFC3339_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             field(fields.tm_year + 1900, 10000), field(fields.tm_mon + 1, 100),
             field(fields.tm_mday, 100), field(fields.tm_hour, 100), field(fields.tm_min, 100),
             field(fields.tm_sec, 100), milliseconds);
}

void tt_clock_format_http(int64_t time_ms, char text[TT_CLOCK_HTTP_SIZE]) {
    struct tm fields = {0};
    break_down(time_ms, &fields);
    snprintf(text, TT_CLOCK_HTTP_SIZE, "%s, %02u %s %04u %02u:%02u:%02u GMT",
             day_names[field(fields.tm_wday, 7)], field(fields.tm_mday, 100),
             month_names[field(fields.tm_mon, 12)], field(fields.tm_year + 1900, 10000),
             field(fields.tm_hour, 100), field(fields.tm_min, 100), field(fields.tm_sec, 100));
}

/* Each reader below takes its piece from the front of *text and moves *text behind it. After false,
 * *text may point anywhere within the piece. */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool read_number(const char **text, int digits, int lowest, int highest, int *value) {
    *value = 0;
    for (int i = 0; i < digits; i++, (*text)++) {
        if (!is_digit(**text))
            return false;
        *value = *value * 10 + (**text - '0');
    }
    return *value >= lowest && *value <= highest;
}

static bool read_character(const char **text, char expected) {
    if (**text != expected)
        return false;
    (*text)++;
    return true;
}

static int days_of_month(int year, int month) {
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

/* full-date of RFC 3339, section 5.6. */
static bool read_date(const char **text, struct tm *fields) {
    int year, month;
    if (!read_number(text, 4, 0, 9999, &year) || !read_character(text, '-') ||
        !read_number(text, 2, 1, 12, &month) || !read_character(text, '-') ||
        !read_number(text, 2, 1, days_of_month(year, month), &fields->tm_mday))
        return false;
    fields->tm_year = year - 1900;
    fields->tm_mon = month - 1;
    return true;
}

/* An optional time-secfrac, cut to milliseconds; *exact is false where that lost digits other than
 * 0. */
static bool read_fraction(const char **text, int *milliseconds, bool *exact) {
    int digits = 0;
    *milliseconds = 0;
    *exact = true;
    if (!read_character(text, '.'))
        return true;
    for (; is_digit(**text); (*text)++, digits++) {
        if (digits < 3)
            *milliseconds = *milliseconds * 10 + (**text - '0');
        else if (**text != '0')
            *exact = false;
    }
    for (int i = digits; i < 3; i++)
        *milliseconds *= 10;
    return digits > 0;
}

/* time-offset, in minutes east of UTC. */
static bool read_offset(const char **text, int *minutes) {
    char sign = **text;
    if (sign == '\0')
        return false;
    (*text)++;
    *minutes = 0;
    if (sign == 'Z' || sign == 'z')
        return true;
    int hours;
    if ((sign != '+' && sign != '-') || !read_number(text, 2, 0, 23, &hours) ||
        !read_character(text, ':') || !read_number(text, 2, 0, 59, minutes))
        return false;
    *minutes += hours * 60;
    if (sign == '-')
        *minutes = -*minutes;
    return true;
}

bool tt_clock_parse_rfc3339(const char *text, int64_t *time_ms, bool *exact) {
    struct tm fields = {0};
    if (!read_date(&text, &fields))
        return false;
    if (!read_character(&text, 'T') && !read_character(&text, 't') && !read_character(&text, ' '))
        return false;
    int milliseconds;
    int offset_minutes;
    bool is_exact;
    if (!read_number(&text, 2, 0, 23, &fields.tm_hour) || !read_character(&text, ':') ||
        !read_number(&text, 2, 0, 59, &fields.tm_min) || !read_character(&text, ':') ||
        !read_number(&text, 2, 0, 60, &fields.tm_sec) ||
        !read_fraction(&text, &milliseconds, &is_exact) || !read_offset(&text, &offset_minutes) ||
        *text != '\0')
        return false;
    /* Unix time has no leap second, so all of one is read as the last millisecond before it. */
    if (fields.tm_sec == 60) {
        fields.tm_sec = 59;
        milliseconds = 999;
        is_exact = false;
    }
    *time_ms = ((int64_t)timegm(&fields) - offset_minutes * INT64_C(60)) * 1000 + milliseconds;
    if (exact)
        *exact = is_exact;
    return true;
}

/* The number of a month, 1 to 12; 0 for a name that is none. */
static int month_of_name(const char *name) {
    for (int month = 0; month < 12; month++)
        if (strncmp(name, month_names[month], 3) == 0)
            return month + 1;
    return 0;
}

/* The fields are read where IMF-fixdate has them. Whether all else is right, weekday and
 * punctuation, is then seen by formatting the time again: it has one form alone. */
bool tt_clock_parse_http(const char *text, int64_t *time_ms) {
    struct tm fields = {0};
    int month;
    if (strlen(text) != TT_CLOCK_HTTP_SIZE - 1 || (month = month_of_name(text + 8)) == 0)
        return false;
    const char *day = text + 5;
    const char *year_text = text + 12;
    const char *hour = text + 17;
    const char *minute = text + 20;
    const char *second = text + 23;
    int year;
    if (!read_number(&year_text, 4, 1970, 9999, &year) ||
        !read_number(&day, 2, 1, days_of_month(year, month), &fields.tm_mday) ||
        !read_number(&hour, 2, 0, 23, &fields.tm_hour) ||
        !read_number(&minute, 2, 0, 59, &fields.tm_min) ||
        !read_number(&second, 2, 0, 59, &fields.tm_sec))
        return false;
    fields.tm_year = year - 1900;
    fields.tm_mon = month - 1;
    *time_ms = (int64_t)timegm(&fields) * 1000;
    char expected[TT_CLOCK_HTTP_SIZE];
    tt_clock_format_http(*time_ms, expected);
    return strcmp(text, expected) == 0;
}
