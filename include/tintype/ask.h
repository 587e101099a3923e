/* Ask: what a worker asks the agent, over <storage.dir>/agent.sock (SOCK_SEQPACKET, mode 0660): one
 * packet there, one back, then the connection ends. The one definition of both packets. Neither end
 * trusts the other: a packet that is not of this form is refused. */
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

/* "presign processed <id>", "fetch original <id>" or "fetch rendition <id> <preset>", without a
 * NUL; returns its length. */
size_t tt_ask_format(const struct tt_ask_question *question, char text[TT_ASK_QUESTION_SIZE]);
/* False for anything but what tt_ask_format makes; text need not end with a NUL. */
bool tt_ask_parse(const char *text, size_t length, struct tt_ask_question *question);

/* The path of the socket of a storage directory. False when it is too long for one. */
bool tt_ask_path(const char *storage_dir, char path[108]);

/* The agent's end: makes the socket (0660, O_NONBLOCK, close-on-exec), replacing a socket that is
 * there: the caller holds the agent's lock, so nobody else serves it. TT_ERR_SYSTEM. */
enum tt_err tt_ask_listen(const char *storage_dir, int *fd);

/* The agent's answer: "ok <url>" or "ok", or "error <name of the error> <sentence>"; one packet on
 * a connected fd, best effort (the asker may be gone). Only after the question was read: a
 * socket that is closed with something unread drops what it sent. */
void tt_ask_answer_ok(int fd, const char *url);
void tt_ask_answer_error(int fd, enum tt_err err, const char *sentence);

/* The worker's end: asks and waits up to timeout_ms. url gets what came with "ok" ("" for a fetch).
 * TT_ERR_AGENT_AWAY: nobody serves the socket, or no answer came in time. Else the error that the
 * agent answered, its sentence noted as the cause. */
enum tt_err tt_ask(const char *storage_dir, const struct tt_ask_question *question,
                   int64_t timeout_ms, char url[TT_ASK_ANSWER_MAX_BYTES]);

#endif
