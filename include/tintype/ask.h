/* Ask: what a worker asks the agent, over <storage.dir>/agent.sock (SOCK_SEQPACKET, mode 0660). One
 * packet goes there, one comes back, then the connection ends. Both packets are defined here alone.
 * Neither end trusts the other: a packet that is not of this form is refused. */
#ifndef TINTYPE_ASK_H
#define TINTYPE_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tintype/err.h"
#include "tintype/spool.h"
#include "tintype/uuid.h"

enum tt_ask_verb {
    TT_ASK_PRESIGN, /* a URL of the object, valid for minutes */
    TT_ASK_FETCH,   /* the object back into the spool */
};

struct tt_ask_question {
    enum tt_ask_verb verb;
    enum tt_spool_kind kind;
    char id[TT_UUID_SIZE];
    char rendition[TT_PICTURE_PRESET_SIZE]; /* the preset's name of a TT_SPOOL_RENDITION, else "" */
};

#define TT_ASK_ANSWER_MAX_BYTES 16384 /* a presigned URL with a long session token */

#define TT_ASK_QUESTION_SIZE 96

/* Formats "presign processed <id>", "fetch original <id>" or "fetch rendition <id> <preset>", and
 * returns its length without the NUL. */
size_t tt_ask_format(const struct tt_ask_question *question, char text[TT_ASK_QUESTION_SIZE]);
/* Reads what tt_ask_format makes, which need not end with a NUL here. False for anything else. */
bool tt_ask_parse(const char *text, size_t length, struct tt_ask_question *question);

/* Formats the path of the socket in a storage directory. False when it is too long for a socket. */
bool tt_ask_path(const char *storage_dir, char path[108]);

/* The agent's end. Makes the socket (0660, O_NONBLOCK, close-on-exec), in place of one that is
 * there: the caller holds the agent's lock, so nobody else serves that. On failure *fd is -1.
 * TT_ERR_SYSTEM. */
enum tt_err tt_ask_listen(const char *storage_dir, int *fd);

/* These send the agent's answer as one packet on a connected fd: "ok <url>", or "ok" where url is
 * NULL or ""; and "error <name of the error> <sentence>". An asker that is gone is no failure. The
 * question must have been read before: a socket that is closed with something unread drops what it
 * sent. */
void tt_ask_answer_ok(int fd, const char *url);
void tt_ask_answer_error(int fd, enum tt_err err, const char *sentence);

/* The worker's end. Asks, and waits up to timeout_ms for the answer; url gets what came with "ok",
 * "" of a fetch. TT_ERR_AGENT_AWAY when nobody serves the socket or no answer came in time; else
 * the error that the agent answered, with its sentence noted as the cause. */
enum tt_err tt_ask(const char *storage_dir, const struct tt_ask_question *question,
                   int64_t timeout_ms, char url[TT_ASK_ANSWER_MAX_BYTES]);

#endif
