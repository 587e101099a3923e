/* Text that came from outside: UTF-8, percent-encoding, numbers, filenames. */
#ifndef TINTYPE_TEXT_H
#define TINTYPE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_TEXT_FILENAME_MAX_BYTES 255
#define TT_TEXT_FILENAME_SIZE      (TT_TEXT_FILENAME_MAX_BYTES + 1)

/* A word, and what it stands for. A list of them ends with a NULL for the word. */
struct tt_text_choice {
    const char *name;
    int value;
};

/* The first word that stands for value; "" when none does. */
const char *tt_text_choice_name(const struct tt_text_choice *choices, int value);

/* Writes all words as a sentence has them, "inside, cover or fill", cut to size. */
void tt_text_choice_list(const struct tt_text_choice *choices, char *text, size_t size);

/* Whether text is well-formed UTF-8 (Unicode 15, table 3-7: no overlongs, no surrogates) without a
 * NUL. */
bool tt_text_is_utf8(const char *text, size_t length);

/* How many bytes from the start have a 0 in stops, which has nothing but 0 and 1: eight are looked
 * up at a time. */
size_t tt_text_run(const void *text, size_t length, const uint8_t stops[256]);

/* The value of a hexadecimal digit in either case, -1 for any other character. */
int tt_text_hex_value(char c);

/* Decodes %XX in place, and '+' to a space when form is set (application/x-www-form-urlencoded).
 * *length is the length before and after; the result is NUL-terminated (text must have room for
 * the NUL at text[*length]). False for a bad escape or a decoded NUL. */
bool tt_text_percent_decode(char *text, size_t *length, bool form);

/* Whether c stays as it is in every part of a URL (RFC 3986, 2.3: letters, digits and - . _ ~). */
bool tt_text_is_unreserved(char c);

/* Writes c where it is unreserved, else its %XX in upper case, without a NUL. Returns the length, 1
 * or 3. */
size_t tt_text_percent_encode(char c, char encoded[3]);

/* Parses a whole decimal number of lowest..highest: digits alone, with a '-' before them only where
 * lowest is negative, and nothing before or after. False, with *value as it was, for anything else.
 * */
bool tt_text_parse_int(const char *text, int64_t lowest, int64_t highest, int64_t *value);

/* Makes the filename that is kept and shown: the last path component of raw (after the last '/' or
 * '\'), without control characters (C0, DEL, C1), line and paragraph separators (U+2028, U+2029)
 * and bidirectional formatting characters (U+061C, U+200E, U+200F, U+202A-202E, U+2066-2069),
 * without spaces at its ends, and cut at a character to 255 bytes at the most. Bytes that are not
 * UTF-8 are read as Latin-1. "." and ".." and nothing at all become "". */
void tt_text_clean_filename(const char *raw, size_t length, char clean[TT_TEXT_FILENAME_SIZE]);

/* Formats a Content-Disposition (RFC 6266) that shows the file in place and names it: by filename=
 * for every client, with quotes and bytes beyond ASCII replaced, and by filename*= with all of them
 * for clients that read RFC 8187. At most TT_TEXT_FILENAME_MAX_BYTES of filename are taken. */
#define TT_TEXT_DISPOSITION_SIZE                                                                   \
    (sizeof "inline; filename=\"\"; filename*=UTF-8''" + (size_t)4 * TT_TEXT_FILENAME_MAX_BYTES)
void tt_text_format_disposition(const char *filename, char value[TT_TEXT_DISPOSITION_SIZE]);

#endif
