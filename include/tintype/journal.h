/* Journal: what was acknowledged, in one SQLite database that outlives every process here.
 *
 * A row that tt_journal_insert took is on the disk (WAL, synchronous=FULL). Each process opens a
 * handle of its own, after any fork. Statements live in src/store alone, the schema in sql/. */
#ifndef TINTYPE_JOURNAL_H
#define TINTYPE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "tintype/err.h"
#include "tintype/hash.h"
#include "tintype/picture.h"
#include "tintype/spool.h"
#include "tintype/text.h"
#include "tintype/uuid.h"

enum tt_sync_state { TT_SYNC_OFF, TT_SYNC_PENDING, TT_SYNC_STORED, TT_SYNC_SYNCED, TT_SYNC_DEAD };
#define TT_SYNC_STATE_COUNT 5

/* "off", "pending", "stored", "synced", "dead". */
extern const struct tt_text_choice tt_sync_states[];

/* The state's name, which is one of these. */
const char *tt_sync_state_name(enum tt_sync_state state);
/* False, and *state is left alone, when no state has that name. */
bool tt_sync_state_parse(const char *name, enum tt_sync_state *state);

/* One file of an image. */
struct tt_journal_file {
    enum tt_spool_kind kind;
    char name[TT_PICTURE_PRESET_SIZE]; /* a rendition's preset; "" for the others */
    bool kept;    /* false of an original that is only described (storage.keep_original off) */
    bool evicted; /* no longer in the spool, but in S3 */
    enum tt_picture_format format;
    int64_t size_bytes;
    int32_t width_px; /* of an original: as its header has it, before orientation */
    int32_t height_px;
    uint8_t sha256[TT_HASH_BYTES];
};

#define TT_JOURNAL_FILES_MAX  (TT_PICTURE_RESULTS_MAX + 1)
#define TT_JOURNAL_ERROR_SIZE 512

/* A file's place in files is its number, in every folder. */
struct tt_journal_row {
    char id[TT_UUID_SIZE];
    char filename[TT_TEXT_FILENAME_SIZE]; /* 1 to 255 bytes */
    enum tt_sync_state sync_state;
    int file_count;
    int64_t attempts;
    char last_error[TT_JOURNAL_ERROR_SIZE]; /* "" when none */
    int64_t synced_at_ms;                   /* 0 when not yet */
    /* The result, the renditions as they were made, and the original, which is the last: the order
     * in which they are carried to S3. */
    struct tt_journal_file files[TT_JOURNAL_FILES_MAX];
};

/* The numbers of the result, which every row has, and of the first rendition. */
enum { TT_JOURNAL_PROCESSED, TT_JOURNAL_RENDITION };

/* Makes *row one of which only the files are known: a result, that many renditions and an original,
 * all kept and none evicted. Everything else is zero. */
void tt_journal_row_init(struct tt_journal_row *row, int rendition_count);
/* The number of the original. */
int tt_journal_row_original(const struct tt_journal_row *row);
/* The number of what is so named; name is that of tt_journal_file, and may be any text. -1 when the
 * row has no such file. */
int tt_journal_row_find(const struct tt_journal_row *row, enum tt_spool_kind kind,
                        const char *name);
/* Returns the name of the file in the spool and in S3; it borrows of the row. */
struct tt_spool_name tt_journal_row_name(const struct tt_journal_row *row, int number);
/* Whether the spool should have it: it was kept, and not evicted. */
bool tt_journal_row_is_local(const struct tt_journal_row *row, int number);
/* Whether S3 has it: it was kept, and is stored. An image whose item was refused for good is dead,
 * but what was evicted of it is there. */
bool tt_journal_row_is_remote(const struct tt_journal_row *row, int number);
/* Removes all kept files of the row from the spool; one that is not there is no failure.
 * TT_ERR_STORAGE: some may be left. */
enum tt_err tt_journal_row_remove_files(const struct tt_journal_row *row, struct tt_spool *spool);

#define TT_JOURNAL_REMOVALS_MAX 1000 /* a backlog counts no more of them */

/* How many events may wait, and how many of them may tell a failure. Beyond that, the oldest of
 * each are dropped, and counted. A million take about a gigabyte: hours of a busy machine. */
#define TT_JOURNAL_EVENTS_MAX   1000000
#define TT_JOURNAL_FAILURES_MAX 10000

/* Something to tell CloudWatch Logs. */
struct tt_journal_note {
    int64_t time_ms;     /* Unix */
    const char *message; /* one JSON text, 1 to 262,144 bytes of UTF-8 */
};

struct tt_journal; /* an open handle */

