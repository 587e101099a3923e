/* UTF-8, a character at a time. */
#ifndef TINTYPE_UTF8_H
#define TINTYPE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the well-formed character (Unicode 15, table 3-7) at the start of text[0..length),
 * 1 to 4, and its code point; 0 when there is none, and for length 0. */
size_t tt_utf8_decode(const char *text, size_t length, uint32_t *point);

/* Writes the character of point, a Unicode scalar value, and returns its length, 1 to 4. */
size_t tt_utf8_encode(uint32_t point, char text[4]);

#endif
