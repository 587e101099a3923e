/* Blocks: a free list for each power of two over an arena. */
#include "image/blocks.h"

#include <string.h>

#define CLASS_MIN 6 /* 64 bytes: a block's head and a little */

struct tt_block {
    _Alignas(max_align_t) struct tt_block *next; /* while it is free */
    int size_class;                              /* the memory follows */
};

static size_t class_bytes(int size_class) {
    return (size_t)1 << size_class;
}

static struct tt_block *block_of(void *memory) {
    return (struct tt_block *)memory - 1;
}

void tt_blocks_init(struct tt_blocks *blocks, struct tt_arena *arena, size_t cap_bytes) {
    *blocks = (struct tt_blocks){.arena = arena, .left_bytes = cap_bytes};
}

/* Returns the class of a block for that many bytes, TT_BLOCKS_CLASSES when there is none. */
static int find_class(size_t size_bytes) {
    int size_class = CLASS_MIN;
    while (size_class < TT_BLOCKS_CLASSES &&
           class_bytes(size_class) - sizeof(struct tt_block) < size_bytes)
        size_class++;
    return size_class;
}

void *tt_blocks_take(struct tt_blocks *blocks, size_t size_bytes) {
    int size_class = find_class(size_bytes);
    if (size_class < TT_BLOCKS_CLASSES && blocks->free[size_class]) {
        struct tt_block *block = blocks->free[size_class];
        blocks->free[size_class] = block->next;
        return block + 1;
    }
    if (size_class == TT_BLOCKS_CLASSES || class_bytes(size_class) > blocks->left_bytes) {
        blocks->is_full = true;
        return NULL;
    }
    struct tt_block *block = tt_arena_alloc(blocks->arena, class_bytes(size_class));
    if (!block)
        return NULL;
    blocks->left_bytes -= class_bytes(size_class);
    block->size_class = size_class;
    return block + 1;
}

void *tt_blocks_resize(struct tt_blocks *blocks, void *memory, size_t size_bytes) {
    size_t has_bytes = class_bytes(block_of(memory)->size_class) - sizeof(struct tt_block);
    if (size_bytes <= has_bytes)
        return memory;
    void *larger = tt_blocks_take(blocks, size_bytes);
    if (!larger)
        return NULL;
    memcpy(larger, memory, has_bytes);
    tt_blocks_give_back(blocks, memory);
    return larger;
}

void tt_blocks_give_back(struct tt_blocks *blocks, void *memory) {
    struct tt_block *block = block_of(memory);
    block->next = blocks->free[block->size_class];
    blocks->free[block->size_class] = block;
}
