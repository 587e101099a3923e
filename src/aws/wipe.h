/* Memory that is wiped before it goes back to the heap: for what secrets go through. */
#ifndef TINTYPE_AWS_WIPE_H
#define TINTYPE_AWS_WIPE_H

#include <stddef.h>

/* free() and realloc() of memory that malloc() gave; realloc's rules, but that a smaller size keeps
 * the memory as large as it is. */
void tt_wipe_free(void *memory);
void *tt_wipe_realloc(void *memory, size_t size);

#endif
