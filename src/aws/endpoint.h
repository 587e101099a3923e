/* Where AWS has its services; the endpoints that are configured are in tintype/aws.h. */
#ifndef TINTYPE_AWS_ENDPOINT_H
#define TINTYPE_AWS_ENDPOINT_H

/* The domain below which AWS has the services of a region: "amazonaws.com", or China's own (AWS
 * General Reference, "Service endpoints"). */
const char *tt_aws_domain(const char *region);

#endif
