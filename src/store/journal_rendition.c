/* The statements of renditions. They are written with their image, read with it or its removal, and
 * dropped with the last of the two; which of them are here is told by the image's own row. */
#include "store/journal_row.h"

enum tt_err tt_journal_add_renditions(struct tt_journal *journal,
                                      const struct tt_journal_row *row) {
    enum tt_err err = TT_OK;

    for (int i = TT_JOURNAL_RENDITION; err == TT_OK && i < tt_journal_row_original(row); i++) {
        const struct tt_journal_file *file = &row->files[i];
        bool is_bound;

        err =
            tt_db_prepare(&journal->db, &journal->add_rendition,
                          "INSERT INTO rendition (id, number, name, size_bytes, format, width_px, "
                          "height_px, sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
        if (err != TT_OK)
            break;
        is_bound = tt_journal_bind_text(journal->add_rendition, 1, row->id) &&
                   tt_journal_bind_int(journal->add_rendition, 2, i - TT_JOURNAL_RENDITION) &&
                   tt_journal_bind_text(journal->add_rendition, 3, file->name) &&
                   tt_journal_bind_file(journal->add_rendition, 4, file);
        err = tt_journal_run(journal, journal->add_rendition, is_bound);
    }
    return err;
}

static bool read_rendition(sqlite3_stmt *statement, struct tt_journal_file *file) {
    return tt_journal_read_text(statement, 0, file->name, sizeof file->name) &&
           tt_picture_preset_is_name(file->name) && tt_journal_read_file(statement, 1, file);
}

static enum tt_err read_all(struct tt_journal *journal, struct tt_journal_row *row,
                            bool *is_known) {
    int original = tt_journal_row_original(row);
    int number = TT_JOURNAL_RENDITION;
    bool has_row = false;
    enum tt_err err;

    while ((err = tt_db_step(&journal->db, journal->renditions, &has_row)) == TT_OK && has_row) {
        if (number == original ||
            sqlite3_column_int64(journal->renditions, 6) != number - TT_JOURNAL_RENDITION ||
            !read_rendition(journal->renditions, &row->files[number]))
            break;
        number++;
    }
    if (err != TT_OK)
        return err;
    *is_known = !has_row && number == original;
    return *is_known ? TT_OK : tt_journal_refuse_row();
}

enum tt_err tt_journal_read_renditions(struct tt_journal *journal, struct tt_journal_row *row,
                                       bool *is_known) {
    enum tt_err err;

    *is_known = true;
    if (row->file_count == TT_JOURNAL_FILES_MIN)
        return TT_OK;
    err = tt_db_prepare(&journal->db, &journal->renditions,
                        "SELECT name, size_bytes, format, width_px, height_px, sha256, "
                        "number FROM rendition WHERE id = ?1 ORDER BY number");
    if (err != TT_OK)
        return err;
    if (tt_journal_bind_text(journal->renditions, 1, row->id))
        err = read_all(journal, row, is_known);
    else
        err = tt_db_fail(&journal->db, "bind a parameter");
    tt_db_reset(journal->renditions);
    return err;
}

enum tt_err tt_journal_drop_renditions(struct tt_journal *journal, const char *id) {
    enum tt_err err = tt_db_prepare(&journal->db, &journal->drop_renditions,
                                    "DELETE FROM rendition WHERE id = ?1");

    if (err != TT_OK)
        return err;
    return tt_journal_run(journal, journal->drop_renditions,
                          tt_journal_bind_text(journal->drop_renditions, 1, id));
}
