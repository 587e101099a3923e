/* Columns: what goes between the journal's tables and struct tt_journal_row. A column that a table
 * gets in sql/ becomes one row of that table's columns in journal_columns.c. */
#ifndef TINTYPE_STORE_JOURNAL_COLUMNS_H
#define TINTYPE_STORE_JOURNAL_COLUMNS_H

#include "store/db.h"
#include "tintype/journal.h"

enum tt_columns_table { TT_COLUMNS_IMAGE, TT_COLUMNS_REMOVAL, TT_COLUMNS_RENDITION };
#define TT_COLUMNS_TABLES 3

/* The place of the id among the columns of each table. */
#define TT_COLUMNS_ID 1

struct tt_columns_text {
    char names[512]; /* "rendition_count, id, …": for SELECT, INSERT and RETURNING */
    char places[96]; /* "?, ?, …": as many parameters */
};

void tt_columns_format(enum tt_columns_table table, struct tt_columns_text *text);

/* Binds the row's values to the parameters 1 and up, in the order of the names. Of a rendition's
 * columns the values are those of the row's file of that number; of the other tables' the number is
 * not read. False on failure. The row stays where it is until tt_db_reset. */
bool tt_columns_bind(sqlite3_stmt *statement, enum tt_columns_table table,
                     const struct tt_journal_row *row, int number);

/* Reads the columns 0 and up of the row that the statement stands on. An image's and a removal's
 * make *row anew, with as many files as it says, of which the renditions are still to be read. A
 * rendition's are those of the row's file of that number. False for a value that does not fit: the
 * database is no more trusted than any other file, whatever its own checks say. */
bool tt_columns_read(sqlite3_stmt *statement, enum tt_columns_table table,
                     struct tt_journal_row *row, int number);

#endif
