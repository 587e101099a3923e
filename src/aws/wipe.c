/* Freeing with wiping. */
#include "aws/wipe.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* Larger blocks are libcurl's upload buffers, one a request, through which go files alone: to wipe
 * them was a twentieth of a request's CPU time. */
#define WIPED_MAX_BYTES ((size_t)128 * 1024)

void tt_wipe_free(void *memory) {
    if (memory == NULL)
        return;
    if (malloc_usable_size(memory) <= WIPED_MAX_BYTES)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

void *tt_wipe_realloc(void *memory, size_t size) {
    size_t held = memory != NULL ? malloc_usable_size(memory) : 0;
    void *moved;

    if (memory != NULL && size <= held)
        return memory;
    moved = malloc(size);
    if (moved == NULL || memory == NULL)
        return moved;
    memcpy(moved, memory, held);
    tt_wipe_free(memory);
    return moved;
}
