/* Rows as their statements give them, and the statements of renditions. Renditions are written with
 * their image, read with it or with its removal, and dropped with the last of the two. What is in a
 * column is known to journal_columns.c alone. */
#include "store/journal_row.h"

/* ---- renditions ---- */

static enum tt_err add_rendition(struct tt_journal *journal, const struct tt_journal_row *row,
                                 int number) {
    const struct tt_columns_text *columns = &journal->columns[TT_COLUMNS_RENDITION];
    enum tt_err err =
        tt_db_prepare(&journal->db, &journal->add_rendition,
                      "INSERT INTO rendition (%s) VALUES (%s)", columns->names, columns->places);
    if (err != TT_OK)
        return err;
    return tt_db_run(&journal->db, journal->add_rendition,
                     tt_columns_bind(journal->add_rendition, TT_COLUMNS_RENDITION, row, number));
}

enum tt_err tt_journal_add_renditions(struct tt_journal *journal,
                                      const struct tt_journal_row *row) {
    enum tt_err err = TT_OK;
    for (int i = TT_JOURNAL_RENDITION; err == TT_OK && i < tt_journal_row_original(row); i++)
        err = add_rendition(journal, row, i);
    return err;
}

enum tt_err tt_journal_drop_renditions(struct tt_journal *journal, const char *id) {
    enum tt_err err = tt_db_prepare(&journal->db, &journal->drop_renditions,
                                    "DELETE FROM rendition WHERE id = ?1");
    if (err != TT_OK)
        return err;
    return tt_db_run(&journal->db, journal->drop_renditions,
                     tt_db_bind_text(journal->drop_renditions, 1, id));
}

/* The row has as many files as its count says; there must be as many renditions. */
static enum tt_err read_each(struct tt_journal *journal, struct tt_journal_row *row,
                             bool *is_known) {
    int original = tt_journal_row_original(row);
    int number = TT_JOURNAL_RENDITION;
    bool has_row = false;
    enum tt_err err;
    while ((err = tt_db_step(&journal->db, journal->renditions, &has_row)) == TT_OK && has_row &&
           number < original &&
           tt_columns_read(journal->renditions, TT_COLUMNS_RENDITION, row, number))
        number++;
    if (err != TT_OK)
        return err;
    *is_known = !has_row && number == original;
    return *is_known ? TT_OK : tt_journal_refuse_row();
}

static enum tt_err read_renditions(struct tt_journal *journal, struct tt_journal_row *row,
                                   bool *is_known) {
    if (tt_journal_row_original(row) == TT_JOURNAL_RENDITION)
        return TT_OK;
    enum tt_err err = tt_db_prepare(&journal->db, &journal->renditions,
                                    "SELECT %s FROM rendition WHERE id = ?1 ORDER BY number",
                                    journal->columns[TT_COLUMNS_RENDITION].names);
    if (err != TT_OK)
        return err;
    if (tt_db_bind_text(journal->renditions, 1, row->id))
        err = read_each(journal, row, is_known);
    else
        err = tt_db_fail_bind(&journal->db);
    tt_db_reset(journal->renditions);
    return err;
}

/* ---- rows ---- */

enum tt_err tt_journal_read_row(struct tt_journal *journal, sqlite3_stmt *statement,
                                enum tt_columns_table table, struct tt_journal_row *row,
                                bool *is_known) {
    *is_known = tt_columns_read(statement, table, row, 0);
    if (!*is_known)
        return tt_journal_refuse_row();
    /* The count of renditions was read in the transaction that the statement, still standing on its
     * row, holds open: so it is true of what is read here. */
    return read_renditions(journal, row, is_known);
}

static enum tt_err read_rows(struct tt_journal *journal, sqlite3_stmt *statement, int limit,
                             struct tt_journal_row *rows, int *count, bool *more) {
    bool has_row = false;
    bool is_known;
    enum tt_err err;
    while ((err = tt_db_step(&journal->db, statement, &has_row)) == TT_OK && has_row) {
        *more = *count == limit;
        if (*more)
            break;
        err = tt_journal_read_row(journal, statement, TT_COLUMNS_IMAGE, &rows[*count], &is_known);
        if (err != TT_OK)
            break;
        *count += 1;
    }
    return err;
}

enum tt_err tt_journal_run_rows(struct tt_journal *journal, sqlite3_stmt *statement, bool is_bound,
                                int limit, struct tt_journal_row *rows, int *count, bool *more) {
    *count = 0;
    *more = false;
    enum tt_err err = is_bound ? read_rows(journal, statement, limit, rows, count, more)
                               : tt_db_fail_bind(&journal->db);

    tt_db_reset(statement);
    return err;
}