/* Opens <storage_dir>/journal.db, making and migrating it where needed (0660). *journal is NULL on
 * failure. TT_ERR_JOURNAL. */
enum tt_err tt_journal_open(struct tt_journal **journal, const char *storage_dir);
/* NULL is allowed. */
void tt_journal_close(struct tt_journal *journal);

/* Makes an inotify descriptor (O_NONBLOCK, the caller closes it) that becomes readable after each
 * insert, deletion, retry and failure that any handle notes; what the agent records
 * (journal_sync.h) does not count. It is called after tt_journal_open. TT_ERR_JOURNAL. */
enum tt_err tt_journal_watch(const char *storage_dir, int *fd);

/* Adds a row with its renditions and, where it is not NULL, an event, in one transaction that is
 * durable on TT_OK. Every file has a size above 0. Where quota_bytes is above 0 and all files kept
 * here would exceed it, nothing is added. TT_ERR_JOURNAL, TT_ERR_SPOOL_FULL (the quota, the disk).
 */
enum tt_err tt_journal_insert(struct tt_journal *journal, const struct tt_journal_row *row,
                              const struct tt_journal_note *event, int64_t quota_bytes);

/* Adds the event of a failure. At most TT_JOURNAL_FAILURES_MAX wait: the oldest is dropped, and
 * counted, where there are more. TT_ERR_JOURNAL, TT_ERR_SPOOL_FULL. */
enum tt_err tt_journal_note_failure(struct tt_journal *journal,
                                    const struct tt_journal_note *event);

/* Finds the row of an id. TT_ERR_NOT_FOUND (nothing is noted), TT_ERR_JOURNAL. */
enum tt_err tt_journal_find(struct tt_journal *journal, const char *id, struct tt_journal_row *row);

/* Removes the row, and *row is what it was. Unless its state was off, a removal takes its place, by
 * which the agent removes item and objects. TT_ERR_NOT_FOUND (nothing is noted), TT_ERR_JOURNAL. */
enum tt_err tt_journal_delete(struct tt_journal *journal, const char *id,
                              struct tt_journal_row *row);

/* Has the agent try an image that waits or is dead again at once, as if it had never failed; where
 * id is NULL, every dead one. *changed counts them: it is 0 when the id is no such image's.
 * TT_ERR_JOURNAL. */
enum tt_err tt_journal_retry(struct tt_journal *journal, const char *id, int64_t *changed);

struct tt_journal_query {
    int limit;            /* of rows: 1 to 200 */
    bool ascending;       /* oldest first */
    const char *after_id; /* the last id of the page before; NULL for the first */
    const char *filename; /* the whole of it; NULL for any */
    bool has_state;
    enum tt_sync_state state; /* read when has_state */
    const char *since_id;     /* inclusive, a tt_uuid_floor; NULL for none */
    const char *until_id;     /* exclusive, likewise */
};

/* Fills rows[0..*count), *count <= query->limit, in order; *more tells whether a next page has any.
 * rows has room for query->limit. Walks an index whatever the filter. TT_ERR_JOURNAL. */
enum tt_err tt_journal_list(struct tt_journal *journal, const struct tt_journal_query *query,
                            struct tt_journal_row *rows, int *count, bool *more);

struct tt_journal_totals {
    int64_t rows[TT_SYNC_STATE_COUNT]; /* by enum tt_sync_state */
    int64_t bytes;                     /* of all files kept */
};

/* Triggers keep the totals, so that asking is cheap however many rows there are. TT_ERR_JOURNAL. */
enum tt_err tt_journal_totals(struct tt_journal *journal, struct tt_journal_totals *totals);

struct tt_journal_backlog {
    int64_t waiting; /* rows pending, plus stored ones where stored_waits */
    int64_t dead;
    int64_t removals;       /* counted up to TT_JOURNAL_REMOVALS_MAX */
    int64_t oldest_ms;      /* upload time of the oldest row waiting; 0 when none */
    int64_t events;         /* that wait */
    int64_t dropped;        /* events dropped since the journal was made */
    int64_t local_since_ms; /* since when files lie here that the cloud has as well; 0 when none */
};

/* Counts what waits for the agent; stored_waits says whether a row that is stored still has a step
 * to go. TT_ERR_JOURNAL. */
enum tt_err tt_journal_backlog(struct tt_journal *journal, bool stored_waits,
                               struct tt_journal_backlog *backlog);

/* Begins a transaction that writes, and rolls it back: TT_OK when that can be done now.
 * TT_ERR_JOURNAL. */
enum tt_err tt_journal_check(struct tt_journal *journal);

#endif
