/* hidden.h: included before everything else: the image is one piece, so what is declared extern is here too and needs no table of addresses. */
#ifndef EXOS_HIDDEN_H
#define EXOS_HIDDEN_H
#pragma GCC visibility push(hidden)
#endif
