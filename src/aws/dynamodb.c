/* One item's calls to DynamoDB, each as JSON. Which attributes an item has is decided by the
 * caller. */
#include "tintype/dynamodb.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "aws/call.h"
#include "tintype/text.h"

#define CONTENT_TYPE "application/x-amz-json-1.0"
#define TARGET       "DynamoDB_20120810."

/* Texts are checked here, as jansson returns NULL both for one that is not UTF-8 and where there is
 * no memory. */
static enum tt_err check_text(const char *what, const char *text) {
    if (!tt_text_is_utf8(text, strlen(text)))
        return tt_err_fail(TT_ERR_INTERNAL, "dynamodb: %s is not UTF-8", what);
    return TT_OK;
}

/* Checks names, types and texts. depth is how many maps may still lie within each other. */
static enum tt_err check_attributes(const struct tt_dynamodb_attribute *attributes, size_t count,
                                    int depth) {
    enum tt_err err = TT_OK;
    for (size_t i = 0; err == TT_OK && i < count; i++) {
        const struct tt_dynamodb_attribute *one = &attributes[i];
        err = check_text("an attribute's name", one->name);
        if (err != TT_OK)
            break;
        if (one->type == 'M' && depth > 0)
            err = check_attributes(one->members, one->member_count, depth - 1);
        else if (one->type == 'S' || one->type == 'N')
            err = check_text(one->name, one->value);
        else
            err = tt_err_fail(TT_ERR_INTERNAL, "dynamodb: %s has no such type", one->name);
    }
    return err;
}

/* Signs the operation, and ends the life of parameters in any case; they are NULL where there was
 * no memory for them. */
static enum tt_err sign(struct tt_http_request *request, struct tt_arena *arena,
                        const struct tt_aws_signer *signer, const char *target,
                        json_t *parameters) {
    char *dumped = parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;
    size_t length = dumped ? strlen(dumped) : 0;
    const char *body = NULL;
    json_decref(parameters);
    if (!dumped)
        return tt_err_fail(TT_ERR_NO_MEMORY, "dynamodb: no memory for a request");
    body = tt_arena_copy_text(arena, dumped, length);
    free(dumped);
    if (!body)
        return TT_ERR_NO_MEMORY;
    return tt_aws_call_json(request, arena, signer, CONTENT_TYPE, target, body, length);
}

/* The attributes, whose depth was checked, as JSON; NULL without memory. */
static json_t *new_map(const struct tt_dynamodb_attribute *attributes, size_t count) {
    json_t *map = json_object();
    for (size_t i = 0; i < count; i++) {
        const struct tt_dynamodb_attribute *one = &attributes[i];
        const char type[2] = {one->type, '\0'};
        json_t *value =
            one->type == 'M' ? new_map(one->members, one->member_count) : json_string(one->value);
        if (json_object_set_new(map, one->name, json_pack("{s:o}", type, value)) != 0) {
            json_decref(map);
            return NULL;
        }
    }
    return map;
}

enum tt_err tt_dynamodb_put_item(struct tt_http_request *request, struct tt_arena *arena,
                                 const struct tt_aws_signer *signer, const char *table,
                                 const struct tt_dynamodb_attribute *attributes, size_t count) {
    enum tt_err err = check_text("the table's name", table);
    if (err == TT_OK)
        err = check_attributes(attributes, count, TT_DYNAMODB_DEPTH_MAX);
    if (err != TT_OK)
        return err;
    return sign(request, arena, signer, TARGET "PutItem",
                json_pack("{s:s, s:o, s:s}", "TableName", table, "Item", new_map(attributes, count),
                          "ConditionExpression", "attribute_not_exists(ID)"));
}

enum tt_err tt_dynamodb_get_item(struct tt_http_request *request, struct tt_arena *arena,
                                 const struct tt_aws_signer *signer, const char *table,
                                 const char *id) {
    enum tt_err err;
    if ((err = check_text("the table's name", table)) != TT_OK ||
        (err = check_text("an id", id)) != TT_OK)
        return err;
    return sign(request, arena, signer, TARGET "GetItem",
                json_pack("{s:s, s:{s:{s:s}}, s:b}", "TableName", table, "Key", "ID", "S", id,
                          "ConsistentRead", 1));
}

enum tt_err tt_dynamodb_delete_item(struct tt_http_request *request, struct tt_arena *arena,
                                    const struct tt_aws_signer *signer, const char *table,
                                    const char *id) {
    enum tt_err err;
    if ((err = check_text("the table's name", table)) != TT_OK ||
        (err = check_text("an id", id)) != TT_OK)
        return err;
    return sign(request, arena, signer, TARGET "DeleteItem",
                json_pack("{s:s, s:{s:{s:s}}}", "TableName", table, "Key", "ID", "S", id));
}
