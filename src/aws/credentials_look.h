/* One look for keys along the chain: what the sources (credentials_*.c) share, and what
 * credentials.c, which walks from one to the next, calls of them.
 *
 * A source is asked by its try function and, where it sent a request, by what it named as next,
 * until it is anything but TT_LOOK_WAITING. None notes an error (tt_err_fail): what they find is
 * told in sentences without secrets, which are one caller's to note or log. */
#ifndef TINTYPE_AWS_CREDENTIALS_LOOK_H
#define TINTYPE_AWS_CREDENTIALS_LOOK_H

#include <stddef.h>

#include "aws/profile.h"
#include "tintype/aws.h"
#include "tintype/http.h"
#include "tintype/url.h"

#define TT_LOOK_TEXT_SIZE     480
#define TT_LOOK_URL_SIZE      1024
#define TT_LOOK_EXPIRES_BYTES 64

enum tt_look_step {
    TT_LOOK_ABSENT,  /* this source is not set up, and the next one is asked */
    TT_LOOK_FOUND,   /* keys are those to use */
    TT_LOOK_BROKEN,  /* it is set up, but has no keys to give; those of another source would be a
                        surprise */
    TT_LOOK_WAITING, /* a request is under way */
};

struct tt_look;

typedef enum tt_look_step tt_look_next(struct tt_look *look, const struct tt_http_answer *answer);

struct tt_look {
    struct tt_aws_keys keys;
    /* Keys are served for a while even when they come expired: the metadata service keeps giving
     * the old ones when it cannot get new ones, and AWS still takes them. */
    bool may_be_expired;
    char text[TT_LOOK_TEXT_SIZE]; /* sentences on what was tried, or the one on what is broken */

    struct tt_http *http;
    char region[64];
    char ca_file[TT_CONFIG_TEXT_MAX];
    tt_look_next *next;
    /* Goes on with what a source found in an answer; set by credentials.c, below which sources are.
     */
    void (*walk_on)(struct tt_look *look, enum tt_look_step step);

    /* What sources keep while they wait; wiped when the look is over. */
    struct tt_profile_role role; /* of the profile */
    char *body;                  /* of a request; owned */
    size_t body_size;
    char base_url[TT_LOOK_URL_SIZE]; /* of instance metadata */
    char token[TT_AWS_TOKEN_SIZE];   /* of instance metadata; authorization of a container */
};

/* ---- credentials_look.c: what sources call ---- */

/* Sends a request, of which next gets the answer. Returns WAITING, or BROKEN when it cannot be
 * sent. */
enum tt_look_step tt_look_send(struct tt_look *look, const struct tt_http_request *request,
                               tt_look_next *next);

/* Adds a sentence to what was tried, and returns ABSENT. */
enum tt_look_step tt_look_pass(struct tt_look *look, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Makes a sentence all that is told, and returns BROKEN. */
enum tt_look_step tt_look_break(struct tt_look *look, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- the sources, in their order ---- */

enum tt_look_step tt_look_environment(struct tt_look *look);  /* credentials_local.c */
enum tt_look_step tt_look_profile(struct tt_look *look);      /* credentials_local.c */
enum tt_look_step tt_look_web_identity(struct tt_look *look); /* credentials_web.c */
enum tt_look_step tt_look_container(struct tt_look *look);    /* credentials_metadata.c */
enum tt_look_step tt_look_instance(struct tt_look *look);     /* credentials_metadata.c */

/* ---- credentials_local.c ---- */

/* Reads a file that holds a token, without blanks and line breaks around it. False, with what is
 * wrong in flaw, to follow the file's name: "cannot be read: ...", "has over N bytes". */
bool tt_look_read_token(const char *path, char *token, size_t size, char flaw[TT_KEYS_FLAW_SIZE]);

/* ---- credentials_answer.c: keys in answers; pure ---- */

/* Reads {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}, as containers and instance
 * metadata give them. False, with what is wrong in flaw, to follow "the answer": "is no JSON
 * object". */
bool tt_answer_read_json(struct tt_aws_keys *keys, const char *body, size_t body_bytes,
                         char flaw[TT_KEYS_FLAW_SIZE]);

/* Reads <Credentials> of an answer of STS; else as above. */
bool tt_answer_read_xml(struct tt_aws_keys *keys, const char *body, char flaw[TT_KEYS_FLAW_SIZE]);

/* Reads <Code> of a refusal by STS; "" when it has none that is a plain word. */
void tt_answer_read_code(char *code, size_t size, const char *body);

#endif
