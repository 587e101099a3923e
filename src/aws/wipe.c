/* Memory is wiped here before it is freed or moved. */
#include "aws/wipe.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void tt_wipe_free(void *memory) {
    if (!memory)
        return;
    explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

void *tt_wipe_realloc(void *memory, size_t size) {
    size_t held = memory ? malloc_usable_size(memory) : 0;
    if (memory && size <= held)
        return memory;
    void *moved = malloc(size);
    if (!moved || !memory)
        return moved;
    memcpy(moved, memory, held);
    tt_wipe_free(memory);
    return moved;
}
