/* console.c: the console's log port, past every terminal. */
#include <aegis/sys.h>

#include "example.h"

/* example: console_write */
/* From a page that has been touched: a call of the kernel fetches nothing, it finds BAD_ADDRESS. */
static void
log_line(const char *text)
{
    char line[80], *rest = line;
    uint64_t done;
    aeg_err_t err;

    snprintf(line, sizeof(line), "%s\n", text);
    while ((err = aeg_console_write(CAP_CONSOLE, AEG_CONSOLE_LOG, rest, strlen(rest), &done)) == AEG_ERR_AGAIN)
        rest += done;
    must(err, "console_write");
    expect(done == strlen(rest), "all of it was written");
}
/* end */

/* example: console_read */
/* Reads what the kernel has logged and nobody has read yet; how much that was. */
static uint64_t
read_log(char *buf, uint64_t size)
{
    uint64_t done;

    must(aeg_console_read(CAP_CONSOLE, AEG_CONSOLE_LOG, buf, size, &done), "console_read");
    return done;
}
/* end */

int
main(void)
{
    static char buf[AEG_CONSOLE_MAX];

    find_self();
    log_line("manual: a line on the log port");
    memset(buf, 0, sizeof(buf));
    expect(read_log(buf, sizeof(buf)) <= sizeof(buf), "the kernel's log can be read");
    return 0;
}
