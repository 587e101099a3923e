/* A stand-in for the FastCGI adaptor: CGI variables come from a table the test sets. Include it in
 * one test program; it defines the function that src/web/request.c links against. */
#ifndef TINTYPE_TESTS_FAKE_FCGI_H
#define TINTYPE_TESTS_FAKE_FCGI_H

#include <stddef.h>
#include <string.h>

#include "web/fcgi.h"

static struct {
    const char *name;
    const char *value;
} fake_params[16];

static void fake_param_set(const char *name, const char *value) {
    for (size_t i = 0; i < sizeof fake_params / sizeof *fake_params; i++) {
        if (!fake_params[i].name || strcmp(fake_params[i].name, name) == 0) {
            fake_params[i].name = name;
            fake_params[i].value = value;
            return;
        }
    }
}

static void fake_params_clear(void) {
    memset(fake_params, 0, sizeof fake_params);
}

const char *tt_fcgi_param(struct tt_fcgi *fcgi, const char *name) {
    (void)fcgi;
    for (size_t i = 0; i < sizeof fake_params / sizeof *fake_params; i++)
        if (fake_params[i].name && strcmp(fake_params[i].name, name) == 0)
            return fake_params[i].value;
    return NULL;
}

#endif
