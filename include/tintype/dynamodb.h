/* DynamoDB: one item's calls, as signed requests (Amazon DynamoDB API Reference, protocol
 * application/x-amz-json-1.0). The key is ID (S). Bodies live in the arena. */
#ifndef TINTYPE_DYNAMODB_H
#define TINTYPE_DYNAMODB_H

#include "tintype/aws.h"

struct tt_dynamodb_attribute {
    const char *name;
    char type;         /* 'S', 'N' or 'M' */
    const char *value; /* of S and N: UTF-8, not empty; a number as decimal text */
    /* Of M: members[0..member_count), which may be maps too; TT_DYNAMODB_DEPTH_MAX bounds them. */
    const struct tt_dynamodb_attribute *members;
    size_t member_count;
};

#define TT_DYNAMODB_DEPTH_MAX 4 /* maps within each other; DynamoDB itself takes 32 */

/* PutItem on the condition attribute_not_exists(ID). A repeat is answered with
 * ConditionalCheckFailedException, which tt_aws_answer_judge takes for success. This and the two
 * below: TT_ERR_NO_MEMORY; TT_ERR_INTERNAL for attributes that break the rules above. */
enum tt_err tt_dynamodb_put_item(struct tt_http_request *request, struct tt_arena *arena,
                                 const struct tt_aws_signer *signer, const char *table,
                                 const struct tt_dynamodb_attribute *attributes, size_t count);
/* GetItem, as a consistent read. */
enum tt_err tt_dynamodb_get_item(struct tt_http_request *request, struct tt_arena *arena,
                                 const struct tt_aws_signer *signer, const char *table,
                                 const char *id);
enum tt_err tt_dynamodb_delete_item(struct tt_http_request *request, struct tt_arena *arena,
                                    const struct tt_aws_signer *signer, const char *table,
                                    const char *id);

#endif
