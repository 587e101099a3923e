/* Blocks: memory that a library takes and gives back again and again, out of an arena, which takes
 * nothing back. A block given back serves the next of its size, so what a rendering takes does not
 * grow with the work done. */
#ifndef TINTYPE_IMAGE_BLOCKS_H
#define TINTYPE_IMAGE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

#include "tintype/arena.h"

#define TT_BLOCKS_CLASSES 32

struct tt_block;

struct tt_blocks {
    struct tt_arena *arena;
    size_t left_bytes;                        /* that may still be taken from it */
    bool is_full;                             /* more was asked for */
    struct tt_block *free[TT_BLOCKS_CLASSES]; /* by the power of two that is its size; private */
};

/* All blocks together take at most cap_bytes of the arena, which is below 2^31. The size of each is
 * a power of two, of which 16 bytes are not its user's. */
void tt_blocks_init(struct tt_blocks *blocks, struct tt_arena *arena, size_t cap_bytes);

/* The block is aligned for any type and not zeroed. It is NULL where it would go over the cap, or,
 * with TT_ERR_NO_MEMORY noted, where the arena has no more. */
void *tt_blocks_take(struct tt_blocks *blocks, size_t size_bytes);

/* Returns the same block where it is large enough, else another with the same contents; NULL as
 * above, and then memory is still its owner's. */
void *tt_blocks_resize(struct tt_blocks *blocks, void *memory, size_t size_bytes);

/* memory must not be NULL. */
void tt_blocks_give_back(struct tt_blocks *blocks, void *memory);

#endif
