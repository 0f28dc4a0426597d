/* victim.h: what kills.c and its victims agree upon: descriptors that all of them share. */
#ifndef TEST_KILLS_VICTIM_H
#define TEST_KILLS_VICTIM_H

enum { HELLO = 3, PIPE_OUT, PIPE_IN, EVENT, PAIR_A, PAIR_B, LISTENER, EPOLL, SHARED_END };

#define PORT 7777
#define FILES 6
#define DISK "/dev/vda"

#endif
