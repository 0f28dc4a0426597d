/* chance.h: calls by chance: numbers, and an alarm every two milliseconds that ends those that sleep. */
#include <signal.h>
#include <stddef.h>
#include <sys/time.h>

static unsigned long state;

/* below 0: any number. */
static inline unsigned long
draw(unsigned long below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return below != 0 ? (state >> 11) % below : state;
}

static void
wake(int sig)
{
    (void)sig;
}

static void
signals(void)
{
    const struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
    struct sigaction sa = { .sa_handler = wake, .sa_flags = SA_NODEFER };

    for (int i = 1; i < 32; i++)
        if (i != SIGKILL && i != SIGSTOP && i != SIGSEGV && i != SIGBUS && i != SIGILL && i != SIGFPE)
            sigaction(i, &sa, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
}
