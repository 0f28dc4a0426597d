/*
 * sh_fixture.h: what the shell's main.c gives to its other files, for tests: messages are kept
 * instead of printed.
 */
#ifndef SH_FIXTURE_H
#define SH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sh.h"

struct shell sh;

static char last_message[512];
static struct fdview fixture_view;

void
complain(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(last_message, sizeof(last_message), format, ap);
    va_end(ap);
}

_Noreturn void
shell_exit(int status)
{
    exit(status);
}

int
exec_file(const char *path)
{
    (void)path;
    return STATUS_NOT_FOUND;
}

static int
fixture_setup(void **state)
{
    static char *environment[] = {NULL};

    (void)state;
    memset(&sh, 0, sizeof(sh));
    fdview_init(&fixture_view);
    sh.view = &fixture_view;
    sh.params.name = "sh";
    last_message[0] = '\0';
    vars_init(environment);
    return 0;
}

static int
fixture_teardown(void **state)
{
    (void)state;
    arena_free(&sh.words);
    arena_free(&sh.params.own);
    return 0;
}

#endif
