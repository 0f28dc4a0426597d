/* install.c: descriptors for the files of a pair, all or none. */
#include "ipc/ipc.h"

int
ipc_install(struct file **files, int *fds, unsigned n, bool cloexec)
{
    unsigned done = 0;
    int err = 0;

    while (done < n && err == 0) {
        int fd = fd_install(files[done], 0, cloexec);

        if (fd < 0)
            err = fd;
        else
            fds[done++] = fd;
    }
    if (err == 0)
        return 0;
    for (unsigned i = 0; i < done; i++)
        (void)fd_close(fds[i]);
    for (unsigned i = done; i < n; i++)
        file_put(files[i]);
    return err;
}
