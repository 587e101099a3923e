/* XML, as far as answers of AWS need it: the text of an element is found by its name, and
 * references in it are read. No more of the language is read, as answers are short, and one that
 * does not follow this form is judged by its status. */
#ifndef TINTYPE_AWS_XML_H
#define TINTYPE_AWS_XML_H

#include <stddef.h>
#include <stdint.h>

/* Where the content of the first <name> in [start, end) begins; *to is where its </name> begins, or
 * NULL where the text ends before that. NULL, with *to as it was, when there is no such element.
 * name has at most 60 bytes. */
const char *tt_xml_find_element(const char *start, const char *end, const char *name,
                                const char **to);

/* Reads the reference ("&lt;", "&#38;", "&#x26;") at text, of which room bytes may be read, and
 * returns its length. *point is the code point that it stands for, which may lie beyond Unicode.
 * Returns 0, with *point as it was, for what is neither a number nor one of the five names that XML
 * 1.0, section 4.6, defines. */
size_t tt_xml_read_reference(const char *text, size_t room, uint32_t *point);

#endif
