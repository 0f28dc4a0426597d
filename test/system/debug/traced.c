/* traced.c: something for a debugger to stop at: a system call, a function of its own, a call of the kernel. */
#include <stdio.h>
#include <unistd.h>

#include <aegis/sys.h>
#include <aegis/uenv.h>

#define CAP_SELF 0                      /* the session's own principal (exos/start/session.h) */

volatile int marker = 4242;

__attribute__((noinline)) static int
look_here(int n)
{
    return marker + n;
}

int
main(void)
{
    uint64_t gs;

    __asm__ volatile("rdgsbase %0" : "=r"(gs));
    printf("%d\n", (int)getppid());
    printf("%d\n", look_here(1));
    return aeg_notify(((const struct aeg_uenv *)(uintptr_t)gs)->env_id, CAP_SELF, 0) != AEG_OK;
}
