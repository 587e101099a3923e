/* Arena: memory for one job (a request, a picture, a sync attempt), given back all at once.
 *
 * Pointers from an arena live until its reset or fini; nothing is freed singly. The cap bounds the
 * sum of everything handed out, so a hostile input meets it instead of the machine's memory. */
#ifndef TINTYPE_ARENA_H
#define TINTYPE_ARENA_H

#include <stdalign.h>
#include <stddef.h>

/* Sizes are padded to multiples of this, so that everything is aligned for any type. */
#define TT_ARENA_STEP_BYTES alignof(max_align_t)

struct tt_arena_chunk;

struct tt_arena {
    struct tt_arena_chunk *chunks; /* newest first; private */
    size_t used_bytes;             /* handed out since init or reset, padding included */
    size_t cap_bytes;
};

/* Starts an empty arena, without allocating anything yet. cap_bytes is over 0. */
void tt_arena_init(struct tt_arena *arena, size_t cap_bytes);

/* Frees everything; the struct may be init'ed again. */
void tt_arena_fini(struct tt_arena *arena);

/* Everything handed out is invalid afterwards; one small chunk is kept for reuse. */
void tt_arena_reset(struct tt_arena *arena);

/* size_bytes of zeroed memory. NULL, with TT_ERR_NO_MEMORY noted, when the cap or the system's
 * memory is reached. size_bytes 0 gives a valid pointer that must not be dereferenced. */
void *tt_arena_alloc(struct tt_arena *arena, size_t size_bytes);

/* The same for count × size_bytes. A product that overflows is beyond every cap. */
void *tt_arena_alloc_array(struct tt_arena *arena, size_t count, size_t size_bytes);

/* A NUL-terminated copy of text[0..length); NULL as above. */
char *tt_arena_copy_text(struct tt_arena *arena, const char *text, size_t length);

#endif
