/* Errors: one table of everything that can go wrong, and the note of the failure at hand.
 *
 * The first function that meets a failure notes it (tt_err_fail, tt_err_refuse) and returns the
 * code; every caller above only returns the code on. Whoever ends the job (the reply to an upload,
 * a start-up) takes the note (tt_err_take), and logs its cause once. A process does one job at a
 * time, so there is one note per process. */
#ifndef TINTYPE_ERR_H
#define TINTYPE_ERR_H

#include <stdbool.h>

enum tt_err {
    TT_OK = 0,
    TT_ERR_MALFORMED,          /* 400: a request line, header or parameter that cannot be read */
    TT_ERR_BODY_EMPTY,         /* 400 */
    TT_ERR_BODY_INCOMPLETE,    /* 400: the client sent less than it announced */
    TT_ERR_BASE64,             /* 400 */
    TT_ERR_MULTIPART,          /* 400 */
    TT_ERR_JSON,               /* 400 */
    TT_ERR_OPTION,             /* 400: unknown option, or a value out of its range */
    TT_ERR_QUERY,              /* 400: a list parameter */
    TT_ERR_ORIGIN,             /* 403 */
    TT_ERR_NOT_FOUND,          /* 404: no such route, no such image, a malformed id */
    TT_ERR_METHOD,             /* 405 */
    TT_ERR_REQUEST_TIMEOUT,    /* 408: it came too slowly, or stopped coming */
    TT_ERR_BODY_TOO_LARGE,     /* 413 */
    TT_ERR_CONTENT_TYPE,       /* 415: the request's Content-Type */
    TT_ERR_PICTURE_TYPE,       /* 415: the picture's own first bytes */
    TT_ERR_RANGE,              /* 416 */
    TT_ERR_PICTURE_BROKEN,     /* 422: cut short or corrupt */
    TT_ERR_PICTURE_TOO_LARGE,  /* 422: over max_pixels, or over the memory a picture may take */
    TT_ERR_PICTURE_TOO_COSTLY, /* 422: over the CPU time a picture may take */
    TT_ERR_DECODER_DIED,       /* 422: the decoder crashed on this picture */
    TT_ERR_DECODER_CONFINED,   /* 500: a decoder asked for a system call outside its list */
    TT_ERR_INTERNAL,           /* 500: a bug or a broken installation */
    TT_ERR_KILLED,             /* 503: what worked on the request was killed from outside */
    TT_ERR_BUSY,               /* 503: every decode slot and waiting place is taken */
    TT_ERR_NO_MEMORY,          /* 503 */
    TT_ERR_STORAGE,            /* 503: the spool cannot be read or written */
    TT_ERR_JOURNAL,            /* 503: the journal cannot be read or written */
    TT_ERR_SPOOL_FULL,         /* 507: quota_bytes reached, or no space left on the device */
    TT_ERR_AGENT_AWAY,         /* 503: tintype-sync does not answer */
    TT_ERR_CLOUD_OBJECT,       /* 502: the cloud refused this object for good: its row is dead */
    TT_ERR_CLOUD_THROTTLED,    /* 503: slow down */
    TT_ERR_CLOUD_FAILED,       /* 503: the service failed on this request */
    TT_ERR_CLOUD_AWAY,         /* 503: not to be reached */
    TT_ERR_CLOUD_KEYS,         /* 503: credentials missing, wrong, expired, or not permitted */
    TT_ERR_CLOUD_SETUP,        /* 503: bucket, table or log group missing, or another region's */
    TT_ERR_CLOUD_CLOCK,        /* 503: this machine's clock is wrong */
    TT_ERR_CONFIG,             /* start-up only: the configuration is refused */
    TT_ERR_SYSTEM,             /* start-up only: the system refused a socket, process or lock */
    TT_ERR_COUNT
};

/* This says whether a client, or the sync (TT_ERR_CLOUD_*), gains anything by trying again. */
enum tt_retry {
    TT_RETRY_NEVER, /* the answer will be the same; the sync: the row is dead */
    TT_RETRY_SOON,  /* seconds: busy; replies carry Retry-After; the sync: the row backs off */
    TT_RETRY_LATER, /* minutes: an operator has to act; the sync: the whole service pauses */
};

struct tt_err_row {
    const char *name; /* lower-case-with-hyphens: urn:tintype:problem:<name>, metrics, log */
    int http_status;  /* 0: never answers a request */
    enum tt_retry retry;
    const char *title; /* what was wrong, in a few words; safe for the client */
    /* This tells the client what to do, and is the detail where none was noted. */
    const char *advice;
};

/* The row of err; never NULL. A value outside the table gives the row of TT_ERR_INTERNAL. */
const struct tt_err_row *tt_err_row(enum tt_err err);

/* Notes a failure whose cause is for the log alone, and returns err. The first note wins: a call
 * while one is set changes nothing, but still returns err. A cause never holds secrets. */
enum tt_err tt_err_fail(enum tt_err err, const char *cause_format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, with ": " and strerror(errno) appended. ENOSPC and EDQUOT turn TT_ERR_STORAGE and
 * TT_ERR_JOURNAL into TT_ERR_SPOOL_FULL. Returns the code that holds. */
enum tt_err tt_err_fail_errno(enum tt_err err, const char *cause_format, ...)
    __attribute__((format(printf, 2, 3)));

/* Notes a refusal whose sentence goes to the client and to the log, and returns err: it says what
 * was wrong and what to do. Text that came from the client is cut and cleaned by the writer of the
 * reply, not here. */
enum tt_err tt_err_refuse(enum tt_err err, const char *detail_format, ...)
    __attribute__((format(printf, 2, 3)));

/* Gives a failure that is noted already the sentence that the client is told; its cause stays for
 * the log. The first sentence counts. */
enum tt_err tt_err_explain(enum tt_err err, const char *detail_format, ...)
    __attribute__((format(printf, 2, 3)));

#define TT_ERR_NOTE_SIZE 512

/* A note holds what is known of a failure once its job has ended. */
struct tt_err_note {
    char cause[TT_ERR_NOTE_SIZE];  /* for the log: the noted cause or sentence, else the title */
    char detail[TT_ERR_NOTE_SIZE]; /* for the client: the noted sentence, else the advice */
    bool is_refusal;               /* detail is a sentence that was noted */
};

/* Hands the note of a job that ended with err over to the caller and leaves none, so that the next
 * job's failure notes its own cause. Texts that were not noted are those of err's row; of TT_OK
 * they are "". */
struct tt_err_note tt_err_take(enum tt_err err);

/* Returns the client's sentence: the noted one, else the row's advice; never NULL. It is valid
 * until the next note or take. */
const char *tt_err_detail(enum tt_err err);

/* Returns the cause for the log: the noted cause or sentence, "" when none; never NULL. It is valid
 * as long. */
const char *tt_err_cause(void);

#endif
