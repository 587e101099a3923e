/* Where a service is: its address, its region and the form of its URLs, from configuration,
 * environment and profile. With whose keys it is asked is decided in credentials.c. */
#include "aws/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aws/profile.h"
#include "tintype/aws.h"
#include "tintype/url.h"

static const struct service_row {
    const char *name;
    const char *section;  /* of the configuration */
    const char *variable; /* with an endpoint of one's own */
    const char *prefix;   /* of the public host's name */
} services[TT_AWS_SERVICE_COUNT] = {
    [TT_AWS_S3] = {"S3", "s3", "AWS_ENDPOINT_URL_S3", "s3"},
    [TT_AWS_DYNAMODB] = {"DynamoDB", "dynamodb", "AWS_ENDPOINT_URL_DYNAMODB", "dynamodb"},
    [TT_AWS_LOGS] = {"CloudWatch Logs", "cloudwatch", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "logs"},
};

/* A setting's text, and the name by which sentences call it. */
struct given {
    const char *text; /* NULL: none */
    char source[64];
};

const char *tt_aws_service_name(enum tt_aws_service service) {
    return services[service].name;
}

static const char *configured_endpoint(const struct tt_config *config,
                                       enum tt_aws_service service) {
    switch (service) {
    case TT_AWS_DYNAMODB: return config->dynamodb.endpoint;
    case TT_AWS_LOGS: return config->cloudwatch.endpoint;
    default: return config->s3.endpoint;
    }
}

static const char *configured_region(const struct tt_config *config, enum tt_aws_service service) {
    switch (service) {
    case TT_AWS_DYNAMODB: return config->dynamodb.region;
    case TT_AWS_LOGS: return config->cloudwatch.region;
    default: return config->s3.region;
    }
}

/* The configured text of section.key, else the first variable that is set. */
static struct given find_given(const char *configured, const char *section, const char *key,
                               const char *const variables[2]) {
    struct given given = {.text = NULL};
    if (configured[0] != '\0') {
        given.text = configured;
        snprintf(given.source, sizeof given.source, "%s.%s", section, key);
        return given;
    }
    for (size_t i = 0; i < 2 && !given.text; i++) {
        given.text = tt_aws_variable(variables[i]);
        snprintf(given.source, sizeof given.source, "%s", variables[i]);
    }
    return given;
}

/* ---- region ---- */

static enum tt_err take_region(struct tt_aws_endpoint *endpoint, const char *text,
                               const char *source) {
    if (!tt_url_is_label(text))
        return tt_err_refuse(TT_ERR_CONFIG,
                             "%s is no region: letters, digits and hyphens, as in eu-central-1.",
                             source);
    snprintf(endpoint->region, sizeof endpoint->region, "%s", text);
    return TT_OK;
}

static enum tt_err take_profile_region(struct tt_aws_endpoint *endpoint, bool is_own) {
    struct tt_profile profile;
    char problem[TT_PROFILE_PROBLEM_SIZE];
    enum tt_err err;
    if (!tt_profile_read(&profile, problem))
        err = tt_err_refuse(TT_ERR_CONFIG, "No region is set for %s, and none can be read: %s.",
                            services[endpoint->service].name, problem);
    else if (profile.region[0] != '\0')
        err = take_region(endpoint, profile.region, "\"region\" of the AWS profile");
    else if (is_own)
        err = take_region(endpoint, "us-east-1", "us-east-1");
    else
        err = tt_err_refuse(TT_ERR_CONFIG,
                            "No region is set for %s. Set %s.region, or AWS_REGION, or \"region\" "
                            "of profile \"%s\" in %.150s.",
                            services[endpoint->service].name, services[endpoint->service].section,
                            profile.name, profile.config_path);
    tt_profile_wipe(&profile);
    return err;
}

static enum tt_err find_region(struct tt_aws_endpoint *endpoint, const struct tt_config *config,
                               bool is_own) {
    static const char *const variables[2] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    struct given given = find_given(configured_region(config, endpoint->service),
                                    services[endpoint->service].section, "region", variables);
    return given.text ? take_region(endpoint, given.text, given.source)
                      : take_profile_region(endpoint, is_own);
}

/* ---- address ---- */

