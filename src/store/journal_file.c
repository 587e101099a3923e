/* What a row of the journal says by itself: names of its states, its files, and their removal. The
 * database is not known here. */
#include <string.h>

#include "tintype/journal.h"

const struct tt_text_choice tt_sync_states[] = {
    {"off", TT_SYNC_OFF},       {"pending", TT_SYNC_PENDING}, {"stored", TT_SYNC_STORED},
    {"synced", TT_SYNC_SYNCED}, {"dead", TT_SYNC_DEAD},       {NULL, 0}};

const char *tt_sync_state_name(enum tt_sync_state state) {
    return tt_text_choice_name(tt_sync_states, state);
}

bool tt_sync_state_parse(const char *name, enum tt_sync_state *state) {
    const struct tt_text_choice *choice = tt_sync_states;
    while (choice->name && strcmp(name, choice->name) != 0)
        choice++;
    if (choice->name)
        *state = (enum tt_sync_state)choice->value;
    return choice->name != NULL;
}

void tt_journal_row_init(struct tt_journal_row *row, int rendition_count) {
    int original = TT_JOURNAL_RENDITION + rendition_count;
    *row = (struct tt_journal_row){.file_count = original + 1};
    for (int i = 0; i <= original; i++) {
        row->files[i].kind = TT_SPOOL_RENDITION;
        row->files[i].kept = true;
    }
    row->files[TT_JOURNAL_PROCESSED].kind = TT_SPOOL_PROCESSED;
    row->files[original].kind = TT_SPOOL_ORIGINAL;
}

int tt_journal_row_original(const struct tt_journal_row *row) {
    return row->file_count - 1;
}

int tt_journal_row_find(const struct tt_journal_row *row, enum tt_spool_kind kind,
                        const char *name) {
    for (int i = 0; i < row->file_count; i++)
        if (row->files[i].kind == kind && strcmp(row->files[i].name, name) == 0)
            return i;
    return -1;
}

struct tt_spool_name tt_journal_row_name(const struct tt_journal_row *row, int number) {
    const struct tt_journal_file *file = &row->files[number];
    return (struct tt_spool_name){file->kind, row->id, file->name, file->format};
}

bool tt_journal_row_is_local(const struct tt_journal_row *row, int number) {
    return row->files[number].kept && !row->files[number].evicted;
}

bool tt_journal_row_is_remote(const struct tt_journal_row *row, int number) {
    return row->files[number].kept &&
           (row->sync_state == TT_SYNC_STORED || row->sync_state == TT_SYNC_SYNCED ||
            row->files[number].evicted);
}

enum tt_err tt_journal_row_remove_files(const struct tt_journal_row *row, struct tt_spool *spool) {
    enum tt_err err = TT_OK;
    for (int i = 0; i < row->file_count; i++) {
        const struct tt_spool_name name = tt_journal_row_name(row, i);
        if (row->files[i].kept && tt_spool_remove(spool, &name) != TT_OK)
            err = TT_ERR_STORAGE;
    }
    return err;
}
