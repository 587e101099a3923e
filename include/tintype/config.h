/* Configuration: an INI file, which the environment (TINTYPE_<SECTION>_<KEY>) beats. Both are read
 * through one table of keys, from which help, -T and the README's table are made as well. */
#ifndef TINTYPE_CONFIG_H
#define TINTYPE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tintype/err.h"
#include "tintype/picture.h"

#define TT_CONFIG_PATH_MAX  4096
#define TT_CONFIG_TEXT_MAX  1024
#define TT_CONFIG_NODE_SIZE 256
#define TT_CONFIG_USER_SIZE 256

#define TT_CONFIG_PRESETS_MAX 16

/* The default of image.watermark_font: Debian's package fonts-dejavu-core. */
#define TT_CONFIG_WATERMARK_FONT "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"

enum tt_auth_mode { TT_AUTH_NONE };
enum tt_s3_path_style { TT_S3_PATH_STYLE_AUTO, TT_S3_PATH_STYLE_ON, TT_S3_PATH_STYLE_OFF };
enum tt_s3_sse { TT_S3_SSE_NONE, TT_S3_SSE_AES256, TT_S3_SSE_KMS };
enum tt_confinement { TT_CONFINEMENT_BEST_EFFORT, TT_CONFINEMENT_REQUIRED };
enum tt_delivery { TT_DELIVERY_REDIRECT, TT_DELIVERY_FETCH };

/* A preset is a rendering that has a name: [preset.NAME]. */
struct tt_config_preset {
    char name[TT_PICTURE_PRESET_SIZE];
    struct tt_picture_options options;
};

struct tt_config {
    struct {
        char listen[108];               /* path of a Unix socket; sun_path's size */
        char user[TT_CONFIG_USER_SIZE]; /* whose tintyped is to be; "" for whoever starts it */
        char base_path[256];     /* "/api": leading slash, none at the end; "" for the root */
        int64_t workers;         /* 0: serve in the process itself; default 4 × cores */
        int64_t extra_workers;   /* beside those, at most, while workers wait for slow clients */
        int64_t decode_slots;    /* default: cores */
        int64_t max_requests;    /* after as many a worker is replaced; 0: never */
        int64_t max_body_bytes;  /* on the wire */
        int64_t idle_seconds;    /* how long a peer of the socket may send, or take, nothing */
        int64_t request_seconds; /* how long a request may take to come whole */
        bool core_dumps;         /* of both daemons */
        int64_t wait_seconds;    /* how long an upload waits for a decode slot */
        int64_t drain_seconds;   /* how long a stop waits for requests in flight */
        char trusted_proxies[TT_CONFIG_TEXT_MAX]; /* space-separated networks; "" none */
        char cors_origins[TT_CONFIG_TEXT_MAX];    /* space-separated origins, or "*"; "" none */
        enum tt_confinement confinement;
    } server;
    struct {
        char dir[TT_CONFIG_PATH_MAX - 256]; /* room for the names below it */
        int64_t quota_bytes;                /* 0: the file system's own limit */
        int64_t keep_local_seconds;         /* of files that the cloud has as well; -1: for ever */
        bool keep_original;
    } storage;
    struct {
        struct tt_picture_options options; /* what an upload gets that asks for nothing */
        struct tt_picture_limits limits;
        int64_t cpu_seconds; /* of one picture's decoder */
        char watermark_font[TT_CONFIG_TEXT_MAX];
        char watermark_image[TT_CONFIG_TEXT_MAX];         /* "" for none */
        char renditions[TT_CONFIG_TEXT_MAX];              /* as it was set: names of presets */
        int rendition_presets[TT_PICTURE_RENDITIONS_MAX]; /* their indices among presets */
        int rendition_count;
    } image;
    struct tt_config_preset presets[TT_CONFIG_PRESETS_MAX];
    int preset_count;
    struct {
        enum tt_auth_mode mode;
    } auth;
    struct {
        char bucket[64];                   /* "" for none: local alone */
        char region[64];                   /* this and endpoint, of each service: "" for AWS_* */
        char endpoint[TT_CONFIG_TEXT_MAX]; /* "https://host[:port][/path]" */
        enum tt_s3_path_style path_style;
        char ca_file[TT_CONFIG_TEXT_MAX]; /* for all services; "" for the system's */
        char processed_prefix[256];
        char original_prefix[256];
        enum tt_s3_sse sse;
        char sse_kms_key_id[TT_CONFIG_TEXT_MAX];
    } s3;
    struct {
        char table[256]; /* "" for none */
        char region[64];
        char endpoint[TT_CONFIG_TEXT_MAX];
    } dynamodb;
    struct {
        char log_group[513];  /* "" for none */
        char log_stream[513]; /* "" for the node's name */
        char region[64];
        char endpoint[TT_CONFIG_TEXT_MAX];
    } cloudwatch;
    struct {
        enum tt_delivery remote;                 /* how a GET of evicted bytes is answered */
        char cloudfront_url[TT_CONFIG_TEXT_MAX]; /* "https://host[/path]", no slash at the end */
    } delivery;
    struct {
        int64_t in_flight;              /* requests of the agent at once, 1 to 128 */
        char node[TT_CONFIG_NODE_SIZE]; /* "" for the host's name */
        char user[TT_CONFIG_USER_SIZE]; /* whose tintype-sync is to be; "" for server.user */
    } sync;
    struct {
        int64_t level; /* enum tt_log_level */
    } log;
};

/* Fills *config with defaults, then the file (NULL: none), then the environment. Every problem is
 * written as one line to problems ("FILE:LINE: text" or "TINTYPE_X_Y: text") and the reading goes
 * on, so that the operator sees them all. TT_ERR_CONFIG when there was any. Unknown sections, keys
 * and TINTYPE_ variables are problems; so are values out of their range. A key that an older
 * version had is no problem: it is ignored, and a line with "warning: " says so. */
enum tt_err tt_config_load(struct tt_config *config, const char *path, FILE *problems);

/* Whether [image] or a preset has a text to draw. */
bool tt_config_has_watermark_text(const struct tt_config *config);

/* The preset of that name; NULL when there is none. */
const struct tt_config_preset *tt_config_find_preset(const struct tt_config *config,
                                                     const char *name);

/* Writes sync.node, or else the host's name: items, events and the heartbeat must all say the same
 * name. */
void tt_config_name_node(const struct tt_config *config, char node[TT_CONFIG_NODE_SIZE]);

/* Prints every key with its default and one line of explanation, grouped by section: plain text for
 * help. */
void tt_config_print_help(FILE *out);

/* Prints *config as a file that tt_config_load would read: "[section]" lines, then lines of
 * "key = value". */
void tt_config_print_values(FILE *out, const struct tt_config *config);

/* Prints the keys as the rows of a Markdown table: | key | default | what it does |. */
void tt_config_print_markdown(FILE *out);

#endif
