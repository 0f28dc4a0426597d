/* calls_file.c: /proc/exos/calls: a line for each Linux call: number, name, state, how often it was made, what is missing. */
#include "abi/dispatch.h"
#include "fs/procfs.h"

static int
show_calls(struct text_buf *t)
{
    static const char *const state[] = { [LX_ABSENT] = "absent", [LX_PARTIAL] = "partial", [LX_DONE] = "done" };

    for (unsigned n = 0; n < LX_NUMBERS && !t->full; n++) {
        const struct lx_row *row = lx_row(n);
        const char *name = lx_name(n);

        if (name[0] != '?')
            text_print(t, "%u\t%s\t%s\t%lu\t%s\n", n, name, state[row->state], lx_count(n), row->missing != NULL ? row->missing : "");
    }
    return 0;
}

void
lx_files_init(void)
{
    static const struct gen_row row = { "exos/calls", .show = show_calls };

    gen_add(&procfs, &row, 1);
}
