/* Memory that secrets go through, which is wiped before it goes back to the heap. */
#ifndef TINTYPE_AWS_WIPE_H
#define TINTYPE_AWS_WIPE_H

#include <stddef.h>

/* These take the place of free(3) and realloc(3) for memory that malloc(3) gave, by the same rules;
 * only that a smaller size leaves the memory as large as it is. */
void tt_wipe_free(void *memory);
void *tt_wipe_realloc(void *memory, size_t size);

#endif
