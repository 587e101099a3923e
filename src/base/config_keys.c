/* The table of configuration keys. A new key is one row here and one field in struct tt_config; a
 * new option of uploads and presets is the same with a field in struct tt_picture_options. How
 * values are read is in config_value.c, where from in config_load.c. */
#include "base/config_keys.h"

#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/config_form.h"
#include "tintype/log.h"

static const struct tt_text_choice auth_modes[] = {{"none", TT_AUTH_NONE}, {NULL, 0}};
static const struct tt_text_choice path_styles[] = {{"auto", TT_S3_PATH_STYLE_AUTO},
                                                    {"true", TT_S3_PATH_STYLE_ON},
                                                    {"false", TT_S3_PATH_STYLE_OFF},
                                                    {NULL, 0}};
static const struct tt_text_choice sses[] = {
    {"none", TT_S3_SSE_NONE}, {"AES256", TT_S3_SSE_AES256}, {"aws:kms", TT_S3_SSE_KMS}, {NULL, 0}};
static const struct tt_text_choice confinements[] = {
    {"required", TT_CONFINEMENT_REQUIRED}, {"best-effort", TT_CONFINEMENT_BEST_EFFORT}, {NULL, 0}};
static const struct tt_text_choice deliveries[] = {
    {"redirect", TT_DELIVERY_REDIRECT}, {"fetch", TT_DELIVERY_FETCH}, {NULL, 0}};
static const struct tt_text_choice log_levels[] = {{"error", TT_LOG_ERROR},
                                                   {"warning", TT_LOG_WARNING},
                                                   {"info", TT_LOG_INFO},
                                                   {"debug", TT_LOG_DEBUG},
                                                   {NULL, 0}};

#define KIB         INT64_C(1024)
#define MIB         (1024 * KIB)
#define GIB         (1024 * MIB)
#define TIB         (1024 * GIB)
#define SIDE_MAX_PX INT64_C(65535) /* of a JPEG (T.81, B.2.2) */

#define FIELD(member)                                                                              \
    .offset = offsetof(struct tt_config, member), .size = sizeof(((struct tt_config *)0)->member)

/* What each service of the cloud has. */
#define REGION(member)                                                                             \
    FIELD(member), TT_CONFIG_TEXT, .check = tt_config_check_region,                                \
                                   .takes = "a-z, 0-9 and inner hyphens, as in eu-central-1"
#define URL(member)                                                                                \
    FIELD(member), TT_CONFIG_TEXT, .check = tt_config_check_url,                                   \
                                   .takes = "http[s]://host[:port][/path], nothing more"

