/* What is left in this process's heap, freed memory included. Only without sanitizers, which have a
 * heap of their own. */
#ifndef TINTYPE_TESTS_HEAP_H
#define TINTYPE_TESTS_HEAP_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* SIZE_MAX when the heap cannot be found. */
static inline size_t count_in_heap(const char *word) {
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    size_t count = 0;

    if (maps == NULL)
        return SIZE_MAX;
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t from, to;

        if (strstr(line, "[heap]") == NULL || sscanf(line, "%lx-%lx", &from, &to) != 2)
            continue;
        for (const char *at = (const char *)from;
             (at = memmem(at, to - (uintptr_t)at, word, strlen(word))) != NULL; at++)
            count++;
    }
    (void)fclose(maps);
    return count;
}

#endif
