#!/bin/bash
# C programs are made and run; what is printed says nothing about the machine.
set -u
cd "$(mktemp -d)" || exit 1

title()
{
    echo "--- $*"
}

title gcc
cat >m.c <<'C'
#include <math.h>
#include <stdio.h>
int main(int c, char **v)
{
    double s = 0;
    for (int i = 1; i < 1000; i++)
        s += sqrt(i);
    printf("%s %.6f\n", v[c - 1], s);
    return 5;
}
C
gcc -O2 -Wall -Wextra -o m m.c -lm && ./m word; echo $?
gcc -static -o s m.c -lm && ./s word; echo $?
gcc -c -g m.c && nm m.o | awk '{ print $NF }'; objdump -d m.o | grep -c call; size m.o | tail -n 1
strip m; ./m again; echo $?
echo 'int main(void) { return x; }' | gcc -x c - 2>&1 | grep -o "'x' undeclared\|‘x’ undeclared"

title tcc
tcc -o t m.c -lm && ./t word; echo $?
tcc -run m.c -lm 2>/dev/null a b | cut -d ' ' -f 2; tcc -c m.c -o tm.o && gcc -o tg tm.o -lm && ./tg mixed

title threads
cat >p.c <<'C'
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static __thread int mine;
static long total, turn;
static void *work(void *p)
{
    long me = (long)p;
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&lock);
        total += ++mine;
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_lock(&lock);
    while (turn != me)
        pthread_cond_wait(&changed, &lock);
    printf("thread %ld: %d\n", me, mine);
    turn++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return p;
}
int main(void)
{
    pthread_t t[10];
    long sum = 0;
    for (long i = 0; i < 10; i++)
        pthread_create(&t[i], NULL, work, (void *)i);
    for (int i = 0; i < 10; i++) {
        void *r;
        pthread_join(t[i], &r);
        sum += (long)r;
    }
    printf("%ld %ld\n", total, sum);
    sem_t s;
    struct timespec past = {1, 0};
    sem_init(&s, 0, 0);
    printf("%d\n", sem_timedwait(&s, &past) == -1 && errno == ETIMEDOUT);
    return 0;
}
C
gcc -O2 -pthread -o p p.c && ./p; gcc -O2 -static -pthread -o ps p.c && ./ps | md5sum

title make
mkdir src; for i in 1 2 3 4 5 6 7 8; do echo "int f$i(void) { return $i; }" >src/f$i.c; done
{ for i in 1 2 3 4 5 6 7 8; do echo "int f$i(void);"; done; echo '#include <stdio.h>'; echo 'int main(void) { printf("%d\n", f1() + f2() + f3() + f4() + f5() + f6() + f7() + f8()); }'; } >src/main.c
printf 'objects = $(patsubst src/%%.c,%%.o,$(wildcard src/*.c))\nall: program libf.so\n\t./program\nprogram: $(objects)\n\t$(CC) -o $@ $^\n%%.o: src/%%.c\n\t$(CC) -fPIC -c -o $@ $<\nlibf.so: f1.o f2.o\n\t$(CC) -shared -o $@ $^\nbroken:\n\tfalse\n' >Makefile
make -s -j4 && make -q program; echo $?; make -s broken 2>&1 | sed 's/make: //'; touch src/f3.c; make -n program
echo 'int f1(void), f2(void); int main(void) { return f1() + 10 * f2(); }' >u.c; gcc -o u u.c -L. -lf -Wl,-rpath,"$PWD" && ./u; echo $?; ldd ./u | grep -c libf
title end