/* The rows are in the order of struct tt_config. */
/* clang-format off */
const struct tt_config_key tt_config_keys[] = {
    {"server", "listen", "Unix socket to listen on, unless one is handed in",
     "/run/tintype/tintyped.sock", FIELD(server.listen), TT_CONFIG_TEXT, .lowest = 1,
     .check = tt_config_check_socket, .takes = "the path of a Unix socket, with a / in it"},
    {"server", "user", "User that tintyped becomes when root starts it, which it refuses without",
     "", FIELD(server.user), TT_CONFIG_TEXT},
    {"server", "base_path", "Path below which the API answers; / is the root",
     "/api", FIELD(server.base_path), TT_CONFIG_TEXT, .check = tt_config_check_base_path,
     .takes = "a path that starts with / and does not end with it"},
    {"server", "workers", "Worker processes; 0 serves in the process that was started",
     NULL, FIELD(server.workers), TT_CONFIG_NUMBER, .per_core = 4, .highest = 1024},
    {"server", "extra_workers",
     "Workers that may be added to those, one for each that waits for a slow client",
     "128", FIELD(server.extra_workers), TT_CONFIG_NUMBER, .highest = 1024},
    {"server", "decode_slots", "Pictures that are decoded at once",
     NULL, FIELD(server.decode_slots), TT_CONFIG_NUMBER, .per_core = 1,
     .lowest = 1, .highest = 1024},
    {"server", "max_requests", "Requests after which a worker is replaced; 0 means never",
     "10000", FIELD(server.max_requests), TT_CONFIG_NUMBER, .highest = 1000000000},
    {"server", "max_body_bytes", "Largest request body, counted on the wire",
     "26214400", FIELD(server.max_body_bytes), TT_CONFIG_BYTES, .lowest = 1, .highest = 4 * GIB},
    {"server", "idle_seconds",
     "How long the web server may send nothing of a request, or take nothing of an answer",
     "30", FIELD(server.idle_seconds), TT_CONFIG_NUMBER, .lowest = 1, .highest = 3600},
    {"server", "request_seconds",
     "How long a request may take to arrive from the web server, from the connection to the end of "
     "its body; a slow client counts only where the web server passes bodies on as they come",
     "600", FIELD(server.request_seconds), TT_CONFIG_NUMBER, .lowest = 1, .highest = 86400},
    {"server", "core_dumps",
     "Whether a debugger may look into both daemons, and a crash leave a core file: for developers",
     "false", FIELD(server.core_dumps), TT_CONFIG_SWITCH},
    {"server", "wait_seconds", "How long an upload may wait for a decode slot",
     "30", FIELD(server.wait_seconds), TT_CONFIG_NUMBER, .lowest = 1, .highest = 3600},
    {"server", "drain_seconds", "How long a stop or a reload waits for requests in flight",
     "60", FIELD(server.drain_seconds), TT_CONFIG_NUMBER, .lowest = 1, .highest = 3600},
    {"server", "trusted_proxies",
     "Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto count, separated by spaces",
     "", FIELD(server.trusted_proxies), TT_CONFIG_TEXT, .check = tt_config_check_networks,
     .takes = "addresses and networks such as 10.0.0.0/8, separated by spaces"},
    {"server", "cors_origins",
     "Web origins that may use the API, separated by spaces; * allows any",
     "", FIELD(server.cors_origins), TT_CONFIG_TEXT, .check = tt_config_check_origins,
     .takes = "* or origins such as https://example.org, separated by spaces"},
    {"server", "confinement",
     "What a kernel that cannot confine the processes wholly leads to: required refuses to start, "
     "best-effort says what is not held, and starts",
     "best-effort", FIELD(server.confinement), TT_CONFIG_CHOICE, .choices = confinements},

    {"storage", "dir", "Directory of the spool and the journal",
     "/var/lib/tintype", FIELD(storage.dir), TT_CONFIG_TEXT, .lowest = 1},
    {"storage", "quota_bytes",
     "Most bytes that all kept pictures may take; 0 is as much as the disk has",
     "0", FIELD(storage.quota_bytes), TT_CONFIG_BYTES, .highest = MIB * TIB},
    {"storage", "keep_local_seconds",
     "How long files stay here once the cloud has them; 0 is no longer than needed, -1 for ever",
     "-1", FIELD(storage.keep_local_seconds), TT_CONFIG_NUMBER,
     .lowest = -1, .highest = 1000000000},
    {"storage", "keep_original", "Whether the uploaded file is kept beside the result",
     "true", FIELD(storage.keep_original), TT_CONFIG_SWITCH},

    {"image", "width", "Width of the box that a picture is fitted to, in pixels; 0 leaves it free",
     "1024", FIELD(image.options.width_px), TT_CONFIG_SIDE, .highest = TT_PICTURE_SIDE_MAX_PX,
     .is_asked = true},
    {"image", "height", "Height of that box; 0 leaves it free",
     "1024", FIELD(image.options.height_px), TT_CONFIG_SIDE, .highest = TT_PICTURE_SIDE_MAX_PX,
     .is_asked = true},
    {"image", "fit",
     "inside stays within the box, cover fills it and is cropped, fill is exactly the box",
     "inside", FIELD(image.options.fit), TT_CONFIG_CHOICE, .choices = tt_picture_fits,
     .is_asked = true},
    {"image", "grayscale", "Whether pictures become gray",
     "true", FIELD(image.options.grayscale), TT_CONFIG_SWITCH, .is_asked = true},
    {"image", "format", "Format of the result:",
     "png", FIELD(image.options.format), TT_CONFIG_CHOICE, .choices = tt_picture_formats,
     .is_asked = true},
    {"image", "quality", "Quality of a JPEG or WebP result, 1 to 100",
     "85", FIELD(image.options.quality), TT_CONFIG_NUMBER, .lowest = 1, .highest = 100,
     .is_asked = true},
    {"image", "watermark", "Whether a watermark is drawn, if a text or an image is set for it",
     "true", FIELD(image.options.watermark.enabled), TT_CONFIG_SWITCH, .is_asked = true},
    {"image", "watermark_text", "Text that is drawn over results; none if empty",
     "", FIELD(image.options.watermark.text), TT_CONFIG_TEXT},
    {"image", "watermark_position",
     "Where the watermark is drawn:",
     "bottom-right", FIELD(image.options.watermark.position), TT_CONFIG_CHOICE,
     .choices = tt_picture_positions, .is_asked = true},
    {"image", "watermark_size", "Height of the text's line, or of the image's shorter side, in "
     "percent of the result's shorter side",
     "5", FIELD(image.options.watermark.size_percent), TT_CONFIG_NUMBER,
     .lowest = 1, .highest = 100},
    {"image", "watermark_margin",
     "Distance of the watermark from the edges, in percent of the result's shorter side",
     "3", FIELD(image.options.watermark.margin_percent), TT_CONFIG_NUMBER, .highest = 45},
    {"image", "watermark_opacity", "Opacity of the watermark in percent",
     "60", FIELD(image.options.watermark.opacity_percent), TT_CONFIG_NUMBER,
     .lowest = 1, .highest = 100},
    {"image", "watermark_font", "Font file for texts; if empty, texts are refused",
     TT_CONFIG_WATERMARK_FONT, FIELD(image.watermark_font),
     TT_CONFIG_TEXT},
    {"image", "watermark_image", "PNG file that is drawn where there is no text; none if empty",
     "", FIELD(image.watermark_image), TT_CONFIG_TEXT},
    {"image", "renditions",
     "Presets ([preset.NAME]) in which every upload is also made, separated by commas",
     "", FIELD(image.renditions), TT_CONFIG_TEXT, .check = tt_config_check_names,
     .takes = "names of presets, separated by commas"},
    {"image", "max_pixels", "Largest picture that is accepted, width times height",
     "100000000", FIELD(image.limits.max_pixels), TT_CONFIG_NUMBER,
     .lowest = 1, .highest = SIDE_MAX_PX * SIDE_MAX_PX},
    {"image", "max_memory_bytes", "Most memory that one picture may take",
     "536870912", FIELD(image.limits.max_memory_bytes), TT_CONFIG_BYTES,
     .lowest = 16 * MIB, .highest = TIB},
    {"image", "max_chunk_bytes", "Largest PNG chunk other than the pixels",
     "8388608", FIELD(image.limits.max_chunk_bytes), TT_CONFIG_BYTES,
     .lowest = KIB, .highest = GIB},
    {"image", "max_scans", "Most scans of a progressive JPEG",
     "100", FIELD(image.limits.max_scans), TT_CONFIG_NUMBER, .lowest = 1, .highest = 10000},
    {"image", "cpu_seconds", "CPU time that one picture may take",
     "20", FIELD(image.cpu_seconds), TT_CONFIG_NUMBER, .lowest = 1, .highest = 3600},

    {"auth", "mode", "How callers prove who they are; none asks for no proof",
     "none", FIELD(auth.mode), TT_CONFIG_CHOICE, .choices = auth_modes},

    {"s3", "bucket", "Bucket that tintype-sync carries images to; none if empty",
     "", FIELD(s3.bucket), TT_CONFIG_TEXT, .check = tt_config_check_bucket,
     .takes = "3 to 63 of a-z, 0-9, dot and hyphen, a letter or digit at both ends"},
    {"s3", "region", "Region of the bucket; if empty, as AWS_REGION or the AWS profile says",
     "", REGION(s3.region)},
    {"s3", "endpoint",
     "URL of a service other than Amazon's; if empty, as AWS_ENDPOINT_URL_S3 says",
     "", URL(s3.endpoint)},
    {"s3", "path_style",
     "true puts the bucket in the path, false in the host's name; auto decides by endpoint and bucket",
     "auto", FIELD(s3.path_style), TT_CONFIG_CHOICE, .choices = path_styles},
    {"s3", "ca_file", "Certificates (PEM) to trust, for all services; the system's if empty",
     "", FIELD(s3.ca_file), TT_CONFIG_TEXT},
    {"s3", "processed_prefix", "Prefix of the names of results in the bucket",
     "processed/", FIELD(s3.processed_prefix), TT_CONFIG_TEXT, .check = tt_config_check_prefix,
     .takes = "a prefix that ends with / and does not start with it"},
    {"s3", "original_prefix", "Prefix of the names of originals in the bucket",
     "originals/", FIELD(s3.original_prefix), TT_CONFIG_TEXT, .check = tt_config_check_prefix,
     .takes = "a prefix that ends with / and does not start with it"},

    {"s3", "sse", "Encryption that S3 is asked for:",
     "none", FIELD(s3.sse), TT_CONFIG_CHOICE, .choices = sses},
    {"s3", "sse_kms_key_id", "Key for aws:kms; the bucket's own if empty",
     "", FIELD(s3.sse_kms_key_id), TT_CONFIG_TEXT, .check = tt_config_check_kms_key,
     .takes = "a key's id, alias or ARN: letters, digits and : / _ -"},

    {"dynamodb", "table", "Table that gets an item for each image; none if empty",
     "", FIELD(dynamodb.table), TT_CONFIG_TEXT, .check = tt_config_check_table,
     .takes = "3 to 255 of letters, digits and _ . -"},
    {"dynamodb", "region", "The same as s3.region, for DynamoDB", "", REGION(dynamodb.region)},
    {"dynamodb", "endpoint", "The same as s3.endpoint; if empty, as AWS_ENDPOINT_URL_DYNAMODB says",
     "", URL(dynamodb.endpoint)},

    {"cloudwatch", "log_group", "Log group that gets an event for each upload; none if empty",
     "", FIELD(cloudwatch.log_group), TT_CONFIG_TEXT, .check = tt_config_check_log_group,
     .takes = "letters, digits and . _ / # -"},
    {"cloudwatch", "log_stream", "Log stream of this node in that group; sync.node if empty",
     "", FIELD(cloudwatch.log_stream), TT_CONFIG_TEXT, .check = tt_config_check_log_stream,
     .takes = "a name without : and *"},
    {"cloudwatch", "region",
     "The same as s3.region, for CloudWatch Logs", "", REGION(cloudwatch.region)},
    {"cloudwatch", "endpoint",
     "The same as s3.endpoint; if empty, as AWS_ENDPOINT_URL_CLOUDWATCH_LOGS says",
     "", URL(cloudwatch.endpoint)},

    {"delivery", "remote",
     "How bytes in S3 alone are served: redirect sends the client there, fetch brings them back",
     "redirect", FIELD(delivery.remote), TT_CONFIG_CHOICE, .choices = deliveries},
    {"delivery", "cloudfront_url",
     "Address that redirects lead to, instead of presigned ones in S3",
     "", URL(delivery.cloudfront_url)},

    {"sync", "in_flight", "Requests to the cloud that are made at once",
     "16", FIELD(sync.in_flight), TT_CONFIG_NUMBER, .lowest = 1, .highest = 128},
    {"sync", "user", "User that tintype-sync becomes when root starts it; server.user if empty",
     "", FIELD(sync.user), TT_CONFIG_TEXT},
    {"sync", "node",
     "Name of this machine in items, events and log streams; its host name if empty",
     "", FIELD(sync.node), TT_CONFIG_TEXT, .check = tt_config_check_log_stream,
     .takes = "a name without : and *"},

    {"log", "level", "Least important message that is logged:",
     "info", FIELD(log.level), TT_CONFIG_CHOICE, .choices = log_levels},
};
/* clang-format on */

