/* INI files: "[section]", "name = value", comments after ; or #. The only user of inih. */
#ifndef TINTYPE_INI_H
#define TINTYPE_INI_H

#include <stdbool.h>

/* Takes one pair; value is NULL where a line has no "=". It also takes the line that begins a
 * section, empty or not: then name and value are NULL. The section's name is cut to 49 bytes. */
typedef void tt_ini_pair(void *context, int line, const char *section, const char *name,
                         const char *value);
/* Takes what is wrong with a line that cannot be read, or, as line 0, with the file. */
typedef void tt_ini_problem(void *context, int line, const char *text);

/* Reads the file at path, calling pair and problem (NULL: problems are passed over) in its order.
 * Lines have at most max_line_bytes; a longer one, or one with a NUL byte, is a problem and passed
 * over. A section without its "]" is one as well, and ends the reading. False when the file was not
 * read to its end; errno says why (EINVAL: such a section). The memory that lines went through is
 * wiped. */
bool tt_ini_read(const char *path, int max_line_bytes, tt_ini_pair *pair, tt_ini_problem *problem,
                 void *context);

#endif