static enum tt_err take_url(struct tt_aws_endpoint *endpoint, struct tt_url *url,
                            const struct given *given) {
    const char *flaw = tt_url_parse_base(url, endpoint->path, given->text);
    if (flaw)
        return tt_err_refuse(TT_ERR_CONFIG,
                             "%s %s. An endpoint is http[s]://host[:port][/path], nothing more.",
                             given->source, flaw);
    memcpy(endpoint->scheme, url->scheme, sizeof endpoint->scheme);
    memcpy(endpoint->host, url->host, sizeof endpoint->host);
    return TT_OK;
}

const char *tt_aws_domain(const char *region) {
    return strncmp(region, "cn-", 3) == 0 ? "amazonaws.com.cn" : "amazonaws.com";
}

static void take_public_address(struct tt_aws_endpoint *endpoint) {
    snprintf(endpoint->scheme, sizeof endpoint->scheme, "https");
    snprintf(endpoint->host, sizeof endpoint->host, "%s.%s.%s", services[endpoint->service].prefix,
             endpoint->region, tt_aws_domain(endpoint->region));
}

/* Puts the bucket before the host, unless path style is asked for or needed. is_own says that the
 * endpoint is configured, is_address that its host is an address. */
static enum tt_err choose_style(struct tt_aws_endpoint *endpoint, const struct tt_config *config,
                                bool is_own, bool is_address) {
    const char *bucket = config->s3.bucket;
    switch (config->s3.path_style) {
    case TT_S3_PATH_STYLE_ON: endpoint->path_style = true; break;
    case TT_S3_PATH_STYLE_OFF: endpoint->path_style = false; break;
    default:
        /* A certificate for *.s3... covers no second dot, and what can be no part of a host's name
         * (buckets of before 2018) can only be a path. */
        endpoint->path_style = is_own || !tt_url_is_label(bucket);
        break;
    }
    if (endpoint->path_style || bucket[0] == '\0')
        return TT_OK;
    if (is_address)
        return tt_err_refuse(TT_ERR_CONFIG,
                             "s3.path_style is off, but the endpoint is an address, before which "
                             "no bucket's name can stand. Set it on, or name the endpoint's host.");
    char host[sizeof endpoint->host];
    memcpy(host, endpoint->host, sizeof host);
    if ((size_t)snprintf(endpoint->host, sizeof endpoint->host, "%s.%s", bucket, host) >=
        sizeof endpoint->host)
        return tt_err_refuse(TT_ERR_CONFIG,
                             "s3.bucket and the endpoint's host together have over %zu bytes. Set "
                             "s3.path_style on.",
                             sizeof endpoint->host - 1);
    return TT_OK;
}

static enum tt_err find_ca_file(struct tt_aws_endpoint *endpoint, const struct tt_config *config) {
    static const char *const variables[2] = {"AWS_CA_BUNDLE", "AWS_CA_BUNDLE"};
    struct given given = find_given(config->s3.ca_file, "s3", "ca_file", variables);
    if (!given.text)
        return TT_OK;
    if (strlen(given.text) >= sizeof endpoint->ca_file)
        return tt_err_refuse(TT_ERR_CONFIG, "%s has over %zu bytes.", given.source,
                             sizeof endpoint->ca_file - 1);
    if (access(given.text, R_OK) != 0)
        return tt_err_refuse(TT_ERR_CONFIG, "%s: %s cannot be read: %s", given.source, given.text,
                             strerror(errno));
    memcpy(endpoint->ca_file, given.text, strlen(given.text) + 1);
    return TT_OK;
}

enum tt_err tt_aws_endpoint_find(struct tt_aws_endpoint *endpoint, enum tt_aws_service service,
                                 const struct tt_config *config) {
    const char *const variables[2] = {services[service].variable, "AWS_ENDPOINT_URL"};
    struct given given = find_given(configured_endpoint(config, service), services[service].section,
                                    "endpoint", variables);
    bool is_own = given.text != NULL;
    struct tt_url url = {.is_address = false};
    memset(endpoint, 0, sizeof *endpoint);
    endpoint->service = service;
    enum tt_err err;
    if (is_own && (err = take_url(endpoint, &url, &given)) != TT_OK)
        return err;
    if ((err = find_region(endpoint, config, is_own)) != TT_OK)
        return err;
    if (!is_own)
        take_public_address(endpoint);
    if (service == TT_AWS_S3 &&
        (err = choose_style(endpoint, config, is_own, url.is_address)) != TT_OK)
        return err;
    return find_ca_file(endpoint, config);
}