const size_t tt_config_key_count = sizeof tt_config_keys / sizeof *tt_config_keys;

const struct tt_config_former_key tt_config_former_keys[] = {
    {"image", "reduced_decode", "every picture is decoded in full"},
};
const size_t tt_config_former_key_count =
    sizeof tt_config_former_keys / sizeof *tt_config_former_keys;

_Static_assert(sizeof tt_config_keys / sizeof *tt_config_keys <= TT_CONFIG_KEYS_MAX,
               "TT_CONFIG_KEYS_MAX bounds the table");

void tt_config_variable_format(const char *section, const char *name,
                               char variable[TT_CONFIG_VARIABLE_SIZE]) {
    snprintf(variable, TT_CONFIG_VARIABLE_SIZE, TT_CONFIG_VARIABLE_PREFIX "%s_%s", section, name);
    for (char *c = variable; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
}

/* How many cores this process may run on. */
static int64_t count_cores(void) {
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) == 0)
        return CPU_COUNT(&cores);
    /* sched_getaffinity(2) fails where the machine has more cores than a cpu_set_t has bits. */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? online : 1;
}

void tt_config_default_format(const struct tt_config_key *key, char text[TT_CONFIG_DEFAULT_SIZE]) {
    if (key->value) {
        snprintf(text, TT_CONFIG_DEFAULT_SIZE, "%s", key->value);
        return;
    }
    int64_t number = key->per_core * count_cores();
    if (number > key->highest)
        number = key->highest;
    snprintf(text, TT_CONFIG_DEFAULT_SIZE, "%lld", (long long)number);
}
