/* XML, as far as answers of AWS need it: an element's text found by its name, and references in it.
 * No more of the language is read: answers are short, and what does not follow this form is judged
 * by the status. */
#ifndef TINTYPE_AWS_XML_H
#define TINTYPE_AWS_XML_H

#include <stddef.h>
#include <stdint.h>

/* What the first <name> in [start, end) has in it: its begin, and in *to its </name>, or NULL where
 * the text ends before that. NULL when there is no such element. name has at most 60 bytes. */
const char *tt_xml_find_element(const char *start, const char *end, const char *name,
                                const char **to);

/* The length of the reference at text ("&lt;", "&#38;", "&#x26;"), whose '&' is the first of
 * room bytes, and its code point, which may lie beyond Unicode. 0 for what is none of the five
 * names that XML 1.0 (section 4.6) defines and no number. */
size_t tt_xml_read_reference(const char *text, size_t room, uint32_t *point);

#endif
