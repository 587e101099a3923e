/* Rules between configuration keys. What a key takes by itself is in config_form.c. A new rule is
 * one function and one row. */
#include "base/config_rules.h"

#include <string.h>

static bool item_has_no_object(const struct tt_config *config) {
    return config->dynamodb.table[0] != '\0' && config->s3.bucket[0] == '\0';
}

static bool key_has_no_use(const struct tt_config *config) {
    return config->s3.sse_kms_key_id[0] != '\0' && config->s3.sse != TT_S3_SSE_KMS;
}

static bool address_has_no_use(const struct tt_config *config) {
    return config->delivery.cloudfront_url[0] != '\0' &&
           config->delivery.remote != TT_DELIVERY_REDIRECT;
}

static bool objects_share_names(const struct tt_config *config) {
    return strcmp(config->s3.processed_prefix, config->s3.original_prefix) == 0;
}

static bool text_has_no_font(const struct tt_config *config) {
    return tt_config_has_watermark_text(config) && config->image.watermark_font[0] == '\0';
}

static const struct {
    bool (*is_broken)(const struct tt_config *config);
    const char *key;
    const char *text;
} rules[] = {
    {item_has_no_object, "dynamodb.table",
     "an item names its image's object in S3; set s3.bucket too"},
    {key_has_no_use, "s3.sse_kms_key_id",
     "a key is used with s3.sse = aws:kms alone; set that, or leave the key out"},
    {address_has_no_use, "delivery.cloudfront_url",
     "with delivery.remote = fetch nobody is sent there; set redirect, or leave the URL out"},
    {text_has_no_font, "image.watermark_font",
     "a watermark_text is drawn with a font; name one, or leave the text out"},
    {objects_share_names, "s3.original_prefix",
     "an original and its result may not have one name; set another than s3.processed_prefix"},
};

int tt_config_check_rules(const struct tt_config *config, FILE *problems) {
    int broken = 0;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rules[i].is_broken(config))
            continue;
        fprintf(problems, "%s: %s\n", rules[i].key, rules[i].text);
        broken++;
    }
    return broken;
}
