/* asserted.c: see asserted.h. Each pair of call and error is a line of the file that AEGIS_ASSERTED names. */
#include <stdio.h>
#include <stdlib.h>

#include "test/fake/aegis/asserted.h"

unsigned asserted_calls;
static struct {
    sys_handler *handler;
    aeg_err_t err;
} last;

/* Weak: a test links only part of the kernel. */
#define AEG_SYSCALL(number, name, argc, needs) aeg_err_t sys_##name(struct sys_args *args) __attribute__((weak));
#include "aegis/syscalls.def"
#undef AEG_SYSCALL
static const struct {
    sys_handler *handler;
    const char *name;
} calls[] = {
#define AEG_SYSCALL(number, name, argc, needs) { sys_##name, #name },
#include "aegis/syscalls.def"
#undef AEG_SYSCALL
};

static const char *const errors[] = {
#define AEG_ERROR(number, name, sentence) [number] = #name,
#include "aegis/errors.def"
#undef AEG_ERROR
};

void
asserted_call(sys_handler *handler, aeg_err_t err)
{
    asserted_calls++;
    last.handler = handler;
    last.err = err;
}

/* These say what became of each request when it is done. */
static bool
answers_later(const char *name)
{
    return strcmp(name, "blockq_submit") == 0 || strcmp(name, "ring_kick") == 0;
}

void
asserted_result(uint64_t err)
{
    static bool seen[ARRAY_SIZE(calls)][ARRAY_SIZE(errors)];
    static FILE *file;
    const char *path = getenv("AEGIS_ASSERTED");

    for (unsigned c = 0; path && err < ARRAY_SIZE(errors) && c < ARRAY_SIZE(calls); c++) {
        if (calls[c].handler != last.handler || !last.handler || seen[c][err] || (last.err != err && !answers_later(calls[c].name)))
            continue;
        seen[c][err] = true;
        if (!file && !(file = fopen(path, "w")))
            abort();
        fprintf(file, "%s %s\n", calls[c].name, errors[err]);
        fflush(file);
    }
}
