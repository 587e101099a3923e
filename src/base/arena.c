/* Arena: chunks from the heap, filled from front to back. Small allocations share a chunk, a large
 * one gets its own. */
#include "tintype/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tintype/err.h"

/* The room of a shared chunk. Under a sanitizer nothing is shared: each allocation is a heap block
 * of exactly its size, so that the sanitizer sees a write past its end. */
#ifdef TT_SANITIZED
#define SHARED_BYTES 0
#else
#define SHARED_BYTES ((size_t)16 * 1024)
#endif

struct tt_arena_chunk {
    struct tt_arena_chunk *next;
    size_t room_bytes;
    size_t used_bytes;
    alignas(max_align_t) char room[];
};

/* NULL without memory. calloc does not touch pages that the kernel gives zeroed, so what is never
 * used of a large allocation costs nothing. room_bytes is at most SIZE_MAX / 2. */
static struct tt_arena_chunk *chunk_new(size_t room_bytes) {
    struct tt_arena_chunk *chunk = calloc(1, sizeof *chunk + room_bytes);
    if (chunk)
        chunk->room_bytes = room_bytes;
    return chunk;
}

void tt_arena_init(struct tt_arena *arena, size_t cap_bytes) {
    *arena = (struct tt_arena){.cap_bytes = cap_bytes};
}

static void free_chunks(struct tt_arena_chunk *chunk) {
    while (chunk) {
        struct tt_arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void tt_arena_fini(struct tt_arena *arena) {
    free_chunks(arena->chunks);
    arena->chunks = NULL;
    arena->used_bytes = 0;
}

void tt_arena_reset(struct tt_arena *arena) {
    struct tt_arena_chunk *kept = arena->chunks;
    if (!kept || kept->room_bytes != SHARED_BYTES || SHARED_BYTES == 0) {
        tt_arena_fini(arena);
        return;
    }
    free_chunks(kept->next);
    kept->next = NULL;
    memset(kept->room, 0, kept->used_bytes);
    kept->used_bytes = 0;
    arena->used_bytes = 0;
}

/* A large allocation gets a chunk of its own, which is full at once. It is put behind the newest
 * chunk, so that the room left in that stays in use. */
static void *alloc_large(struct tt_arena *arena, size_t size_bytes) {
    struct tt_arena_chunk *chunk = chunk_new(size_bytes);
    if (!chunk)
        return NULL;
    chunk->used_bytes = size_bytes;
    if (!arena->chunks) {
        arena->chunks = chunk;
    } else {
        chunk->next = arena->chunks->next;
        arena->chunks->next = chunk;
    }
    return chunk->room;
}

/* A small allocation takes room of the newest chunk, or of a new one where that is used up. */
static void *alloc_small(struct tt_arena *arena, size_t padded_bytes) {
    struct tt_arena_chunk *chunk = arena->chunks;
    if (!chunk || padded_bytes > chunk->room_bytes - chunk->used_bytes) {
        chunk = chunk_new(SHARED_BYTES);
        if (!chunk)
            return NULL;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    void *memory = chunk->room + chunk->used_bytes;
    chunk->used_bytes += padded_bytes;
    return memory;
}

void *tt_arena_alloc(struct tt_arena *arena, size_t size_bytes) {
    size_t free_bytes = arena->cap_bytes - arena->used_bytes;
    if (size_bytes == 0)
        size_bytes = 1;
    size_t padded_bytes =
        (size_bytes + TT_ARENA_STEP_BYTES - 1) / TT_ARENA_STEP_BYTES * TT_ARENA_STEP_BYTES;
    if (size_bytes > SIZE_MAX / 2 || padded_bytes > free_bytes) {
        tt_err_fail(TT_ERR_NO_MEMORY, "arena: %zu bytes asked for, %zu of %zu in use", size_bytes,
                    arena->used_bytes, arena->cap_bytes);
        return NULL;
    }
    void *memory = padded_bytes > SHARED_BYTES / 4 ? alloc_large(arena, size_bytes)
                                                   : alloc_small(arena, padded_bytes);
    if (!memory) {
        tt_err_fail(TT_ERR_NO_MEMORY, "arena: the system has no %zu bytes", size_bytes);
        return NULL;
    }
    arena->used_bytes += padded_bytes;
    return memory;
}

void *tt_arena_alloc_array(struct tt_arena *arena, size_t count, size_t size_bytes) {
    size_t total_bytes;
    if (__builtin_mul_overflow(count, size_bytes, &total_bytes)) {
        tt_err_fail(TT_ERR_NO_MEMORY, "arena: %zu times %zu bytes asked for", count, size_bytes);
        return NULL;
    }
    return tt_arena_alloc(arena, total_bytes);
}

char *tt_arena_copy_text(struct tt_arena *arena, const char *text, size_t length) {
    char *copy = tt_arena_alloc(arena, length + 1);
    if (copy && length > 0)
        memcpy(copy, text, length);
    return copy;
}
